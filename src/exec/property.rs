//! PT_GNU_PROPERTY, which arm64 alone reads before it starts a program (parse_elf_properties in fs/binfmt_elf.c). Pure.

use goblin::elf::ProgramHeader;
use nix::errno::Errno;

use super::file::Content;

/// PT_GNU_PROPERTY
pub(super) const PT_GNU_PROPERTY: u32 = 0x6474_e553;

const MOST: u64 = 1024;
const NT_GNU_PROPERTY_TYPE_0: u32 = 5;
const FEATURE_1_AND: u32 = 0xc000_0000;

/// Reads the properties as the kernel does. 64-bit little-endian, like arm64 itself.
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

fn properties(note: &[u8]) -> Option<()> {
    let word = |at: usize| Some(u32::from_le_bytes(note.get(at..at + 4)?.try_into().ok()?));
    if word(8)? != NT_GNU_PROPERTY_TYPE_0 || word(0)? != 4 || note.get(12..16)? != b"GNU\0" {
        return None;
    }
    let end = 16usize.checked_add(word(4)? as usize)?;
    if end > note.len() {
        return None;
    }
    let (mut at, mut last) = (16, None);
    while at < end {
        let (kind, len) = (word(at)?, word(at + 4)? as usize);
        let next = at.checked_add(8)?.checked_add(len.checked_next_multiple_of(8)?)?;
        // Types are in ascending order.
        if next > end || last.is_some_and(|last| kind <= last) || (kind == FEATURE_1_AND && len != 4) {
            return None;
        }
        (at, last) = (next, Some(kind));
    }
    Some(())
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
    }
}
