//! A user and mount namespace with a table and a directory of its own. Nothing outside can be touched from in here.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use bstr::BString;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rbinfmt::exec::facts::{Environment, ExecFacts, TableFacts};
use rbinfmt::exec::root::Root;
use rbinfmt::exec::{Model, Verdict};
use rbinfmt::oracle::{self, Answer};
use rbinfmt::proc::Mounts;

use crate::case::{Case, Item};

pub(crate) struct World {
    pub(crate) facts: ExecFacts,
    root: Root,
    table: PathBuf,
    /// What the last case left behind.
    left: BTreeSet<BString>,
    dirty: bool,
}

const NONE: Option<&str> = None;

impl World {
    /// Enters; `None`, said aloud by the caller, where the kernel does not let us.
    pub(crate) fn enter() -> Option<World> {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).ok()?;
        let _ = fs::write("/proc/self/setgroups", "deny");
        fs::write("/proc/self/uid_map", format!("0 {uid} 1")).ok()?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1")).ok()?;
        mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).ok()?;
        mount(Some("world"), "/tmp", Some("tmpfs"), MsFlags::empty(), Some("mode=755")).ok()?;
        let table = PathBuf::from("/tmp/table");
        fs::create_dir_all(&table).ok()?;
        mount(Some("table"), &table, Some("binfmt_misc"), MsFlags::empty(), NONE).ok()?;
        // Everything happens in a directory whose name has no dot, with relative names.
        fs::create_dir("/tmp/w").ok()?;
        std::env::set_current_dir("/tmp/w").ok()?;
        let mut facts = ExecFacts::gather(&table);
        facts.environment = Environment::default();
        let world = World { facts, root: Root::own(), table, left: BTreeSet::new(), dirty: false };
        for (name, item) in crate::make::base() {
            world.put(name.as_bytes(), &item);
        }
        fs::create_dir("/tmp/noexec").ok()?;
        mount(Some("noexec"), "/tmp/noexec", Some("tmpfs"), MsFlags::MS_NOEXEC, Some("mode=755")).ok()?;
        fs::copy("e64", "/tmp/noexec/e64").ok()?;
        fs::copy("sh", "/tmp/noexec/s").ok()?;
        Some(world)
    }

    pub(crate) fn table(&self) -> &Path {
        &self.table
    }

    /// Writes a register string to the table.
    pub(crate) fn register(&mut self, string: &[u8]) -> Result<(), Errno> {
        self.dirty = true;
        write_at(&self.table.join("register"), string)
    }

    /// Removes every entry.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.dirty) {
            write_at(&self.table.join("status"), b"-1").unwrap();
        }
    }

    pub(crate) fn put(&self, name: &[u8], item: &Item) {
        let path = Path::new(OsStr::from_bytes(name));
        let mode = |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        match item {
            Item::File(bytes) => {
                let mut file =
                    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o755).open(path).unwrap();
                std::io::Write::write_all(&mut file, bytes).unwrap();
            }
            Item::Mode(bytes, bits) => {
                fs::write(path, bytes).unwrap();
                mode(*bits);
            }
            Item::Sparse(bytes, len) => {
                fs::write(path, bytes).unwrap();
                fs::OpenOptions::new().write(true).open(path).unwrap().set_len(*len).unwrap();
                mode(0o755);
            }
            Item::Link(target) => symlink(OsStr::from_bytes(target), path).unwrap(),
            Item::Directory(bits) => {
                fs::create_dir(path).unwrap();
                mode(*bits);
            }
            Item::Fifo => nix::unistd::mkfifo(path, nix::sys::stat::Mode::from_bits_truncate(0o777)).unwrap(),
        }
    }

    /// Makes the files and entries of a case; what the last one left is taken away.
    pub(crate) fn set(&mut self, case: &Case) {
        self.clear();
        for name in std::mem::take(&mut self.left).into_iter().rev() {
            let path = Path::new(OsStr::from_bytes(&name));
            let kept = case.files.iter().any(|(n, item)| *n == name && matches!(item, Item::File(_)));
            if !(kept && path.symlink_metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o777 == 0o755))
            {
                let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
            }
        }
        for (name, item) in &case.files {
            self.put(name, item);
            self.left.insert(name.clone());
        }
        for string in &case.entries {
            // What the kernel refuses is no entry; kind 6 asks whether it was right to.
            let _ = self.register(string);
        }
        self.facts.table.entries.clear();
        if !case.entries.is_empty() {
            self.facts.table = TableFacts::gather(&self.table, &Mounts::default());
        }
    }

    pub(crate) fn model(&self, case: &Case) -> Verdict {
        Model::new(&self.facts, &self.root, &self.root).judge(&case.path, &case.argv)
    }

    pub(crate) fn kernel(&self, case: &Case) -> Answer {
        oracle::ask(&case.path, &case.argv, &[]).unwrap()
    }
}

fn write_at(path: &Path, bytes: &[u8]) -> Result<(), Errno> {
    let errno = |e: std::io::Error| Errno::from_raw(e.raw_os_error().unwrap_or(0));
    let mut file = fs::OpenOptions::new().write(true).open(path).map_err(errno)?;
    // One write(2), whatever it takes: the kernel wants the whole string at once.
    std::io::Write::write(&mut file, bytes).map(|_| ()).map_err(errno)
}
