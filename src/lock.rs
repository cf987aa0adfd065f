//! A lock that is waited for with patience that ends: whoever holds it is named then.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::stat::{major, minor};

use crate::backoff::Backoff;
use crate::error::{Doing, Error, Result};
use crate::proc;

/// Longer than any run of ours holds a table; a large download holds a store for longer, and says so.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(5);
/// Whoever waits goes on this soon after the lock is free.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Locks an open file (flock(2)) as nobody else's. `waiting` is called once where somebody has it. A signal that ends the
/// process ends the waiting too.
///
/// # Errors
/// Where it was held for two minutes: by whom, as far as /proc/locks tells.
pub fn take(file: &File, path: &Path, waiting: impl FnOnce()) -> Result<()> {
    take_within(PATIENCE, file, path, waiting)
}

fn take_within(patience: Duration, file: &File, path: &Path, waiting: impl FnOnce()) -> Result<()> {
    let doing = || format!("locking {}", path.display());
    let mut backoff = Backoff::until(Instant::now() + patience, PAUSE, LONGEST_PAUSE);
    let mut waiting = Some(waiting);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) => return Err(Error::io(doing(), error)),
            Err(TryLockError::WouldBlock) => {
                waiting.take().into_iter().for_each(|tell| tell());
                if !backoff.wait(None) {
                    let why = format!("{} held it for {} s", holder(file)?, patience.as_secs());
                    return Err(Error::unknown(doing(), why).help("end that process, or wait for it, and try again"));
                }
            }
        }
    }
}

/// Who has a file locked: "process 123 (flock)".
fn holder(file: &File) -> Result<String> {
    let meta = file.metadata().doing(|| "looking at a lock")?;
    let locks = fs::read_to_string(proc::kernel_file("locks")).unwrap_or_default();
    let name = |pid: u32| {
        fs::read_to_string(proc::of_process(pid, "comm")).map_or_else(|_| "?".into(), |n| n.trim().to_owned())
    };
    let pid = pid(&locks, (major(meta.dev()), minor(meta.dev()), meta.ino()));
    Ok(pid.map_or_else(
        || "a process that cannot be seen from here".into(),
        |pid| format!("process {pid} ({})", crate::text::to_text(name(pid).as_bytes())),
    ))
}

/// The process in /proc/locks with a lock on this file: "1: FLOCK  ADVISORY  WRITE 123 00:2d:5 0 EOF".
fn pid(locks: &str, (major, minor, inode): (u64, u64, u64)) -> Option<u32> {
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    let mut words = locks.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    words.find_map(|words| match words[..] {
        [_, "FLOCK", _, _, pid, of, ..] if of == file => pid.parse().ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_found_by_device_and_inode() {
        let locks = "1: POSIX  ADVISORY  READ 9 00:2d:5 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 8 00:2d:5 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 123 00:2d:5 0 EOF\n";
        assert_eq!(pid(locks, (0, 0x2d, 5)), Some(123));
        assert_eq!(pid(locks, (0, 0x2d, 6)), None);
    }

    #[test]
    fn the_wait_ends_with_the_name_of_the_holder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        take(file.as_file(), file.path(), || panic!("nobody has it")).unwrap();
        let (other, mut told) = (File::open(file.path()).unwrap(), 0);
        let error = take_within(Duration::from_secs(1), &other, file.path(), || told += 1).unwrap_err();
        let name = fs::read_to_string(proc::own("comm")).unwrap();
        let expected = format!(
            "locking {}: process {} ({}) held it for 1 s",
            file.path().display(),
            std::process::id(),
            name.trim()
        );
        assert_eq!((error.to_string(), error.status(), told), (expected, crate::error::Status::Unknown, 1));
    }

    #[test]
    fn a_held_lock_has_a_holder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        take(file.as_file(), file.path(), || panic!("nobody has it")).unwrap();
        let other = File::open(file.path()).unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        assert!(holder(&other).unwrap().starts_with(&format!("process {}", std::process::id())));
    }
}
