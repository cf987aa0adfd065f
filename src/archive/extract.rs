//! Members of a tar as files below a directory. The kernel walks every name as after chroot(2) into it, so that neither a
//! name nor a link that came before leads out; devices and pipes are not made.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid, XattrFlags};
use rustix::fs::{chownat, fchmod, fchown, fsetxattr, linkat, mkdirat, openat, statat, symlinkat, unlinkat};
use rustix::io::Errno;

use super::tar::{Kind, Member, Tar};
use crate::beneath::inside;

/// A directory that files are put below.
#[derive(Debug)]
pub struct Below {
    base: OwnedFd,
    /// Who files belong to.
    pub owners: Owners,
    /// How many bytes may still be written; a file system has blocks, and each file has at least one.
    pub left: u64,
}

/// What becomes of the owners that a tar names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// Files are whoever's extracts them.
    Nobody,
    /// Files are theirs, which only root can make.
    Theirs,
    /// Files are whoever's extracts them, and an extended attribute says whose they should be, as in the storage of podman and
    /// buildah. There is none where the file system has no such attributes, and links never have one.
    Recorded,
}

/// "UID:GID:MODE", of fuse-overlayfs and containers/storage.
const OWNER: &str = "user.containers.override_stat";

const BLOCK: u64 = 4096;

/// Where a member is: the directory, open, and its name in it.
struct At<'a> {
    directory: OwnedFd,
    name: &'a OsStr,
}

impl Below {
    /// Nothing is written yet.
    ///
    /// # Errors
    /// What open(2) says.
    pub fn new(directory: &Path, left: u64) -> io::Result<Below> {
        Ok(Below { base: File::open(directory)?.into(), owners: Owners::Nobody, left })
    }

    /// Makes the tar's current member, `path` being where; what is there already gives way, but a directory to a directory.
    ///
    /// # Errors
    /// What the tar or the kernel says; more bytes than may be written.
    pub fn make<R: BufRead>(&mut self, tar: &mut Tar<R>, member: &Member, path: &[u8]) -> io::Result<()> {
        let (mode, uid, gid) = member.owner;
        // The last number is nobody's: the tar did not say.
        let is_known = |id: &u32| self.owners == Owners::Theirs && *id != u32::MAX;
        let owner = (Some(uid).filter(is_known).map(Uid::from_raw), Some(gid).filter(is_known).map(Gid::from_raw));
        // Whoever extracts has to be able to go on, and to remove it all.
        let bits = |least: u32| Mode::from_raw_mode((mode & 0o7777) | least);
        let Some(at) = self.at(path)? else { return Ok(()) };
        if member.kind != Kind::Directory {
            self.clear(&at)?;
        }
        let blocks = if member.kind == Kind::File { member.size.max(1) } else { 1 };
        let blocks = blocks.checked_next_multiple_of(BLOCK).and_then(|bytes| self.left.checked_sub(bytes));
        self.left = blocks.ok_or_else(|| io::Error::other("there is too much in it"))?;
        match member.kind {
            Kind::Directory => {
                let directory = self.directory(&at)?;
                fchown(&directory, owner.0, owner.1)?;
                fchmod(&directory, bits(0o700))?;
                self.record(&directory, member.owner)?;
            }
            Kind::File => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let mut file = File::from(openat(&at.directory, at.name, flags, Mode::from_raw_mode(0o600))?);
                tar.body().for_each(|piece| file.write_all(piece))?;
                fchown(&file, owner.0, owner.1)?;
                fchmod(&file, bits(0o400))?;
                self.record(&file, member.owner)?;
            }
            Kind::Link => {
                symlinkat(OsStr::from_bytes(&member.target), &at.directory, at.name)?;
                chownat(&at.directory, at.name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)?;
            }
            Kind::HardLink => {
                let missing = || io::Error::other("a hard link to nothing");
                let target = self.at(&member.target)?.ok_or_else(missing)?;
                linkat(&target.directory, target.name, &at.directory, at.name, AtFlags::empty())?;
            }
            Kind::Other => {}
        }
        Ok(())
    }

    /// Says whose a file should be, where that is somebody else than root.
    fn record(&self, file: impl AsFd, (mode, uid, gid): (u32, u32, u32)) -> io::Result<()> {
        if self.owners != Owners::Recorded || (uid, gid) == (0, 0) || uid == u32::MAX || gid == u32::MAX {
            return Ok(());
        }
        let value = format!("{uid}:{gid}:0{:o}", mode & 0o7777);
        match fsetxattr(file, OWNER, value.as_bytes(), XattrFlags::empty()) {
            Err(errno) if errno != Errno::OPNOTSUPP => Err(errno.into()),
            _ => Ok(()),
        }
    }

    /// Removes what is at `path`, where something is.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn remove(&self, path: &[u8]) -> io::Result<()> {
        self.at(path)?.map_or(Ok(()), |at| self.clear(&at))
    }

    /// Removes what is in the directory at `path`, where there is one, but for names that are to be kept.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn empty(&self, path: &[u8], keep: &dyn Fn(&[u8]) -> bool) -> io::Result<()> {
        let path = if path.is_empty() { &b"."[..] } else { path };
        match inside(&self.base, Path::new(OsStr::from_bytes(path)), OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(directory) => empty(&directory, keep),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The directory of a path, made where it is missing; `None` for the base itself.
    fn at<'a>(&self, path: &'a [u8]) -> io::Result<Option<At<'a>>> {
        let path = Path::new(OsStr::from_bytes(path));
        let Some(name) = path.file_name() else { return Ok(None) };
        let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let open = || inside(&self.base, above, OFlags::RDONLY | OFlags::DIRECTORY);
        let directory = match open() {
            Err(Errno::NOENT) => {
                let made = self.at(above.as_os_str().as_bytes())?;
                made.map_or(Ok(()), |at| self.directory(&at).map(drop))?;
                open()?
            }
            opened => opened?,
        };
        Ok(Some(At { directory, name }))
    }

    fn directory(&self, at: &At) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&at.directory, at.name, flags, Mode::empty()) {
            // A link to a directory gives way, as a file does: what follows would land elsewhere.
            Err(Errno::NOTDIR | Errno::LOOP) => self.clear(at)?,
            Err(Errno::NOENT) => {}
            opened => return Ok(opened?),
        }
        mkdirat(&at.directory, at.name, Mode::from_raw_mode(0o755))?;
        Ok(openat(&at.directory, at.name, flags, Mode::empty())?)
    }

    fn clear(&self, at: &At) -> io::Result<()> {
        clear(&at.directory, at.name)
    }
}

/// Removes a file, or a directory with all that is in it; nothing is fine.
fn clear(directory: &OwnedFd, name: &OsStr) -> io::Result<()> {
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            empty(&openat(directory, name, flags, Mode::empty())?, &|_| false)?;
            Ok(unlinkat(directory, name, AtFlags::REMOVEDIR)?)
        }
        Ok(_) => Ok(unlinkat(directory, name, AtFlags::empty())?),
    }
}

fn empty(directory: &OwnedFd, keep: &dyn Fn(&[u8]) -> bool) -> io::Result<()> {
    for item in rustix::fs::Dir::read_from(directory)? {
        let item = item?;
        let name = OsStr::from_bytes(item.file_name().to_bytes());
        if name != "." && name != ".." && !keep(name.as_bytes()) {
            clear(directory, name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tar_of(members: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, content) in members {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o755);
            if kind.is_symlink() || kind.is_hard_link() {
                header.set_size(0);
                builder.append_link(&mut header, name, content).unwrap();
            } else {
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, name, content.as_bytes()).unwrap();
            }
        }
        builder.into_inner().unwrap()
    }

    fn extract(directory: &Path, members: &[(&str, tar::EntryType, &str)], left: u64) -> io::Result<()> {
        let bytes = tar_of(members);
        let (mut tar, mut below) = (Tar::new(&bytes[..]), Below::new(directory, left)?);
        while let Some(member) = tar.next_member()? {
            let path = member.path.clone();
            below.make(&mut tar, &member, &path)?;
        }
        Ok(())
    }

    #[test]
    fn what_is_in_a_tar_is_there_afterwards_and_replaces_what_was() {
        use tar::EntryType::{Directory, Link, Regular, Symlink};
        let to = tempfile::tempdir().unwrap();
        let first = [("a/b", Regular, "one"), ("a/c", Symlink, "b"), ("a/d", Link, "a/b"), ("e", Directory, "")];
        extract(to.path(), &first, 100 * BLOCK).unwrap();
        assert_eq!(fs::read_to_string(to.path().join("a/c")).unwrap(), "one");
        assert_eq!(fs::read_to_string(to.path().join("a/d")).unwrap(), "one");
        // A file in the place of a link does not write through it; a directory gives way to a file.
        extract(to.path(), &[("a/c", Regular, "two"), ("e", Regular, "file"), ("a/b/x", Regular, "in")], 100 * BLOCK)
            .unwrap_err();
        extract(to.path(), &[("a/b", Directory, ""), ("a/b/x", Regular, "in")], 100 * BLOCK).unwrap();
        assert_eq!(fs::read_to_string(to.path().join("a/c")).unwrap(), "two");
        assert_eq!(fs::read_to_string(to.path().join("a/d")).unwrap(), "one");
        assert_eq!(fs::read_to_string(to.path().join("a/b/x")).unwrap(), "in");
        let below = Below::new(to.path(), 0).unwrap();
        below.empty(b"a", &|name| name == b"c").unwrap();
        assert_eq!(fs::read_dir(to.path().join("a")).unwrap().count(), 1);
        below.empty(b"a", &|_| false).unwrap();
        below.remove(b"e").unwrap();
        below.remove(b"no/such").unwrap();
        assert!(fs::read_dir(to.path().join("a")).unwrap().next().is_none() && !to.path().join("e").exists());
    }

    #[test]
    fn owners_are_recorded_for_whoever_cannot_give_files_away() {
        let to = tempfile::tempdir().unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o4755);
        header.set_uid(12);
        header.set_gid(34);
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_data(&mut header, "file", &b""[..]).unwrap();
        let bytes = builder.into_inner().unwrap();
        let (mut tar, mut below) = (Tar::new(&bytes[..]), Below::new(to.path(), BLOCK).unwrap());
        below.owners = Owners::Recorded;
        let member = tar.next_member().unwrap().unwrap();
        below.make(&mut tar, &member, b"file").unwrap();
        let mut value = [0; 64];
        match rustix::fs::getxattr(to.path().join("file"), OWNER, &mut value) {
            Ok(length) => assert_eq!(&value[..length], b"12:34:04755"),
            Err(errno) => assert_eq!(errno, Errno::OPNOTSUPP),
        }
        // A bomb of empty files ends at the bound as well.
        assert!(below.make(&mut tar, &member, b"other").is_err());
    }

    #[test]
    fn nothing_is_written_outside_nor_more_than_was_said() {
        use tar::EntryType::{Link, Regular, Symlink};
        let (to, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("file"), "theirs").unwrap();
        let away = outside.path().to_str().unwrap();
        let file = format!("{away}/file");
        extract(to.path(), &[("l", Symlink, away), ("l/new", Regular, "x")], 100 * BLOCK).unwrap();
        extract(to.path(), &[("f", Symlink, &file), ("f", Regular, "x")], 100 * BLOCK).unwrap();
        assert!(extract(to.path(), &[("h", Link, &file)], 100 * BLOCK).is_err());
        assert!(extract(to.path(), &[("big", Regular, "0123456789")], BLOCK - 1).is_err());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(outside.path().join("file")).unwrap(), "theirs");
    }
}
