//! ELF notes: the system that a file is for, the oldest kernel that the C library wants, and the x86-64 level. Pure.

use bstr::BString;

use crate::elf::{Layout, NT_GNU_ABI_TAG, NT_GNU_PROPERTY_TYPE_0, Note, Properties, notes, until_nul};

/// What the notes ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// The system that an ABI tag names, where it is not Linux: the owner of the note ("NetBSD"), or GNU's number of it.
    pub system: Option<BString>,
    /// Whether Go's linker left its build id, which is in all that it links.
    pub go: bool,
    /// NT_GNU_ABI_TAG: the oldest Linux.
    pub kernel: Option<(u32, u32, u32)>,
    /// GNU_PROPERTY_X86_ISA_1_NEEDED: 1 to 4 for x86-64-v1 to v4.
    pub x86_level: Option<u8>,
}

/// The operating system of an ABI tag.
const LINUX: u32 = 0;
const X86_ISA_1_NEEDED: u32 = 0xc000_8002;

impl Notes {
    /// Adds what the notes of one segment say; `align` is the segment's.
    pub(super) fn and(mut self, bytes: &[u8], align: u64, layout: Layout) -> Self {
        for note in notes(bytes, align, layout.data) {
            if note.is_gnu(NT_GNU_ABI_TAG) {
                self.kernel = abi_tag(&note, layout).or(self.kernel);
                self.system = gnu_system(&note, layout).or(self.system);
            } else if note.kind == NT_GNU_ABI_TAG && note.name != b"CORE\0" {
                // The BSDs and Android number theirs as GNU does.
                self.system = self.system.or_else(|| Some(until_nul(note.name).into()));
            } else if note.name == b"Go\0\0" {
                self.go = true;
            } else if note.is_gnu(NT_GNU_PROPERTY_TYPE_0) {
                self.x86_level = x86_level(&note, layout).or(self.x86_level);
            }
        }
        self
    }
}

fn abi_tag(note: &Note, layout: Layout) -> Option<(u32, u32, u32)> {
    let word = |i: usize| layout.data.word_at(note.text, 4 * i);
    (word(0)? == LINUX).then_some((word(1)?, word(2)?, word(3)?))
}

/// GNU's Hurd and kFreeBSD have the same C library.
fn gnu_system(note: &Note, layout: Layout) -> Option<BString> {
    match layout.data.word_at(note.text, 0)? {
        1 => Some("GNU/Hurd".into()),
        3 => Some("GNU/kFreeBSD".into()),
        _ => None,
    }
}

fn x86_level(note: &Note, layout: Layout) -> Option<u8> {
    let needed = Properties::of(note, layout).filter(|property| property.kind == X86_ISA_1_NEEDED);
    let bits = needed.filter_map(|property| layout.data.word_at(property.bytes, 0)).filter(|bits| *bits > 0).last()?;
    // One bit for each level, the highest counts.
    Some((32 - bits.leading_zeros()) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::Data;
    use crate::elf::note::tests::{LAYOUT, note};

    #[test]
    fn a_kernel_and_a_level() {
        let bytes = [note(1, &[0, 3, 2, 0]), note(5, &[0xc000_8002, 4, 0b101, 0])].concat();
        let notes = Notes::default().and(&bytes, 4, LAYOUT);
        assert_eq!(notes, Notes { kernel: Some((3, 2, 0)), x86_level: Some(3), ..Notes::default() });
    }

    #[test]
    fn systems_by_the_owner_of_a_note_and_by_gnus_number() {
        let system = |bytes: &[u8]| Notes::default().and(bytes, 4, LAYOUT).system;
        assert_eq!(system(&note(1, &[0, 3, 2, 0])), None);
        assert_eq!(system(&note(1, &[1, 0, 0, 0])), Some("GNU/Hurd".into()));
        let netbsd = [&[7, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0][..], b"NetBSD\0\0", &[0; 4]].concat();
        assert_eq!(system(&netbsd), Some("NetBSD".into()));
    }

    #[test]
    fn the_last_level_counts_and_one_without_bits_does_not() {
        let level = |levels: &[u32]| {
            let words: Vec<u32> = levels.iter().flat_map(|bits| [0xc000_8002, 4, *bits, 0]).collect();
            Notes::default().and(&note(5, &words), 4, LAYOUT).x86_level
        };
        assert_eq!((level(&[1, 0b111]), level(&[0b11, 0]), level(&[0])), (Some(3), Some(2), None));
    }

    #[test]
    fn notes_cut_off_anywhere_are_no_notes() {
        let bytes = [note(1, &[0, 3, 2, 0]), note(5, &[0xc000_8002, 4, 3, 0])].concat();
        for len in 0..bytes.len() {
            let _ = Notes::default().and(&bytes[..len], 8, Layout { data: Data::Big, ..LAYOUT });
        }
        let huge = [u32::MAX; 8].map(u32::to_le_bytes).concat();
        assert_eq!(Notes::default().and(&huge, 4, LAYOUT), Notes::default());
    }
}
