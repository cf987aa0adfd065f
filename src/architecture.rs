//! The architectures: the table of profiles/qemu.toml. Whatever is to be known of one (its names, what its programs look
//! like) is asked of it.

use crate::signature::{Class, Data, FlagBits, Signature, Types};

// Architecture and TABLE.
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
    /// Machines (`uname -m`) whose kernel may run these files itself.
    pub native_on: &'static [&'static str],
    /// What its programs look like.
    pub elf: ElfIdentity,
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
    pub fn row(self) -> &'static ArchitectureRow {
        &TABLE[self as usize]
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
