//! PT_GNU_PROPERTY, which arm64 alone reads before it starts a program (parse_elf_properties in fs/binfmt_elf.c). Pure.

use nix::errno::Errno;

use super::file::Content;
use crate::elf::{Class, Data, Layout, NT_GNU_PROPERTY_TYPE_0, ProgramHeader, Properties, notes};

const MOST: u64 = 1024;
/// ELF_GNU_PROPERTY_ALIGN
const ALIGN: u64 = 8;
const ARM64: Layout = Layout { class: Class::Bits64, data: Data::Little };
const FEATURE_1_AND: u32 = 0xc000_0000;

/// Reads the properties as the kernel does.
pub(super) fn judge(file: &Content, segment: &ProgramHeader) -> Result<(), Errno> {
    if segment.p_filesz > MOST {
        return Err(Errno::ENOEXEC);
    }
    let mut bytes = vec![0; segment.p_filesz as usize];
    let read = file.read(&mut bytes, segment.p_offset).map_err(|_| Errno::EIO)?;
    bytes.truncate(read);
    if bytes.len() < 16 {
        return Err(Errno::EIO);
    }
    properties(&bytes).ok_or(Errno::ENOEXEC)
}

/// The first note alone counts, and it must be a list of properties that is whole.
fn properties(bytes: &[u8]) -> Option<()> {
    let note = notes(bytes, ALIGN, ARM64.data).next().filter(|note| note.is_gnu(NT_GNU_PROPERTY_TYPE_0))?;
    let (mut list, mut last) = (Properties::of(&note, ARM64), None);
    for property in list.by_ref() {
        // Types are in ascending order.
        let is_wrong = property.kind == FEATURE_1_AND && property.bytes.len() != 4;
        if is_wrong || last.is_some_and(|last| property.kind <= last) {
            return None;
        }
        last = Some(property.kind);
    }
    list.is_whole().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_of_branch_protection_and_broken_ones() {
        let mut note = [4u32, 16, 5].map(u32::to_le_bytes).concat();
        note.extend(b"GNU\0");
        note.extend([FEATURE_1_AND, 4, 3, 0].map(u32::to_le_bytes).concat());
        assert_eq!(properties(&note), Some(()));
        for (at, byte) in [(8, 4), (12, b'g'), (20, 5), (4, 40)] {
            let mut broken = note.clone();
            broken[at] = byte;
            assert_eq!(properties(&broken), None, "byte {at}");
        }
        assert!((0..note.len()).all(|len| properties(&note[..len]).is_none()));
        // Two of them, whose types have to ascend.
        note[4] = 32;
        note.extend([FEATURE_1_AND + 1, 4, 3, 0].map(u32::to_le_bytes).concat());
        assert_eq!(properties(&note), Some(()));
        note.truncate(32);
        note.extend([FEATURE_1_AND, 4, 3, 0].map(u32::to_le_bytes).concat());
        assert_eq!(properties(&note), None);
    }
}
