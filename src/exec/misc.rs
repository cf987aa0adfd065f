//! Which entry of the table matches a file, and which nearly would (load_misc_binary in fs/binfmt_misc.c). Pure.

use bstr::BString;

use super::facts::{TableFacts, TableState};
use crate::binfmt::entry::Entry;
use crate::binfmt::rule::{Magic, Refusal, Rule};
use crate::elf;

/// What the table says to a file.
#[derive(Debug)]
pub(super) enum Taken<'a> {
    /// No entry matches it.
    Nobody,
    /// This one does.
    By(&'a Entry),
    /// This one may: a BPF program decides.
    Perhaps(&'a Entry),
}

/// The first entry, newest first, that matches a file with these first bytes under this path.
pub(super) fn find<'a>(table: &'a TableFacts, head: &[u8], path: &[u8]) -> Taken<'a> {
    if table.state != TableState::Enabled {
        return Taken::Nobody;
    }
    for entry in table.entries.iter().filter(|e| e.enabled) {
        match &entry.rule {
            Rule::Bpf(_) => return Taken::Perhaps(entry),
            rule if rule.takes(head, path) => return Taken::By(entry),
            _ => {}
        }
    }
    Taken::Nobody
}

/// An entry that nearly took a file, and the first byte at which it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// The entry's name.
    pub entry: BString,
    /// The byte.
    pub refusal: Refusal,
}

/// At most this many are worth telling.
const MOST: usize = 5;

/// The entries that nearly took a file with these first bytes, nearest first. For an ELF file: those of its machine.
/// For any other: those that more than half of the counted bytes satisfy.
pub fn near_misses(table: &TableFacts, head: &[u8]) -> Vec<NearMiss> {
    let mut near: Vec<(usize, NearMiss)> = table
        .entries
        .iter()
        .filter(|entry| entry.enabled)
        .filter_map(|entry| {
            let Rule::Magic(magic) = &entry.rule else { return None };
            let refusal = magic.refuses(head)?;
            let (counted, wrong) = differing(magic, head);
            let is_near = if elf::is_elf(head) { wants_machine(magic, head) } else { wrong * 2 < counted };
            is_near.then(|| (wrong, NearMiss { entry: entry.name.clone(), refusal }))
        })
        .collect();
    near.sort_by_key(|(wrong, _)| *wrong);
    near.into_iter().take(MOST).map(|(_, near)| near).collect()
}

/// How many bytes count, and how many of them refuse.
fn differing(magic: &Magic, head: &[u8]) -> (usize, usize) {
    (magic.offset..magic.offset + magic.magic.len()).fold((0, 0), |(counted, wrong), at| {
        let (wanted, mask) = magic.at(at);
        let file = head.get(at).copied().unwrap_or(0);
        (counted + usize::from(mask != 0), wrong + usize::from((file ^ wanted) & mask != 0))
    })
}

/// Whether the rule asks for the file's e_machine.
fn wants_machine(magic: &Magic, head: &[u8]) -> bool {
    let agrees = |at: usize| {
        let (wanted, mask) = magic.at(at);
        (head.get(at).copied().unwrap_or(0) ^ wanted) & mask == 0
    };
    let counts = magic.at(18).1 != 0 || magic.at(19).1 != 0;
    counts && agrees(18) && agrees(19)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binfmt::entry::Flags;

    fn entry(name: &str, magic: Magic) -> Entry {
        let interpreter = Some("/x".into());
        let rule = Rule::Magic(magic);
        Entry { name: name.into(), enabled: true, interpreter, flags: Flags::default(), rule, unknown: Vec::new() }
    }

    #[test]
    fn an_appimage_is_refused_at_its_padding() {
        let mut rule = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0".to_vec();
        let mut file = rule.clone();
        file[8..11].copy_from_slice(b"AI\x02");
        let arm64 = entry("qemu-aarch64", Magic::exact(0, rule.clone()));
        rule[18] = 40;
        let arm = entry("qemu-arm", Magic::exact(0, rule));
        let table = TableFacts::with(vec![arm, arm64]);
        let near = near_misses(&table, &file);
        assert_eq!(near.len(), 1);
        assert_eq!(near[0].entry, "qemu-aarch64");
        assert_eq!(near[0].refusal, Refusal { byte: 8, file: b'A', wanted: 0, mask: 0xff });
    }
}
