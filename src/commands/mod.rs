//! One file for each verb, each reading like its sentence: request, facts, plan, apply, report.

pub mod doctor;
pub mod drop_in;
pub mod emulators;
pub mod enable;
pub mod explain;
pub mod export;
pub mod fetch;
pub mod hold;
pub mod install;
pub mod persist;
pub mod profiles;
pub mod status;
mod supply;
pub mod uninstall;
pub mod upgrade;

use crate::binfmt::mounts::Mounted;
use crate::cli::{Cli, Verb};
use crate::emulators::Store;
use crate::emulators::find::Places;
use crate::error::{Error, Result, Status};
use crate::host::{Host, Identity};
use crate::profile::{Directory, Profiles};
use crate::report::Printer;

/// What every verb starts from.
#[derive(Debug, Clone)]
pub struct Context {
    /// Where the world is.
    pub host: Host,
    /// All profiles.
    pub profiles: Profiles,
    /// Where fetched emulators are kept; `None` where nothing says where that is.
    store: Option<Store>,
    /// Where emulators are looked for.
    pub places: Places,
    /// Put before the names of emulators and entries.
    pub prefix: String,
    /// A table for this user namespace alone may be made.
    pub private: bool,
    /// Who prints.
    pub printer: Printer,
}

impl Context {
    fn new(cli: &Cli, printer: Printer) -> Result<Context> {
        let mut directories = vec![Directory { path: Host::PROFILES.into(), required: false }];
        directories.extend(cli.common.profiles.iter().map(|path| Directory { path: path.clone(), required: true }));
        let store = fetch::store().ok();
        Ok(Context {
            host: Host { table: cli.common.mount.clone() },
            profiles: Profiles::load(&directories)?,
            places: match &cli.common.emulators[..] {
                [] => Places::usual(store.as_ref()),
                named => Places::named(named),
            },
            store,
            prefix: String::new(),
            private: cli.common.private,
            printer,
        })
    }

    /// Where fetched emulators are kept.
    pub fn store(&self) -> Result<Store> {
        self.store.clone().map_or_else(fetch::store, Ok)
    }
}

/// Does what the command line says.
pub fn run(cli: Cli) -> Result<Status> {
    let printer = Printer { quiet: cli.common.quiet, verbose: cli.common.verbose, json: cli.common.json };
    if cli.print_version {
        printer.line(format!("rbinfmt {}", env!("CARGO_PKG_VERSION")))?;
        return Ok(Status::Done);
    }
    let drop_in = &cli.drop_in;
    if cli.verb.is_some() && (drop_in.install.is_some() || drop_in.uninstall.is_some() || drop_in.version) {
        return Err(Error::usage("reading the command line", "--install, --uninstall and --version go without a verb"));
    }
    let context = || Context::new(&cli, printer);
    match &cli.verb {
        Some(Verb::Install(args)) => install::run(&context()?, args),
        Some(Verb::Uninstall(args)) => uninstall::run(&context()?, args),
        Some(Verb::Status(args)) => status::run(&context()?, args),
        Some(Verb::Profiles) => profiles::run(&context()?),
        Some(Verb::Fetch(args)) => fetch::run(&context()?, args),
        Some(Verb::Emulators(args)) => emulators::run(&context()?, args),
        Some(Verb::Upgrade(args)) => upgrade::run(&context()?, args),
        Some(Verb::Enable(args)) => enable::run(&context()?, args),
        Some(Verb::Disable(args)) => enable::disable(&context()?, args),
        Some(Verb::Export(args)) => export::run(&context()?, args),
        Some(Verb::Explain(args)) => explain::run(printer, &args.id),
        Some(Verb::Doctor(args)) => doctor::run(&cli.common, args, context),
        None => drop_in::run(&mut context()?, drop_in),
    }
}

/// The error of a run that may look at the table but not change it.
fn may_not_change(host: &Host, identity: &Identity, mounted: Mounted) -> Error {
    let why = match mounted {
        Mounted::ReadOnly => "it is mounted read-only here; nothing was changed",
        _ => "only root may do that; nothing was changed",
    };
    Error::failed(format!("changing the table {}", host.table.display()), why).help(identity.rights())
}
