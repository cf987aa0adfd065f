//! ELF's own terms -> the bytes and mask of a rule. Pure.
//!
//! Which bytes count, and why (ELF gABI, and what Linux and QEMU look at):
//! 0-6 magic, class, data, version: exact, QEMU itself wants them so. 7-15 OSABI, ABI version, padding: free, since
//! static glibc writes OSABI 3, binutils writes ABI versions on MIPS and AppImages write "AI" into the padding.
//! 16 e_type: EXEC and DYN, which differ in one bit. 18 e_machine: exact.

use serde::{Deserialize, Serialize};

use crate::binfmt::rule::{Magic, Rule};
use crate::elf::{Class, Data};

/// Bits of e_flags that tell targets apart which share class, data and machine (MIPS o32 and n32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlagBits {
    /// What the bits are.
    pub value: u32,
    /// Which bits count.
    pub mask: u32,
}

/// What the ELF files of one target have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// EI_CLASS
    pub class: Class,
    /// EI_DATA
    pub data: Data,
    /// e_machine
    pub machine: u16,
    /// Bits of e_flags, where they count.
    pub flags: Option<FlagBits>,
    /// The e_types that can be executed.
    pub types: Types,
}

/// e_type of files that can be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Types {
    /// ET_EXEC and ET_DYN (position-independent executables and shared objects).
    #[default]
    ExecDyn,
    /// ET_EXEC alone.
    Exec,
    /// ET_DYN alone.
    Dyn,
}

impl Types {
    /// Value and mask of e_type: EXEC is 2 and DYN is 3, they differ in the lowest bit.
    fn bits(self) -> (u16, u16) {
        match self {
            Types::ExecDyn => (2, 0xfffe),
            Types::Exec => (2, 0xffff),
            Types::Dyn => (3, 0xffff),
        }
    }
}

impl Signature {
    /// The first sixteen bytes of such a file, everything free left at zero.
    pub fn ident(&self) -> [u8; 16] {
        let class = if self.class == Class::Bits32 { 1 } else { 2 };
        let data = if self.data == Data::Little { 1 } else { 2 };
        [0x7f, b'E', b'L', b'F', class, data, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    }

    /// The rule that matches all files of the target and no others.
    pub fn rule(&self) -> Magic {
        let mut magic = self.ident().to_vec();
        let mut mask = [[0xff; 7].as_slice(), &[0; 9]].concat();
        let mut field = |value: &[u8], bits: &[u8]| {
            magic.extend_from_slice(value);
            mask.extend_from_slice(bits);
        };
        let (kind, bits) = self.types.bits();
        field(&self.data.half(kind), &self.data.half(bits));
        field(&self.data.half(self.machine), &[0xff; 2]);
        if let Some(flags) = self.flags {
            let to_flags = self.class.flags_at() - 24;
            field(&self.data.word(1), &[0xff; 4]); // e_version
            field(&vec![0; to_flags], &vec![0; to_flags]); // e_entry, e_phoff, e_shoff
            field(&self.data.word(flags.value), &self.data.word(flags.mask));
        }
        Magic { offset: 0, magic, mask }
    }

    /// The files that the kernel's ELF loader for this target may take, for the question whether a rule would match
    /// some of them away: e_machine decides, whatever OSABI says; the ABI version and the padding are those of
    /// ordinary files (zero), so that a rule for AppImages is not taken for a danger.
    pub fn ordinary_files(&self) -> Magic {
        let mut rule = self.rule();
        rule.mask[8..16].fill(0xff);
        rule
    }

    /// Whether a rule that looks at what makes a file ELF matches ordinary files of this target.
    pub fn is_matched_by(&self, rule: &Rule) -> bool {
        matches!(rule, Rule::Magic(magic)
            if (0..4).any(|at| magic.at(at).1 != 0) && self.ordinary_files().overlaps(magic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::to_hex;

    fn rule(class: Class, data: Data, machine: u16, flags: Option<FlagBits>) -> (String, String) {
        let rule = Signature { class, data, machine, flags, types: Types::ExecDyn }.rule();
        (to_hex(&rule.magic), to_hex(&rule.mask))
    }

    #[test]
    fn aarch64_is_twenty_bytes() {
        let (magic, mask) = rule(Class::Bits64, Data::Little, 183, None);
        assert_eq!(magic, "7f454c460201010000000000000000000200b700");
        assert_eq!(mask, "ffffffffffffff000000000000000000feffffff");
    }

    #[test]
    fn big_endian_masks_the_other_byte_of_the_type() {
        let (magic, mask) = rule(Class::Bits64, Data::Big, 22, None);
        assert_eq!(magic, "7f454c4602020100000000000000000000020016");
        assert_eq!(mask, "ffffffffffffff000000000000000000fffeffff");
    }

    #[test]
    fn mips_n32_looks_at_version_and_flags() {
        let n32 = FlagBits { value: 0x20, mask: 0x20 };
        let (magic, mask) = rule(Class::Bits32, Data::Little, 8, Some(n32));
        assert_eq!(
            magic,
            "7f454c4601010100000000000000000002000800010000000000000000000000000000002000000".to_owned() + "0"
        );
        assert_eq!(
            mask,
            "ffffffffffffff000000000000000000feffffffffffffff0000000000000000000000002000000".to_owned() + "0"
        );
        let (magic, mask) = rule(Class::Bits32, Data::Big, 8, Some(n32));
        assert_eq!(&magic[72..], "00000020");
        assert_eq!(&mask[72..], "00000020");
    }
}
