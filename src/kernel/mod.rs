//! What a kernel's execve(2) and binfmt_misc can do, told from its release string. The differences are data: matrix.toml.

use std::sync::LazyLock;

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

macro_rules! behaviours {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        /// What one kernel does; each field is explained in matrix.toml.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct Behaviour { $($(#[$doc])* pub $field: $type,)* }

        /// Versions, and the values that hold for them.
        #[derive(Debug, Default)]
        struct Row { from: &'static str, to: Option<&'static str>, vendor: Option<&'static str>, $($field: Option<$type>,)* }

        impl Behaviour {
            fn take(&mut self, row: &Row) {
                $(if let Some(value) = &row.$field { self.$field = value.clone(); })*
            }
        }

        impl Row {
            /// Sets one field; `None` for a name or a value that does not exist.
            fn set(&mut self, name: &str, value: &'static str) -> Option<()> {
                match name {
                    "from" => self.from = quoted(value)?,
                    "to" => self.to = Some(quoted(value)?),
                    "vendor" => self.vendor = Some(quoted(value)?),
                    $(stringify!($field) => self.$field = Some(<$type>::read(value)?),)*
                    _ => return None,
                }
                Some(())
            }
        }
    };
}

/// A value of the matrix.
trait Read: Sized {
    fn read(text: &str) -> Option<Self>;
}

impl Read for usize {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Read for bool {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Read for String {
    fn read(text: &str) -> Option<Self> {
        quoted(text).map(str::to_owned)
    }
}

impl Read for ScriptParser {
    fn read(text: &str) -> Option<Self> {
        match quoted(text)? {
            "old" => Some(ScriptParser::Old),
            "whole" => Some(ScriptParser::Whole),
            "new" => Some(ScriptParser::New),
            _ => None,
        }
    }
}

impl Read for Opens {
    fn read(text: &str) -> Option<Self> {
        match quoted(text)? {
            "first" => Some(Opens::First),
            "after-arguments" => Some(Opens::AfterArguments),
            _ => None,
        }
    }
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

behaviours! {
    /// BINPRM_BUF_SIZE.
    window: usize,
    /// The parser of `#!` lines.
    script: ScriptParser,
    /// The longest register string.
    register_max: usize,
    /// Letters of the flags field.
    flags: String,
    /// AT_FLAGS bit 0 tells of flag P.
    tells_preserve_argv0: bool,
    /// One rewrite behind O or C is the last.
    execfd_once: bool,
    /// A table for each user namespace.
    per_user_namespace: bool,
    /// Entries outlive the last umount.
    survives_umount: bool,
    /// The table's files can never be executed.
    noexec_superblock: bool,
    /// Entries of type B.
    bpf: bool,
    /// ENOEXEC asks modprobe first.
    module_request: bool,
    /// No arguments become one.
    fills_empty_argv: bool,
    /// AT_EXECVE_CHECK.
    check: bool,
    /// Program headers must fit a page.
    headers_within_page: bool,
    /// Bytes that a PT_INTERP file must have.
    interpreter_head: usize,
    /// Where an entry's interpreter is cut off.
    interpreter_path_max: usize,
    /// When the file is opened.
    opens: Opens,
    /// FIFOs and devices are opened.
    opens_specials: bool,
    /// ETXTBSY exists.
    text_busy: bool,
    /// `ia32_emulation=` exists.
    ia32_switch: bool,
    /// elf_load.
    new_bss: bool,
    /// PT_LOAD alignment counts for static PIE.
    aligns_static_pie: bool,
    /// arm64 reads PT_GNU_PROPERTY.
    properties: bool,
}

const MATRIX: &str = include_str!("matrix.toml");

/// Built in, and read whole by a test: it cannot be broken here.
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| rows(MATRIX).unwrap_or_default());

/// Reads the little of TOML that the matrix is written in. The whole of it takes a tenth of the doctor's time.
fn rows(text: &'static str) -> Option<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next(), words.next()) {
            (None, ..) => {}
            (Some(word), ..) if word.starts_with('#') => {}
            (Some("[[row]]"), ..) => rows.push(Row::default()),
            (Some(name), Some("="), Some(value)) => rows.last_mut()?.set(name, value)?,
            _ => return None,
        }
    }
    Some(rows)
}

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
            own >= version(row.from)
                && row.to.is_none_or(|to| own < version(to))
                && row.vendor.is_none_or(|vendor| self.release.contains(vendor))
        };
        ROWS.iter().filter(lies_in).fold(Behaviour::default(), |mut all, row| {
            all.take(row);
            all
        })
    }

    /// BINPRM_BUF_SIZE: how many bytes of a file an entry can look at.
    pub fn window(&self) -> usize {
        self.behaviour().window
    }

    /// The longest string that `register` takes.
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

    /// The letters that may stand in the flags field.
    pub fn flag_letters(&self) -> Vec<u8> {
        self.behaviour().flags.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(release: &str) -> Kernel {
        Kernel { release: release.into(), machine: "x86_64".into() }
    }

    #[test]
    fn the_matrix_is_sound() {
        let rows = rows(MATRIX).unwrap();
        assert!(rows.is_sorted_by_key(|row| version(row.from)));
        let whole: toml::Table = toml::from_str(MATRIX).unwrap();
        assert_eq!(rows.len(), whole["row"].as_array().unwrap().len());
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
