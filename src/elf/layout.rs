//! How an ELF file is laid out: what EI_CLASS and EI_DATA decide.

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::program_header::ProgramHeader;
use serde::{Deserialize, Serialize};

/// EI_CLASS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Class {
    /// ELFCLASS32
    Bits32,
    /// ELFCLASS64
    Bits64,
}

/// EI_DATA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Data {
    /// ELFDATA2LSB
    Little,
    /// ELFDATA2MSB
    Big,
}

/// Both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) class: Class,
    pub(crate) data: Data,
}

impl TryFrom<u8> for Class {
    type Error = &'static str;
    fn try_from(bits: u8) -> Result<Self, Self::Error> {
        match bits {
            32 => Ok(Class::Bits32),
            64 => Ok(Class::Bits64),
            _ => Err("a class is 32 or 64"),
        }
    }
}

impl From<Class> for u8 {
    fn from(class: Class) -> u8 {
        match class {
            Class::Bits32 => 32,
            Class::Bits64 => 64,
        }
    }
}

impl Class {
    /// Bytes of an address or an offset.
    pub(crate) fn address_len(self) -> usize {
        if self == Class::Bits32 { 4 } else { 8 }
    }

    /// Bytes of an ELF header.
    pub(crate) fn header_len(self) -> usize {
        if self == Class::Bits32 { 52 } else { 64 }
    }

    /// Bytes of a program header.
    pub(crate) fn segment_len(self) -> usize {
        if self == Class::Bits32 { 32 } else { 56 }
    }

    /// Where e_phoff is in the header.
    pub(crate) fn phoff_at(self) -> usize {
        24 + self.address_len()
    }

    /// Where e_shoff is.
    pub(crate) fn shoff_at(self) -> usize {
        24 + 2 * self.address_len()
    }

    /// Where e_flags is; the fields after it have the same size in both classes.
    pub(crate) fn flags_at(self) -> usize {
        24 + 3 * self.address_len()
    }

    /// Where e_phentsize is.
    pub(crate) fn phentsize_at(self) -> usize {
        self.flags_at() + 6
    }

    /// Where e_phnum is.
    pub(crate) fn phnum_at(self) -> usize {
        self.flags_at() + 8
    }

    /// Where e_shnum is.
    pub(crate) fn shnum_at(self) -> usize {
        self.flags_at() + 12
    }
}

impl Data {
    /// Two bytes in this order.
    pub fn half(self, number: u16) -> [u8; 2] {
        match self {
            Data::Little => number.to_le_bytes(),
            Data::Big => number.to_be_bytes(),
        }
    }

    /// Four bytes in this order.
    pub fn word(self, number: u32) -> [u8; 4] {
        match self {
            Data::Little => number.to_le_bytes(),
            Data::Big => number.to_be_bytes(),
        }
    }

    /// The unsigned number in the `len` bytes at `at`; `None` where there are fewer.
    pub(crate) fn number(self, bytes: &[u8], at: usize, len: usize) -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(len)?)?;
        let add = |number, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self {
            Data::Little => bytes.iter().rev().fold(0, add),
            Data::Big => bytes.iter().fold(0, add),
        })
    }

    /// The number in the four bytes at `at`.
    pub(crate) fn word_at(self, bytes: &[u8], at: usize) -> Option<u32> {
        self.number(bytes, at, 4).map(|number| number as u32)
    }
}

impl Layout {
    /// By EI_CLASS and EI_DATA; `None` for what is not an ELF file of 32 or 64 bits. Any EI_DATA but ELFDATA2MSB counts
    /// as little-endian: no kernel looks at it.
    pub(crate) fn of(head: &[u8]) -> Option<Layout> {
        let (class, data) = match *head.strip_prefix(super::MAGIC)?.first_chunk()? {
            [class, data] => (class, data),
        };
        let class = match class {
            1 => Class::Bits32,
            2 => Class::Bits64,
            _ => return None,
        };
        Some(Layout { class, data: if data == 2 { Data::Big } else { Data::Little } })
    }

    /// The program headers that are in `bytes` as a whole.
    pub(crate) fn segments(self, bytes: &[u8]) -> Vec<ProgramHeader> {
        // goblin fails only where there are fewer bytes than it is told.
        ProgramHeader::parse(bytes, 0, bytes.len() / self.class.segment_len(), self.ctx()).unwrap_or_default()
    }

    /// The same for goblin.
    pub(crate) fn ctx(self) -> Ctx {
        let container = if self.class == Class::Bits32 { Container::Little } else { Container::Big };
        Ctx::new(container, if self.data == Data::Little { Endian::Little } else { Endian::Big })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_both_orders() {
        let bytes = [1, 2, 3, 4, 5];
        assert_eq!(Data::Little.word_at(&bytes, 1), Some(0x0504_0302));
        assert_eq!(Data::Big.word_at(&bytes, 0), Some(0x0102_0304));
        assert_eq!((Data::Big.number(&bytes, 3, 2), Data::Big.number(&bytes, 4, 2)), (Some(0x0405), None));
        assert_eq!(Data::Little.number(&bytes, usize::MAX, 2), None);
    }

    #[test]
    fn fields_are_where_goblin_has_them() {
        use goblin::elf::header::{header32, header64};
        use std::mem::offset_of;
        let narrow = header32::Header::default();
        let wide = header64::Header::default();
        assert_eq!((size_of_val(&narrow), size_of_val(&wide)), (52, 64));
        macro_rules! same {
            ($($at:ident is $field:ident),*) => {$(
                assert_eq!(Class::Bits32.$at(), offset_of!(header32::Header, $field));
                assert_eq!(Class::Bits64.$at(), offset_of!(header64::Header, $field));
            )*};
        }
        same!(phoff_at is e_phoff, shoff_at is e_shoff, flags_at is e_flags);
        same!(phentsize_at is e_phentsize, phnum_at is e_phnum, shnum_at is e_shnum);
        assert_eq!(Class::Bits32.header_len(), header32::SIZEOF_EHDR);
        assert_eq!(Class::Bits64.header_len(), header64::SIZEOF_EHDR);
    }
}
