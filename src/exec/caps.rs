//! File capabilities: the xattr security.capability (struct vfs_cap_data in include/uapi/linux/capability.h), and when the
//! kernel refuses a program for it (get_file_caps in security/commoncap.c).

use super::identity::Identity;

/// What a file would give to the process that executes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileCaps {
    effective: bool,
    permitted: u64,
    inheritable: u64,
}

const REVISION: u32 = 0xff00_0000;
const REVISION_1: u32 = 0x0100_0000;
const REVISION_2: u32 = 0x0200_0000;
const EFFECTIVE: u32 = 1;

impl FileCaps {
    /// Reads the xattr. The kernel shows what counts in our user namespace as revision 1 or 2; revision 3 belongs to
    /// another one, where this file gives nothing.
    pub(super) fn parse(xattr: &[u8]) -> Option<FileCaps> {
        let words: Vec<u32> = xattr.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let (permitted, inheritable) = match (words[..].first()? & REVISION, &words[1..]) {
            (REVISION_1, [permitted, inheritable]) => ((*permitted).into(), (*inheritable).into()),
            (REVISION_2, [low, inherited_low, high, inherited_high]) => {
                let join = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
                (join(*low, *high), join(*inherited_low, *inherited_high))
            }
            _ => return None,
        };
        Some(FileCaps { effective: words[0] & EFFECTIVE != 0, permitted, inheritable })
    }

    /// The capabilities that the file must have and `who` cannot get: EPERM where there are any.
    pub(super) fn refused(self, who: &Identity) -> u64 {
        let gets = who.bounding & self.permitted | who.inheritable & self.inheritable;
        if self.effective { self.permitted & !gets } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_refused_where_it_must_be_had() {
        let xattr = |magic: u32, permitted: u32| [magic, permitted, 0, 0, 0].map(u32::to_le_bytes).concat();
        let mut who = Identity::nobody_else();
        who.bounding = 0b01;
        let refused = |magic| FileCaps::parse(&xattr(magic, 0b11)).map(|caps| caps.refused(&who));
        assert_eq!(refused(REVISION_2 | EFFECTIVE), Some(0b10));
        assert_eq!(refused(REVISION_2), Some(0));
        assert_eq!(refused(0x0300_0000), None);
        assert_eq!(FileCaps::parse(&[]), None);
    }

    #[test]
    fn what_both_file_and_process_pass_on_is_had() {
        let xattr = [REVISION_2 | EFFECTIVE, 0b10, 0b10, 0, 0].map(u32::to_le_bytes).concat();
        let caps = FileCaps::parse(&xattr).unwrap();
        let mut who = Identity::nobody_else();
        (who.bounding, who.inheritable) = (0, 0b10);
        assert_eq!(caps.refused(&who), 0);
        who.inheritable = 0b01;
        assert_eq!(caps.refused(&who), 0b10);
    }
}
