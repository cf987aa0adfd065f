//! Which ELF loaders a kernel has, which files they accept, and where they put them (elf_check_arch and
//! compat_elf_check_arch of each architecture). e_machine decides; EI_CLASS only where said so. Pure.

use super::elf::Header;
use super::facts::ExecFacts;

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

/// The loaders of a kernel, in the order in which it tries them.
pub(super) fn loaders(facts: &ExecFacts) -> Vec<Loader> {
    use Accepts::{Arm, ArmCompat, Class, Machines};
    const TERA: u64 = 1 << 40;
    let compat = |other: Loader| facts.compat.then_some(other);
    let (native, other) = match facts.kernel.machine.as_str() {
        "x86_64" => {
            let machines: &[u16] = match (facts.compat, facts.x32) {
                (true, false) => &[3, 6],
                (true, true) => &[3, 6, 62],
                (false, true) => &[62],
                (false, false) => &[],
            };
            let ia32 = Loader { base: 0x5655_5000, ..loader(false, false, true, 0xffff_e000, Machines(machines)) };
            (loader(true, true, true, 0x7fff_ffff_f000, Machines(&[62])), Some(ia32))
        }
        "i386" | "i486" | "i586" | "i686" => (loader(true, false, true, 0xc000_0000, Machines(&[3, 6])), None),
        "aarch64" => {
            let native = loader(true, true, true, 256 * TERA, Machines(&[183]));
            let properties = facts.kernel.behaviour().properties;
            (Loader { properties, ..native }, compat(loader(false, false, true, 0xffff_f000, ArmCompat)))
        }
        m if m.starts_with("arm") => (loader(true, false, !m.ends_with('b'), 0xbf00_0000, Arm), None),
        "riscv64" => {
            let end = 128 * TERA;
            (
                loader(true, true, true, end, Class(&[243], 2)),
                compat(loader(false, false, true, 1 << 31, Class(&[243], 1))),
            )
        }
        m @ ("ppc64" | "ppc64le") => {
            let little = m == "ppc64le";
            let other = loader(false, false, little, 0xffff_f000, Machines(&[20]));
            (loader(true, true, little, 64 * TERA, Machines(&[21])), compat(other))
        }
        "s390x" => {
            let other = loader(false, false, false, 1 << 31, Class(&[22, 0xa390], 1));
            (loader(true, true, false, 4096 * TERA, Class(&[22, 0xa390], 2)), compat(other))
        }
        // Both byte orders call themselves mips64: the one of nearly all machines today.
        "mips64" => {
            let other = loader(false, false, true, 0x7fff_8000, Class(&[8], 1));
            (loader(true, true, true, TERA, Class(&[8], 2)), compat(other))
        }
        "loongarch64" => (loader(true, true, true, 128 * TERA, Class(&[258], 2)), None),
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
            Accepts::ArmCompat => header.machine == 40 && header.flags & 0xff00_0000 != 0,
            Accepts::Arm => {
                // FDPIC has a loader of its own; bit 0 of the entry means Thumb.
                let aligned = header.entry & 1 == 1 || header.entry & 3 == 0;
                header.machine == 40 && header.osabi != 65 && aligned
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
