//! Emulators out of the members of a tar.

use std::io::BufRead;

use crate::archive::tar::{Kind, Member, Tar};
use crate::emulators::store::Staging;
use crate::emulators::{Wanted, arch_of};
use crate::error::{Doing, Error, Result};

/// The wanted emulators on their way from a source into the store.
pub(crate) struct Taking<'a> {
    /// What is wanted.
    pub(crate) wanted: &'a Wanted,
    /// What was taken so far.
    pub(crate) staging: Staging<'a>,
    /// How many threads decode.
    pub(crate) jobs: usize,
}

impl Taking<'_> {
    /// Whether all that is wanted was taken. "All" is known only at the end of the archive.
    pub(crate) fn is_done(&self) -> bool {
        match self.wanted {
            Wanted::All => false,
            Wanted::These(archs) => archs.iter().all(|arch| self.staging.items().contains_key(arch)),
        }
    }

    /// Takes the wanted emulators out of the tar `origin`, from where it is on; ends as soon as all were found. `skip` names
    /// those that are not to be taken from here.
    pub(crate) fn members(
        &mut self,
        mut tar: Tar<impl BufRead>,
        origin: &str,
        skip: &mut dyn FnMut(&Member) -> bool,
    ) -> Result<()> {
        while !self.is_done() {
            let Some(member) = tar.next_member().doing(|| format!("reading {origin}"))? else { break };
            if skip(&member) {
                continue;
            }
            let arch = arch_of(member.file_name()).filter(|arch| self.wanted.has(arch)).map(str::to_owned);
            let Some(arch) = arch else { continue };
            let name = format!("{} in {origin}", crate::text::to_text(&member.path));
            match member.kind {
                Kind::File if self.staging.items().contains_key(&arch) => {}
                Kind::File => {
                    self.staging.take(&arch, &name, member.size, |sink| tar.body().for_each(sink))?;
                }
                Kind::Directory => {}
                kind => {
                    let why = format!("it is {}, expected a file", kind.name());
                    return Err(Error::failed(format!("taking {name}"), why)
                        .help("name a package that holds the emulators themselves"));
                }
            }
        }
        Ok(())
    }
}
