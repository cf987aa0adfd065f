//! Why this machine gives a user no namespace with a table of its own, and what to do about it. Pure, but for `gather` .

use nix::errno::Errno;

use crate::error::{Error, Status};
use crate::kernel::Kernel;
use crate::proc;

const DOING: &str = "making a user namespace with a table of its own";

/// What decides whether there can be one, as far as it can be known without trying.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) kernel: Kernel,
    pub(super) is_root: bool,
    /// proc(5) is mounted: who is who in a namespace is written there.
    pub(super) has_proc: bool,
    /// user.max_user_namespaces
    pub(super) most: Option<String>,
    /// kernel.unprivileged_userns_clone, a setting of Debian's and Arch's kernels.
    pub(super) clone: Option<String>,
    /// kernel.apparmor_restrict_unprivileged_userns, of Ubuntu's since 23.10.
    pub(super) apparmor: Option<String>,
    /// The AppArmor profile of this process.
    pub(super) profile: String,
}

impl Facts {
    pub(super) fn gather() -> Facts {
        Facts {
            kernel: Kernel::running(),
            is_root: nix::unistd::geteuid().is_root(),
            has_proc: proc::own("uid_map").exists(),
            most: proc::setting("user.max_user_namespaces"),
            clone: proc::setting("kernel.unprivileged_userns_clone"),
            apparmor: proc::setting("kernel.apparmor_restrict_unprivileged_userns"),
            profile: proc::text(&proc::own("attr/apparmor/current")).unwrap_or_default(),
        }
    }

    /// What forbids it; `None` where nothing is known to.
    pub(super) fn obstacle(&self) -> Option<Error> {
        let is = |setting: &Option<String>, value: &str| setting.as_deref() == Some(value);
        let (why, help) = if !self.has_proc {
            ("no proc(5) is mounted on /proc".into(), "`mount -t proc proc /proc`")
        } else if !self.kernel.behaviour().per_user_namespace {
            let release = &self.kernel.release;
            let why = format!("Linux {release} has one table for all user namespaces; they have their own since 6.7");
            (why, "update the kernel, or let root register emulators for all: `sudo rbinfmt install`")
        } else if is(&self.most, "0") {
            (
                "user namespaces are off: user.max_user_namespaces is 0".into(),
                "`sudo sysctl user.max_user_namespaces=15000`",
            )
        } else if self.is_root {
            return None;
        } else if is(&self.clone, "0") {
            let why = "only root may make user namespaces: kernel.unprivileged_userns_clone is 0";
            (why.into(), "`sudo sysctl kernel.unprivileged_userns_clone=1`")
        } else if is(&self.apparmor, "1") && self.profile.starts_with("unconfined") {
            let why = "AppArmor gives programs without a profile no rights in user namespaces: \
                       kernel.apparmor_restrict_unprivileged_userns is 1";
            (
                why.into(),
                "give rbinfmt a profile with the rule `userns,` (docs/run.md), or \
                          `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`",
            )
        } else {
            return None;
        };
        Some(Error::failed(DOING, why).help(help).with_status(Status::NotRun))
    }
}

/// What unshare(2), or writing the maps, said where nothing was known to forbid it.
pub(super) fn explain(error: std::io::Error) -> Error {
    let errno = error.raw_os_error().map(Errno::from_raw);
    let error = Error::io(DOING, error);
    match errno {
        Some(Errno::EPERM | Errno::EACCES) => error.help(
            "a container's seccomp or AppArmor rules may forbid it: `docker run --security-opt seccomp=unconfined \
             --security-opt apparmor=unconfined`; so does a chroot",
        ),
        Some(Errno::ENOSPC | Errno::EUSERS) => {
            error.help("there are as many as the machine allows: `sysctl user.max_user_namespaces`")
        }
        Some(Errno::EINVAL) => error.help("an emulator cannot make one: use the build of rbinfmt for this machine"),
        Some(Errno::ENOSYS) => error.help("this kernel is built without user namespaces"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_that_forbids_it_is_named() {
        let kernel = |release: &str| Kernel { release: release.into(), machine: "x86_64".into() };
        let open = Facts {
            kernel: kernel("6.8.0"),
            is_root: false,
            has_proc: true,
            most: Some("1000".into()),
            clone: Some("1".into()),
            apparmor: Some("0".into()),
            profile: "unconfined\n".into(),
        };
        assert!(open.obstacle().is_none());
        let one = Some("1".to_owned());
        let zero = Some("0".to_owned());
        let ubuntu = Facts { apparmor: one, ..open.clone() };
        for (facts, named) in [
            (Facts { kernel: kernel("6.6.1"), ..open.clone() }, "since 6.7"),
            (Facts { most: zero.clone(), ..open.clone() }, "user.max_user_namespaces is 0"),
            (Facts { clone: zero, ..open.clone() }, "kernel.unprivileged_userns_clone is 0"),
            (ubuntu.clone(), "kernel.apparmor_restrict_unprivileged_userns is 1"),
        ] {
            let error = facts.obstacle().unwrap();
            assert!(error.to_string().contains(named), "{error}");
            assert_eq!(error.status(), Status::NotRun);
        }
        assert!(Facts { is_root: true, ..ubuntu.clone() }.obstacle().is_none());
        assert!(Facts { profile: "rbinfmt (unconfined)".into(), ..ubuntu }.obstacle().is_none());
    }
}
