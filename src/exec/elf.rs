//! ELF headers and program headers, checked as a loader of the kernel checks them (load_elf_binary and load_elf_phdrs in
//! fs/binfmt_elf.c). It reads them in its own layout, whatever EI_CLASS and EI_DATA say.

use nix::errno::Errno;

use super::arch::Loader;
use super::file::Content;
use crate::elf::{Header, ProgramHeader, is_elf, until_nul};

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

/// Magic, machine and what else must fit for the file to be the loader's at all.
pub(super) fn belongs_to(header: &Header, head: &[u8], loader: &Loader) -> Result<(), Mismatch> {
    if !is_elf(head) {
        return mismatch("does not begin with 7f 45 4c 46", 0, 4);
    }
    if !loader.accepts(header) {
        return mismatch("e_machine is not one of this kernel's", 18, 2);
    }
    Ok(())
}

/// Reads the program headers, which may have `most` bytes.
pub(super) fn segments(header: &Header, file: &Content, most: usize) -> Result<Vec<ProgramHeader>, Mismatch> {
    let class = header.layout.class;
    if usize::from(header.phentsize) != class.segment_len() {
        return mismatch("e_phentsize is not the size of a program header", class.phentsize_at(), 2);
    }
    let len = class.segment_len() * usize::from(header.phnum);
    if len == 0 {
        return mismatch("e_phnum is 0", class.phnum_at(), 2);
    }
    if len > most {
        return mismatch("e_phnum is more than this kernel reads", class.phnum_at(), 2);
    }
    match file.exactly(len, header.phoff) {
        Ok(bytes) => Ok(header.layout.segments(&bytes)),
        Err(_) => {
            let why = "the program headers are not within the file (e_phoff)";
            mismatch(why, class.phoff_at(), class.address_len())
        }
    }
}

/// The name of the interpreter.
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
    name.truncate(until_nul(&name).len());
    Ok(name)
}
