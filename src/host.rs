//! Where the outside world is, and who we are in it. No other module spells out a path below /proc.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Inode numbers that the kernel gives its first namespaces (include/linux/proc_ns.h).
const FIRST_USER_NAMESPACE: &str = "user:[4026531837]";
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// CAP_SYS_ADMIN (include/uapi/linux/capability.h): to mount, and to make namespaces.
const CAP_SYS_ADMIN: u32 = 21;

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

    /// A file of this process.
    pub fn own(&self, name: &str) -> PathBuf {
        Path::new("/proc/self").join(name)
    }

    /// The directory of all processes.
    pub fn processes(&self) -> &'static Path {
        Path::new("/proc")
    }

    /// A file of another process.
    pub fn of_process(&self, pid: u32, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{pid}/{name}"))
    }

    /// An open file of ours as a path; what is executed by it needs no directory of its own.
    pub fn of_descriptor(&self, fd: i32) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{fd}"))
    }

    /// A file of the kernel's about the machine: "filesystems".
    pub fn kernel_file(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(name)
    }

    /// A setting of the kernel's by its sysctl(8) name; `None` where it is not there.
    pub fn setting(&self, name: &str) -> Option<String> {
        let path = Path::new("/proc/sys").join(name.replace('.', "/"));
        fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
    }

    /// Whether our root is another directory than process 1's; where that cannot be seen, it is.
    pub fn is_chroot(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let id = |path: &Path| fs::metadata(path).ok().map(|root| (root.dev(), root.ino()));
        let first = id(&self.of_process(1, "root"));
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
        let groups = fs::read_to_string(self.of_process(1, "cgroup")).unwrap_or_default();
        groups.contains("kubepods").then_some("the control group of process 1")
    }

    /// The machine that the kernel was built for. Emulators fake uname(2), not this file (kernel 6.1 and later).
    pub fn kernel_arch(&self) -> Option<String> {
        self.setting("kernel.arch")
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
        let namespace = |kind: &str| fs::read_link(host.own(&format!("ns/{kind}"))).ok();
        let is = |kind: &str, name: &str| namespace(kind).is_some_and(|ns| ns.as_os_str() == name);
        let of_init = fs::read_link(host.of_process(1, "ns/mnt")).ok();
        Identity {
            euid: nix::unistd::geteuid().as_raw(),
            may_mount: effective_capabilities(host) & (1 << CAP_SYS_ADMIN) != 0,
            first_user_namespace: is("user", FIRST_USER_NAMESPACE),
            first_pid_namespace: is("pid", FIRST_PID_NAMESPACE),
            mounts_of_init: of_init.zip(namespace("mnt")).map(|(init, own)| init == own),
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

fn effective_capabilities(host: &Host) -> u64 {
    let status = fs::read_to_string(host.own("status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0)
}
