//! A system's tree of files: this one's, or one below a directory.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use rustix::fs::OFlags;

use crate::beneath::{inside, without_links};
use crate::emulators::Store;
use crate::emulators::store::{SYSTEM, sync_directory, write_file};
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
    /// what does not exist yet is named below the last directory that does. It is for reading: what is written goes through
    /// a [`Place`].
    ///
    /// # Errors
    /// A path through something that is not a directory, or through a link that leads nowhere.
    pub fn real(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = path.as_ref();
        if self.is_ours() {
            return Ok(self.root.join(path.strip_prefix("/").unwrap_or(path)));
        }
        let (known, rest) = self.walk(path)?;
        let real = name_of(&known).doing(|| self.looking_for(path))?;
        Ok(if rest == Path::new("") { real } else { real.join(rest) })
    }

    fn looking_for(&self, path: &Path) -> String {
        format!("looking for {} below {}", path.display(), self.root.display())
    }

    /// A path of the system as a message has it.
    pub(super) fn path_of(&self, path: &str) -> String {
        self.root.join(path.trim_start_matches('/')).display().to_string()
    }

    /// What is there of a path, open, and the rest of it.
    fn walk<'a>(&self, path: &'a Path) -> Result<(OwnedFd, &'a Path)> {
        let inner = path.strip_prefix("/").unwrap_or(path);
        let doing = || self.looking_for(path);
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
            let rest = inner.strip_prefix(known).unwrap_or(inner);
            // One that can be followed was.
            if let Some(first) = rest.components().next()
                && proc::of_descriptor(&opened).join(first).symlink_metadata().is_ok_and(|there| there.is_symlink())
            {
                let link = name_of(&opened).doing(doing)?.join(first);
                let why = format!("{} is a link that leads out of the tree, or nowhere in it", link.display());
                return Err(Error::failed(doing(), why).help("remove the link"));
            }
            return Ok((opened, rest));
        }
        Err(Error::failed(doing(), "the tree is not there"))
    }

    /// Where a file of the system is itself, even where it is a link; `None` where its directory is not there.
    fn place(&self, path: &Path) -> Result<Option<Place>> {
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            let real = self.real(path)?;
            return Ok(Some(Place { path: real.clone(), shown: real, directory: None }));
        };
        if self.is_ours() {
            let real = self.real(path)?;
            return Ok(Some(Place { path: real.clone(), shown: real, directory: None }));
        }
        let (held, rest) = self.walk(directory)?;
        if rest != Path::new("") {
            return Ok(None);
        }
        let shown = name_of(&held).doing(|| self.looking_for(path))?.join(name);
        Ok(Some(Place { path: proc::of_descriptor(&held).join(name), shown, directory: Some(held) }))
    }

    /// Likewise, of a file whose directory has just been made or found.
    fn place_to_write(&self, path: &Path) -> Result<Place> {
        self.place(path)?.ok_or_else(|| Error::failed(self.looking_for(path), "its directory was taken away meanwhile"))
    }

    /// The bytes of a small file; `None` where there is none.
    ///
    /// # Errors
    /// One that cannot be read or has more than `limit` bytes, and a path that leaves the tree.
    pub(super) fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let real = self.real(path)?;
        let doing = || format!("reading {}", real.display());
        let bytes = if self.is_ours() {
            verify::small_file(&real, limit)
        } else {
            // What is read is what was found, and not what is put in its place meanwhile.
            match self.walk(Path::new(path))? {
                (file, rest) if rest == Path::new("") => verify::small_file(&proc::of_descriptor(&file), limit),
                _ => return Ok(None),
            }
        };
        match bytes {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            bytes => bytes.map(Some).doing(doing),
        }
    }

    /// The system's store, to be changed; it is made where there is none. That of another system is reached through a mount
    /// of its own, where there can be one: no link that is put into it meanwhile is followed.
    ///
    /// # Errors
    /// It cannot be made or reached.
    pub fn store(&self) -> Result<Store> {
        if self.is_ours() {
            return Ok(Store::open(SYSTEM));
        }
        self.make_directory(Path::new(SYSTEM))?;
        let (held, _) = self.walk(Path::new(SYSTEM))?;
        let place = name_of(&held).doing(|| self.looking_for(Path::new(SYSTEM)))?;
        Ok(Store::held(without_links(&held).unwrap_or(held), place))
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
        let Some(place) = self.place(path.as_ref())? else { return Ok(false) };
        match place.path.symlink_metadata() {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
            there => there.map(|_| true).doing(|| format!("looking for {}", place.shown.display())),
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
        let (directory, name) = (Path::new(path).parent(), Path::new(path).file_name());
        let real = self.real(directory.unwrap_or(Path::new("/")))?.join(name.unwrap_or_default());
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
        let Some(Place { path, shown, directory: _held }) = self.place(path)? else { return Ok(None) };
        let doing = || format!("reading {}", shown.display());
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(doing(), error)),
            Ok(file) if file.is_symlink() => Ok(Some(format!("-> {}", fs::read_link(&path).doing(doing)?.display()))),
            // Nothing of ours.
            Ok(file) if !file.is_file() || file.len() > MAX_FILE => Ok(Some(format!("{} bytes", file.len()))),
            Ok(_) => Ok(Some(verify::of_file(&path, MAX_FILE).doing(doing)?.sha256.hex())),
        }
    }

    /// Puts a file there, in one step or not at all.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn put(&self, file: &File) -> Result<()> {
        self.make_directory(file.path.parent().unwrap_or(Path::new("/")))?;
        let place = self.place_to_write(&file.path)?;
        match &file.content {
            Content::Bytes(bytes, mode) => {
                place.write(bytes, *mode)?;
                if mode & 0o111 != 0 {
                    selinux::label_as_program(&place.path, &self.root).map_err(|error| place.naming(error))?;
                }
            }
            Content::Link(target) => {
                let doing = || format!("linking {}", place.shown.display());
                let directory = place.path.parent().unwrap_or(&self.root);
                let new = directory.join(format!("{NEW}link"));
                drop(fs::remove_file(&new));
                symlink(target, &new).and_then(|()| fs::rename(&new, &place.path)).doing(doing)?;
                sync_directory(directory).map_err(|error| place.naming(error))?;
            }
        }
        Ok(())
    }

    /// Writes a file whose directory is there, in one step or not at all.
    pub(super) fn write_text(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.place_to_write(Path::new(path))?.write(bytes, 0o644)
    }

    /// Takes a file away; one that is not there is none.
    ///
    /// # Errors
    /// Where it is there still.
    pub fn remove(&self, path: &Path) -> Result<()> {
        let Some(place) = self.place(path)? else { return Ok(()) };
        match fs::remove_file(&place.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(format!("removing {}", place.shown.display()), error))
            }
            _ => Ok(()),
        }
    }

    /// Takes a directory away with all that is in it. Links in it are not followed.
    pub(super) fn remove_all(&self, path: &Path) -> Result<()> {
        let Some(place) = self.place(path)? else { return Ok(()) };
        fs::remove_dir_all(&place.path).doing(|| format!("removing {}", place.shown.display()))
    }

    /// Takes a directory away that was made for our files. One that somebody else uses by now is not empty, and stays, as
    /// does a link that somebody has put there.
    pub(super) fn remove_directory(&self, path: &Path) -> Result<()> {
        use io::ErrorKind::{DirectoryNotEmpty, NotADirectory, NotFound};
        let Some(place) = self.place(path)? else { return Ok(()) };
        match fs::remove_dir(&place.path) {
            Err(error) if !matches!(error.kind(), NotFound | DirectoryNotEmpty | NotADirectory) => {
                Err(Error::io(format!("removing {}", place.shown.display()), error))
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
        let Some(place) = self.place(path)? else { return Ok(()) };
        match place.path.parent() {
            Some(directory) if directory.exists() => {
                sweep(directory, |name| name.starts_with(NEW)).map_err(|error| place.naming(error))
            }
            _ => Ok(()),
        }
    }

    /// Makes a directory of the system, and those above it.
    pub(super) fn make_directory(&self, path: &Path) -> Result<()> {
        let mut missing = self.missing_directories(&path.join(NEW))?;
        missing.reverse();
        for directory in missing {
            let place = self.place_to_write(&directory)?;
            let doing = || format!("making the directory {}", place.shown.display());
            fs::create_dir(&place.path).doing(doing)?;
            let flags = (OFlags::NOFOLLOW | OFlags::DIRECTORY).bits() as i32;
            let made = fs::OpenOptions::new().read(true).custom_flags(flags).open(&place.path).doing(doing)?;
            // Whatever the umask is.
            made.set_permissions(fs::Permissions::from_mode(0o755)).doing(doing)?;
        }
        Ok(())
    }
}

/// Where a file is, or is to be: in a directory that is held open, so that what is linked or swapped above it meanwhile does
/// not lead elsewhere.
struct Place {
    /// What is used.
    path: PathBuf,
    /// What is told.
    shown: PathBuf,
    /// `path` leads through it.
    directory: Option<OwnedFd>,
}

impl Place {
    fn write(&self, bytes: &[u8], mode: u32) -> Result<()> {
        write_file(&self.path, bytes, mode).map_err(|error| self.naming(error))
    }

    /// What others say of the path, with the one that is told.
    fn naming(&self, error: Error) -> Error {
        match (self.path.parent(), self.shown.parent()) {
            (Some(path), Some(shown)) if self.directory.is_some() => error.naming(path, shown),
            _ => error,
        }
    }
}

/// The path of what is open.
fn name_of(file: &OwnedFd) -> io::Result<PathBuf> {
    fs::read_link(proc::of_descriptor(file))
}
