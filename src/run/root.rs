//! What is seen below the root directory: another root, the kernel's file systems in it, and what is mounted besides. Every
//! path in another root is walked by the kernel as after chroot(2), and mounted by descriptor: no link in it leads out.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, fchdir, pivot_root};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::fs::{fchmod, fstatvfs, mkdirat, openat, readlinkat, symlinkat};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags};
use rustix::mount::{fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree};

use super::Request;
use super::image::Tree;
use crate::beneath::inside;
use crate::error::{Doing, Error, Result};
use crate::proc;

/// Devices that every program may expect, and that give nobody any right.
const NODES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const DEVICE_LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// As many links as the kernel follows (MAXSYMLINKS).
const MOST_LINKS: usize = 40;

/// What is seen below the root directory.
#[derive(Debug, Default)]
pub struct View {
    /// Another root; this process's own where there is none.
    pub root: Option<PathBuf>,
    /// The root is not to be changed: what is written goes to memory, for which this directory is the place.
    pub scratch: Option<PathBuf>,
    /// What is mounted besides.
    pub binds: Vec<Bind>,
    /// The working directory, where it is not the one of this process.
    pub directory: Option<PathBuf>,
}

/// A file or directory that is also seen at another place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// Where it is.
    pub source: PathBuf,
    /// Where it is seen.
    pub target: PathBuf,
    /// Whether it can only be read there.
    pub read_only: bool,
}

impl Bind {
    /// `SOURCE[:TARGET[:ro]]`
    ///
    /// # Errors
    /// A text that is not of this form.
    pub fn parse(text: &str) -> Result<Bind> {
        let mut parts = text.split(':');
        let (source, target, option) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let target = target.unwrap_or(source);
        let known = matches!(option, None | Some("ro" | "rw")) && parts.next().is_none();
        if !known || source.is_empty() || !target.starts_with('/') {
            return Err(Error::usage(format!("reading --bind {text:?}"), "it is not SOURCE:TARGET[:ro]")
                .help("TARGET begins with a slash: --bind ./src:/src:ro"));
        }
        Ok(Bind { source: source.into(), target: target.into(), read_only: option == Some("ro") })
    }
}

impl View {
    pub(super) fn of(request: &Request, tree: Option<&Tree>) -> Result<View> {
        let canonical = |path: &PathBuf| path.canonicalize().doing(|| format!("using the root {}", path.display()));
        let root = tree.map(|tree| canonical(&tree.directory)).transpose()?.filter(|root| root != Path::new("/"));
        let own = tree.and_then(|tree| Some(PathBuf::from(&tree.config.as_ref()?.directory)));
        let inside = || {
            let here = std::env::current_dir().ok()?;
            Some(Path::new("/").join(here.strip_prefix(root.as_ref()?).ok()?))
        };
        let directory = match (&request.directory, &root) {
            (Some(named), _) => Some(named.clone()),
            (None, Some(_)) => own.or_else(inside).or_else(|| Some("/".into())),
            (None, None) => None,
        };
        let scratch = tree.and_then(|tree| tree.scratch.clone());
        Ok(View { root, scratch, binds: request.binds.clone(), directory })
    }

    /// Whether nothing is another than outside.
    pub fn is_own(&self) -> bool {
        self.root.is_none() && self.binds.is_empty()
    }

    /// Makes the mount namespace that this process is in show it.
    pub(super) fn enter(&self) -> Result<()> {
        let base = match &self.root {
            None => open_tree(CWD, "/", OpenTreeFlags::OPEN_TREE_CLOEXEC).doing(|| "opening /")?,
            Some(root) => {
                let doing = || format!("using the root {}", root.display());
                let base = match &self.scratch {
                    None => copy_of(root).doing(doing)?,
                    Some(scratch) => layered(root, scratch).doing(doing)?,
                };
                move_mount(&base, "", CWD, root, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).doing(doing)?;
                furnish(&base)
                    .map_err(|error| error.help(format!("make the directory that is missing in {}", root.display())))?;
                base
            }
        };
        for bind in &self.binds {
            let doing = || format!("mounting {} on {}", bind.source.display(), bind.target.display());
            let what = if bind.source.is_dir() { Target::Directory } else { Target::File };
            let tree = copy_of(&bind.source).doing(doing)?;
            attach(&tree, &base, &bind.target, what).doing(doing)?;
            if bind.read_only {
                make_read_only(&tree).doing(doing)?;
            }
        }
        if let Some(root) = &self.root {
            let doing = || format!("changing the root to {}", root.display());
            fchdir(&base).doing(doing)?;
            // The old root is now mounted over the new one: pivot_root(2), "pivot_root(".", ".")".
            pivot_root(".", ".").doing(doing)?;
            umount2(".", MntFlags::MNT_DETACH).doing(doing)?;
            chdir("/").doing(doing)?;
        }
        self.enter_directory()
    }

    /// Changes to the working directory, where it is another.
    pub(super) fn enter_directory(&self) -> Result<()> {
        match &self.directory {
            Some(directory) => chdir(directory).doing(|| format!("changing to the directory {}", directory.display())),
            None => Ok(()),
        }
    }
}

/// What the kernel and the host give to every root.
fn furnish(base: &OwnedFd) -> Result<()> {
    for name in ["/proc", "/sys"] {
        bind(base, Path::new(name), Path::new(name), Target::Directory)?;
    }
    let doing = || "mounting /dev";
    let devices = new_tmpfs("0755").doing(doing)?;
    attach(&devices, base, Path::new("/dev"), Target::Directory).doing(doing)?;
    for name in NODES {
        let there = Path::new("/dev").join(name);
        if there.exists() {
            bind(&devices, &there, &Path::new("/").join(name), Target::File)?;
        }
    }
    // The machine's own lets nobody make a terminal by the name that is in it.
    let terminals = new_mount("devpts", &[("ptmxmode", "0666"), ("mode", "0620")]).doing(doing)?;
    attach(&terminals, &devices, Path::new("/pts"), Target::Directory).doing(doing)?;
    for (name, target) in DEVICE_LINKS {
        symlinkat(target, &devices, name).doing(doing)?;
    }
    mkdirat(&devices, "shm", Mode::empty()).doing(doing)?;
    let shared = inside(&devices, Path::new("shm"), OFlags::RDONLY | OFlags::DIRECTORY).doing(doing)?;
    fchmod(&shared, Mode::from_raw_mode(0o1777)).doing(doing)?;
    if !is_writable(base, "/tmp") {
        let doing = || "mounting /tmp";
        attach(&new_tmpfs("1777").doing(doing)?, base, Path::new("/tmp"), Target::Directory).doing(doing)?;
    }
    // Without it a root has no names of hosts, but works.
    if Path::new(RESOLV_CONF).exists() {
        let _ = bind(base, Path::new(RESOLV_CONF), Path::new(RESOLV_CONF), Target::File);
    }
    Ok(())
}

/// What a mount is put on.
#[derive(Debug, Clone, Copy)]
enum Target {
    Directory,
    File,
}

fn bind(base: &OwnedFd, source: &Path, target: &Path, what: Target) -> Result<()> {
    let doing = || format!("mounting {}", source.display());
    attach(&copy_of(source).doing(doing)?, base, target, what).doing(doing)
}

/// A copy of what is mounted at and below a path, which is not yet anywhere.
fn copy_of(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags)
}

fn new_tmpfs(mode: &str) -> Result<OwnedFd, Errno> {
    new_mount("tmpfs", &[("mode", mode)])
}

/// An empty file system, which is not yet anywhere.
fn new_mount(kind: &str, options: &[(&str, &str)]) -> Result<OwnedFd, Errno> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (name, value) in options {
        fsconfig_set_string(&context, *name, *value)?;
    }
    fsconfig_create(&context)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::MOUNT_ATTR_NOSUID)
}

/// A root over which a layer in memory lies: what is written in it ends with it.
fn layered(root: &Path, scratch: &Path) -> Result<OwnedFd, Errno> {
    let memory = new_tmpfs("0755")?;
    // The kernel makes layers of directories alone that are mounted in this namespace.
    move_mount(&memory, "", CWD, scratch, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    for name in ["upper", "work"] {
        mkdirat(&memory, name, Mode::from_raw_mode(0o755))?;
    }
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "lowerdir+", root)?;
    fsconfig_set_string(&context, "upperdir", scratch.join("upper"))?;
    fsconfig_set_string(&context, "workdir", scratch.join("work"))?;
    // Without rights over the machine its own attributes cannot be trusted.*.
    fsconfig_set_flag(&context, "userxattr")?;
    fsconfig_create(&context)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
}

/// Mounts `tree` at a path below `base`, which is made if it is missing.
fn attach(tree: &OwnedFd, base: &OwnedFd, path: &Path, what: Target) -> Result<(), Errno> {
    let target = place(base, path, what, MOST_LINKS)?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, "", &target, "", flags)
}

/// Opens a path below `base`, making what is missing of it: a link that leads nowhere gets its target.
fn place(base: &OwnedFd, path: &Path, what: Target, links: usize) -> Result<OwnedFd, Errno> {
    match inside(base, path, OFlags::PATH) {
        Err(Errno::NOENT) if links > 0 => {}
        opened => return opened,
    }
    let above = path.parent().unwrap_or(Path::new("/"));
    let parent = place(base, above, Target::Directory, links - 1)?;
    let name = path.file_name().unwrap_or(OsStr::new("."));
    let made = match what {
        Target::Directory => mkdirat(&parent, name, Mode::from_raw_mode(0o755)),
        Target::File => {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            openat(&parent, name, flags, Mode::from_raw_mode(0o644)).map(drop)
        }
    };
    match made {
        Err(Errno::EXIST) => {
            let target = readlinkat(&parent, name, Vec::new())?;
            let target = Path::new(OsStr::new(std::str::from_utf8(target.as_bytes()).map_err(|_| Errno::ILSEQ)?));
            place(base, &above.join(target), what, links - 1)
        }
        made => made.and_then(|()| inside(base, path, OFlags::PATH)),
    }
}

fn is_writable(base: &OwnedFd, path: &str) -> bool {
    let opened = inside(base, Path::new(path), OFlags::PATH | OFlags::DIRECTORY);
    opened.is_ok_and(|directory| {
        nix::unistd::access(&proc::of_descriptor(directory), nix::unistd::AccessFlags::W_OK).is_ok()
    })
}

/// What is mounted can only be read there; its other options stay, which a user namespace may not take away.
fn make_read_only(tree: &OwnedFd) -> io::Result<()> {
    let options = MsFlags::from_bits_truncate(fstatvfs(tree)?.f_flag.bits() as nix::libc::c_ulong);
    let kept = options
        & (MsFlags::MS_NOSUID
            | MsFlags::MS_NODEV
            | MsFlags::MS_NOEXEC
            | MsFlags::MS_NOATIME
            | MsFlags::MS_NODIRATIME
            | MsFlags::MS_RELATIME);
    let flags = kept | MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    Ok(mount(None::<&str>, &proc::of_descriptor(tree), None::<&str>, flags, None::<&str>)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_is_source_target_and_whether_it_is_read_only() {
        let of = |text| Bind::parse(text).ok();
        let bind = |source: &str, target: &str, read_only| {
            Some(Bind { source: source.into(), target: target.into(), read_only })
        };
        assert_eq!(of("./src:/src"), bind("./src", "/src", false));
        assert_eq!(of("/a:/b:ro"), bind("/a", "/b", true));
        assert_eq!(of("/a"), bind("/a", "/a", false));
        for text in ["", "a", "a:b", ":/b", "/a:/b:rx", "/a:/b:ro:x"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_made_inside_and_no_link_leads_out() {
        let root = tempfile::tempdir().unwrap();
        let base = OwnedFd::from(std::fs::File::open(root.path()).unwrap());
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("away")).unwrap();
        std::os::unix::fs::symlink("../../run/x/y", root.path().join("up")).unwrap();
        place(&base, Path::new("/a/b/c"), Target::Directory, MOST_LINKS).unwrap();
        assert!(root.path().join("a/b/c").is_dir());
        place(&base, Path::new("/up"), Target::File, MOST_LINKS).unwrap();
        assert!(root.path().join("run/x/y").is_file());
        place(&base, Path::new("/away/d"), Target::Directory, MOST_LINKS).unwrap();
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
