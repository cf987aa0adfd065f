//! `rbinfmt export`: the entries for those who register them in our place.

use std::fs;
use std::path::Path;

use super::Context;
use crate::binfmt::entry::{Entry, Flags};
use crate::binfmt::export::export;
use crate::binfmt::table::Table;
use crate::cli::boot::ExportArgs;
use crate::config::Config;
use crate::emulators::store::write_file;
use crate::error::{Doing, Error, Result, Status};
use crate::host::Host;
use crate::registrar::plan::Step;
use crate::registrar::session;

/// Prints or writes them.
pub(super) fn run(context: &Context, args: &ExportArgs) -> Result<Status> {
    let registrar = &context.registrar;
    let mut request = match args.archs.is_empty() {
        true => registrar.configured(&Config::read(Path::new(Host::CONFIG))?)?,
        false => registrar.request(registrar.select(&args.archs)?),
    };
    request.credentials &= !args.no_credentials;
    let (facts, plan) = registrar.plan_afresh(&request)?;
    for item in &plan.items {
        if let Step::Refuse(why) = &item.step {
            return Err(Error::failed(format!("exporting {}", item.label), why));
        }
    }
    let mut entries = plan.entries(&[]);
    as_tried(&registrar.host, &mut entries)?;
    let files = export(args.format, &entries, &facts.kernel).map_err(|mistake| Error::failed("exporting", mistake))?;
    for file in &files {
        match &args.to {
            Some(directory) => {
                fs::create_dir_all(directory).doing(|| format!("making the directory {}", directory.display()))?;
                let path = directory.join(&file.name);
                write_file(&path, &[&file.content[..], b"\n"].concat(), 0o644)?;
                context.printer.line(format!("wrote {}", path.display()))?;
            }
            None => {
                if files.len() > 1 {
                    context.printer.line(format!("# {}", file.name))?;
                }
                context.printer.bytes(&file.content)?;
            }
        }
    }
    Ok(Status::Done)
}

/// Where the table has the same entry, its flag P was found by trying.
fn as_tried(host: &Host, entries: &mut [Entry]) -> Result<()> {
    if !session::mounted(host, false)?.is_visible() {
        return Ok(());
    }
    let table = Table::at(&host.table).list()?.entries;
    for entry in entries {
        let same =
            |e: &&Entry| e.name == entry.name && e.interpreter == entry.interpreter && e.rule.same_meaning(&entry.rule);
        if let Some(present) = table.iter().find(same) {
            let tried = if present.flags.has(Flags::P) { Flags::P } else { Flags::default() };
            entry.flags = entry.flags.without(Flags::P).with(tried);
        }
    }
    Ok(())
}
