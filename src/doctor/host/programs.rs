//! The interpreters of the entries, looked at as files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::fs::File as OpenFile;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;

use super::facts::{File, Program};
use crate::elf;
use crate::error::os_text;
use crate::registrar::facts::Facts;

/// QEMU prints its version with a text that stands among its first constants.
const MOST: u64 = 8 << 20;
const CHUNK: usize = 256 << 10;
/// More than QEMU has targets: who registers more programs does not get them all read.
const MOST_READ: usize = 64;
/// More than the text needs, so that one at a chunk's border is found in the next.
const OVERLAP: usize = 256;

/// Looks at each once.
pub(super) fn gather(facts: &Facts) -> BTreeMap<String, Program> {
    let interpreters = facts.table.entries.iter().filter_map(|e| e.interpreter.as_ref()?.to_path().ok());
    let interpreters: BTreeSet<PathBuf> = interpreters.map(Path::to_owned).collect();
    let look = |(number, path): (usize, &PathBuf)| (path.display().to_string(), look(path, number < MOST_READ));
    interpreters.iter().enumerate().map(look).collect()
}

/// `read` says whether to look for a version in all of it.
fn look(path: &Path, read: bool) -> Program {
    let link = fs::read_link(path).ok().map(|to| to.display().to_string());
    let file = file(path);
    let version = (read && matches!(file, File::Elf { .. })).then(|| version(path)).flatten();
    Program { version, label: label(path), noexec: is_noexec(path), link, file }
}

fn file(path: &Path) -> File {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return File::Missing,
        Err(error) => return File::Unreadable(os_text(&error)),
    };
    if !metadata.is_file() {
        return File::NotAFile;
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return File::NotExecutable;
    }
    match elf::read(path) {
        Ok(elf) => File::Elf { target: elf.target, loader: elf.interpreter },
        Err(why) if OpenFile::open(path).is_err() => File::Unreadable(why),
        Err(_) => File::Other,
    }
}

/// The version that QEMU would print. Nothing is executed.
fn version(path: &Path) -> Option<String> {
    let mut file = OpenFile::open(path).ok()?;
    for (start, len) in elf::constants(path) {
        let mut left = len.min(MOST);
        let mut chunk: Vec<u8> = Vec::with_capacity(CHUNK + OVERLAP);
        file.seek(SeekFrom::Start(start)).ok()?;
        while left > 0 {
            let kept = chunk.len().saturating_sub(OVERLAP);
            chunk.drain(..kept);
            let wanted = left.min(CHUNK as u64);
            let read = (&file).take(wanted).read_to_end(&mut chunk).ok()? as u64;
            if let Some(version) = version_in(&chunk) {
                return Some(version);
            }
            left = if read < wanted { 0 } else { left - read };
        }
    }
    None
}

/// "7.2.22 (Debian 1:7.2+dfsg-7)" of "qemu-aarch64 version 7.2.22 (Debian 1:7.2+dfsg-7)\n".
fn version_in(bytes: &[u8]) -> Option<String> {
    const WORD: &[u8] = b" version ";
    bytes.find_iter(WORD).find_map(|at| {
        let name = bytes[..at].rfind(b"qemu-").map(|start| &bytes[start..at])?;
        let is_name = name.len() < 32 && name.iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b));
        let rest = &bytes[at + WORD.len()..];
        let end = rest.iter().take(120).position(|b| matches!(b, b'\n' | 0))?;
        let version = rest[..end].to_str().ok()?;
        (is_name && version.starts_with(|c: char| c.is_ascii_digit())).then(|| version.to_owned())
    })
}

fn label(path: &Path) -> Option<String> {
    let mut label = [0; 256];
    let len = rustix::fs::getxattr(path, c"security.selinux", &mut label).ok()?;
    let label = label.get(..len)?.trim_end_with(|c| c == '\0');
    (!label.is_empty()).then(|| label.to_str_lossy().into_owned())
}

/// Whether its file system forbids programs.
fn is_noexec(path: &Path) -> bool {
    use rustix::fs::{StatVfsMountFlags, statvfs};
    statvfs(path).is_ok_and(|fs| fs.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_qemus_own() {
        let text = b"\0%s version %s\0qemu-aarch64_be version 7.2.22 (Debian 1:7.2+dfsg-7+b3)\nCopyright\0";
        assert_eq!(version_in(text).unwrap(), "7.2.22 (Debian 1:7.2+dfsg-7+b3)");
        assert_eq!(version_in(b"ELF version 1\n qemu-x version \n"), None);
        assert_eq!(version_in(b" version 7.2"), None);
    }

    #[test]
    fn files_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        assert_eq!(file(&path), File::Missing);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        assert_eq!(file(&path), File::NotExecutable);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(file(&path), File::Other);
        assert_eq!(file(dir.path()), File::NotAFile);
        assert!(matches!(file(Path::new("/bin/sh")), File::Elf { loader: Some(_), .. }));
    }
}
