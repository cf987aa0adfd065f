//! A system's tree of files: this one's, or one below a directory.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use crate::emulators::store::{sync_directory, write_file};
use crate::error::{Doing, Error, Result};
use crate::selinux;
use crate::verify::Digest;

/// The tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    root: PathBuf,
}

/// A file to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path on the running system.
    pub path: PathBuf,
    /// What it is.
    pub content: Content,
    /// Somebody else's may be there already, and is changed.
    pub shared: bool,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Bytes, and its mode.
    Bytes(Vec<u8>, u32),
    /// A symbolic link.
    Link(PathBuf),
}

impl File {
    /// A text that is ours alone.
    pub fn text(path: &str, text: impl Into<Vec<u8>>) -> File {
        File { path: path.into(), content: Content::Bytes(text.into(), 0o644), shared: false }
    }

    /// A text that others write too.
    pub fn shared(path: &str, text: impl Into<Vec<u8>>) -> File {
        File { shared: true, ..File::text(path, text) }
    }

    /// A program.
    pub fn program(path: &str, bytes: Vec<u8>) -> File {
        File { path: path.into(), content: Content::Bytes(bytes, 0o755), shared: false }
    }

    /// A link.
    pub fn link(path: &str, target: &str) -> File {
        File { path: path.into(), content: Content::Link(target.into()), shared: false }
    }

    /// What tells whether a file is this one.
    pub fn print(&self) -> String {
        match &self.content {
            Content::Bytes(bytes, _) => Digest::of(bytes).hex(),
            Content::Link(target) => format!("-> {}", target.display()),
        }
    }
}

impl Tree {
    /// The system below this directory.
    pub fn at(root: &Path) -> Tree {
        Tree { root: root.to_owned() }
    }

    /// Where a path of the system really is.
    pub fn real(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The path that the system will have for a file of ours.
    pub fn inside(&self, real: &Path) -> Option<PathBuf> {
        real.strip_prefix(&self.root).ok().map(|path| Path::new("/").join(path))
    }

    /// Whether it has this file.
    pub fn has(&self, path: impl AsRef<Path>) -> bool {
        self.real(path).symlink_metadata().is_ok()
    }

    /// Whether this is the tree that we live in.
    pub fn is_ours(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Whether it is a system that starts units and that lets us say which; and if not, what to do.
    pub fn check(&self) -> Result<()> {
        let doing = format!("looking at the system below {}", self.root.display());
        if !["/usr/lib/systemd/systemd", "/lib/systemd/systemd"].iter().any(|path| self.has(path)) {
            let why = "it has no systemd, so nothing would read what is written there";
            return Err(Error::failed(doing, why).help(
                "let its own start scripts run `rbinfmt install`; in a container, mount the host's tree with -v /:/host \
                 and use `install --persist`",
            ));
        }
        if self.is_read_only("/etc/systemd/system") || self.is_read_only("/etc/binfmt.d") {
            return Err(Error::failed(doing, "its /etc cannot be written").help(
                "`rbinfmt export --format systemd` or `--format nixos` prints what belongs into its own configuration",
            ));
        }
        Ok(())
    }

    /// Whether a file cannot be made because the file system is read-only.
    pub fn is_read_only(&self, path: &str) -> bool {
        let real = self.real(path);
        let directory = real.ancestors().find(|p| p.exists()).unwrap_or(&self.root);
        access(directory, AccessFlags::W_OK) == Err(Errno::EROFS)
    }

    /// What tells whether the file there is the one that was written; `None` where there is none.
    pub fn print_of(&self, path: &Path) -> Result<Option<String>> {
        let real = self.real(path);
        let doing = || format!("reading {}", real.display());
        match real.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(doing(), error)),
            Ok(file) if file.is_symlink() => Ok(Some(format!("-> {}", fs::read_link(&real).doing(doing)?.display()))),
            Ok(_) => Ok(Some(Digest::of(&fs::read(&real).doing(doing)?).hex())),
        }
    }

    /// Puts a file there, at once or not at all. The directories that had to be made are returned, outermost first.
    pub fn put(&self, file: &File) -> Result<Vec<PathBuf>> {
        let real = self.real(&file.path);
        let directory = real.parent().unwrap_or(&self.root);
        let made = self.make_directory(directory)?;
        self.contains(directory)?;
        match &file.content {
            Content::Bytes(bytes, mode) => {
                write_file(&real, bytes, *mode)?;
                if mode & 0o111 != 0 {
                    selinux::label_as_program(&real, &self.root)?;
                }
            }
            Content::Link(target) => {
                let doing = || format!("linking {}", real.display());
                let new = directory.join(".new-rbinfmt");
                drop(fs::remove_file(&new));
                symlink(target, &new).and_then(|()| fs::rename(&new, &real)).doing(doing)?;
                sync_directory(directory)?;
            }
        }
        Ok(made)
    }

    /// Takes a file away; one that is not there is none.
    pub fn remove(&self, path: &Path) -> Result<()> {
        let real = self.real(path);
        match fs::remove_file(&real) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(format!("removing {}", real.display()), error))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn make_directory(&self, directory: &Path) -> Result<Vec<PathBuf>> {
        let missing: Vec<&Path> = directory.ancestors().take_while(|p| !p.exists()).collect();
        let mut made = Vec::new();
        for directory in missing.into_iter().rev() {
            let doing = || format!("making the directory {}", directory.display());
            fs::create_dir(directory).doing(doing)?;
            // Whatever the umask is.
            fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).doing(doing)?;
            made.extend(self.inside(directory));
        }
        Ok(made)
    }

    /// A link in the tree must not lead out of it.
    fn contains(&self, directory: &Path) -> Result<()> {
        let doing = || format!("looking at {}", directory.display());
        let (real, root) = (directory.canonicalize().doing(doing)?, self.root.canonicalize().doing(doing)?);
        if real.starts_with(&root) {
            return Ok(());
        }
        let why = format!("it leads to {}, out of {}", real.display(), root.display());
        Err(Error::failed(doing(), why).help("nothing was written there; make the link a relative one"))
    }
}
