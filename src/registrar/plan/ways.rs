//! Where the table is reached so that its entries stay. Pure.

use serde::{Deserialize, Serialize};

use crate::binfmt::mounts::Mounted;
use crate::error::{Error, Result};
use crate::host::Identity;

/// A place to register in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The table is mounted here already.
    Present,
    /// Mount it here and leave it mounted.
    Mount,
    /// Make entries that hold their own table.
    Entries,
    /// Mount it in the mount namespace of process 1.
    OnHost,
}

/// How the user wants the table kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Keep {
    /// A mount on a host; entries that hold their table in a container.
    #[default]
    Auto,
    /// A mount here.
    Mount,
    /// Entries that hold their table.
    Entries,
}

/// What decides about the ways.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Who we are.
    pub identity: &'a Identity,
    /// What is mounted on the table's directory.
    pub mounted: Mounted,
    /// Whether we may write to the table that is mounted.
    pub writable: bool,
    /// Whether process 1, the machine's own, has the table mounted; false where that cannot be seen.
    pub mounted_on_host: bool,
    /// A table for this user namespace alone is wanted.
    pub private: bool,
    /// A process of ours keeps running.
    pub hold: bool,
    /// How to keep it.
    pub keep: Keep,
}

/// The ways to try, in order.
///
/// # Errors
/// There is none: what is missing (rights, a mount, `--private`), and how to give it.
pub fn ways(s: Situation) -> Result<Vec<Way>> {
    let visible = s.mounted.is_visible();
    let here = if visible { Way::Present } else { Way::Mount };
    if !s.identity.first_user_namespace {
        return of_user_namespace(s);
    }
    if s.mounted == Mounted::ReadOnly && !s.identity.may_mount {
        let help = format!("in a container, {}", s.identity.privileged());
        return Err(Error::unknown("looking at the table", "it is mounted read-only here").help(help));
    }
    Ok(match s.keep {
        Keep::Mount => vec![here],
        Keep::Entries => vec![Way::Entries],
        Keep::Auto if s.identity.on_host() || (s.hold && visible) => vec![here],
        // Entries that outlive the process leave no gap until the next one holds them.
        Keep::Auto if s.hold => vec![Way::Entries, Way::Mount],
        // Somebody else holds it: process 1 of the machine, whose mounts we see.
        Keep::Auto if visible && s.mounted_on_host => vec![Way::Present],
        Keep::Auto => {
            let mut ways = vec![Way::Entries];
            if s.identity.first_pid_namespace {
                ways.push(Way::OnHost);
            }
            if visible {
                ways.push(Way::Present);
            }
            ways
        }
    })
}

/// Mounting the table in another user namespace gives that namespace a table of its own permanently, and every foreign
/// program in it stops working. So that is done only when it is asked for.
fn of_user_namespace(s: Situation) -> Result<Vec<Way>> {
    let doing = "reaching the machine's table";
    match (s.mounted.is_visible() && s.writable, s.private) {
        (true, _) if s.keep == Keep::Entries => Ok(vec![Way::Entries]),
        (true, _) => Ok(vec![Way::Present]),
        (false, true) if s.keep == Keep::Entries => Ok(vec![Way::Entries]),
        (false, true) => Ok(vec![Way::Mount]),
        (false, false) => Err(Error::unknown(
            doing,
            "this is a user namespace of its own (a rootless container, for example), which cannot change it",
        )
        .help(
            "run rbinfmt as root on the host; or, for a table that counts in this namespace alone and hides the \
             machine's, add --private",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Identity = Identity {
        euid: 0,
        may_mount: true,
        first_user_namespace: true,
        first_pid_namespace: true,
        mounts_of_init: Some(true),
        in_pod: false,
    };
    const CONTAINER: Identity = Identity { first_pid_namespace: false, ..ROOT };
    const HOST_PID: Identity = Identity { mounts_of_init: Some(false), ..ROOT };
    const USER: Identity = Identity { first_user_namespace: false, ..ROOT };

    fn situation(identity: &Identity, mounted: Mounted) -> Situation<'_> {
        Situation {
            identity,
            mounted,
            writable: mounted == Mounted::Yes,
            mounted_on_host: false,
            private: false,
            hold: false,
            keep: Keep::Auto,
        }
    }

    #[test]
    fn a_host_mounts_a_container_holds() {
        assert_eq!(ways(situation(&ROOT, Mounted::No)).unwrap(), [Way::Mount]);
        assert_eq!(ways(situation(&ROOT, Mounted::Automount)).unwrap(), [Way::Mount]);
        assert_eq!(ways(situation(&ROOT, Mounted::Yes)).unwrap(), [Way::Present]);
        assert_eq!(ways(situation(&CONTAINER, Mounted::No)).unwrap(), [Way::Entries]);
        assert_eq!(ways(situation(&CONTAINER, Mounted::Yes)).unwrap(), [Way::Entries, Way::Present]);
        assert_eq!(ways(situation(&HOST_PID, Mounted::No)).unwrap(), [Way::Entries, Way::OnHost]);
        let held = Situation { mounted_on_host: true, ..situation(&HOST_PID, Mounted::Yes) };
        assert_eq!(ways(held).unwrap(), [Way::Present]);
        let process = Situation { hold: true, ..situation(&CONTAINER, Mounted::No) };
        assert_eq!(ways(process).unwrap(), [Way::Entries, Way::Mount]);
        let process = Situation { hold: true, ..situation(&CONTAINER, Mounted::Yes) };
        assert_eq!(ways(process).unwrap(), [Way::Present]);
    }

    #[test]
    fn a_container_and_a_pod_are_told_what_they_lack() {
        let refused = |in_pod| {
            let weak = Identity { may_mount: false, in_pod, ..CONTAINER };
            ways(situation(&weak, Mounted::ReadOnly)).unwrap_err()
        };
        assert!(refused(false).help_text().unwrap().contains("--privileged"));
        assert!(refused(true).help_text().unwrap().contains("securityContext.privileged: true"));
    }

    #[test]
    fn a_user_namespace_gets_a_table_only_when_asked() {
        let refused = ways(situation(&USER, Mounted::No)).unwrap_err();
        assert_eq!(refused.status(), crate::error::Status::Unknown);
        assert!(refused.help_text().unwrap().contains("--private"));
        let hosts = Situation { writable: false, ..situation(&USER, Mounted::Yes) };
        assert!(ways(hosts).is_err());
        assert_eq!(ways(situation(&USER, Mounted::Yes)).unwrap(), [Way::Present]);
        let private = Situation { private: true, ..situation(&USER, Mounted::No) };
        assert_eq!(ways(private).unwrap(), [Way::Mount]);
    }
}
