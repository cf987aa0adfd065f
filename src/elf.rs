//! What an ELF file is for, read from a bounded part of it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::header::{ELFMAG, Header};
use goblin::elf::program_header::{PF_W, PF_X, PT_INTERP, PT_LOAD, ProgramHeader};
use serde::{Deserialize, Serialize};

use crate::signature::{Class, Data};
use crate::text::{to_hex, to_text};

/// How much of a file is looked at. Program headers are right after the ELF header in practice.
pub const PREFIX: usize = 64 << 10;
/// Enough for nearly all files.
const FIRST_LOOK: usize = 4 << 10;

/// Which loader a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// EI_CLASS
    pub class: Class,
    /// EI_DATA
    pub data: Data,
    /// e_machine
    pub machine: u16,
}

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

/// Reads `path`; the error says why it is no ELF file that could be run.
pub fn read(path: &Path) -> Result<Elf, String> {
    let file = File::open(path).map_err(|e| crate::error::os_text(&e))?;
    let mut prefix = Vec::with_capacity(FIRST_LOOK);
    let up_to = |limit: usize, prefix: &mut Vec<u8>| {
        let more = (limit - prefix.len()) as u64;
        (&file).take(more).read_to_end(prefix).map_err(|e| crate::error::os_text(&e))
    };
    up_to(FIRST_LOOK, &mut prefix)?;
    match parse(&prefix) {
        Err(_) if prefix.len() == FIRST_LOOK => {
            up_to(PREFIX, &mut prefix)?;
            parse(&prefix)
        }
        result => result,
    }
}

/// Reads a file's first bytes, at least [`PREFIX`] where it has them.
pub fn parse(prefix: &[u8]) -> Result<Elf, String> {
    if !prefix.starts_with(ELFMAG) {
        let start = to_hex(&prefix[..prefix.len().min(4)]);
        return Err(format!("it is not an ELF file: it starts with the bytes {start}, an ELF file with 7f454c46"));
    }
    let header = goblin::elf::Elf::parse_header(&prefix[..prefix.len().min(64)])
        .map_err(|e| format!("its ELF header is broken: {e}"))?;
    let container = header.container().map_err(|_| "its class is neither 32 nor 64 bit")?;
    let endian = header.endianness().map_err(|_| "its byte order is neither little nor big")?;
    let target = Target {
        class: if container == Container::Little { Class::Bits32 } else { Class::Bits64 },
        data: if endian == Endian::Little { Data::Little } else { Data::Big },
        machine: header.e_machine,
    };
    let segments = program_headers(prefix, &header, Ctx::new(container, endian))?;
    let end = segments.iter().map(|s| s.p_offset.saturating_add(s.p_filesz)).max().unwrap_or(0);
    let interpreter = segments.iter().find(|s| s.p_type == PT_INTERP).map(|segment| {
        let name = prefix.get(segment.p_offset as usize..).unwrap_or_default();
        let name = &name[..name.len().min(segment.p_filesz as usize).min(4096)];
        to_text(name.split(|&b| b == 0).next().unwrap_or_default())
    });
    Ok(Elf { target, kind: header.e_type, interpreter, end })
}

/// Where a program's constants are in its file, each place with its length; the segments of nothing else first.
pub fn constants(path: &Path) -> Vec<(u64, u64)> {
    let mut prefix = Vec::with_capacity(FIRST_LOOK);
    let read = File::open(path).and_then(|file| file.take(FIRST_LOOK as u64).read_to_end(&mut prefix));
    let header = goblin::elf::Elf::parse_header(&prefix[..prefix.len().min(64)]);
    let (Ok(_), Ok(header)) = (read, header) else { return Vec::new() };
    let (Ok(container), Ok(endian)) = (header.container(), header.endianness()) else { return Vec::new() };
    let segments = program_headers(&prefix, &header, Ctx::new(container, endian)).unwrap_or_default();
    let mut loaded: Vec<&ProgramHeader> =
        segments.iter().filter(|s| s.p_type == PT_LOAD && s.p_flags & PF_W == 0).collect();
    // The first segment of a program that has its constants apart is its symbols.
    loaded.sort_by_key(|s| (s.p_flags & PF_X != 0, s.p_offset == 0));
    loaded.iter().map(|s| (s.p_offset, s.p_filesz)).collect()
}

fn program_headers(prefix: &[u8], header: &Header, ctx: Ctx) -> Result<Vec<ProgramHeader>, String> {
    let each = if ctx.container == Container::Little { 32 } else { 56 };
    let count = usize::from(header.e_phnum);
    if count > 0 && header.e_phentsize != each {
        return Err(format!("its program headers have {} bytes, expected {each}", header.e_phentsize));
    }
    let start = usize::try_from(header.e_phoff).map_err(|e| e.to_string())?;
    let end = start.checked_add(count * usize::from(each));
    if end.is_none_or(|end| end > prefix.len()) {
        return Err(format!("its program headers are outside its first {} bytes", prefix.len()));
    }
    ProgramHeader::parse(prefix, start, count, ctx).map_err(|e| e.to_string())
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
