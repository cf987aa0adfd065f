//! Which ELF loaders a kernel has, which files they accept, and where they put them (elf_check_arch and
//! compat_elf_check_arch of each architecture). e_machine decides; EI_CLASS only where said so. Pure.

use super::elf::Header;
use super::facts::ExecFacts;
use crate::architecture::Architecture;

/// One of the kernel's ELF loaders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loader {
    /// The CPU's own mode, or the 32-bit one next to it.
    pub(super) native: bool,
    /// 64-bit layout of header and program headers.
    pub(super) wide: bool,
    /// Little-endian.
    pub(super) little: bool,
    /// First address that no program may use.
    pub(super) end: u64,
    /// Where position-independent programs with an interpreter begin (ELF_ET_DYN_BASE).
    pub(super) base: u64,
    /// Whether it looks at PT_GNU_PROPERTY.
    pub(super) properties: bool,
    accepts: Accepts,
}

#[derive(Debug, Clone, Copy)]
enum Accepts {
    /// These e_machines.
    Machines(&'static [u16]),
    /// These e_machines and this EI_CLASS.
    Class(&'static [u16], u8),
    /// ARM: APCS-26 or a version of the EABI in e_flags.
    Arm,
    /// ARM on arm64: any version of the EABI.
    ArmCompat,
}

const fn loader(native: bool, wide: bool, little: bool, end: u64, accepts: Accepts) -> Loader {
    Loader { native, wide, little, end, base: end / 3 * 2, properties: false, accepts }
}

/// The number of e_machine that an architecture's programs have.
const fn number(arch: Architecture) -> u16 {
    arch.row().elf.machines[0]
}

/// EM_486 and EM_S390_OLD, which no program has today, and kernels still accept.
const EM_486: u16 = 6;
const EM_S390_OLD: u16 = 0xa390;

const ARM: u16 = number(Architecture::Arm);
const X86_64: &[u16] = &[number(Architecture::X86_64)];
const IA32: &[u16] = &[number(Architecture::I386), EM_486];
const IA32_AND_X32: &[u16] = &[number(Architecture::I386), EM_486, number(Architecture::X86_64)];
const S390: &[u16] = &[number(Architecture::S390x), EM_S390_OLD];

/// What a kernel was built with, and what the machine has: what its loaders depend on besides its architecture.
#[derive(Debug, Clone, Copy, Default)]
struct Built {
    compat: bool,
    x32: bool,
    properties: bool,
}

/// The loaders of a kernel, in the order in which it tries them.
pub(super) fn loaders(facts: &ExecFacts) -> Vec<Loader> {
    let properties = facts.kernel.behaviour().properties;
    let built = Built { compat: facts.compat, x32: facts.x32, properties };
    Architecture::of_machine(&facts.kernel.machine).map(|arch| loaders_of(arch, built)).unwrap_or_default()
}

/// Whether the kernels of an architecture are modelled.
pub fn is_modelled(arch: Architecture) -> bool {
    !loaders_of(arch, Built::default()).is_empty()
}

fn loaders_of(arch: Architecture, built: Built) -> Vec<Loader> {
    use Accepts::{Arm, ArmCompat, Class, Machines};
    const TERA: u64 = 1 << 40;
    let compat = |other: Loader| built.compat.then_some(other);
    let (native, other) = match arch {
        Architecture::X86_64 => {
            let machines = match (built.compat, built.x32) {
                (true, false) => IA32,
                (true, true) => IA32_AND_X32,
                (false, true) => X86_64,
                (false, false) => &[],
            };
            let ia32 = Loader { base: 0x5655_5000, ..loader(false, false, true, 0xffff_e000, Machines(machines)) };
            (loader(true, true, true, 0x7fff_ffff_f000, Machines(X86_64)), Some(ia32))
        }
        Architecture::I386 => (loader(true, false, true, 0xc000_0000, Machines(IA32)), None),
        Architecture::Aarch64 => {
            let native = loader(true, true, true, 256 * TERA, Machines(const { &[number(Architecture::Aarch64)] }));
            let compat = compat(loader(false, false, true, 0xffff_f000, ArmCompat));
            (Loader { properties: built.properties, ..native }, compat)
        }
        Architecture::Arm => (loader(true, false, true, 0xbf00_0000, Arm), None),
        Architecture::Armeb => (loader(true, false, false, 0xbf00_0000, Arm), None),
        Architecture::Riscv64 => {
            let machines = const { &[number(Architecture::Riscv64)] };
            let other = loader(false, false, true, 1 << 31, Class(machines, 1));
            (loader(true, true, true, 128 * TERA, Class(machines, 2)), compat(other))
        }
        Architecture::Ppc64 | Architecture::Ppc64le => {
            let little = arch == Architecture::Ppc64le;
            let other = loader(false, false, little, 0xffff_f000, Machines(const { &[number(Architecture::Ppc)] }));
            let machines = const { &[number(Architecture::Ppc64)] };
            (loader(true, true, little, 64 * TERA, Machines(machines)), compat(other))
        }
        Architecture::S390x => {
            let other = loader(false, false, false, 1 << 31, Class(S390, 1));
            (loader(true, true, false, 4096 * TERA, Class(S390, 2)), compat(other))
        }
        Architecture::Mips64el => {
            let machines = const { &[number(Architecture::Mips64el)] };
            let other = loader(false, false, true, 0x7fff_8000, Class(machines, 1));
            (loader(true, true, true, TERA, Class(machines, 2)), compat(other))
        }
        Architecture::Loongarch64 => {
            let machines = const { &[number(Architecture::Loongarch64)] };
            (loader(true, true, true, 128 * TERA, Class(machines, 2)), None)
        }
        _ => return Vec::new(),
    };
    std::iter::once(native).chain(other).collect()
}

impl Loader {
    /// Whether it takes files of this machine.
    pub(super) fn accepts(&self, header: &Header) -> bool {
        match self.accepts {
            Accepts::Machines(machines) => machines.contains(&header.machine),
            Accepts::Class(machines, class) => machines.contains(&header.machine) && header.class == class,
            Accepts::ArmCompat => header.machine == ARM && header.flags & 0xff00_0000 != 0,
            Accepts::Arm => {
                // FDPIC has a loader of its own; bit 0 of the entry means Thumb.
                let aligned = header.entry & 1 == 1 || header.entry & 3 == 0;
                header.machine == ARM && header.osabi != 65 && aligned
            }
        }
    }

    /// Bytes of a header.
    pub(super) fn header_len(&self) -> usize {
        if self.wide { 64 } else { 52 }
    }

    /// Bytes of a program header.
    pub(super) fn segment_len(&self) -> u16 {
        if self.wide { 56 } else { 32 }
    }
}
