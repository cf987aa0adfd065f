//! ELF notes: the oldest kernel that the C library wants, and the x86-64 level. Pure.

use super::number;

/// What the notes ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notes {
    /// NT_GNU_ABI_TAG: the oldest Linux.
    pub kernel: Option<(u32, u32, u32)>,
    /// GNU_PROPERTY_X86_ISA_1_NEEDED: 1 to 4 for x86-64-v1 to v4.
    pub x86_level: Option<u8>,
}

const NT_GNU_ABI_TAG: u64 = 1;
const NT_GNU_PROPERTY_TYPE_0: u64 = 5;
const LINUX: u64 = 0;
const X86_ISA_1_NEEDED: u64 = 0xc000_8002;

impl Notes {
    /// Adds what the notes of one segment say.
    pub(super) fn and(mut self, bytes: &[u8], align: u64, wide: bool, little: bool) -> Self {
        let align = if align == 8 { 8 } else { 4 };
        let mut at = 0usize;
        while let Some(next) = self.one(bytes, at, align, wide, little) {
            at = next;
        }
        self
    }

    /// Reads the note at `at`, and says where the next begins.
    fn one(&mut self, bytes: &[u8], at: usize, align: usize, wide: bool, little: bool) -> Option<usize> {
        let word = |at: usize| number(bytes, at, 4, little);
        let (name_len, len, kind) = (word(at)? as usize, word(at + 4)? as usize, word(at + 8)?);
        let name = bytes.get(at + 12..(at + 12).checked_add(name_len)?)?;
        let from = (at + 12 + name_len).checked_next_multiple_of(align)?;
        let text = bytes.get(from..from.checked_add(len)?)?;
        match (name, kind) {
            (b"GNU\0", NT_GNU_ABI_TAG) if number(text, 0, 4, little)? == LINUX => {
                let part = |i: usize| number(text, 4 * i, 4, little).map(|n| n as u32);
                self.kernel = Some((part(1)?, part(2)?, part(3)?));
            }
            (b"GNU\0", NT_GNU_PROPERTY_TYPE_0) => self.properties(text, if wide { 8 } else { 4 }, little),
            _ => {}
        }
        (from + len).checked_next_multiple_of(align)
    }

    fn properties(&mut self, bytes: &[u8], align: usize, little: bool) {
        let mut at = 0usize;
        while let (Some(kind), Some(len)) = (number(bytes, at, 4, little), number(bytes, at + 4, 4, little)) {
            if kind == X86_ISA_1_NEEDED
                && let Some(bits) = number(bytes, at + 8, 4, little).filter(|bits| *bits > 0)
            {
                // One bit for each level, the highest counts.
                self.x86_level = Some((64 - bits.leading_zeros()) as u8);
            }
            let next = (at + 8).checked_add(len as usize).and_then(|n| n.checked_next_multiple_of(align));
            let Some(next) = next else { return };
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(kind: u32, text: &[u32]) -> Vec<u8> {
        let mut note = [4, text.len() as u32 * 4, kind].map(u32::to_le_bytes).concat();
        note.extend(b"GNU\0");
        note.extend(text.iter().flat_map(|w| w.to_le_bytes()));
        note
    }

    #[test]
    fn a_kernel_and_a_level() {
        let bytes = [note(1, &[0, 3, 2, 0]), note(5, &[0xc000_8002, 4, 0b101, 0])].concat();
        let notes = Notes::default().and(&bytes, 4, true, true);
        assert_eq!(notes, Notes { kernel: Some((3, 2, 0)), x86_level: Some(3) });
    }

    #[test]
    fn notes_cut_off_anywhere_are_no_notes() {
        let bytes = [note(1, &[0, 3, 2, 0]), note(5, &[0xc000_8002, 4, 3, 0])].concat();
        for len in 0..bytes.len() {
            let _ = Notes::default().and(&bytes[..len], 8, true, false);
        }
        let huge = [u32::MAX; 8].map(u32::to_le_bytes).concat();
        assert_eq!(Notes::default().and(&huge, 4, false, true), Notes::default());
    }
}
