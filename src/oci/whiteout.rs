//! What a layer takes away from those below it: whiteouts, by the image specification's rules (layer.md).

use bstr::{BStr, BString, ByteSlice};

/// A member of a layer that stands for something deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whiteout {
    /// `.wh.NAME`: the file or directory NAME.
    File(BString),
    /// `.wh..wh..opq`: all that the layers below have in this directory.
    Opaque(BString),
}

const PREFIX: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

impl Whiteout {
    /// What the member of this path stands for; `None` for an ordinary one.
    pub(crate) fn of(path: &BStr) -> Option<Self> {
        let at = path.rfind_byte(b'/').map_or(0, |slash| slash + 1);
        let (directory, name) = path.split_at(at);
        let deleted = name.strip_prefix(PREFIX)?;
        Some(match name {
            OPAQUE => Whiteout::Opaque(directory.into()),
            // AUFS's own files.
            _ if deleted.starts_with(PREFIX) => Whiteout::File(path.into()),
            _ => Whiteout::File([directory, deleted].concat().into()),
        })
    }

    /// Whether it takes away what a layer below has at `path`.
    pub(crate) fn covers(&self, path: &[u8]) -> bool {
        match self {
            Whiteout::File(gone) => {
                path.strip_prefix(gone.as_slice()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
            }
            // The directory itself stays; its path ends with a slash.
            Whiteout::Opaque(directory) => path.starts_with(directory),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_upper_layer_deleted_is_gone() {
        let whiteout = |path: &str| Whiteout::of(path.into());
        assert_eq!(whiteout("usr/bin/qemu-arm"), None);
        let [file, opaque] = ["usr/bin/.wh.qemu-arm", "opt/.wh..wh..opq"].map(|path| whiteout(path).unwrap());
        assert_eq!((&file, &opaque), (&Whiteout::File("usr/bin/qemu-arm".into()), &Whiteout::Opaque("opt/".into())));
        for (path, gone) in [
            ("usr/bin/qemu-arm", true),
            ("usr/bin/qemu-arm/x", true),
            ("usr/bin/qemu-armeb", false),
            ("opt/x/y", true),
            ("optx/y", false),
        ] {
            assert_eq!([&file, &opaque].iter().any(|w| w.covers(path.as_bytes())), gone, "{path}");
        }
        assert_eq!(whiteout(".wh..wh.aufs"), Some(Whiteout::File(".wh..wh.aufs".into())));
    }
}
