//! What keeps the table, and with it the entries, after this process.

use serde::{Deserialize, Serialize};

/// What keeps the table alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldBy {
    /// A mount that stays in this mount namespace.
    Mount,
    /// A mount in this mount namespace, which is not the machine's own.
    Namespace,
    /// A mount in the mount namespace of process 1.
    HostMount,
    /// The entries themselves.
    Entries,
    /// A process of ours that keeps running.
    Process,
    /// Somebody else: the table outlived our own mount of it.
    Elsewhere,
}

impl HeldBy {
    /// In words.
    pub fn describe(self) -> &'static str {
        match self {
            HeldBy::Mount => "the table remains mounted here",
            HeldBy::Namespace => "the table lasts as long as the mounts of this namespace",
            HeldBy::HostMount => "the table remains mounted on the host",
            HeldBy::Entries => "the entries hold their table: they remain when this container is gone",
            HeldBy::Process => "the table lasts as long as this process",
            HeldBy::Elsewhere => {
                "the table is held elsewhere, or by the kernel itself: it outlived our own mount of it"
            }
        }
    }
}
