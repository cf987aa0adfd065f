//! How much of an image is kept in memory: bounded, whatever the image holds.

use std::io;

/// What all files of an image may take: names, directories and kept bytes.
const MOST: u64 = 144 << 20;
/// What may go into more than the least that is kept of programs.
const GENEROUS: u64 = 48 << 20;

/// What is left to be taken.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    left: u64,
    generous: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { left: MOST, generous: GENEROUS }
    }
}

impl Budget {
    /// Takes so many bytes.
    pub(super) fn take(&mut self, bytes: u64) -> io::Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            let most = MOST >> 20;
            io::Error::other(format!("its files would need more than the {most} MiB of memory that an image gets here"))
        })?;
        Ok(())
    }

    /// Whether there is space for something that helps and is not needed.
    pub(super) fn generous(&mut self, bytes: u64) -> bool {
        let left = self.generous.checked_sub(bytes);
        self.generous = left.unwrap_or(self.generous);
        left.is_some()
    }
}
