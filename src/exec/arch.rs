//! Which ELF loaders a kernel has, which files they accept, and where they put them (elf_check_arch and
//! compat_elf_check_arch of each architecture). e_machine decides; EI_CLASS only where said so. Pure.

use super::facts::ExecFacts;
use crate::architecture::Architecture;
use crate::elf::{self, Header, Layout};

/// One of the kernel's ELF loaders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loader {
    /// The CPU's own mode, or the 32-bit one next to it.
    pub(super) native: bool,
    /// In which it reads headers and program headers.
    pub(super) layout: Layout,
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

impl Loader {
    const fn new(layout: Layout, end: u64, accepts: Accepts) -> Loader {
        Loader { native: true, layout, end, base: end / 3 * 2, properties: false, accepts }
    }
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
    let own = Layout { class: arch.row().elf.class, data: arch.row().elf.data };
    let native = |end, accepts| Loader::new(own, end, accepts);
    let narrow = |end, accepts| {
        let layout = Layout { class: elf::Class::Bits32, ..own };
        Loader { native: false, ..Loader::new(layout, end, accepts) }
    };
    let compat = |end, accepts| built.compat.then(|| narrow(end, accepts));
    let (native, other) = match arch {
        Architecture::X86_64 => {
            let machines = match (built.compat, built.x32) {
                (true, false) => IA32,
                (true, true) => IA32_AND_X32,
                (false, true) => X86_64,
                (false, false) => &[],
            };
            let ia32 = Loader { base: 0x5655_5000, ..narrow(0xffff_e000, Machines(machines)) };
            (native(0x7fff_ffff_f000, Machines(X86_64)), Some(ia32))
        }
        Architecture::I386 => (native(0xc000_0000, Machines(IA32)), None),
        Architecture::Aarch64 => {
            let native = native(256 * TERA, Machines(const { &[number(Architecture::Aarch64)] }));
            (Loader { properties: built.properties, ..native }, compat(0xffff_f000, ArmCompat))
        }
        Architecture::Arm => (native(0xbf00_0000, Arm), None),
        Architecture::Armeb => (native(0xbf00_0000, Arm), None),
        Architecture::Riscv64 => {
            let machines = const { &[number(Architecture::Riscv64)] };
            (native(128 * TERA, Class(machines, 2)), compat(1 << 31, Class(machines, 1)))
        }
        Architecture::Ppc64 | Architecture::Ppc64le => {
            let machines = const { &[number(Architecture::Ppc64)] };
            let other = const { &[number(Architecture::Ppc)] };
            (native(64 * TERA, Machines(machines)), compat(0xffff_f000, Machines(other)))
        }
        Architecture::S390x => (native(4096 * TERA, Class(S390, 2)), compat(1 << 31, Class(S390, 1))),
        Architecture::Mips64el => {
            let machines = const { &[number(Architecture::Mips64el)] };
            (native(TERA, Class(machines, 2)), compat(0x7fff_8000, Class(machines, 1)))
        }
        Architecture::Loongarch64 => {
            let machines = const { &[number(Architecture::Loongarch64)] };
            (native(128 * TERA, Class(machines, 2)), None)
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

    /// Whether its programs have 64-bit addresses.
    pub(super) fn is_wide(&self) -> bool {
        self.layout.class == elf::Class::Bits64
    }
}
