//! Pairs of emulator and kernel or guest, and programs, that are known to fail (data/known-bad.toml), for a warning.

use std::cmp::Ordering;

use super::debian::version::{compare, upstream};
use crate::kernel::Kernel;

/// A pair that fails.
#[derive(Debug, PartialEq, Eq)]
pub struct Pair {
    /// A name for it.
    pub id: &'static str,
    /// Versions of QEMU.
    pub emulator: Range,
    /// Kernels; all where there is none.
    pub kernel: Range,
    /// QEMU's names of the guests; all where there is none.
    pub guests: &'static [&'static str],
    /// What happens.
    pub symptom: &'static str,
    /// Which version to take instead.
    pub take: &'static str,
    /// The threads where it was found.
    pub sources: &'static [&'static str],
}

/// From a version (included) to another (excluded).
#[derive(Debug, PartialEq, Eq)]
pub struct Range {
    from: Option<&'static str>,
    below: Option<&'static str>,
}

impl Range {
    fn has(&self, version: &str) -> bool {
        self.from.is_none_or(|from| compare(version, from) != Ordering::Less)
            && self.below.is_none_or(|below| compare(version, below) == Ordering::Less)
    }
}

/// A program that needs more than what its emulator shows unasked.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// QEMU's names of its guests.
    pub guests: &'static [&'static str],
    /// What Go's build information says.
    pub go: &'static str,
    /// What QEMU_CPU has to be.
    pub cpu: &'static str,
    /// What happens without.
    pub symptom: &'static str,
}

/// A variable of the environment that QEMU takes for an option.
#[derive(Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does, whatever its value.
    pub effect: &'static str,
}

// TABLE, PROGRAMS and VARIABLES.
include!(concat!(env!("OUT_DIR"), "/known_bad.rs"));

/// Whether a version, as its maker writes it, is older than this number; not where it starts with no number.
pub fn older_than(version: &str, number: &str) -> bool {
    let version = upstream(version);
    !version.is_empty() && compare(version, number) == Ordering::Less
}

/// The pairs that this emulator (by its version, as its source writes it) would be one of.
pub fn warnings(emulator: &str, arch: &str, kernel: &Kernel) -> Vec<&'static Pair> {
    let emulator = upstream(emulator);
    if emulator.is_empty() {
        return Vec::new();
    }
    let (major, minor) = kernel.version();
    let kernel = format!("{major}.{minor}");
    let guest = |p: &Pair| p.guests.is_empty() || p.guests.contains(&arch);
    TABLE.iter().filter(|p| p.emulator.has(emulator) && p.kernel.has(&kernel) && guest(p)).collect()
}

/// What is known of a program of this guest that Go built with this variable and level.
pub fn of_program(guest: &str, variable: &str, level: &[u8]) -> Option<&'static Program> {
    let built = |program: &&Program| {
        program.go.strip_prefix(variable).and_then(|rest| rest.strip_prefix('=')).is_some_and(|l| l.as_bytes() == level)
    };
    PROGRAMS.iter().filter(|program| program.guests.contains(&guest)).find(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(emulator: &str, arch: &str, release: &str) -> Vec<&'static str> {
        let kernel = Kernel { release: release.into(), machine: "x86_64".into() };
        warnings(emulator, arch, &kernel).iter().map(|p| p.id).collect()
    }

    #[test]
    fn old_emulators_on_new_kernels_are_warned_about() {
        assert_eq!(ids("1:7.2+dfsg-7+deb12u18+b3", "aarch64", "6.8.0-31-generic"), ["static-segfault"]);
        assert_eq!(ids("7.2.22", "aarch64", "6.1.0-18-amd64"), Vec::<&str>::new());
        assert_eq!(ids("1:10.0.13+ds-0+deb13u1", "aarch64", "6.18.1"), Vec::<&str>::new());
        assert_eq!(ids("6.2.0", "arm", "5.15.0"), ["jammy-ldconfig"]);
        assert_eq!(ids("6.2.0", "s390x", "5.15.0"), Vec::<&str>::new());
        assert_eq!(ids("unknown", "arm", "6.8"), Vec::<&str>::new());
        assert_eq!(ids("7.2.22", "i386", "6.1.0"), ["go-386"]);
    }

    #[test]
    fn a_program_that_wants_a_newer_cpu_than_qemu_shows() {
        assert_eq!(of_program("ppc64le", "GOPPC64", b"power10").map(|p| p.cpu), Some("power10"));
        assert_eq!(of_program("ppc64le", "GOPPC64", b"power9"), None);
        assert_eq!(of_program("riscv64", "GOPPC64", b"power10"), None);
    }
}
