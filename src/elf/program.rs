//! What an ELF file is for, read from a bounded part of it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use goblin::elf::program_header::{PF_W, PF_X, PT_INTERP, PT_LOAD, ProgramHeader};

use super::header::{Header, Target, end, is_elf, until_nul};
use super::layout::Layout;
use crate::error::os_text;
use crate::text::{to_hex, to_text};

/// How much of a file is looked at. Program headers are right after the ELF header in practice.
pub const PREFIX: usize = 64 << 10;
/// Enough for nearly all files.
const FIRST_LOOK: usize = 4 << 10;

/// An ELF file, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elf {
    /// Which loader it is for.
    pub target: Target,
    /// e_type
    pub kind: u16,
    /// The program that PT_INTERP names; `None` for a static program.
    pub interpreter: Option<String>,
    /// Where the last segment ends in the file: a shorter file is cut off.
    pub end: u64,
}

/// Reads `path`.
///
/// # Errors
/// Why it is not an ELF file that could be run, or the kernel's reason why it cannot be read.
pub fn read(path: &Path) -> Result<Elf, String> {
    let file = File::open(path).map_err(|e| os_text(&e))?;
    let mut prefix = start(&file, FIRST_LOOK)?;
    match parse(&prefix) {
        Err(_) if prefix.len() == FIRST_LOOK => {
            prefix.extend(start(&file, PREFIX - FIRST_LOOK)?);
            parse(&prefix)
        }
        result => result,
    }
}

/// The next bytes of a file, `len` of them where it has them.
fn start(file: &File, len: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(len);
    file.take(len as u64).read_to_end(&mut bytes).map_err(|e| os_text(&e))?;
    Ok(bytes)
}

/// Reads a file's first bytes, at least [`PREFIX`] where it has them.
///
/// # Errors
/// Why it is not an ELF file that could be run.
pub fn parse(prefix: &[u8]) -> Result<Elf, String> {
    let (header, segments) = headers(prefix)?;
    let interpreter = segments.iter().find(|s| s.p_type == PT_INTERP).map(|segment| {
        let name = prefix.get(segment.p_offset as usize..).unwrap_or_default();
        to_text(until_nul(&name[..name.len().min(segment.p_filesz as usize).min(4096)]))
    });
    Ok(Elf { target: header.target(), kind: header.kind, interpreter, end: end(&segments) })
}

/// Where a program's constants are in its file, each place with its length; the segments of nothing else first.
pub fn constants(path: &Path) -> Vec<(u64, u64)> {
    let prefix = File::open(path).map_err(|e| os_text(&e)).and_then(|file| start(&file, FIRST_LOOK));
    let segments = prefix.and_then(|prefix| headers(&prefix)).map(|(_, segments)| segments).unwrap_or_default();
    let mut loaded: Vec<&ProgramHeader> =
        segments.iter().filter(|s| s.p_type == PT_LOAD && s.p_flags & PF_W == 0).collect();
    // The first segment of a program that has its constants apart is its symbols.
    loaded.sort_by_key(|s| (s.p_flags & PF_X != 0, s.p_offset == 0));
    loaded.iter().map(|s| (s.p_offset, s.p_filesz)).collect()
}

fn headers(prefix: &[u8]) -> Result<(Header, Vec<ProgramHeader>), String> {
    if !is_elf(prefix) {
        let start = to_hex(&prefix[..prefix.len().min(4)]);
        return Err(format!("it is not an ELF file: it starts with the bytes {start}, an ELF file with 7f454c46"));
    }
    let broken = |why: String| format!("its ELF header is broken: {why}");
    let header = Header::of(prefix).ok_or_else(|| match prefix.get(4) {
        Some(class) if Layout::of(prefix).is_none() => broken(format!("EI_CLASS is {class}, expected 1 or 2")),
        _ => broken(format!("it ends after {} bytes", prefix.len())),
    })?;
    let class = header.layout.class;
    if prefix.len() < class.header_len() {
        return Err(broken(format!("it ends after {} bytes", prefix.len())));
    }
    let each = class.segment_len();
    if header.phnum > 0 && usize::from(header.phentsize) != each {
        return Err(format!("its program headers have {} bytes, expected {each}", header.phentsize));
    }
    let table = header.segment_table().and_then(|table| {
        let (start, end) = (usize::try_from(table.start).ok()?, usize::try_from(table.end).ok()?);
        prefix.get(start..end)
    });
    let table = table.ok_or_else(|| format!("its program headers are outside its first {} bytes", prefix.len()))?;
    Ok((header, header.layout.segments(table)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profiles;
    use proptest::prelude::*;

    #[test]
    fn every_probe_is_read_as_what_it_is() {
        for profile in Profiles::load(&[]).unwrap().iter() {
            for program in profile.rules.iter().filter_map(|r| r.probe.as_ref()) {
                let elf = parse(program).unwrap();
                assert_eq!((elf.kind, elf.interpreter, elf.end), (2, None, program.len() as u64));
                assert!((0..program.len()).all(|len| parse(&program[..len.min(80)]).is_err()));
            }
        }
    }

    #[test]
    fn a_dynamic_program_names_its_loader() {
        let shell = read(Path::new("/bin/sh")).unwrap();
        assert!(shell.interpreter.unwrap().contains("ld"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), magic: bool) {
            if magic && bytes.len() >= 6 {
                bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
            }
            let _ = parse(&bytes);
        }
    }
}
