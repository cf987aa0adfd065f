//! What is wanted of a system: its configuration, and the files that make entries last with it.

use std::collections::BTreeSet;

use super::{File, LINES, Program, Tree, files, lines};
use crate::binfmt::entry::Entry;
use crate::binfmt::register;
use crate::config::{self, Config, with_architectures};
use crate::emulators::Store;
use crate::emulators::store::SYSTEM;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::kernel::Kernel;
use crate::registrar::apply::Row;
use crate::verify;

/// A line for each entry, and an entry has at most 1,920 bytes.
const MAX_LINES: u64 = 4 << 20;

/// What is wanted of a system.
pub struct Wish {
    /// The configuration as it is to be read.
    pub config: Config,
    /// Its new text; `None` where it is as it has to be.
    text: Option<String>,
}

impl Wish {
    /// The configuration of the system, with these architectures where some are named.
    ///
    /// # Errors
    /// A configuration that cannot be read or has a mistake; none, where no architectures are named.
    pub fn read(tree: &Tree, archs: &[String]) -> Result<Wish> {
        let path = tree.real(Host::CONFIG)?;
        if archs.is_empty() {
            return Ok(Wish { config: Config::read(&path)?, text: None });
        }
        let archs: Vec<String> = archs.iter().flat_map(|a| a.split(',')).map(|a| a.trim().to_owned()).collect();
        config::check(&path)?;
        let old = match verify::small_text(&path, config::MAX) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io(format!("reading {}", path.display()), error)),
        };
        let text = with_architectures(&path, old.as_deref(), &archs)?;
        Ok(Wish { config: Config::parse(&path, &text)?, text: Some(text) })
    }

    /// The files that make it last, with these entries.
    ///
    /// # Errors
    /// An entry that no kernel would register as systemd-binfmt does.
    pub fn files(&self, tree: &Tree, program: Program, entries: &[Entry]) -> Result<Vec<File>> {
        files(tree, program, self.text.clone(), lines(&strings(entries)?))
    }
}

impl Tree {
    /// The versions of emulators that the system has.
    ///
    /// # Errors
    /// Where its store cannot be read.
    pub fn versions(&self) -> Result<BTreeSet<String>> {
        let store = Store::open(self.real(SYSTEM)?);
        Ok(store.versions()?.into_iter().map(|version| version.id).collect())
    }

    /// The entries that systemd-binfmt makes when the system starts; `None` where `enable` has not written them.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn lines(&self) -> Result<Option<Vec<Entry>>> {
        let Some(text) = self.read(LINES, MAX_LINES)? else { return Ok(None) };
        let kernel = Kernel::running();
        Ok(Some(text.split(|&b| b == b'\n').filter_map(|line| register::judge(line, &kernel).ok()).collect()))
    }

    /// Lets what systemd-binfmt reads follow the table, where `enable` wrote it: all of it when the whole configuration was
    /// installed, otherwise the entries of the same names.
    ///
    /// # Errors
    /// Where the file or its record cannot be written.
    pub fn refresh(&self, rows: &[Row], whole: bool) -> Result<()> {
        let Some(old) = self.lines()? else { return Ok(()) };
        let mut new = entries(rows);
        if !whole {
            new = old.into_iter().map(|e| new.iter().find(|n| n.name == e.name).cloned().unwrap_or(e)).collect();
        }
        self.rewrite(&File::text(LINES, lines(&strings(&new)?)))
    }
}

/// The entries that are in the table.
pub fn entries(rows: &[Row]) -> Vec<Entry> {
    rows.iter().filter_map(|row| row.entry.clone()).collect()
}

fn strings(entries: &[Entry]) -> Result<Vec<Vec<u8>>> {
    let kernel = Kernel::running();
    let compose = |e: &Entry| register::compose(e, &kernel);
    let strings: Result<_, register::Mistake> = entries.iter().map(compose).collect();
    strings.map_err(|mistake| Error::failed(format!("writing {LINES}"), mistake))
}
