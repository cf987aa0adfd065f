//! Arguments of the verbs that fetch and keep emulators, as the user wrote them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Where emulators come from. Shared by every verb that may fetch.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Where emulators come from")]
pub struct SourceArgs {
    /// A directory, a .deb or tar file, docker://IMAGE[@DIGEST], oci:DIR or docker-archive:FILE
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["qemu", "suite", "mirror"])]
    pub from: Option<String>,
    /// Version of QEMU from the Debian archive: stable, latest or a number like 10.0
    #[arg(long, value_name = "VERSION")]
    pub qemu: Option<String>,
    /// Suite of the Debian archive, for example trixie-backports
    #[arg(long, value_name = "NAME")]
    pub suite: Option<String>,
    /// Mirror of the Debian archive [default: the configuration's, apt's, or Debian's own]
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// Keyring with the archive's signing keys, instead of Debian's own
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
    /// Accept an index that has expired, or one older than the newest seen before
    #[arg(long)]
    pub allow_expired: bool,
    /// Use what was fetched before, and make no connection
    #[arg(long)]
    pub offline: bool,
    /// Number of threads that decompress [default: one per CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub jobs: Option<u8>,
}

/// rbinfmt fetch
#[derive(Debug, Clone, Args)]
pub struct FetchArgs {
    /// Architectures: arm64, s390x, linux/riscv64 ... [default: all]
    #[arg(value_name = "ARCH")]
    pub archs: Vec<String>,
    /// Use what was fetched, even if another version is in use
    #[arg(long = "use")]
    pub use_: bool,
    /// Where the emulators come from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// rbinfmt emulators
#[derive(Debug, Clone, Args)]
pub struct EmulatorsArgs {
    /// What to do; by default they are listed.
    #[command(subcommand)]
    pub command: Option<EmulatorsCommand>,
}

/// What can be done with installed emulators.
#[derive(Debug, Clone, Subcommand)]
pub enum EmulatorsCommand {
    /// Choose the version in use, for some architectures or for all that it has
    Use {
        /// The id of a version, the start of an id, or a version number
        id: String,
        /// Architectures [default: all that the version has]
        archs: Vec<String>,
    },
    /// Remove a version that is not in use
    Remove {
        /// The id of a version, the start of an id, or a version number
        id: String,
    },
    /// Remove all versions that are not in use, and the cache of fetched files
    Gc,
    /// Print a path of an architecture's emulator that stays the same when another version comes into use
    Path {
        /// The architecture
        arch: String,
    },
    /// Make links qemu-ARCH and qemu-ARCH-static in a directory, for programs that look for these names in PATH
    Link {
        /// The directory
        directory: PathBuf,
        /// Architectures [default: all that are in use]
        archs: Vec<String>,
    },
    /// Remove the links that `link` made in a directory
    Unlink {
        /// The directory
        directory: PathBuf,
    },
}
