//! Whether a file can be an emulator here: an ELF program of this machine, static, whole.

use goblin::elf::header::{self, Header};
use goblin::elf::program_header::{PT_INTERP, ProgramHeader};

use crate::error::{Error, Result};

/// How much of a file is looked at. Program headers stand right behind the ELF header in every emulator there is.
pub const PREFIX: usize = 64 << 10;

/// `uname -m`, and what ELF files for it say: class in bits, little-endian or not, e_machine.
const MACHINES: [(&str, u8, bool, u16); 11] = [
    ("x86_64", 64, true, header::EM_X86_64),
    ("aarch64", 64, true, header::EM_AARCH64),
    ("armv7l", 32, true, header::EM_ARM),
    ("armv6l", 32, true, header::EM_ARM),
    ("i686", 32, true, header::EM_386),
    ("ppc64le", 64, true, header::EM_PPC64),
    ("ppc64", 64, false, header::EM_PPC64),
    ("riscv64", 64, true, header::EM_RISCV),
    ("s390x", 64, false, header::EM_S390),
    ("loongarch64", 64, true, 258),
    ("mips64", 64, true, header::EM_MIPS),
];

/// Refuses what cannot run as an emulator on `machine` (`uname -m`). `prefix` is the file's start, at least
/// [`PREFIX`] bytes where it has them, `size` its whole length.
pub fn check(what: &str, prefix: &[u8], size: u64, machine: &str) -> Result<()> {
    let doing = || format!("looking at the emulator {what}");
    let refused = |why: String| Error::failed(doing(), why);
    if !prefix.starts_with(header::ELFMAG) {
        let start = crate::text::to_hex(&prefix[..prefix.len().min(4)]);
        return Err(refused(format!("not an ELF program: it starts with the bytes {start}, an ELF with 7f454c46")));
    }
    let header = goblin::elf::Elf::parse_header(prefix_of_header(prefix))
        .map_err(|e| refused(format!("broken ELF header: {e}")))?;
    let is = (
        if header.e_ident[header::EI_CLASS] == header::ELFCLASS64 { 64 } else { 32 },
        header.e_ident[header::EI_DATA] == header::ELFDATA2LSB,
        header.e_machine,
    );
    if let Some(&(_, class, little, number)) = MACHINES.iter().find(|m| m.0 == machine)
        && is != (class, little, number)
    {
        let came = MACHINES.iter().find(|m| (m.1, m.2, m.3) == is).map_or("another CPU", |m| m.0);
        let why = format!("foreign: built for {came} (e_machine {}), this machine is {machine}", header.e_machine);
        return Err(refused(why).help(format!("take the package or the image's platform for {machine}")));
    }
    if !matches!(header.e_type, header::ET_EXEC | header::ET_DYN) {
        return Err(refused(format!("not a program: e_type {}, expected 2 (EXEC) or 3 (DYN)", header.e_type)));
    }
    let programs = program_headers(prefix, &header).map_err(refused)?;
    if let Some(interp) = programs.iter().find(|p| p.p_type == PT_INTERP) {
        let path = prefix.get(interp.p_offset as usize..).unwrap_or_default();
        let path = &path[..path.len().min(interp.p_filesz as usize).min(100)];
        let path = crate::text::to_text(path.split(|&b| b == 0).next().unwrap_or_default());
        let why = format!("dynamic: it needs {path} in every container where it is to run; expected a static program");
        return Err(
            refused(why).help("take a static build: Debian's qemu-user-static (bookworm) or qemu-user (trixie)")
        );
    }
    if let Some(end) = programs.iter().filter_map(|p| p.p_offset.checked_add(p.p_filesz)).find(|&end| end > size) {
        return Err(refused(format!("cut short: its headers promise at least {end} bytes, it has {size}")));
    }
    Ok(())
}

/// goblin wants the header alone to be there; a shorter file gives its error.
fn prefix_of_header(prefix: &[u8]) -> &[u8] {
    &prefix[..prefix.len().min(64)]
}

fn program_headers(prefix: &[u8], header: &Header) -> std::result::Result<Vec<ProgramHeader>, String> {
    let entry = if header.e_ident[header::EI_CLASS] == header::ELFCLASS64 { 56 } else { 32 };
    if header.e_phentsize != entry || header.e_phnum == 0 {
        return Err(format!(
            "{} program headers of {} bytes, expected some of {entry}",
            header.e_phnum, header.e_phentsize
        ));
    }
    let start = usize::try_from(header.e_phoff).map_err(|e| e.to_string())?;
    let end = start.checked_add(usize::from(header.e_phnum) * usize::from(entry));
    if end.is_none_or(|end| end > prefix.len()) {
        return Err(format!("its program headers lie outside its first {} bytes", prefix.len()));
    }
    let container = if entry == 56 { goblin::container::Container::Big } else { goblin::container::Container::Little };
    let endian = header.endianness().map_err(|e| e.to_string())?;
    let context = goblin::container::Ctx::new(container, endian);
    ProgramHeader::parse(prefix, start, header.e_phnum.into(), context).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A little-endian ELF64 with one program header.
    fn elf(machine: u16, kind: u16, segment: u32) -> Vec<u8> {
        let mut b = vec![0u8; 120];
        b[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\x00");
        b[16..18].copy_from_slice(&kind.to_le_bytes());
        b[18..20].copy_from_slice(&machine.to_le_bytes());
        b[32] = 64;
        b[54] = 56;
        b[56] = 1;
        b[64..68].copy_from_slice(&segment.to_le_bytes());
        b[96] = 120;
        b
    }

    fn why(bytes: &[u8]) -> String {
        check("qemu-x", bytes, bytes.len() as u64, "x86_64").unwrap_err().to_string()
    }

    #[test]
    fn static_and_native_is_taken() {
        let e = elf(62, 2, 1);
        check("qemu-x", &e, 120, "x86_64").unwrap();
    }

    #[test]
    fn the_rest_is_refused_with_its_reason() {
        assert!(why(b"#!/bin/sh\n").contains("not an ELF"));
        assert!(why(b"").contains("not an ELF"));
        assert!(why(&elf(183, 2, 1)).contains("built for aarch64"));
        assert!(why(&elf(62, 1, 1)).contains("e_type 1"));
        assert!(why(&elf(62, 3, 3)).contains("dynamic"));
        assert!(why(&elf(62, 2, 1)[..100]).contains("outside"));
        let e = elf(62, 2, 1);
        assert!(check("x", &e, 119, "x86_64").unwrap_err().to_string().contains("cut short"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), magic: bool) {
            if magic && bytes.len() >= 6 {
                bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
            }
            let _ = check("x", &bytes, bytes.len() as u64, "x86_64");
        }
    }
}
