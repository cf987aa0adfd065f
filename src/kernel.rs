//! What this kernel's binfmt_misc can do, told from its release string.
//!
//! Sources: fs/binfmt_misc.c and include/uapi/linux/binfmts.h of 3.10 to 7.3, and Red Hat's 3.10 (el7) and 4.18 (el8).

use serde::{Deserialize, Serialize};

/// A kernel by its release ("6.1.0-18-amd64") and its machine ("x86_64"), as uname(2) gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// `uname -r`
    pub release: String,
    /// `uname -m`
    pub machine: String,
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
        let mut numbers = self.release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), Some(minor)) => (major, minor),
            _ => (u32::MAX, 0),
        }
    }

    fn is_el8(&self) -> bool {
        self.version() == (4, 18) && self.release.contains(".el8")
    }

    /// BINPRM_BUF_SIZE: how many bytes of a file an entry can look at.
    pub fn window(&self) -> usize {
        // 256 came with 5.1; Red Hat took it back to 4.18.
        if self.version() >= (5, 1) || self.is_el8() { 256 } else { 128 }
    }

    /// The longest string that `register` takes.
    pub fn register_max(&self) -> usize {
        if self.version() >= (3, 18) { 1920 } else { 256 }
    }

    /// Whether flag F (keep the interpreter's file open) exists: 4.8 and later.
    pub fn knows_fix_binary(&self) -> bool {
        self.version() >= (4, 8)
    }

    /// Whether the interpreter is told of flag P (AT_FLAGS): 5.12 and later, and some older stable kernels.
    /// A first guess only: what really arrives is found by trying.
    pub fn tells_preserve_argv0(&self) -> bool {
        self.version() >= (5, 12)
    }

    /// The letters that may stand in the flags field.
    pub fn flag_letters(&self) -> &'static [u8] {
        match self.version() {
            v if v >= (7, 3) => b"POCFTLD",
            v if v >= (4, 8) => b"POCF",
            _ => b"POC",
        }
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
        assert!(!el8.tells_preserve_argv0());
        assert_eq!(kernel("4.19.1").window(), 128);
        assert_eq!(kernel("6.18.44-fc").window(), 256);
    }

    #[test]
    fn an_unreadable_release_counts_as_new() {
        assert!(kernel("").knows_fix_binary());
        assert_eq!(kernel("seven").version(), (u32::MAX, 0));
    }
}
