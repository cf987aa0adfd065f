//! A path walk by hand: for another user's search permission, where openat2(2) is missing, and in a tree in memory.

use std::collections::VecDeque;

use bstr::BString;
use nix::errno::Errno;

use super::file::Found;
use super::identity::Identity;

/// MAXSYMLINKS
pub(super) const MAX_LINKS: usize = 40;

const STICKY_AND_WRITABLE: u32 = 0o1002;

/// Walks from `root`, which `..` and links do not leave. Magic links of /proc are read like any other link.
pub(super) fn by_hand(root: Found, cwd: &[u8], path: &[u8], who: &Identity) -> Result<Found, Errno> {
    let mut directories = vec![root];
    let mut parts: VecDeque<BString> = VecDeque::new();
    // Nobody needs permission for what is above the working directory.
    let mut free = 0;
    if !path.starts_with(b"/") {
        queue(&mut parts, cwd);
        free = parts.len();
    }
    let given: Vec<BString> = pieces(path).collect();
    parts.extend(given);
    // A trailing slash wants a directory, as a last `.` does.
    if path.ends_with(b"/") {
        parts.push_back(".".into());
    }
    let mut links = 0;
    while let Some(part) = parts.pop_front() {
        let directory = directories.last().ok_or(Errno::ENOENT)?;
        if !directory.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        match free {
            0 if !directory.allows(who) => return Err(Errno::EACCES),
            0 => {}
            _ => free -= 1,
        }
        match part.as_slice() {
            b"." => continue,
            b".." => {
                directories.truncate(directories.len().saturating_sub(1).max(1));
                continue;
            }
            _ => {}
        }
        let found = directory.child(&part)?;
        if !found.is_link() {
            directories.push(found);
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(Errno::ELOOP);
        }
        if directory.mode() & STICKY_AND_WRITABLE == STICKY_AND_WRITABLE
            && found.uid() != who.uid
            && found.uid() != directory.uid()
            && protects_links()
        {
            return Err(Errno::EACCES);
        }
        let target = found.target()?;
        match target.as_slice() {
            b"" => return Err(Errno::ENOENT),
            [b'/', ..] => directories.truncate(1),
            _ => {}
        }
        if target.ends_with(b"/") {
            parts.push_front(".".into());
        }
        let pieces: Vec<BString> = pieces(&target).collect();
        pieces.into_iter().rev().for_each(|piece| parts.push_front(piece));
    }
    directories.pop().ok_or(Errno::ENOENT)
}

fn pieces(path: &[u8]) -> impl Iterator<Item = BString> {
    path.split(|&byte| byte == b'/').filter(|piece| !piece.is_empty()).map(BString::from)
}

fn queue(parts: &mut VecDeque<BString>, path: &[u8]) {
    parts.extend(pieces(path));
}

fn protects_links() -> bool {
    crate::proc::setting("fs.protected_symlinks").is_some_and(|value| value == "1")
}
