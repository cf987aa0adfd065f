//! The mounts of a process: mountinfo (proc_pid_mountinfo(5)). Read without touching what is mounted: a look into an
//! automount would mount it.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use super::text;
use crate::error::{Doing, Result};

/// The mounts of a process, in the order in which they were made.
#[derive(Debug, Clone, Default)]
pub struct Mounts(String);

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount<'a> {
    /// The device number of its file system: "0:28".
    pub device: &'a str,
    /// The directory that it is mounted on.
    pub point: Cow<'a, Path>,
    /// "ext4"
    pub fs_type: &'a str,
    options: &'a str,
    super_options: &'a str,
}

impl Mounts {
    /// From the mountinfo file at this path.
    ///
    /// # Errors
    /// The file cannot be read: the process is gone, or another user's.
    pub fn read(mountinfo: &Path) -> Result<Self> {
        text(mountinfo).map(Mounts).doing(|| format!("reading {}", mountinfo.display()))
    }

    /// Each of them. Lines that are not as the kernel writes them are passed over.
    pub fn iter(&self) -> impl Iterator<Item = Mount<'_>> {
        self.0.lines().filter_map(Mount::parse)
    }

    /// Those whose line holds this text, wherever it is. Where few do, it is far quicker than a look at each of them.
    pub fn naming(&self, text: &str) -> impl Iterator<Item = Mount<'_>> {
        let mut before = None;
        // Not bstr's search: elf::until_nul says why.
        self.0.match_indices(text).filter_map(move |(at, _)| {
            let line = self.0[..at].rfind('\n').map_or(0, |end| end + 1);
            (before.replace(line) != Some(line)).then(|| Mount::parse(self.0[line..].lines().next()?)).flatten()
        })
    }

    /// Those with an option of the mount itself: "noexec".
    pub fn with_option(&self, option: &str) -> impl Iterator<Item = Mount<'_>> {
        self.naming(option).filter(move |mount| mount.has_option(option))
    }

    /// The last mount on a directory, which hides the others.
    pub fn on(&self, directory: &Path) -> Option<Mount<'_>> {
        // What the kernel escapes is not in the line as it is.
        let as_written = directory.to_str()?.split([' ', '\t', '\n', '\\', '#']).next()?;
        self.naming(as_written).filter(|mount| mount.point == directory).last()
    }

    /// Whether nothing could be read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Mount<'a> {
    /// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue"
    fn parse(line: &'a str) -> Option<Self> {
        // Twice as quick as at each blank; a source without a name is no field then, so what follows it is the last.
        let mut fields = line.split_ascii_whitespace();
        let device = fields.nth(2)?;
        let (point, options) = (fields.nth(1)?, fields.next()?);
        // Any number of optional fields ends with "-".
        fields.find(|&field| field == "-")?;
        let (fs_type, super_options) = (fields.next()?, fields.last().unwrap_or_default());
        Some(Mount { device, point: unescape(point), fs_type, options, super_options })
    }

    /// Whether an option is set for the mount itself.
    pub fn has_option(&self, option: &str) -> bool {
        self.options.split(',').any(|set| set == option)
    }

    /// Whether nothing can be written through it: the mount or its file system is read-only.
    pub fn is_read_only(&self) -> bool {
        self.has_option("ro") || self.super_options.split(',').any(|set| set == "ro")
    }
}

/// The kernel writes blanks and backslashes as three octal digits (mangle_path in fs/seq_file.c).
fn unescape(point: &str) -> Cow<'_, Path> {
    if !point.contains('\\') {
        return Cow::Borrowed(Path::new(point));
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(point.len()), point.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|digits| byte == b'\\' && digits.iter().all(|d| (b'0'..b'8').contains(d)));
        match octal {
            Some(digits) => {
                bytes.push(digits.iter().fold(0u8, |n, digit| n.wrapping_mul(8).wrapping_add(digit - b'0')));
                rest = &after[3..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    Cow::Owned(OsString::from_vec(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "24 30 0:22 / /proc rw,nosuid,noexec shared:12 - proc proc rw\n\
        41 24 0:35 / /proc/sys/fs/binfmt_misc rw shared:13 - autofs systemd-1 rw,fd=29\n\
        broken\n\
        52 41 0:44 / /proc/sys/fs/binfmt_misc rw,nosuid,noexec - binfmt_misc binfmt_misc ro\n\
        60 30 0:50 /a\\040b /mnt/a\\040b\\134 rw - tmpfs none rw\n";

    #[test]
    fn the_last_mount_on_a_directory_counts() {
        let mounts = Mounts(MOUNTS.into());
        let table = mounts.on(Path::new("/proc/sys/fs/binfmt_misc")).unwrap();
        assert_eq!((table.device, table.fs_type, table.is_read_only()), ("0:44", "binfmt_misc", true));
        assert!(!mounts.on(Path::new("/proc")).unwrap().is_read_only());
        assert_eq!(mounts.on(Path::new("/mnt")), None);
    }

    #[test]
    fn blanks_are_unescaped_and_options_are_whole_words() {
        let mounts = Mounts(MOUNTS.into());
        assert_eq!(mounts.on(Path::new("/mnt/a b\\")).unwrap().device, "0:50");
        let noexec: Vec<_> = mounts.with_option("noexec").map(|m| m.device).collect();
        assert_eq!(noexec, ["0:22", "0:44"]);
        // In two places of one line.
        assert_eq!(mounts.naming("binfmt_misc").map(|m| m.device).collect::<Vec<_>>(), ["0:35", "0:44"]);
        assert_eq!(mounts.naming("24 30").count(), 1);
        assert_eq!(mounts.naming("nowhere").count(), 0);
        assert!(!mounts.iter().any(|mount| mount.has_option("exec")));
    }

    #[test]
    fn this_process_has_mounts() {
        let mounts = Mounts::read(&super::super::own("mountinfo")).unwrap();
        assert!(mounts.iter().any(|mount| mount.point == Path::new("/proc")));
    }
}
