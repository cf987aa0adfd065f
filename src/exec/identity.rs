//! Who executes, and what the permission bits of a file allow them.

use serde::{Deserialize, Serialize};

use super::acl;
use crate::error::{Error, Result};

/// The parts of a process's credentials that decide about execve(2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Effective user.
    pub uid: u32,
    /// Effective group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// CAP_DAC_OVERRIDE: permission bits do not count, but one x bit must be there.
    pub overrides: bool,
    /// CAP_SYS_RAWIO in the first user namespace: may map page zero.
    pub raw_io: bool,
    /// The capabilities that a file may give it.
    #[serde(default = "all")]
    pub bounding: u64,
    /// Those that it passes on to files that accept them.
    #[serde(default)]
    pub inheritable: u64,
    /// It is this process's own: the kernel answers what it may do, with access lists and security modules.
    #[serde(skip)]
    pub own: bool,
}

/// What permission bits are asked of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object<'a> {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Its access list (system.posix_acl_access), where it has one.
    pub(super) acl: Option<&'a [u8]>,
}

/// A line of /etc/passwd (passwd(5)).
#[derive(Debug, Clone, Copy)]
pub struct Account<'t> {
    /// The user's name.
    pub name: &'t str,
    /// The user's number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// The home directory.
    pub home: &'t str,
}

impl<'t> Account<'t> {
    /// That of a user, by name or number, in the text of /etc/passwd.
    pub fn find(user: &str, passwd: &'t str) -> Option<Account<'t>> {
        let accounts = passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
            let home = fields.nth(1).unwrap_or_default();
            Some(Account { name, uid: uid.parse().ok()?, gid: gid.parse().ok()?, home })
        });
        let number = user.parse::<u32>().ok();
        accounts.into_iter().find(|account| account.name == user || number == Some(account.uid))
    }
}

fn all() -> u64 {
    u64::MAX
}

const DIRECTORY: u32 = 0o040_000;
const TYPE: u32 = 0o170_000;

impl Identity {
    /// A user by name or number, as the texts of /etc/passwd and /etc/group say.
    ///
    /// # Errors
    /// A name that the files do not have, or a number that is too large.
    pub fn named(user: &str, passwd: &str, group: &str) -> Result<Self> {
        let (name, uid, gid) = match (Account::find(user, passwd), user.parse()) {
            (Some(account), _) => (account.name, account.uid, account.gid),
            (None, Ok(uid)) => ("", uid, uid),
            (None, Err(_)) => {
                return Err(Error::usage(format_args!("looking up the user {user}"), "there is no such user"));
            }
        };
        let member = |line: &str| {
            let fields: Vec<&str> = line.split(':').collect();
            let listed = fields.get(3)?.split(',').any(|m| !name.is_empty() && m == name);
            listed.then(|| fields[2].parse().ok()).flatten()
        };
        let groups = group.lines().filter_map(member).collect();
        let (overrides, raw_io) = (uid == 0, uid == 0);
        Ok(Identity { uid, gid, groups, overrides, raw_io, bounding: all(), inheritable: 0, own: false })
    }

    /// This process, for a walk that the kernel makes: it knows the rest.
    pub(super) fn nobody_else() -> Self {
        Identity {
            uid: 0,
            gid: 0,
            groups: Vec::new(),
            overrides: true,
            raw_io: false,
            bounding: all(),
            inheritable: 0,
            own: true,
        }
    }

    /// Whether the x bits let it execute a file or search a directory.
    pub(super) fn may_execute(&self, object: Object) -> bool {
        if self.overrides {
            return object.mode & TYPE == DIRECTORY || object.mode & 0o111 != 0;
        }
        let in_group = |gid| self.gid == gid || self.groups.contains(&gid);
        if let Some(allowed) = object.acl.and_then(|list| acl::may_execute(list, self, object.uid, object.gid)) {
            return allowed;
        }
        let bits = match () {
            () if self.uid == object.uid => object.mode >> 6,
            () if in_group(object.gid) => object.mode >> 3,
            () => object.mode,
        };
        bits & 1 != 0
    }

    /// Whether it belongs to a group.
    pub(super) fn is_in(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nbroken\nmail:x:8:12:mail:/:/bin/false\n";

    #[test]
    fn a_user_by_name_or_number_with_groups() {
        let mail = Identity::named("mail", PASSWD, "video:x:44:x,mail\nbad\nmail:x:12:\n").unwrap();
        assert_eq!((mail.uid, mail.gid, mail.groups.as_slice()), (8, 12, &[44][..]));
        assert_eq!(Identity::named("8", PASSWD, "video:x:44:mail").unwrap().groups, [44]);
        assert_eq!(Identity::named("77", PASSWD, "").unwrap().uid, 77);
        assert!(Identity::named("root", PASSWD, "").unwrap().overrides);
        assert!(Identity::named("nobody", PASSWD, "").is_err());
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        let who = Identity::named("8", PASSWD, "").unwrap();
        let may = |mode, uid, gid| who.may_execute(Object { mode, uid, gid, acl: None });
        assert!(may(0o100, 8, 0) && !may(0o011, 8, 12));
        assert!(may(0o010, 0, 12) && !may(0o101, 0, 12));
        assert!(may(0o001, 0, 0) && !may(0o110, 0, 0));
        let root = Identity::named("0", PASSWD, "").unwrap();
        let may = |mode| root.may_execute(Object { mode, uid: 8, gid: 8, acl: None });
        assert!(may(0o100_010) && !may(0o100_666) && may(0o040_000));
    }
}
