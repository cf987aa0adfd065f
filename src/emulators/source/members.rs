//! Emulators out of the members of a tar.

use std::io::BufRead;

use crate::archive::tar::{Kind, Member, Tar};
use crate::emulators::store::Staging;
use crate::emulators::{Wanted, arch_of};
use crate::error::{Doing, Error, Result};

/// Takes the wanted emulators out of the tar `origin`; ends as soon as all were found. `skip` names those that are not
/// to be taken from here.
pub(crate) fn take(
    stream: impl BufRead,
    origin: &str,
    wanted: &Wanted,
    staging: &mut Staging,
    skip: &mut dyn FnMut(&Member) -> bool,
) -> Result<()> {
    take_from(Tar::new(stream), origin, wanted, staging, skip)
}

/// Like [`take`], from where the tar stands.
pub(crate) fn take_from(
    mut tar: Tar<impl BufRead>,
    origin: &str,
    wanted: &Wanted,
    staging: &mut Staging,
    skip: &mut dyn FnMut(&Member) -> bool,
) -> Result<()> {
    while !taken(wanted, staging) {
        let Some(member) = tar.next_member().doing(|| format!("reading {origin}"))? else { break };
        if skip(&member) {
            continue;
        }
        let Some(arch) = arch_of(member.file_name()).filter(|a| wanted.has(a)).map(str::to_owned) else { continue };
        let name = format!("{} in {origin}", crate::text::to_text(&member.path));
        match member.kind {
            Kind::File if staging.items().contains_key(&arch) => {}
            Kind::File => {
                staging.take(&arch, &name, member.size, |sink| tar.body().for_each(sink))?;
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

/// Whether all that is wanted was taken. "All" is known only at the end of the archive.
pub(crate) fn taken(wanted: &Wanted, staging: &Staging) -> bool {
    match wanted {
        Wanted::All => false,
        Wanted::These(archs) => archs.iter().all(|arch| staging.items().contains_key(arch)),
    }
}
