//! ELF notes, and the properties that NT_GNU_PROPERTY_TYPE_0 is a list of. Pure.

use super::layout::{Class, Data, Layout};

/// NT_GNU_ABI_TAG
pub(crate) const NT_GNU_ABI_TAG: u32 = 1;
/// NT_GNU_PROPERTY_TYPE_0
pub(crate) const NT_GNU_PROPERTY_TYPE_0: u32 = 5;

/// One note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Note<'a> {
    /// Its owner, with the NUL byte that ends it.
    pub(crate) name: &'a [u8],
    /// n_type
    pub(crate) kind: u32,
    /// The descriptor.
    pub(crate) text: &'a [u8],
}

impl Note<'_> {
    /// Whether it is GNU's, of this type.
    pub(crate) fn is_gnu(&self, kind: u32) -> bool {
        self.name == b"GNU\0" && self.kind == kind
    }
}

/// The notes of a segment, up to the first that is cut off. `align` is the segment's; what is not 8 counts as 4.
pub(crate) fn notes(bytes: &[u8], align: u64, data: Data) -> impl Iterator<Item = Note<'_>> {
    let align = if align == 8 { 8 } else { 4 };
    let mut at = 0usize;
    std::iter::from_fn(move || {
        let word = |at| data.word_at(bytes, at);
        let (name_len, len, kind) = (word(at)? as usize, word(at + 4)? as usize, word(at + 8)?);
        let name = bytes.get(at + 12..(at + 12).checked_add(name_len)?)?;
        let from = (at + 12 + name_len).next_multiple_of(align);
        let text = bytes.get(from..from.checked_add(len)?)?;
        at = (from + len).next_multiple_of(align);
        Some(Note { name, kind, text })
    })
}

/// One property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Property<'a> {
    /// pr_type
    pub(crate) kind: u32,
    /// pr_data, without its padding.
    pub(crate) bytes: &'a [u8],
}

/// The properties of a note, up to the first that is cut off.
#[derive(Debug, Clone)]
pub(crate) struct Properties<'a> {
    /// What is not read yet; `None` after a property that is cut off.
    rest: Option<&'a [u8]>,
    layout: Layout,
}

impl<'a> Properties<'a> {
    pub(crate) fn of(note: &Note<'a>, layout: Layout) -> Self {
        Properties { rest: Some(note.text), layout }
    }

    /// Whether the list was read to its end, the last property's padding included.
    pub(crate) fn is_whole(&self) -> bool {
        self.rest.is_some_and(<[u8]>::is_empty)
    }
}

impl<'a> Iterator for Properties<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        if self.is_whole() {
            return None;
        }
        let rest = self.rest.take()?;
        let align = if self.layout.class == Class::Bits64 { 8 } else { 4 };
        let word = |at| self.layout.data.word_at(rest, at);
        let (kind, len) = (word(0)?, word(4)? as usize);
        let bytes = rest.get(8..len.checked_add(8)?)?;
        self.rest = rest.get(8 + len.next_multiple_of(align)..);
        Some(Property { kind, bytes })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const LAYOUT: Layout = Layout { class: Class::Bits64, data: Data::Little };

    /// A little-endian note of GNU's.
    pub(crate) fn note(kind: u32, text: &[u32]) -> Vec<u8> {
        let mut note = [4, text.len() as u32 * 4, kind].map(u32::to_le_bytes).concat();
        note.extend(b"GNU\0");
        note.extend(text.iter().flat_map(|w| w.to_le_bytes()));
        note
    }

    #[test]
    fn notes_end_where_one_is_cut_off() {
        let bytes = [note(1, &[7]), note(5, &[0xc000_0000, 4, 3, 0])].concat();
        let kinds = |bytes: &[u8]| notes(bytes, 4, Data::Little).map(|note| note.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&bytes), [1, 5]);
        assert_eq!(kinds(&bytes[..bytes.len() - 1]), [1]);
        assert_eq!(kinds(&note(1, &[7])[..19]), [] as [u32; 0]);
        let huge = [u32::MAX; 8].map(u32::to_le_bytes).concat();
        assert_eq!(notes(&huge, 8, Data::Big).count(), 0);
    }

    #[test]
    fn a_list_of_properties_is_whole_or_cut_off() {
        let bytes = note(5, &[1, 4, 3, 0, 2, 4, 5, 0]);
        let note = notes(&bytes, 8, Data::Little).next().unwrap();
        let mut list = Properties::of(&note, LAYOUT);
        let all: Vec<_> = list.by_ref().map(|p| (p.kind, p.bytes.to_vec())).collect();
        assert_eq!(all, [(1, vec![3, 0, 0, 0]), (2, vec![5, 0, 0, 0])]);
        assert!(list.is_whole());
        // Without the padding of the last one, which the kernel insists on.
        let cut = Note { text: &note.text[..note.text.len() - 4], ..note };
        let mut list = Properties::of(&cut, LAYOUT);
        assert_eq!(list.by_ref().count(), 2);
        assert!(!list.is_whole());
    }
}
