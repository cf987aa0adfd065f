//! The architectures: the table of profiles/qemu.toml. What is to be known of one (what it is called, what its programs
//! look like, where its loaders are) is asked of it.

use crate::elf::{Class, Data, Target};
use crate::signature::{FlagBits, Signature, Types};

// Architecture, BUILDKIT and TABLE.
include!(concat!(env!("OUT_DIR"), "/architectures.rs"));

/// What is known of an architecture.
#[derive(Debug)]
pub struct ArchitectureRow {
    /// QEMU's name.
    pub name: &'static str,
    /// OCI platforms ("linux/arm64"), the usual one first; none where OCI has no name.
    pub platforms: &'static [&'static str],
    /// Other spellings that people use.
    pub aliases: &'static [&'static str],
    /// What `uname -m` says of its kernels, the usual one first.
    pub machines: &'static [&'static str],
    /// Machines (`uname -m`) of other architectures whose kernel may run its programs itself.
    pub native_on: &'static [&'static str],
    /// What its programs look like.
    pub elf: ElfIdentity,
    /// The ABIs that they are for, the usual one first.
    pub abis: &'static [Abi],
    /// The program that shows whether emulation works.
    pub probe: Option<ProbeInstructions>,
}

/// What an architecture's programs look like, in ELF's own terms.
#[derive(Debug)]
pub struct ElfIdentity {
    /// EI_CLASS
    pub class: Class,
    /// EI_DATA
    pub data: Data,
    /// The numbers of e_machine in use, the official one first.
    pub machines: &'static [u16],
    /// Bits of e_flags, where nothing else tells it from another.
    pub flags: Option<FlagBits>,
}

/// What programs of one architecture share: calling convention, C library, and where distributions have that.
#[derive(Debug)]
pub struct Abi {
    /// Debian's name of the port.
    pub debian: Option<&'static str>,
    /// The directory of its libraries below /usr/lib: "arm-linux-gnueabihf".
    pub triplet: &'static str,
    /// GNU's name of it: "i686-linux-gnu", where the triplet is "i386-linux-gnu".
    pub gnu: &'static str,
    /// EI_CLASS
    pub class: Class,
    /// The only machines (`uname -m`) that it is for; empty for all of the architecture.
    pub machines: &'static [&'static str],
    /// glibc's program loader (PT_INTERP), and other places of it.
    pub glibc: &'static [&'static str],
    /// musl's.
    pub musl: &'static [&'static str],
    /// Debian's package with glibc below /usr/GNU, for cross-building.
    pub sysroot: Option<&'static str>,
}

/// The code of a probe.
#[derive(Debug)]
pub struct ProbeInstructions {
    /// e_flags
    pub flags: u32,
    /// The instructions, in memory order.
    pub code: &'static [u8],
}

impl Architecture {
    /// Its row of the table.
    pub const fn row(self) -> &'static ArchitectureRow {
        &TABLE[self as usize]
    }

    /// The one of this name of QEMU's.
    pub fn named(name: &str) -> Option<Architecture> {
        Architecture::ALL.into_iter().find(|a| a.row().name == name)
    }

    /// The one whose kernels say this in `uname -m`.
    pub fn of_machine(machine: &str) -> Option<Architecture> {
        Architecture::ALL.into_iter().find(|a| a.row().machines.contains(&machine))
    }

    /// The one whose programs have this header.
    pub fn of_elf(target: Target, flags: u32) -> Option<Architecture> {
        let is_it = |a: &Architecture| {
            let elf = &a.row().elf;
            let same =
                elf.machines.contains(&target.machine) && elf.data == target.data && a.row().has_class(target.class);
            same && elf.flags.is_none_or(|bits| flags & bits.mask == bits.value)
        };
        Architecture::ALL.into_iter().find(is_it)
    }

    /// The one that a program with these first bytes is for.
    pub fn of_program(head: &[u8]) -> Option<Architecture> {
        let is_it = |a: &Architecture| a.row().elf.signatures().any(|s| s.rule().refuses(head).is_none());
        Architecture::ALL.into_iter().find(is_it)
    }

    /// Whether a kernel of `other` may run its programs without an emulator.
    pub fn runs_on(self, other: Architecture) -> bool {
        self == other || self.row().native_on.iter().any(|machine| other.row().machines.contains(machine))
    }

    /// The loader that its programs are for.
    pub fn target(self) -> Target {
        let elf = &self.row().elf;
        Target { class: elf.class, data: elf.data, machine: elf.machines[0] }
    }

    /// What to call it before people: the name that OCI has for it, or QEMU's.
    pub fn label(self) -> &'static str {
        let platform = self.row().platforms.first().and_then(|platform| platform.split('/').nth(1));
        platform.unwrap_or(self.row().name)
    }

    /// Its ABI on a machine of this name.
    pub fn abi_of_machine(self, machine: &str) -> Option<&'static Abi> {
        self.row().abis.iter().find(|abi| abi.machines.is_empty() || abi.machines.contains(&machine))
    }
}

impl ArchitectureRow {
    fn has_class(&self, class: Class) -> bool {
        self.elf.class == class || self.abis.iter().any(|abi| abi.class == class)
    }
}

impl ElfIdentity {
    /// One signature for each number of e_machine.
    pub fn signatures(&self) -> impl Iterator<Item = Signature> {
        self.machines.iter().map(|&machine| Signature {
            class: self.class,
            data: self.data,
            machine,
            flags: self.flags,
            types: Types::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_architecture_is_found_by_each_of_its_names() {
        for arch in Architecture::ALL {
            let row = arch.row();
            assert_eq!(Architecture::named(row.name), Some(arch));
            assert!(row.machines.iter().all(|machine| Architecture::of_machine(machine) == Some(arch)), "{row:?}");
            let flags = row.elf.flags.map_or(0, |bits| bits.value);
            assert_eq!(Architecture::of_elf(arch.target(), flags), Some(arch), "{row:?}");
            let head = row.elf.signatures().next().unwrap().ordinary_files().magic;
            assert_eq!(Architecture::of_program(&head), Some(arch));
        }
        assert_eq!(Architecture::of_machine("vax"), None);
    }

    #[test]
    fn an_abi_is_that_of_the_machine() {
        let debian = |machine| Architecture::of_machine(machine)?.abi_of_machine(machine)?.debian;
        for (machine, name) in [("x86_64", "amd64"), ("armv7l", "armhf"), ("armv6l", "armel"), ("i686", "i386")] {
            assert_eq!(debian(machine), Some(name));
        }
    }
}
