//! The dynamic segment: what a program needs, and what a library is.

use bstr::BString;

use super::{Elf, versions};
use crate::elf::{PT_INTERP, PT_LOAD, ProgramHeader};

/// Libraries that a program needs, and where it says they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dynamic {
    /// DT_SONAME
    pub name: Option<BString>,
    /// DF_1_PIE: a program, although its type is that of a library.
    pub pie: bool,
    /// DT_NEEDED, in order.
    pub needed: Vec<BString>,
    /// The directories of DT_RUNPATH, or of DT_RPATH.
    pub directories: Vec<BString>,
    /// (library, version) of DT_VERNEED, of what has a loader: what libraries want of each other nobody asks.
    pub versions: Vec<(BString, BString)>,
    /// The versions that it has itself (DT_VERDEF).
    pub defines: Vec<BString>,
}

const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
const DT_VERDEF: u64 = 0x6fff_fffc;
const DT_VERNEED: u64 = 0x6fff_fffe;
const DT_FLAGS_1: u64 = 0x6fff_fffb;
const DF_1_PIE: u64 = 0x0800_0000;

/// Bounds: bytes of the dynamic segment, of its strings and of a table of versions; libraries.
const MOST: usize = 1 << 16;
const MOST_STRINGS: u64 = 1 << 20;
const MOST_VERSIONS: usize = 1 << 13;
const MOST_NEEDED: usize = 512;

pub(super) fn read(elf: &Elf, segment: &ProgramHeader) -> Option<Dynamic> {
    let (word, data) = (elf.layout.class.address_len(), elf.layout.data);
    let bytes = elf.bytes(segment, MOST);
    let entries: Vec<(u64, u64)> = bytes
        .chunks_exact(2 * word)
        .map_while(|pair| Some((data.number(pair, 0, word)?, data.number(pair, word, word)?)))
        .take_while(|(tag, _)| *tag != 0)
        .collect();
    let value = |wanted| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
    let part =
        |tag, most: usize| value(tag).and_then(|at| elf.file.up_to(most, elf.offset_of(at)?).ok()).unwrap_or_default();
    let strings = part(DT_STRTAB, value(DT_STRSZ)?.min(MOST_STRINGS) as usize);
    let string = |at: u64| versions::string(&strings, at);
    let table = |tag| if value(tag).is_some() { part(tag, MOST_VERSIONS) } else { Vec::new() };
    let needed = entries.iter().filter(|(tag, _)| *tag == DT_NEEDED).take(MOST_NEEDED);
    let path = value(DT_RUNPATH).or(value(DT_RPATH)).and_then(string).unwrap_or_default();
    Some(Dynamic {
        name: value(DT_SONAME).and_then(string),
        pie: value(DT_FLAGS_1).is_some_and(|flags| flags & DF_1_PIE != 0),
        versions: elf.first(PT_INTERP).map_or_else(Vec::new, |_| versions::needed(&table(DT_VERNEED), &strings, data)),
        defines: versions::defined(&table(DT_VERDEF), &strings, data),
        needed: needed.filter_map(|(_, at)| string(*at)).collect(),
        directories: path.split(|&byte| byte == b':').filter(|f| !f.is_empty()).map(BString::from).collect(),
    })
}

impl Elf<'_> {
    /// Where an address is in the file.
    fn offset_of(&self, address: u64) -> Option<u64> {
        let within = |s: &&ProgramHeader| s.p_type == PT_LOAD && address.wrapping_sub(s.p_vaddr) < s.p_filesz;
        let s = self.segments.iter().find(within)?;
        s.p_offset.checked_add(address.wrapping_sub(s.p_vaddr))
    }
}
