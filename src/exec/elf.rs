//! ELF headers and program headers, read as a loader of the kernel reads them: in its own layout and byte order,
//! whatever EI_CLASS and EI_DATA say (load_elf_binary and load_elf_phdrs in fs/binfmt_elf.c).

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::ProgramHeader;
use nix::errno::Errno;

use super::arch::Loader;
use super::file::Content;

/// The fields of an ELF header that a loader looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) class: u8,
    pub(super) osabi: u8,
    pub(super) kind: u16,
    pub(super) machine: u16,
    pub(super) entry: u64,
    pub(super) flags: u32,
    phoff: u64,
    phentsize: u16,
    phnum: u16,
}

/// ET_EXEC
pub(super) const EXEC: u16 = 2;
/// ET_DYN
pub(super) const DYN: u16 = 3;

/// A check that failed: what it was, and the bytes of the file that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) why: &'static str,
    pub(super) at: usize,
    pub(super) len: usize,
}

fn mismatch<T>(why: &'static str, at: usize, len: usize) -> Result<T, Mismatch> {
    Err(Mismatch { why, at, len })
}

impl Header {
    /// Reads the fields; bytes that are missing count as zero.
    pub(super) fn read(head: &[u8], wide: bool, little: bool) -> Self {
        let number = |at: usize, len: usize| {
            let byte = |i: usize| u64::from(head.get(at + i).copied().unwrap_or(0));
            match little {
                true => (0..len).rev().fold(0, |n, i| n << 8 | byte(i)),
                false => (0..len).fold(0, |n, i| n << 8 | byte(i)),
            }
        };
        let (address, half) = if wide { (8, 48) } else { (4, 36) };
        Header {
            class: number(4, 1) as u8,
            osabi: number(7, 1) as u8,
            kind: number(16, 2) as u16,
            machine: number(18, 2) as u16,
            entry: number(24, address),
            phoff: number(24 + address, address),
            flags: number(half, 4) as u32,
            phentsize: number(half + 6, 2) as u16,
            phnum: number(half + 8, 2) as u16,
        }
    }

    /// Magic, machine and what else must fit for the file to be the loader's at all.
    pub(super) fn belongs_to(&self, head: &[u8], loader: &Loader) -> Result<(), Mismatch> {
        if !head.starts_with(b"\x7fELF") {
            return mismatch("does not begin with 7f 45 4c 46", 0, 4);
        }
        if !loader.accepts(self) {
            return mismatch("e_machine is not one of this kernel's", 18, 2);
        }
        Ok(())
    }

    /// Reads the program headers.
    pub(super) fn segments(
        &self,
        file: &Content,
        loader: &Loader,
        most: usize,
    ) -> Result<Vec<ProgramHeader>, Mismatch> {
        let half = if loader.wide { 48 } else { 36 };
        if self.phentsize != loader.segment_len() {
            return mismatch("e_phentsize is not the size of a program header", half + 6, 2);
        }
        let len = usize::from(self.phentsize) * usize::from(self.phnum);
        if len == 0 {
            return mismatch("e_phnum is 0", half + 8, 2);
        }
        if len > most {
            return mismatch("e_phnum is more than this kernel reads", half + 8, 2);
        }
        let address = if loader.wide { 8 } else { 4 };
        let place = (24 + address, address);
        let Ok(bytes) = file.exactly(len, self.phoff) else {
            return mismatch("the program headers are not within the file (e_phoff)", place.0, place.1);
        };
        let container = if loader.wide { Container::Big } else { Container::Little };
        let endian = if loader.little { Endian::Little } else { Endian::Big };
        ProgramHeader::parse(&bytes, 0, self.phnum.into(), Ctx::new(container, endian))
            .or_else(|_| mismatch("the program headers cannot be read", place.0, place.1))
    }
}

/// Where the name of the interpreter stands, and the name.
pub(super) fn interpreter(file: &Content, segment: &ProgramHeader) -> Result<Vec<u8>, (Errno, &'static str)> {
    if segment.p_filesz > 4096 || segment.p_filesz < 2 {
        return Err((Errno::ENOEXEC, "PT_INTERP is not 2 to 4096 bytes long"));
    }
    let mut name = file.exactly(segment.p_filesz as usize, segment.p_offset).map_err(|errno| match errno {
        Errno::EINVAL => (errno, "PT_INTERP is beyond the largest offset that a file can have"),
        _ => (errno, "PT_INTERP is beyond the end of the file"),
    })?;
    if name.pop() != Some(0) {
        return Err((Errno::ENOEXEC, "the name in PT_INTERP does not end with a NUL byte"));
    }
    name.truncate(name.iter().position(|&b| b == 0).unwrap_or(name.len()));
    Ok(name)
}
