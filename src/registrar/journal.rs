//! What a run has done to the table before anything was verified, and how it is undone.

use std::time::Duration;

use bstr::{BStr, BString};
use nix::errno::Errno;

use crate::backoff::Backoff;
use crate::binfmt::entry::Entry;
use crate::binfmt::table::Table;
use crate::error::{Error, Result};

/// How often a write to the table is tried again.
const RETRIES: u32 = 2;
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// What was done, oldest first.
#[derive(Debug, Default)]
pub(super) struct Journal(Vec<Done>);

#[derive(Debug)]
struct Done {
    /// Of which architecture.
    label: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Registered(Entry),
    Enabled(BString),
}

impl Journal {
    pub(super) fn registered(&mut self, label: &str, entry: &Entry) {
        self.0.push(Done { label: label.to_owned(), what: What::Registered(entry.clone()) });
    }

    pub(super) fn enabled(&mut self, label: &str, name: &BStr) {
        self.0.push(Done { label: label.to_owned(), what: What::Enabled(name.into()) });
    }

    /// Whether this run has registered an entry of this name.
    pub(super) fn has(&self, name: &BStr) -> bool {
        self.0.iter().any(|done| matches!(&done.what, What::Registered(entry) if entry.name == name))
    }

    /// Takes back one entry that was registered.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub(super) fn withdraw(&mut self, table: &Table, name: &[u8]) -> Result<()> {
        let is_it = |done: &Done| matches!(&done.what, What::Registered(entry) if entry.name == name);
        let Some(at) = self.0.iter().rposition(is_it) else { return Ok(()) };
        undo(table, &self.0[at].what)?;
        self.0.remove(at);
        Ok(())
    }

    /// Undoes everything, newest first, and returns the error that was the reason; what could not be undone is added to
    /// it: for each architecture, what is in the table now and the command that puts it right.
    pub(super) fn undo(self, table: &Table, error: Error) -> Error {
        let mut left = Vec::new();
        for Done { label, what } in self.0.into_iter().rev() {
            if undo(table, &what).is_ok() {
                continue;
            }
            left.push(match &what {
                What::Registered(entry) => {
                    let (name, handler) = (&entry.name, entry.handler());
                    format!(
                        "{label}: {name} -> {handler} is in the table, and was not verified; {}",
                        remover(table, name)
                    )
                }
                What::Enabled(name) => {
                    let path = table.dir().join(crate::text::to_text(name));
                    format!("{label}: {name} is enabled; `echo 0 >{}` disables it", path.display())
                }
            });
        }
        if left.is_empty() { error } else { error.help(left.join("\n")) }
    }
}

fn undo(table: &Table, what: &What) -> Result<()> {
    match what {
        What::Registered(entry) => match again(|| table.entry(&entry.name))? {
            Some(there) if there.is_like(entry) => remove(table, &entry.name),
            // Another tool has removed it, or has its own under this name now.
            _ => Ok(()),
        },
        What::Enabled(name) => absent_is_done(again(|| table.disable(name))),
    }
}

/// Removes an entry; one that is not there is removed.
pub(super) fn remove(table: &Table, name: &[u8]) -> Result<()> {
    absent_is_done(again(|| table.remove(name)))
}

fn absent_is_done(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.errno() == Some(Errno::ENOENT as i32) => Ok(()),
        result => result,
    }
}

/// The command that removes an entry, as a sentence.
pub(super) fn remover(table: &Table, name: &[u8]) -> String {
    format!("`echo -1 >{}` removes it", table.dir().join(crate::text::to_text(name)).display())
}

/// Tries again what failed; what is there already and what is not there does not change by that.
pub(super) fn again<T>(mut work: impl FnMut() -> Result<T>) -> Result<T> {
    let mut backoff = Backoff::tries(RETRIES, PAUSE, LONGEST_PAUSE);
    loop {
        match work() {
            Err(error) if !is_lasting(&error) && backoff.wait(None) => {}
            result => return result,
        }
    }
}

fn is_lasting(error: &Error) -> bool {
    const LASTING: [Errno; 6] =
        [Errno::EEXIST, Errno::ENOENT, Errno::EROFS, Errno::EINVAL, Errno::ENOEXEC, Errno::ELIBBAD];
    error.errno().is_none_or(|errno| LASTING.contains(&Errno::from_raw(errno)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_undone_is_listed_with_the_command_that_puts_it_right() {
        // Neither entry can be read or written: each is a directory.
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["qemu-arm", "qemu-riscv64"] {
            std::fs::create_dir(path(name)).unwrap();
        }
        let text = b"enabled\ninterpreter /usr/bin/qemu-arm\nflags: F\noffset 0\nmagic 7f454c46\n";
        let mut journal = Journal::default();
        journal.registered("arm", &Entry::parse(b"qemu-arm", text).unwrap());
        journal.enabled("riscv64", "qemu-riscv64".into());
        journal.registered("gone", &Entry::parse(b"gone", text).unwrap());
        let error = journal.undo(&Table::at(directory.path()), Error::failed("trying arm", "it does not run"));
        assert_eq!(error.to_string(), "trying arm: it does not run");
        let expected = [
            format!("riscv64: qemu-riscv64 is enabled; `echo 0 >{}` disables it", path("qemu-riscv64").display()),
            format!(
                "arm: qemu-arm -> /usr/bin/qemu-arm is in the table, and was not verified; `echo -1 >{}` removes it",
                path("qemu-arm").display()
            ),
        ];
        for line in expected {
            assert!(error.help_text().unwrap_or_default().contains(&line), "{line}: {:?}", error.help_text());
        }
        assert!(!error.help_text().unwrap_or_default().contains("gone"));
    }
}
