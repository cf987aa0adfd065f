//! Symbol versions: what a program asks of its libraries (DT_VERNEED), and what a library has (DT_VERDEF). Elfxx_Verneed
//! and its kin of the gABI's GNU extension have the same layout in 32 and 64 bit.

use bstr::{BString, ByteSlice};

use super::number;
use crate::exec::root::Content;

/// Bounds: libraries, and versions of one.
const MOST: usize = 512;

/// Where the tables and their strings stand in a file.
pub(super) struct Tables<'a> {
    pub(super) file: &'a Content,
    pub(super) strings: u64,
    pub(super) little: bool,
}

impl Tables<'_> {
    /// (library, version) of DT_VERNEED.
    pub(super) fn needed(&self, table: u64) -> Vec<(BString, BString)> {
        let mut found = Vec::new();
        // Elf_Verneed: version, count, file, aux, next; Elf_Vernaux: hash, flags, other, name, next.
        for (need, at) in self.chain(table, 12) {
            let library = number(&need, 4, 4, self.little).and_then(|name| self.string(name));
            let first = number(&need, 8, 4, self.little).and_then(|aux| at.checked_add(aux));
            let (Some(library), Some(first)) = (library, first) else { continue };
            for (aux, _) in self.chain(first, 12) {
                let name = number(&aux, 8, 4, self.little).and_then(|name| self.string(name));
                found.extend(name.map(|name| (library.clone(), name)));
            }
        }
        found
    }

    /// The versions of DT_VERDEF.
    pub(super) fn defined(&self, table: u64) -> Vec<BString> {
        // Elf_Verdef: version, flags, index, count, hash, aux, next; Elf_Verdaux: name, next.
        let defs = self.chain(table, 16).into_iter();
        let name = |(def, at): ([u8; 20], u64)| {
            let aux = at.checked_add(number(&def, 12, 4, self.little)?)?;
            let bytes = self.file.exactly(4, aux).ok()?;
            self.string(number(&bytes, 0, 4, self.little)?)
        };
        defs.filter_map(name).collect()
    }

    /// The records of a list in which each says, at `next`, how far the next one is.
    fn chain(&self, from: u64, next: usize) -> Vec<([u8; 20], u64)> {
        let (mut records, mut at) = (Vec::new(), from);
        while records.len() < MOST {
            let mut record = [0; 20];
            let len = self.file.read(&mut record, at).unwrap_or(0);
            if len < next + 4 {
                break;
            }
            records.push((record, at));
            match number(&record, next, 4, self.little).filter(|step| *step > 0).and_then(|step| at.checked_add(step)) {
                Some(further) => at = further,
                None => break,
            }
        }
        records
    }

    fn string(&self, at: u64) -> Option<BString> {
        const LONGEST: usize = 256;
        let mut bytes = vec![0; LONGEST];
        let len = self.file.read(&mut bytes, self.strings.checked_add(at)?).ok()?;
        bytes.truncate(bytes[..len].find_byte(0)?);
        Some(bytes.into())
    }
}

/// The numbers of a version such as GLIBC_2.34; `None` for GLIBC_PRIVATE and other names.
pub fn glibc(version: &[u8]) -> Option<Vec<u32>> {
    let numbers = version.strip_prefix(b"GLIBC_")?.to_str().ok()?;
    numbers.split('.').map(|n| n.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(glibc(b"GLIBC_2.4") < glibc(b"GLIBC_2.34"));
        assert!(glibc(b"GLIBC_2.2.5") < glibc(b"GLIBC_2.3"));
        assert_eq!(glibc(b"GLIBC_PRIVATE"), None);
    }
}
