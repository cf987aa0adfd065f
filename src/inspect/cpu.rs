//! What a file's CPU is called, whether or not anything emulates it.

use crate::architecture::Architecture;
use crate::elf::{Class, Target};

// MACHINES: those that QEMU emulates no programs for, by e_machine.
include!(concat!(env!("OUT_DIR"), "/machines.rs"));

const EM_MIPS: u16 = 8;
const EM_PPC64: u16 = 21;
const EM_S390: u16 = 22;
const EM_X86_64: u16 = 62;
const EF_MIPS_ABI2: u32 = 0x20;
const EF_PPC64_ABI: u32 = 3;

/// The CPU and, where it is not the usual one, the ABI of a file: "arm64", "mips64p32le (n32)", "C-SKY".
pub fn cpu(target: Target, flags: u32) -> String {
    let sharing = || Architecture::ALL.into_iter().find(|arch| arch.row().elf.machines.contains(&target.machine));
    let other = || MACHINES.iter().find(|(machine, _)| *machine == target.machine).map(|(_, name)| name.as_str());
    let known = Architecture::of_elf(target, flags);
    let Some(name) = known.map(Architecture::label).or_else(other).or_else(|| Some(sharing()?.label())) else {
        return format!("machine {} (e_machine)", target.machine);
    };
    match abi(target, flags) {
        Some(abi) => format!("{name} ({abi})"),
        None if known.is_none() && other().is_none() => format!("{name} ({} bit)", u8::from(target.class)),
        None => name.to_owned(),
    }
}

fn abi(target: Target, flags: u32) -> Option<&'static str> {
    match (target.machine, target.class) {
        (EM_MIPS, Class::Bits32) if flags & EF_MIPS_ABI2 != 0 => Some("n32"),
        (EM_PPC64, Class::Bits64) if flags & EF_PPC64_ABI == 1 => Some("ELFv1"),
        (EM_S390, Class::Bits32) => Some("31 bit"),
        (EM_X86_64, Class::Bits32) => Some("x32"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::Data;

    #[test]
    fn abis_and_machines_that_nothing_emulates_have_names() {
        let name = |class, data, machine, flags| cpu(Target { class, data, machine }, flags);
        for (wanted, class, data, machine, flags) in [
            ("arm64", Class::Bits64, Data::Little, 183, 0),
            ("arm64be", Class::Bits64, Data::Big, 183, 0),
            ("arm64 (32 bit)", Class::Bits32, Data::Little, 183, 0),
            ("mips64p32le (n32)", Class::Bits32, Data::Little, 8, 0x8000_0020),
            ("mipsle", Class::Bits32, Data::Little, 8, 0x1000),
            ("ppc64 (ELFv1)", Class::Bits64, Data::Big, 21, 1),
            ("s390 (31 bit)", Class::Bits32, Data::Big, 22, 0),
            ("s390x", Class::Bits64, Data::Big, 22, 0),
            ("amd64 (x32)", Class::Bits32, Data::Little, 62, 0),
            ("C-SKY", Class::Bits32, Data::Little, 252, 0),
            ("machine 999 (e_machine)", Class::Bits32, Data::Little, 999, 0),
        ] {
            assert_eq!(name(class, data, machine, flags), wanted);
        }
    }
}
