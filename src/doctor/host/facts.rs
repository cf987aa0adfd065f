//! What the doctor knows of a machine: one snapshot. A bug report can carry it, and another machine can judge it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::binfmt::mounts::Mounted;
use crate::elf::Target;
use crate::emulators::find::Places;
use crate::host::Identity;
use crate::kernel::Kernel;
use crate::registrar::HeldBy;
use crate::registrar::facts::Facts;
use crate::trust::Writable;

/// The snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostFacts {
    /// The kernel.
    pub kernel: Kernel,
    /// What rbinfmt itself was built for.
    pub own: Target,
    /// Who looked.
    pub identity: Identity,
    /// Whether the kernel has binfmt_misc.
    pub support: Support,
    /// What is mounted on the table's directory; read before that was touched.
    pub mounted: Seen<Mounted>,
    /// The table, its entries and what came of running programs through them.
    pub table: Seen<Facts>,
    /// What holds the table.
    #[serde(default)]
    pub held_by: Option<HeldBy>,
    /// Programs were run through the entries.
    pub probed: bool,
    /// Where emulators were looked for.
    pub places: Places,
    /// The interpreters of the entries and the emulators that were found, by their paths.
    #[serde(default)]
    pub programs: BTreeMap<String, Program>,
    /// What rbinfmt itself reads as root, and others may write: its store, configuration and profiles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<Writable>,
    /// What makes entries when the machine starts.
    #[serde(default)]
    pub boot: Boot,
    /// What kind of machine it is.
    pub place: SystemInfo,
    /// The kernel's settings that emulators are sensitive to, by their sysctl(8) names; those that are there.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Who forbids what.
    #[serde(default)]
    pub policy: Policy,
    /// The environment's variables that change what container tools and emulators do.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Container engines.
    #[serde(default)]
    pub engines: Engines,
}

/// Something that was looked at, or why it could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen<T> {
    /// What was seen.
    Seen(T),
    /// Why nothing was.
    Unseen(String),
}

impl<T> Seen<T> {
    /// What was seen.
    pub fn get(&self) -> Option<&T> {
        match self {
            Seen::Seen(value) => Some(value),
            Seen::Unseen(_) => None,
        }
    }
}

/// Whether the kernel has binfmt_misc.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Support {
    /// It is in /proc/filesystems: built in, or loaded.
    pub present: bool,
    /// CONFIG_BINFMT_MISC, and the file that says so.
    #[serde(default)]
    pub config: Option<(Config, String)>,
    /// The directory of the running kernel's modules exists.
    #[serde(default)]
    pub modules: bool,
    /// The module's file, below that directory.
    #[serde(default)]
    pub module: Option<String>,
}

/// How a part of the kernel was configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Config {
    /// `y`
    BuiltIn,
    /// `m`
    Module,
    /// Not set.
    No,
}

/// A program that is, or could be, the interpreter of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// What is at its path.
    pub file: File,
    /// Where a symbolic link at its path leads.
    #[serde(default)]
    pub link: Option<String>,
    /// The version that QEMU wrote into it.
    #[serde(default)]
    pub version: Option<String>,
    /// SELinux's label.
    #[serde(default)]
    pub label: Option<String>,
    /// It is on a file system from which nothing can be executed.
    #[serde(default)]
    pub noexec: bool,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum File {
    /// Nothing.
    Missing,
    /// Something that could not be read, and why.
    Unreadable(String),
    /// A directory, a device.
    NotAFile,
    /// A file without an x bit.
    NotExecutable,
    /// A program.
    Elf {
        /// What it is for.
        target: Target,
        /// Its PT_INTERP.
        loader: Option<String>,
    },
    /// A script, or something else.
    Other,
}

/// What makes entries when the machine starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// The files of binfmt.d and of update-binfmts(8), those that are in use.
    pub files: Vec<BootFile>,
    /// Process 1 is systemd.
    #[serde(default)]
    pub systemd: bool,
    /// systemd-binfmt.service, or why it was not seen.
    #[serde(default)]
    pub systemd_binfmt: Option<Unit>,
    /// Services that make entries besides: binfmt-support, rbinfmt; those that start with the machine.
    #[serde(default)]
    pub services: Vec<String>,
}

/// A file that makes entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootFile {
    /// Where it is.
    pub path: String,
    /// Whose it is.
    pub reader: Reader,
    /// The entries that it makes: register strings for systemd, one name for update-binfmts.
    pub lines: Vec<String>,
}

/// Who reads a file and makes its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reader {
    /// systemd-binfmt.service
    Systemd,
    /// update-binfmts(8) of Debian's binfmt-support
    BinfmtSupport,
}

/// A unit of systemd's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Its file.
    pub path: String,
    /// It is masked.
    #[serde(default)]
    pub masked: bool,
    /// Conditions in its file and its drop-ins that keep it from running on WSL.
    #[serde(default)]
    pub not_on_wsl: bool,
    /// What `systemctl show` says of it: ActiveState, Result, ConditionResult ...
    #[serde(default)]
    pub state: BTreeMap<String, String>,
}

/// What kind of machine it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemInfo {
    /// ID of os-release: "debian".
    #[serde(default)]
    pub os: String,
    /// VERSION_ID of os-release.
    #[serde(default)]
    pub os_version: String,
    /// PRETTY_NAME of os-release.
    #[serde(default)]
    pub os_name: String,
    /// The kind of container that this process is in.
    #[serde(default)]
    pub container: Option<String>,
    /// What says so.
    #[serde(default)]
    pub container_sign: Option<String>,
    /// What process 1 is built for; `None` where that cannot be seen.
    #[serde(default)]
    pub init: Option<Target>,
    /// The machine that the kernel was built for, where it says so.
    #[serde(default)]
    pub kernel_arch: Option<String>,
    /// Bytes of a page.
    pub page_size: u64,
    /// The system's own wish in /etc/wsl.conf: `protectBinfmt`, `systemd`, `command`.
    #[serde(default)]
    pub wsl: BTreeMap<String, String>,
    /// Root file system read-only: nothing can be installed.
    #[serde(default)]
    pub read_only: bool,
}

/// Who forbids what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// SELinux: whether it forbids (enforcing) or only writes down; `None` where it is off.
    #[serde(default)]
    pub selinux_enforcing: Option<bool>,
    /// AppArmor is on.
    #[serde(default)]
    pub apparmor: bool,
    /// The label of this process, SELinux's or AppArmor's.
    #[serde(default)]
    pub label: Option<String>,
    /// NoNewPrivs of this process.
    #[serde(default)]
    pub no_new_privs: bool,
    /// A seccomp filter watches this process.
    #[serde(default)]
    pub seccomp_filter: bool,
    /// Soft limits that are not "unlimited", in bytes or pieces, by setrlimit(2)'s names.
    #[serde(default)]
    pub limits: BTreeMap<String, u64>,
}

/// Container engines; `None` for those that are not here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engines {
    /// Docker's engine.
    #[serde(default)]
    pub docker: Option<Seen<Docker>>,
    /// The builder that `docker buildx` uses.
    #[serde(default)]
    pub builder: Option<Seen<Builder>>,
    /// podman's version.
    #[serde(default)]
    pub podman: Option<Seen<String>>,
}

/// Docker's engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Docker {
    /// Its version.
    pub version: String,
    /// "Docker Desktop", "Debian GNU/Linux 12".
    pub os: String,
    /// The kernel that its containers run on.
    pub kernel: String,
    /// `uname -m` there.
    pub machine: String,
    /// Where it keeps its data.
    pub root: String,
    /// It keeps images in containerd's store.
    pub containerd_images: bool,
    /// `name=rootless`, `name=seccomp` ...
    pub security: Vec<String>,
}

/// A builder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Builder {
    /// Its name.
    pub name: String,
    /// "docker", "docker-container" ...
    pub driver: String,
    /// "running", "inactive" ...
    pub status: String,
    /// What it says it builds for.
    pub platforms: Vec<String>,
}
