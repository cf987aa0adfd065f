//! Whether a file can be an emulator here: an ELF program of this machine, static, whole.

use crate::architecture::Architecture;
pub use crate::elf::PREFIX;
use crate::elf::{self, ET_DYN, ET_EXEC, Elf, Target};
use crate::error::{Error, Result};

/// Refuses what cannot run as an emulator on `machine` (`uname -m`). `prefix` is the file's start, at least
/// [`PREFIX`] bytes where it has them, `size` its whole length.
///
/// # Errors
/// It is not an ELF program, not of this machine, not static, or cut short.
pub fn check(what: &str, prefix: &[u8], size: u64, machine: &str) -> Result<()> {
    let refused = |why: String| Error::failed(format!("looking at the emulator {what}"), why);
    let elf = elf::parse(prefix).map_err(refused)?;
    let native = Architecture::of_machine(machine).map(Architecture::target);
    if let Some(why) = native.and_then(|native| unfit(&elf, native)) {
        let help = match elf.interpreter {
            Some(_) => "use a static build: Debian's qemu-user-static (bookworm) or qemu-user (trixie)".to_owned(),
            None => format!("use the package or the image's platform for {machine}"),
        };
        return Err(refused(why).help(help));
    }
    if elf.end > size {
        return Err(refused(format!(
            "it is cut short: its headers expected at least {} bytes, it has {size}",
            elf.end
        )));
    }
    Ok(())
}

/// Why a program cannot be an emulator on a machine whose own programs are for `native`; `None` when it can.
pub fn unfit(elf: &Elf, native: Target) -> Option<String> {
    if elf.target != native {
        let name = |target| Architecture::of_elf(target, 0).map_or("another CPU", |arch| arch.row().name);
        let (came, number) = (name(elf.target), elf.target.machine);
        return Some(format!(
            "it is itself a program for another machine: built for {came} (e_machine {number}), this one is {}",
            name(native)
        ));
    }
    if !matches!(elf.kind, ET_EXEC | ET_DYN) {
        return Some(format!("it is not a program: e_type {}, expected 2 (EXEC) or 3 (DYN)", elf.kind));
    }
    let loader = elf.interpreter.as_ref()?;
    Some(format!("it is not static: it needs {loader} in every container where it is to run"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        check("qemu-x", &elf(62, 2, 1), 120, "x86_64").unwrap();
    }

    #[test]
    fn the_rest_is_refused_with_its_reason() {
        assert!(why(b"#!/bin/sh\n").contains("not an ELF"));
        assert!(why(b"").contains("not an ELF"));
        assert!(why(&elf(183, 2, 1)).contains("built for aarch64"));
        assert!(why(&elf(62, 1, 1)).contains("e_type 1"));
        assert!(why(&elf(62, 3, 3)).contains("not static"));
        assert!(why(&elf(62, 2, 1)[..100]).contains("outside"));
        assert!(check("x", &elf(62, 2, 1), 119, "x86_64").unwrap_err().to_string().contains("cut short"));
    }
}
