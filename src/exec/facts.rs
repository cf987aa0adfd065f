//! What the model must know of a machine besides its files. A snapshot: it can be written down and judged elsewhere.

use serde::{Deserialize, Serialize};

use super::identity::Identity;
use crate::binfmt::entry::Entry;
use crate::binfmt::table::Unreadable;
use crate::kernel::Kernel;

/// Everything that decides about execve(2) and is not in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecFacts {
    /// The kernel.
    pub kernel: Kernel,
    /// Its table of entries.
    pub table: TableFacts,
    /// Bytes of a page.
    pub page_size: u64,
    /// Whether programs of the CPU's 32-bit mode can run.
    pub compat: bool,
    /// Whether x32 programs can run (x86_64 alone).
    pub x32: bool,
    /// Who executes.
    pub identity: Identity,
    /// What decides where a program's segments can be.
    pub memory: MemoryFacts,
    /// The soft limit of the stack; `None` where there is none.
    pub stack_limit: Option<u64>,
    /// The environment that the program gets.
    pub environment: Environment,
    /// Mount points of that machine whose files cannot be executed, for a tree of files whose own mounts say nothing.
    #[serde(default)]
    pub noexec: Vec<String>,
}

/// The table as it is seen from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFacts {
    /// Whether it is seen at all.
    pub state: TableState,
    /// In the order in which the kernel looks at them: newest first.
    pub entries: Vec<Entry>,
    /// Entries that could not be read, which the model passes over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
}

/// Whether the table is seen, and whether it is enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableState {
    /// Seen, and on.
    Enabled,
    /// Seen, and off as a whole.
    Disabled,
    /// The kernel has none, or nobody mounted it.
    Absent,
    /// There may be entries, but not for our eyes: a container.
    Hidden,
}

/// What decides where a program's segments can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryFacts {
    /// vm.mmap_min_addr
    pub min_address: u64,
    /// vm.mmap_rnd_bits
    pub random_bits: u32,
    /// vm.mmap_rnd_compat_bits
    pub random_bits_compat: u32,
    /// Whether addresses are random at all (kernel.randomize_va_space, personality).
    pub randomised: bool,
    /// vm.overcommit_memory
    pub overcommit: u32,
    /// RAM and swap.
    pub bytes: u64,
}

/// How much space the environment takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Environment {
    /// Strings.
    pub count: u64,
    /// Their bytes, each with its NUL.
    pub bytes: u64,
    /// The longest of them, with its NUL.
    pub longest: u64,
}

impl TableFacts {
    /// A table that is enabled and has these entries, the newest first.
    pub fn with(entries: Vec<Entry>) -> Self {
        TableFacts { state: TableState::Enabled, entries, unreadable: Vec::new() }
    }

    /// No table at all.
    pub fn absent() -> Self {
        TableFacts { state: TableState::Absent, entries: Vec::new(), unreadable: Vec::new() }
    }
}

impl Environment {
    /// The environment of these strings.
    pub fn of<'a>(strings: impl IntoIterator<Item = &'a [u8]>) -> Self {
        strings.into_iter().fold(Environment::default(), |sum, string| {
            let len = string.len() as u64 + 1;
            Environment { count: sum.count + 1, bytes: sum.bytes + len, longest: sum.longest.max(len) }
        })
    }
}
