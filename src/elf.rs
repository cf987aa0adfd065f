//! What an ELF file is for, read from a bounded part of it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::header::Header;
use goblin::elf::program_header::{PT_INTERP, ProgramHeader};
use goblin::{elf32, elf64};
use serde::{Deserialize, Serialize};

use crate::signature::{Class, Data};

/// No kernel takes more bytes of program headers (load_elf_phdrs in fs/binfmt_elf.c).
const MAX_PROGRAM_HEADERS: usize = 65536;

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
}

/// Reads `path`; the error says why it is no ELF file.
pub fn read(path: &Path) -> Result<Elf, String> {
    let file = File::open(path).map_err(|e| crate::error::os_text(&e))?;
    let mut head = [0; 64];
    let len = read_up_to(&file, &mut head, 0)?;
    let header = goblin::elf::Elf::parse_header(&head[..len]).map_err(|_| "it is not an ELF file".to_owned())?;
    let class = match header.container().map_err(|_| "its class is neither 32 nor 64 bit")? {
        Container::Little => Class::Bits32,
        Container::Big => Class::Bits64,
    };
    let endian = header.endianness().map_err(|_| "its byte order is neither little nor big")?;
    let data = if endian == Endian::Little { Data::Little } else { Data::Big };
    let ctx = Ctx::new(if class == Class::Bits32 { Container::Little } else { Container::Big }, endian);
    let target = Target { class, data, machine: header.e_machine };
    let interpreter = interpreter(&file, &header, ctx)?;
    Ok(Elf { target, kind: header.e_type, interpreter })
}

fn interpreter(file: &File, header: &Header, ctx: Ctx) -> Result<Option<String>, String> {
    let is_32 = ctx.container == Container::Little;
    let each = if is_32 { elf32::program_header::SIZEOF_PHDR } else { elf64::program_header::SIZEOF_PHDR };
    let size = each * usize::from(header.e_phnum);
    if size > MAX_PROGRAM_HEADERS {
        return Err("it has more program headers than any kernel takes".into());
    }
    let mut table = vec![0; size];
    let len = read_up_to(file, &mut table, header.e_phoff)?;
    if len < size {
        return Err("its program headers are cut off".into());
    }
    let headers = ProgramHeader::parse(&table, 0, header.e_phnum.into(), ctx).map_err(|e| e.to_string())?;
    let Some(interp) = headers.iter().find(|h| h.p_type == PT_INTERP) else { return Ok(None) };
    let mut name = vec![0; interp.p_filesz.min(4096) as usize];
    let len = read_up_to(file, &mut name, interp.p_offset)?;
    let name = name[..len].split(|&b| b == 0).next().unwrap_or_default();
    Ok(Some(String::from_utf8_lossy(name).into_owned()))
}

fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> Result<usize, String> {
    let mut len = 0;
    while len < buffer.len() {
        match file.read_at(&mut buffer[len..], offset.saturating_add(len as u64)) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(crate::error::os_text(&e)),
        }
    }
    Ok(len)
}
