//! ELF files that are not programs: objects, libraries, core dumps, kernels. Some of them the kernel would start.

use bstr::ByteSlice;

use super::{Setting, command};
use crate::architecture::Architecture;
use crate::doctor::catalogue::{Advice, CauseId, FixClass};
use crate::doctor::finding::{Finding, quoted};
use crate::elf::{Class, ET_CORE, ET_DYN, ET_EXEC, ET_REL};
use crate::inspect::Inspection;
use crate::text::to_text;

/// ELFOSABI_STANDALONE, which Guile marks its compiled modules with.
const STANDALONE: u8 = 255;

/// What is found of an ELF file that is not a program.
pub(super) fn finding(setting: &Setting, path: &[u8], elf: &Inspection) -> Option<Finding> {
    let about = to_text(path);
    let found = |id, what: &str| Finding::problem(id, &*about, format!("the file is {what}")).with("path", &*about);
    let outside = quoted(&setting.root.outside(&about));
    let finding = match elf.kind {
        _ if elf.target.machine == 0 && elf.osabi == STANDALONE => {
            found(CauseId::NotAProgram, "a compiled module of Guile (Scheme): its ELF header names no CPU").alone()
        }
        _ if elf.target.machine == 0 => {
            found(CauseId::NotAProgram, "damaged, or never was a program: its ELF header names no CPU (e_machine is 0)")
                .alone()
        }
        ET_REL if is_module(setting, path) => found(CauseId::ObjectOrCoreOrLib, "a module of the Linux kernel")
            .fix(Advice::LoadModule, command::fill(command::LOAD_MODULE, &[("path", &outside)]), FixClass::Yours)
            .alone(),
        ET_REL => {
            let linked = about.strip_suffix(".o").map_or_else(|| format!("{about}.out"), str::to_owned);
            let linked = quoted(&setting.root.outside(&linked));
            let command = command::fill(command::LINK_OBJECT, &[("stem", &linked), ("path", &outside)]);
            found(CauseId::ObjectOrCoreOrLib, "an object file, which was never linked").fix(
                Advice::LinkObject,
                command,
                FixClass::Yours,
            )
        }
        ET_CORE => found(CauseId::ObjectOrCoreOrLib, "a core dump")
            .fix(Advice::ReadCore, command::fill(command::READ_CORE, &[("path", &outside)]), FixClass::Yours)
            .alone(),
        ET_EXEC | ET_DYN if is_kernel(elf) => {
            let arch = Architecture::of_target(elf.target).map_or("another CPU", Architecture::label);
            found(
                CauseId::NotAProgram,
                &format!("a kernel (vmlinux) for {arch}: it is linked for addresses of the kernel"),
            )
            .alone()
        }
        ET_EXEC | ET_DYN if elf.loader.is_none() && other_system(elf.osabi).is_some() => {
            let system = other_system(elf.osabi).unwrap_or_default();
            found(
                CauseId::WrongOsBinary,
                &format!("a program of {system}, by its EI_OSABI: Linux starts it, and its system calls fail"),
            )
        }
        ET_DYN if is_library(&about, elf) => found(CauseId::ObjectOrCoreOrLib, "a shared library")
            .evidence("it names no loader (PT_INTERP), and nothing in it starts a process"),
        _ => return None,
    };
    Some(finding)
}

/// ET_DYN is a library's type, a position-independent program's, and that of a loader, which is a library that starts.
fn is_library(path: &str, elf: &Inspection) -> bool {
    if elf.loader.is_some() || elf.dynamic.pie {
        return false;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let soname = elf.dynamic.name.as_ref().map(|name| to_text(name));
    // What needs libraries and names no loader finds none of them.
    if elf.entry == 0 || !elf.dynamic.needed.is_empty() {
        return true;
    }
    match soname {
        // ld-linux-x86-64.so.2, ld-musl-x86_64.so.1, which is musl's libc.so too.
        Some(soname) => !soname.starts_with("ld") && !soname.starts_with("libc."),
        None => !name.starts_with("ld") && (name.ends_with(".so") || name.contains(".so.")),
    }
}

/// No program of a user is at addresses of the kernel: the upper half, of 32-bit machines from 2 or 3 GB on.
fn is_kernel(elf: &Inspection) -> bool {
    let kernel = if elf.target.class == Class::Bits64 { 1 << 63 } else { 0x8000_0000 };
    // MIPS extends the sign of 32-bit addresses.
    elf.loader.is_none() && elf.lowest.is_some_and(|address| address >= kernel)
}

/// Systems whose programs say so in EI_OSABI and are linked statically. Those with a loader are told by that.
fn other_system(osabi: u8) -> Option<&'static str> {
    match osabi {
        6 => Some("Solaris"),
        9 => Some("FreeBSD"),
        _ => None,
    }
}

/// A module has its version in a section .modinfo.
fn is_module(setting: &Setting, path: &[u8]) -> bool {
    const MOST: usize = 1 << 20;
    if path.ends_with(b".ko") {
        return true;
    }
    let mut bytes = vec![0; MOST];
    let len = setting.root.open(path).ok().and_then(|file| file.read(&mut bytes, 0).ok()).unwrap_or(0);
    bytes[..len].contains_str("vermagic=")
}
