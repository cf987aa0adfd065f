//! Where the outside world is, and who we are in it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::proc::{self, Capability, Namespace, ProcessStatus};

/// The paths that everything else starts from.
#[derive(Debug, Clone)]
pub struct Host {
    /// The directory on which the table is, or would be, mounted.
    pub table: PathBuf,
}

impl Default for Host {
    fn default() -> Self {
        Host { table: "/proc/sys/fs/binfmt_misc".into() }
    }
}

impl Host {
    /// Files that say what the system as a whole wants.
    pub const CONFIG: &str = "/etc/rbinfmt/config.toml";
    /// Profiles of the system's administrator.
    pub const PROFILES: &str = "/etc/rbinfmt/profiles.d";
    /// Emulators that came with rbinfmt.
    pub const EMULATORS: &str = "/usr/lib/rbinfmt";
    /// Where distributions put emulators.
    pub const BIN: &str = "/usr/bin";
    /// The program that every script and system(3) needs.
    pub const SHELL: &str = "/bin/sh";

    /// Whether our root is another directory than process 1's; where that cannot be seen, it is.
    pub fn is_chroot(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let id = |path: &Path| fs::metadata(path).ok().map(|root| (root.dev(), root.ino()));
        let first = id(&proc::of_process(1, "root"));
        first.is_none() || first != id(Path::new("/"))
    }

    /// What says that this is a pod of Kubernetes; `None` where nothing does.
    pub fn pod_sign(&self) -> Option<&'static str> {
        const VARIABLE: &str = "KUBERNETES_SERVICE_HOST";
        const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
        if std::env::var_os(VARIABLE).is_some() {
            return Some(VARIABLE);
        }
        if Path::new(ACCOUNT).exists() {
            return Some(ACCOUNT);
        }
        let groups = proc::text(&proc::of_process(1, "cgroup")).unwrap_or_default();
        groups.contains("kubepods").then_some("the control group of process 1")
    }

    /// The machine that the kernel was built for. Emulators fake uname(2), not this file (kernel 6.1 and later).
    pub fn kernel_arch(&self) -> Option<String> {
        proc::setting("kernel.arch")
    }
}

/// Who this process is: what it may do, and how much of the machine it sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Effective user id.
    pub euid: u32,
    /// CAP_SYS_ADMIN is effective (over its own user namespace).
    pub may_mount: bool,
    /// In the first user namespace, whose table is the machine's.
    pub first_user_namespace: bool,
    /// In the first pid namespace: process 1 is the machine's.
    pub first_pid_namespace: bool,
    /// In the mount namespace of process 1; `None` where that cannot be seen.
    pub mounts_of_init: Option<bool>,
    /// In a pod of Kubernetes.
    #[serde(default)]
    pub in_pod: bool,
}

impl Identity {
    /// This process.
    pub fn own(host: &Host) -> Self {
        let mounts = |file: PathBuf| fs::read_link(file).ok();
        let of_init = mounts(proc::of_process(1, "ns/mnt"));
        Identity {
            euid: nix::unistd::geteuid().as_raw(),
            may_mount: ProcessStatus::own().has(Capability::SysAdmin),
            first_user_namespace: Namespace::User.is_first(),
            first_pid_namespace: Namespace::Pid.is_first(),
            mounts_of_init: of_init.zip(mounts(proc::own("ns/mnt"))).map(|(init, own)| init == own),
            in_pod: host.pod_sign().is_some(),
        }
    }

    /// On the machine itself: its mounts are ours, and stay when we end.
    pub fn on_host(&self) -> bool {
        self.first_user_namespace && self.first_pid_namespace && self.mounts_of_init == Some(true)
    }

    /// What gives this container the rights that it lacks.
    pub fn privileged(&self) -> &'static str {
        if self.in_pod {
            "set `securityContext.privileged: true` for this container, in the DaemonSet"
        } else {
            "add --privileged to `docker run`"
        }
    }

    /// The same for a user who is not root.
    pub fn rights(&self) -> &'static str {
        if self.in_pod {
            "run it as root: `securityContext: {runAsUser: 0, privileged: true}`, in the DaemonSet"
        } else {
            "run the same command with sudo; in a container, add --privileged"
        }
    }
}

/// Bytes of a page of memory.
pub fn page_size() -> u64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().map_or(4096, |size| size as u64)
}
