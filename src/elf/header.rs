//! The ELF header, and what the program headers say together.

use std::ops::Range;

use goblin::elf::program_header::{PT_LOAD, ProgramHeader};
use serde::{Deserialize, Serialize};

use super::layout::{Class, Data, Layout};

/// The bytes that every ELF file begins with.
pub const MAGIC: &[u8; 4] = b"\x7fELF";

/// More program headers than this are not read, except by the kernel's own rules.
const MOST_SEGMENTS: u16 = 1 << 11;

/// Which loader a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// EI_CLASS
    pub class: Class,
    /// EI_DATA
    pub data: Data,
    /// e_machine
    pub machine: u16,
}

/// An ELF header, read in one layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The layout that it was read in.
    pub(crate) layout: Layout,
    /// EI_CLASS, as the file has it.
    pub(crate) class: u8,
    /// EI_OSABI
    pub(crate) osabi: u8,
    /// e_type
    pub(crate) kind: u16,
    /// e_machine
    pub(crate) machine: u16,
    /// e_entry
    pub(crate) entry: u64,
    /// e_phoff
    pub(crate) phoff: u64,
    /// e_shoff
    pub(crate) shoff: u64,
    /// e_flags
    pub(crate) flags: u32,
    /// e_phentsize
    pub(crate) phentsize: u16,
    /// e_phnum
    pub(crate) phnum: u16,
    /// e_shnum
    pub(crate) shnum: u16,
}

impl Header {
    /// As the file's own loader reads it; `None` for what is not ELF, or ends before e_machine. Other bytes that are missing
    /// count as zero, as they do for the kernel.
    pub(crate) fn of(head: &[u8]) -> Option<Header> {
        let layout = Layout::of(head).filter(|_| head.len() >= 20)?;
        Some(Header::read(head, layout))
    }

    /// In a given layout, whatever the file says. Bytes that are missing count as zero.
    pub(crate) fn read(head: &[u8], layout: Layout) -> Header {
        let mut bytes = [0; 64];
        let known = head.len().min(bytes.len());
        bytes[..known].copy_from_slice(&head[..known]);
        let class = layout.class;
        let number = |at, len| layout.data.number(&bytes, at, len).unwrap_or_default();
        let half = |at| number(at, 2) as u16;
        let address = |at| number(at, class.address_len());
        Header {
            layout,
            class: bytes[4],
            osabi: bytes[7],
            kind: half(16),
            machine: half(18),
            entry: address(24),
            phoff: address(class.phoff_at()),
            shoff: address(class.shoff_at()),
            flags: number(class.flags_at(), 4) as u32,
            phentsize: half(class.phentsize_at()),
            phnum: half(class.phnum_at()),
            shnum: half(class.shnum_at()),
        }
    }

    /// Which loader the file is for, in the layout that it was read in.
    pub(crate) fn target(&self) -> Target {
        Target { class: self.layout.class, data: self.layout.data, machine: self.machine }
    }

    /// Where the program headers are in the file, the first 2048 of them; `None` where that is past the end of all files.
    pub(crate) fn segment_table(&self) -> Option<Range<u64>> {
        let len = self.layout.class.segment_len() * usize::from(self.phnum.min(MOST_SEGMENTS));
        Some(self.phoff..self.phoff.checked_add(len as u64)?)
    }
}

/// Whether a file that begins with these bytes is an ELF file.
pub(crate) fn is_elf(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Where the last segment ends in the file: a shorter file was cut off.
pub(crate) fn end(segments: &[ProgramHeader]) -> u64 {
    let loads = segments.iter().filter(|s| s.p_type == PT_LOAD && s.p_filesz > 0);
    loads.map(|s| s.p_offset.saturating_add(s.p_filesz)).max().unwrap_or(0)
}

/// A name as C writes it: what is before the first NUL byte.
pub(crate) fn until_nul(bytes: &[u8]) -> &[u8] {
    // Not `find_byte`: its first use asks what the CPU can do, which in a virtual machine takes longer than all names.
    &bytes[..bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIG: Layout = Layout { class: Class::Bits32, data: Data::Big };

    #[test]
    fn the_shell_as_goblin_reads_it() {
        let file = std::fs::read("/bin/sh").unwrap();
        let (ours, theirs) = (Header::of(&file[..64]).unwrap(), goblin::elf::Elf::parse(&file).unwrap());
        let header = theirs.header;
        assert_eq!((ours.kind, ours.machine, ours.flags), (header.e_type, header.e_machine, header.e_flags));
        assert_eq!((ours.entry, ours.phoff, ours.shoff), (header.e_entry, header.e_phoff, header.e_shoff));
        assert_eq!((ours.phentsize, ours.phnum, ours.shnum), (header.e_phentsize, header.e_phnum, header.e_shnum));
        let table = ours.segment_table().unwrap();
        assert_eq!(ours.layout.segments(&file[table.start as usize..table.end as usize]), theirs.program_headers);
    }

    #[test]
    fn the_layout_is_the_files_or_the_readers() {
        let mut head = [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 57]].concat();
        (head[16], head[18], head[56]) = (2, 62, 3);
        let own = Header::of(&head).unwrap();
        assert_eq!((own.kind, own.machine, own.phnum), (2, 62, 3));
        assert_eq!(own.segment_table(), Some(0..168));
        let other = Header::read(&head, BIG);
        assert_eq!((other.kind, other.machine, other.class, other.phnum), (0x200, 0x3e00, 2, 0));
    }

    #[test]
    fn a_header_that_is_cut_off() {
        let head = b"\x7fELF\x01\x02\x01\0\0\0\0\0\0\0\0\0\0\x02\0\x14";
        let read = Header::of(head).unwrap();
        assert_eq!(read.target(), Target { class: Class::Bits32, data: Data::Big, machine: 20 });
        assert_eq!((read.kind, read.phoff, read.phnum), (2, 0, 0));
        assert_eq!(Header::of(&head[..19]), None);
        assert_eq!(Header::of(b"\x7fELF\x03\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0"), None);
    }

    #[test]
    fn a_table_past_the_end_of_all_files_is_none() {
        let mut read = Header::read(&[], BIG);
        (read.phoff, read.phnum) = (u64::MAX - 31, 1);
        assert_eq!(read.segment_table(), None);
        (read.phoff, read.phnum) = (52, u16::MAX);
        assert_eq!(read.segment_table(), Some(52..52 + 32 * 2048));
    }
}
