//! Another tool that writes to the table, through a mount of its own.

use std::fs;
use std::path::Path;

/// Where it has the table.
pub(crate) const MOUNT: &str = "/root/table";
/// The architecture whose entry it changes.
pub(crate) const ARCH: &str = "aarch64";
/// An entry of its own, which nobody may touch.
pub(crate) const ENTRY: &str = "zz-other";

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It removes the entry.
    Removes,
    /// It registers an emulator of its own under the entry's name.
    Replaces,
    /// It adds an entry that has nothing to do with ours.
    Adds,
}

impl Deed {
    pub(crate) const ALL: [Deed; 3] = [Deed::Removes, Deed::Replaces, Deed::Adds];

    /// Does it; false where there was nothing to do.
    pub(crate) fn act(self) -> bool {
        match self {
            Deed::Removes => remove(),
            Deed::Replaces => {
                remove();
                register(&replacement())
            }
            Deed::Adds => register(format!(":{ENTRY}:E::{ENTRY}::/bin/true:").as_bytes()),
        }
    }
}

/// Registers what the other tool has for the architecture.
pub(crate) fn install() {
    assert!(register(&replacement()), "another tool registers its entry");
}

fn remove() -> bool {
    fs::write(Path::new(MOUNT).join(format!("qemu-{ARCH}")), "-1").is_ok()
}

fn register(string: &[u8]) -> bool {
    fs::write(Path::new(MOUNT).join("register"), string).is_ok()
}

/// As tonistiigi/binfmt and systemd-binfmt register it, with the mask of QEMU's own script.
fn replacement() -> Vec<u8> {
    let magic = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00";
    let mask = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff";
    format!(":qemu-{ARCH}:M::{magic}:{mask}:/given/other/qemu-{ARCH}:F").into_bytes()
}

/// Whether an entry is the other tool's.
pub(crate) fn is_theirs(text: &str) -> bool {
    text.contains("/given/other/")
}
