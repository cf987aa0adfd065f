//! A system's tree of files: this one's, or one below a directory.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use rustix::fs::OFlags;

use crate::beneath::inside;
use crate::emulators::store::{sync_directory, write_file};
use crate::error::{Doing, Error, Result};
use crate::proc;
use crate::selinux;
use crate::temporary::{NEW, sweep};
use crate::verify::{self, Digest};

/// The largest file that we write is rbinfmt itself.
const MAX_FILE: u64 = 1 << 28;

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
        Tree { root: root.canonicalize().unwrap_or_else(|_| root.to_owned()) }
    }

    /// Where a path of the system really is. Links mean what they mean on that system, so that none leads out of the tree;
    /// what does not exist yet is named below the last directory that does.
    ///
    /// # Errors
    /// A path through something that is not a directory, or through a link that leads nowhere.
    pub fn real(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = path.as_ref();
        let inner = path.strip_prefix("/").unwrap_or(path);
        if self.is_ours() {
            return Ok(self.root.join(inner));
        }
        let doing = || format!("looking for {} below {}", path.display(), self.root.display());
        if inner.components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(Error::failed(doing(), "the path has other parts than names"));
        }
        let root = fs::File::open(&self.root).doing(doing)?;
        for known in inner.ancestors() {
            let name = if known == Path::new("") { Path::new(".") } else { known };
            let opened = match inside(&root, name, OFlags::PATH) {
                Err(rustix::io::Errno::NOENT) => continue,
                opened => opened.doing(doing)?,
            };
            let real = fs::read_link(proc::of_descriptor(&opened)).doing(doing)?;
            let rest = inner.strip_prefix(known).unwrap_or(inner);
            let Some(first) = rest.components().next() else { return Ok(real) };
            // One that can be followed was.
            if real.join(first).symlink_metadata().is_ok_and(|there| there.is_symlink()) {
                let why =
                    format!("{} is a link that leads out of the tree, or nowhere in it", real.join(first).display());
                return Err(Error::failed(doing(), why).help("remove the link"));
            }
            return Ok(real.join(rest));
        }
        Err(Error::failed(doing(), "the tree is not there"))
    }

    /// Where a file of the system is itself, even where it is a link.
    pub(super) fn place(&self, path: &Path) -> Result<PathBuf> {
        match (path.parent(), path.file_name()) {
            (Some(directory), Some(name)) => Ok(self.real(directory)?.join(name)),
            _ => self.real(path),
        }
    }

    /// The path that the system will have for a file of ours.
    pub fn inside(&self, real: &Path) -> Option<PathBuf> {
        real.strip_prefix(&self.root).ok().map(|path| Path::new("/").join(path))
    }

    /// Whether it has this file.
    ///
    /// # Errors
    /// Where that cannot be seen: it is then not known to be absent.
    pub fn has(&self, path: impl AsRef<Path>) -> Result<bool> {
        let real = self.place(path.as_ref())?;
        match real.symlink_metadata() {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
            there => there.map(|_| true).doing(|| format!("looking for {}", real.display())),
        }
    }

    /// The first of these files that it has.
    ///
    /// # Errors
    /// As for [`Tree::has`].
    pub fn first<P: AsRef<Path>>(&self, paths: impl IntoIterator<Item = P>) -> Result<Option<P>> {
        for path in paths {
            if self.has(&path)? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Whether this is the tree that we live in.
    pub fn is_ours(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Whether it is a system that starts units and that lets us say which; and if not, what to do.
    ///
    /// # Errors
    /// It has no systemd, its /etc is read-only, or neither can be seen.
    pub fn check(&self) -> Result<()> {
        let doing = format!("looking at the system below {}", self.root.display());
        if self.first(["/usr/lib/systemd/systemd", "/lib/systemd/systemd"])?.is_none() {
            let why = "it has no systemd, so nothing would read what is written there";
            return Err(Error::failed(doing, why).help(
                "let its own start scripts run `rbinfmt install`; in a container, mount the host's tree with -v /:/host \
                 and use `install --persist`",
            ));
        }
        if self.is_read_only("/etc/systemd/system")? || self.is_read_only("/etc/binfmt.d")? {
            return Err(Error::failed(doing, "its /etc cannot be written").help(
                "`rbinfmt export --format systemd` or `--format nixos` prints what belongs into its own configuration",
            ));
        }
        Ok(())
    }

    /// Whether a file cannot be made because the file system is read-only.
    ///
    /// # Errors
    /// A path that leaves the tree, and what access(2) says otherwise: it is then not known.
    pub fn is_read_only(&self, path: &str) -> Result<bool> {
        let real = self.place(Path::new(path))?;
        let directory = real.ancestors().find(|p| p.exists()).unwrap_or(&self.root);
        match access(directory, AccessFlags::W_OK) {
            Err(Errno::EROFS) => Ok(true),
            Ok(()) | Err(Errno::EACCES) => Ok(false),
            Err(error) => Err(error).doing(|| format!("looking at {}", directory.display())),
        }
    }

    /// What tells whether the file there is the one that was written; `None` where there is none.
    ///
    /// # Errors
    /// A file that is there and cannot be read, or a path that leaves the tree.
    pub fn print_of(&self, path: &Path) -> Result<Option<String>> {
        let real = self.place(path)?;
        let doing = || format!("reading {}", real.display());
        match real.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(doing(), error)),
            Ok(file) if file.is_symlink() => Ok(Some(format!("-> {}", fs::read_link(&real).doing(doing)?.display()))),
            // Nothing of ours.
            Ok(file) if !file.is_file() || file.len() > MAX_FILE => Ok(Some(format!("{} bytes", file.len()))),
            Ok(_) => Ok(Some(verify::of_file(&real, MAX_FILE).doing(doing)?.sha256.hex())),
        }
    }

    /// Puts a file there, in one step or not at all.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn put(&self, file: &File) -> Result<()> {
        let real = self.place(&file.path)?;
        let directory = real.parent().unwrap_or(&self.root);
        self.make_directory(directory)?;
        match &file.content {
            Content::Bytes(bytes, mode) => {
                write_file(&real, bytes, *mode)?;
                if mode & 0o111 != 0 {
                    selinux::label_as_program(&real, &self.root)?;
                }
            }
            Content::Link(target) => {
                let doing = || format!("linking {}", real.display());
                let new = directory.join(format!("{NEW}link"));
                drop(fs::remove_file(&new));
                symlink(target, &new).and_then(|()| fs::rename(&new, &real)).doing(doing)?;
                sync_directory(directory)?;
            }
        }
        Ok(())
    }

    /// Takes a file away; one that is not there is none.
    ///
    /// # Errors
    /// Where it is there still.
    pub fn remove(&self, path: &Path) -> Result<()> {
        let real = self.place(path)?;
        match fs::remove_file(&real) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(format!("removing {}", real.display()), error))
            }
            _ => Ok(()),
        }
    }

    /// Takes a directory away that was made for our files. One that somebody else uses by now is not empty, and stays, as
    /// does a link that somebody has put there.
    pub(super) fn remove_directory(&self, path: &Path) -> Result<()> {
        use io::ErrorKind::{DirectoryNotEmpty, NotADirectory, NotFound};
        let real = self.place(path)?;
        match fs::remove_dir(&real) {
            Err(error) if !matches!(error.kind(), NotFound | DirectoryNotEmpty | NotADirectory) => {
                Err(Error::io(format!("removing {}", real.display()), error))
            }
            _ => Ok(()),
        }
    }

    /// The directories that have to be made for a file, as the system will name them.
    pub(super) fn missing_directories(&self, path: &Path) -> Result<Vec<PathBuf>> {
        let mut missing = Vec::new();
        for directory in path.ancestors().skip(1) {
            let real = self.real(directory)?;
            if real.try_exists().doing(|| format!("looking at {}", real.display()))? {
                break;
            }
            missing.push(directory.to_owned());
        }
        Ok(missing)
    }

    /// Removes what a killed run had not yet put in its place.
    pub(super) fn sweep(&self, path: &Path) -> Result<()> {
        match self.place(path)?.parent() {
            Some(directory) if directory.exists() => sweep(directory, |name| name.starts_with(NEW)),
            _ => Ok(()),
        }
    }

    pub(super) fn make_directory(&self, directory: &Path) -> Result<()> {
        for directory in missing(directory)?.into_iter().rev() {
            let doing = || format!("making the directory {}", directory.display());
            fs::create_dir(directory).doing(doing)?;
            // Whatever the umask is.
            fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).doing(doing)?;
        }
        Ok(())
    }
}

/// A directory and those above it that are not there, innermost first.
fn missing(directory: &Path) -> Result<Vec<&Path>> {
    let mut missing = Vec::new();
    for directory in directory.ancestors() {
        if directory.try_exists().doing(|| format!("looking at {}", directory.display()))? {
            break;
        }
        missing.push(directory);
    }
    Ok(missing)
}
