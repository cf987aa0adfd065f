//! The rule of an entry: which files it matches, and when two rules mean the same.

use bstr::BString;
use serde::{Deserialize, Serialize};

use crate::text::{hex, lossless};

/// How many bytes of a file any kernel lets an entry see (BINPRM_BUF_SIZE of 5.1 and later).
pub const WINDOW: usize = 256;

/// What decides whether an entry matches a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Bytes of the file itself (type M).
    Magic(Magic),
    /// The text after the last dot of the path (type E), without the dot.
    Extension(#[serde(with = "lossless")] BString),
    /// A BPF program of this name decides (type B, kernel 7.3).
    Bpf(#[serde(with = "lossless")] BString),
}

/// Bytes and mask at an offset: a file matches where `(file ^ magic) & mask` is zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Magic {
    /// Where the first byte is in the file.
    pub offset: usize,
    /// The bytes wanted.
    #[serde(with = "hex")]
    pub magic: Vec<u8>,
    /// Which of their bits count; as long as `magic`.
    #[serde(with = "hex")]
    pub mask: Vec<u8>,
}

/// Why a rule does not match a file: the first byte that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Offset in the file.
    pub byte: usize,
    /// What is there (0 beyond the end of the file, as in the kernel).
    pub file: u8,
    /// What the rule wants.
    pub wanted: u8,
    /// The bits that count.
    pub mask: u8,
}

impl Magic {
    /// A rule on every bit of `magic`.
    pub fn exact(offset: usize, magic: Vec<u8>) -> Self {
        let mask = vec![0xff; magic.len()];
        Magic { offset, magic, mask }
    }

    /// The byte wanted and the bits that count at `at` of the file; `(0, 0)` where the rule does not look.
    pub fn at(&self, at: usize) -> (u8, u8) {
        match at.checked_sub(self.offset) {
            Some(i) if i < self.magic.len() => {
                let mask = self.mask.get(i).copied().unwrap_or(0xff);
                (self.magic[i] & mask, mask)
            }
            _ => (0, 0),
        }
    }

    /// The first byte at which the rule refuses a file that starts with `head`; `None` when it matches.
    pub fn refuses(&self, head: &[u8]) -> Option<Refusal> {
        (self.offset..self.offset + self.magic.len()).find_map(|byte| {
            let (wanted, mask) = self.at(byte);
            let file = head.get(byte).copied().unwrap_or(0);
            ((file ^ wanted) & mask != 0).then_some(Refusal { byte, file, wanted, mask })
        })
    }

    /// Whether some file can satisfy both rules.
    pub fn overlaps(&self, other: &Magic) -> bool {
        (0..WINDOW).all(|at| {
            let ((a, am), (b, bm)) = (self.at(at), other.at(at));
            (a ^ b) & am & bm == 0
        })
    }

    /// Whether both rules match the same files.
    fn same_meaning(&self, other: &Magic) -> bool {
        let end = (self.offset + self.magic.len()).max(other.offset + other.magic.len()).max(20);
        (0..end).all(|at| self.meant_at(at) == other.meant_at(at))
    }

    /// Like `at`, but a little-endian ELF rule that ends in the middle of e_machine (19 bytes, as many tools write it)
    /// means the whole number: no two machines of that byte order share a low byte and differ only above it.
    fn meant_at(&self, at: usize) -> (u8, u8) {
        const EXACT: u8 = 0xff;
        let little_elf = || self.at(0) == (0x7f, EXACT) && self.at(5) == (1, EXACT) && self.at(18).1 == EXACT;
        match self.at(at) {
            (_, 0) if at == 19 && little_elf() => (0, EXACT),
            meant => meant,
        }
    }
}

impl Rule {
    /// Whether the kernel would give this rule a file with these first bytes, executed under this path.
    /// A BPF rule is never known to match a file.
    pub fn takes(&self, head: &[u8], path: &[u8]) -> bool {
        match self {
            Rule::Magic(magic) => magic.refuses(head).is_none(),
            Rule::Extension(wanted) => extension(path) == Some(&wanted[..]),
            Rule::Bpf(_) => false,
        }
    }

    /// Whether some file can satisfy both rules, as far as that is known.
    pub fn overlaps(&self, other: &Rule) -> bool {
        match (self, other) {
            (Rule::Magic(a), Rule::Magic(b)) => a.overlaps(b),
            _ => self == other,
        }
    }

    /// Whether both rules match the same files.
    pub fn same_meaning(&self, other: &Rule) -> bool {
        match (self, other) {
            (Rule::Magic(a), Rule::Magic(b)) => a.same_meaning(b),
            _ => self == other,
        }
    }
}

/// What the kernel compares an extension rule with: the text after the last dot of the whole path
/// (strrchr(bprm->interp, '.') in fs/binfmt_misc.c), even when that dot is in a directory's name.
pub fn extension(path: &[u8]) -> Option<&[u8]> {
    path.iter().rposition(|&b| b == b'.').map(|dot| &path[dot + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aarch64(len: usize) -> Magic {
        let magic = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0";
        let mask = b"\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\xfe\xff\xff\xff";
        Magic { offset: 0, magic: magic[..len].to_vec(), mask: mask[..len].to_vec() }
    }

    #[test]
    fn nineteen_bytes_mean_the_same_as_twenty() {
        let (short, long) = (Rule::Magic(aarch64(19)), Rule::Magic(aarch64(20)));
        assert!(short.same_meaning(&long) && long.same_meaning(&short));
        assert!(!Rule::Magic(aarch64(18)).same_meaning(&long));
        // The last byte of a big-endian e_machine is the low one: without it the rule matches other machines too.
        let big = |len| {
            let mut rule = aarch64(20);
            rule.magic[5] = 2;
            (rule.magic[18], rule.magic[19]) = (0, 0);
            rule.magic.truncate(len);
            rule.mask.truncate(len);
            Rule::Magic(rule)
        };
        assert!(!big(19).same_meaning(&big(20)));
    }

    #[test]
    fn bits_that_do_not_count_do_not_matter() {
        let mut noisy = aarch64(20);
        noisy.magic[7] = 0xaa;
        assert!(noisy.same_meaning(&aarch64(20)));
        noisy.mask[7] = 0xff;
        assert!(!noisy.same_meaning(&aarch64(20)));
    }

    #[test]
    fn a_file_shorter_than_the_rule_is_padded_with_zero_bytes() {
        let rule = Magic::exact(0, vec![b'a', 0, 0]);
        assert_eq!(rule.refuses(b"a"), None);
        assert_eq!(rule.refuses(b"b"), Some(Refusal { byte: 0, file: b'b', wanted: b'a', mask: 0xff }));
    }

    #[test]
    fn the_last_dot_of_the_whole_path_counts() {
        assert_eq!(extension(b"/a.b/c"), Some(&b"b/c"[..]));
        assert_eq!(extension(b"x.tar.gz"), Some(&b"gz"[..]));
        assert_eq!(extension(b"x"), None);
        assert!(Rule::Extension("jar".into()).takes(b"", b"./x.jar"));
        assert!(!Rule::Extension("tar.gz".into()).takes(b"", b"x.tar.gz"));
    }

    #[test]
    fn rules_overlap_when_one_file_can_satisfy_both() {
        let appimage = Magic::exact(8, b"AI\x02".to_vec());
        assert!(appimage.overlaps(&aarch64(20)));
        let mut x86 = aarch64(20);
        x86.magic[18] = 62;
        assert!(!x86.overlaps(&aarch64(20)));
    }
}
