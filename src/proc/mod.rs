//! The kernel's files below /proc: every path there is spelled out here, and each file has one reader.

mod mountinfo;

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

pub use mountinfo::{Mount, Mounts};

/// Where proc(5) is mounted.
pub const DIRECTORY: &str = "/proc";

/// No file of the kernel's that is read here is longer; mountinfo can have a line for each of a hundred thousand mounts.
const MAX_TEXT: usize = 16 << 20;

/// A setting has one line.
const MAX_SETTING: usize = 4096;

/// A file of this process.
pub fn own(name: &str) -> PathBuf {
    Path::new("/proc/self").join(name)
}

/// A file of another process.
pub fn of_process(pid: u32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{name}"))
}

/// An open file of ours as a path; what is executed by it needs no directory of its own.
pub fn of_descriptor(fd: impl AsFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd()))
}

/// A file of the kernel's about the machine: "filesystems".
pub fn kernel_file(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(name)
}

/// The file of a setting, by its sysctl(8) name: "vm.mmap_min_addr".
fn setting_file(name: &str) -> PathBuf {
    Path::new("/proc/sys").join(name.replace('.', "/"))
}

/// A setting of the kernel's by its sysctl(8) name; `None` where it is not there.
pub fn setting(name: &str) -> Option<String> {
    // One read gives it whole.
    let mut line = [0; MAX_SETTING];
    let len = File::open(setting_file(name)).ok()?.read(&mut line).ok()?;
    Some(std::str::from_utf8(&line[..len]).ok()?.trim().to_owned())
}

/// Whether the kernel has a setting at all.
pub fn has_setting(name: &str) -> bool {
    setting_file(name).exists()
}

/// The text of a file, in as few reads as it can be had: each read of some of them makes the kernel write it again.
///
/// # Errors
/// What open(2) and read(2) say.
pub fn text(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let wanted = part.len().min(MAX_TEXT - bytes.len());
        match file.read(&mut part[..wanted]) {
            Ok(0) => break,
            Ok(len) => bytes.extend_from_slice(&part[..len]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// A capability, by its bit (include/uapi/linux/capability.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// CAP_DAC_OVERRIDE: permission bits do not count.
    DacOverride = 1,
    /// CAP_SYS_RAWIO: may map page zero.
    SysRawio = 17,
    /// CAP_SYS_ADMIN: may mount, and make namespaces.
    SysAdmin = 21,
}

/// What /proc/self/status says (proc_pid_status(5)).
#[derive(Debug, Clone)]
pub struct ProcessStatus(String);

impl ProcessStatus {
    /// This process's own; without any field where it cannot be read.
    pub fn own() -> Self {
        ProcessStatus(text(&own("status")).unwrap_or_default())
    }

    /// A field's value.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut rest = self.0.as_str();
        loop {
            let (line, after) = rest.split_once('\n')?;
            if let Some(value) = line.strip_prefix(name).and_then(|value| value.strip_prefix(':')) {
                return Some(value.trim());
            }
            rest = after;
        }
    }

    /// A set of capabilities: "CapBnd".
    pub fn capabilities(&self, set: &str) -> Option<u64> {
        u64::from_str_radix(self.field(set)?, 16).ok()
    }

    /// Whether a capability is effective, over our own user namespace.
    pub fn has(&self, capability: Capability) -> bool {
        self.capabilities("CapEff").unwrap_or(0) >> capability as u32 & 1 == 1
    }
}

/// The kinds of namespaces whose first one can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// Of users and capabilities.
    User,
    /// Of processes.
    Pid,
}

impl Namespace {
    /// What /proc/self/ns links to in the first one: the kernel gives it a fixed inode number, PROC_USER_INIT_INO and
    /// PROC_PID_INIT_INO (include/linux/proc_ns.h).
    const fn first(self) -> (&'static str, &'static str) {
        match self {
            Namespace::User => ("ns/user", "user:[4026531837]"),
            Namespace::Pid => ("ns/pid", "pid:[4026531836]"),
        }
    }

    /// Whether we are in the machine's first one, rather than one of a container.
    pub fn is_first(self) -> bool {
        let (file, name) = self.first();
        fs::read_link(own(file)).is_ok_and(|link| link.as_os_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_status() {
        let status =
            ProcessStatus("Name:\tx\nCapInh:\t0000000000000000\nCapEff:\t0000000000200002\nSeccomp:\t2\n".into());
        assert!(status.has(Capability::SysAdmin) && status.has(Capability::DacOverride));
        assert!(!status.has(Capability::SysRawio));
        assert_eq!(status.field("Seccomp"), Some("2"));
        assert_eq!((status.field("Cap"), status.capabilities("CapBnd")), (None, None));
    }

    #[test]
    fn settings_by_their_names() {
        assert!(setting("kernel.osrelease").is_some_and(|release| release.starts_with(|c: char| c.is_ascii_digit())));
        assert_eq!(setting("kernel.no_such_setting"), None);
        assert!(has_setting("vm.overcommit_memory") && !has_setting("vm.no_such_setting"));
    }
}
