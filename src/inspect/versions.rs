//! Symbol versions: what a program asks of its libraries (DT_VERNEED), and what a library has (DT_VERDEF). Elfxx_Verneed
//! and the like of the gABI's GNU extension have the same layout in 32 and 64 bit. Pure.

use bstr::{BString, ByteSlice};

use crate::elf::{Data, until_nul};

/// Records of one list that are looked at.
const MOST: usize = 512;

/// The string that begins at `at` of a string table.
pub(super) fn string(strings: &[u8], at: u64) -> Option<BString> {
    let rest = strings.get(usize::try_from(at).ok()?..)?;
    let string = until_nul(rest);
    (string.len() < rest.len()).then(|| string.into())
}

/// (library, version) of DT_VERNEED.
pub(super) fn needed(table: &[u8], strings: &[u8], data: Data) -> Vec<(BString, BString)> {
    let word = |at: usize| data.word_at(table, at);
    let mut found = Vec::new();
    // Elf_Verneed: version, count, file, aux, next; Elf_Vernaux: hash, flags, other, name, next.
    for need in chain(table, 0, 12, data) {
        let library = word(need + 4).and_then(|name| string(strings, name.into()));
        let first = word(need + 8).and_then(|aux| need.checked_add(aux as usize));
        let (Some(library), Some(first)) = (library, first) else { continue };
        let names = chain(table, first, 12, data).into_iter();
        let versions = names.filter_map(|aux| string(strings, word(aux + 8)?.into()));
        found.extend(versions.map(|version| (library.clone(), version)));
    }
    found
}

/// The versions of DT_VERDEF.
pub(super) fn defined(table: &[u8], strings: &[u8], data: Data) -> Vec<BString> {
    let word = |at: usize| data.word_at(table, at);
    // Elf_Verdef: version, flags, index, count, hash, aux, next; Elf_Verdaux: name, next.
    let name = |def: usize| string(strings, word(def.checked_add(word(def + 12)? as usize)?)?.into());
    chain(table, 0, 16, data).into_iter().filter_map(name).collect()
}

/// Where the records of a list begin, in which each says, at `next`, how far the next one is.
fn chain(table: &[u8], from: usize, next: usize, data: Data) -> Vec<usize> {
    let (mut records, mut at) = (Vec::new(), from);
    while records.len() < MOST
        && let Some(place) = at.checked_add(next)
        && let Some(step) = data.word_at(table, place)
    {
        records.push(at);
        match at.checked_add(step as usize) {
            Some(further) if step > 0 => at = further,
            _ => break,
        }
    }
    records
}

/// The numbers of a version such as GLIBC_2.2.5, of which it has at most three; `None` for GLIBC_PRIVATE and other names.
pub fn glibc(version: &[u8]) -> Option<[u32; 3]> {
    let mut numbers = [0; 3];
    let mut written = version.strip_prefix(b"GLIBC_")?.to_str().ok()?.split('.');
    for (number, written) in numbers.iter_mut().zip(&mut written) {
        *number = written.parse().ok()?;
    }
    written.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(glibc(b"GLIBC_2.4") < glibc(b"GLIBC_2.34"));
        assert!(glibc(b"GLIBC_2.2.5") < glibc(b"GLIBC_2.3"));
        assert_eq!(glibc(b"GLIBC_2.34"), Some([2, 34, 0]));
        assert_eq!(glibc(b"GLIBC_PRIVATE"), None);
        assert_eq!(glibc(b"GLIBC_2.2.5.1"), None);
    }

    #[test]
    fn lists_that_lead_nowhere_end() {
        let wild = [0xff; 64];
        assert!(needed(&wild, &wild, Data::Little).is_empty() && defined(&wild, &wild, Data::Big).is_empty());
        // A record that leads to the same one again and again.
        let mut loops = [0; 64];
        loops[12..16].copy_from_slice(&[0, 0, 0, 0]);
        assert_eq!(chain(&loops, 0, 12, Data::Little), [0]);
    }
}
