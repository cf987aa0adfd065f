//! What a kernel's execve(2) and binfmt_misc can do, told from its release string. The differences are data: matrix.toml.

use serde::{Deserialize, Serialize};

/// A kernel by its release ("6.1.0-18-amd64") and its machine ("x86_64"), as uname(2) gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// `uname -r`
    pub release: String,
    /// `uname -m`
    pub machine: String,
}

/// Which parser of `#!` lines a kernel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScriptParser {
    /// Up to 4.20: runs a name that was cut off.
    Old,
    /// 5.0 to 5.7: refuses a name that was cut off.
    Whole,
    /// 5.8 and later.
    #[default]
    New,
}

/// When the file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Opens {
    /// Before the arguments are counted.
    #[default]
    First,
    /// After the arguments were copied.
    AfterArguments,
}

/// What one kernel does; each field is explained in matrix.toml.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Behaviour {
    /// BINPRM_BUF_SIZE.
    pub window: usize,
    /// The parser of `#!` lines.
    pub script: ScriptParser,
    /// The longest register string.
    pub register_max: usize,
    /// Letters of the flags field.
    pub flags: &'static str,
    /// AT_FLAGS bit 0 tells of flag P.
    pub tells_preserve_argv0: bool,
    /// One rewrite after O or C is the last.
    pub execfd_once: bool,
    /// A table for each user namespace.
    pub per_user_namespace: bool,
    /// Entries outlive the last umount.
    pub survives_umount: bool,
    /// The table's files can never be executed.
    pub noexec_superblock: bool,
    /// Entries of type B.
    pub bpf: bool,
    /// ENOEXEC asks modprobe first.
    pub module_request: bool,
    /// No arguments become one.
    pub fills_empty_argv: bool,
    /// AT_EXECVE_CHECK.
    pub check: bool,
    /// Program headers must fit a page.
    pub headers_within_page: bool,
    /// Bytes that a PT_INTERP file must have.
    pub interpreter_head: usize,
    /// Where an entry's interpreter is cut off.
    pub interpreter_path_max: usize,
    /// When the file is opened.
    pub opens: Opens,
    /// FIFOs and devices are opened.
    pub opens_specials: bool,
    /// ETXTBSY exists.
    pub text_busy: bool,
    /// `ia32_emulation=` exists.
    pub ia32_switch: bool,
    /// elf_load.
    pub new_bss: bool,
    /// PT_LOAD alignment counts for static PIE.
    pub aligns_static_pie: bool,
    /// arm64 reads PT_GNU_PROPERTY.
    pub properties: bool,
}

/// Versions, and what changes with them.
struct Row {
    from: Version,
    to: Option<Version>,
    vendor: Option<&'static str>,
    change: fn(&mut Behaviour),
}

// ROWS
include!(concat!(env!("OUT_DIR"), "/kernel.rs"));

/// Major, minor and patch.
type Version = (u32, u32, u32);

/// The first three numbers of a release; missing ones count as 0, and a release that starts with none as new.
fn version(release: &str) -> Version {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().ok());
    let mut next = || numbers.next().flatten();
    next().map_or((u32::MAX, 0, 0), |major| (major, next().unwrap_or(0), next().unwrap_or(0)))
}

impl Kernel {
    /// The running kernel.
    pub fn running() -> Self {
        let (release, machine) = match nix::sys::utsname::uname() {
            Ok(u) => (u.release().to_string_lossy().into_owned(), u.machine().to_string_lossy().into_owned()),
            Err(_) => (String::new(), std::env::consts::ARCH.to_owned()),
        };
        Kernel { release, machine }
    }

    /// Major and minor number; an unreadable release counts as new.
    pub fn version(&self) -> (u32, u32) {
        let (major, minor, _) = version(&self.release);
        (major, minor)
    }

    /// Everything that it does in its own way.
    pub fn behaviour(&self) -> Behaviour {
        let own = version(&self.release);
        let lies_in = |row: &&Row| {
            own >= row.from
                && row.to.is_none_or(|to| own < to)
                && row.vendor.is_none_or(|vendor| self.release.contains(vendor))
        };
        let mut behaviour = Behaviour::default();
        for row in ROWS.iter().filter(lies_in) {
            (row.change)(&mut behaviour);
        }
        behaviour
    }

    /// BINPRM_BUF_SIZE: how many bytes of a file an entry can look at.
    pub fn window(&self) -> usize {
        self.behaviour().window
    }

    /// The longest string that `register` accepts.
    pub fn register_max(&self) -> usize {
        self.behaviour().register_max
    }

    /// Whether flag F (keep the interpreter's file open) exists.
    pub fn knows_fix_binary(&self) -> bool {
        self.flag_letters().contains(&b'F')
    }

    /// Whether the interpreter is told of flag P (AT_FLAGS).
    /// A first guess only: what really arrives is found by trying.
    pub fn tells_preserve_argv0(&self) -> bool {
        self.behaviour().tells_preserve_argv0
    }

    /// The letters that may be in the flags field.
    pub fn flag_letters(&self) -> &'static [u8] {
        self.behaviour().flags.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(release: &str) -> Kernel {
        Kernel { release: release.into(), machine: "x86_64".into() }
    }

    #[test]
    fn centos_7_and_8_are_told_apart_from_upstream() {
        let el7 = kernel("3.10.0-1160.el7.x86_64");
        assert_eq!((el7.window(), el7.register_max(), el7.knows_fix_binary()), (128, 256, false));
        let el8 = kernel("4.18.0-240.el8.x86_64");
        assert_eq!((el8.window(), el8.register_max(), el8.knows_fix_binary()), (256, 1920, true));
        assert_eq!(el8.behaviour().script, ScriptParser::Old);
        assert!(!el8.tells_preserve_argv0());
        assert_eq!(kernel("4.19.1").window(), 128);
        assert_eq!(kernel("6.18.44-fc").window(), 256);
    }

    #[test]
    fn what_came_and_went_in_stable_kernels() {
        let of = |release| kernel(release).behaviour();
        assert!(of("5.10.223").fills_empty_argv && !of("5.14.2").fills_empty_argv && of("5.19.0").fills_empty_argv);
        assert!(!of("6.11.3").text_busy && of("6.11.11").text_busy && !of("6.12.1").text_busy);
        assert!(!of("6.18.2").noexec_superblock && of("6.18.44").noexec_superblock);
        assert!(of("6.13.7").module_request && !of("6.18.2").module_request);
        assert_eq!((of("6.1.176").opens, of("6.8.1").opens), (Opens::AfterArguments, Opens::First));
        assert_eq!(of("7.3.4").flags, "POCFTLD");
    }

    #[test]
    fn an_unreadable_release_counts_as_new() {
        assert!(kernel("").knows_fix_binary());
        assert_eq!(kernel("seven").version(), (u32::MAX, 0));
    }
}
