//! One file for each verb: parse -> call -> print. No verb imports another one; what they share is here.

mod disable;
mod doctor;
mod drop_in;
mod emulators;
mod enable;
mod explain;
mod export;
mod fetch;
mod install;
mod profiles;
mod ps;
mod run;
mod status;
mod uninstall;
mod upgrade;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::boot::Tree;
use crate::cli::doctor::Lang;
use crate::cli::fetch::SourceArgs;
use crate::cli::{Cli, Verb};
use crate::doctor::catalogue::Language;
use crate::emulators::find::Places;
use crate::emulators::{FetchOptions, From, Store, Which};
use crate::error::{Error, Result, Status};
use crate::host::Host;
use crate::profile::{Directory, Profiles};
use crate::progress::{Progress, Quiet};
use crate::registrar::apply::State;
use crate::registrar::{Advice, Followed, Installed, Registrar, Request};
use crate::report::Printer;
use crate::report::progress::Stderr;
use crate::report::rows::Run;

/// What every verb starts from.
#[derive(Debug, Clone)]
struct Context {
    registrar: Registrar,
    printer: Printer,
}

impl Context {
    fn new(cli: &Cli, printer: Printer) -> Result<Context> {
        let mut directories = vec![Directory { path: Host::PROFILES.into(), required: false }];
        directories.extend(cli.common.profiles.iter().map(|path| Directory { path: path.clone(), required: true }));
        let store = Store::of_process().ok();
        let progress: Arc<dyn Progress + Send> =
            if printer.quiet { Arc::new(Quiet) } else { Arc::new(Stderr::default()) };
        let registrar = Registrar {
            host: Host { table: cli.common.mount.clone() },
            profiles: Profiles::load(&directories)?,
            places: match &cli.common.emulators[..] {
                [] => Places::usual(store.as_ref()),
                named => Places::named(named),
            },
            store,
            prefix: String::new(),
            private: cli.common.private,
            root: PathBuf::from("/"),
            progress,
        };
        Ok(Context { registrar, printer })
    }
}

/// Does what the command line says.
///
/// # Errors
/// What the verb could not do. Results that are bad news (a check that failed) are a [`Status`], not an error.
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
        Some(Verb::Profiles(_)) => profiles::run(&context()?),
        Some(Verb::Fetch(args)) => fetch::run(&context()?, args),
        Some(Verb::Emulators(args)) => emulators::run(&context()?, args),
        Some(Verb::Upgrade(args)) => upgrade::run(&context()?, args),
        Some(Verb::Enable(args)) => enable::run(&context()?, args),
        Some(Verb::Disable(args)) => disable::run(&context()?, args),
        Some(Verb::Export(args)) => export::run(&context()?, args),
        Some(Verb::Explain(args)) => explain::run(printer, args),
        Some(Verb::Run(args)) => run::run(&context()?, args),
        Some(Verb::Shell(args)) => run::shell(&context()?, args),
        Some(Verb::Ps(args)) => ps::run(&context()?, args),
        Some(Verb::Doctor(args)) => doctor::run(&cli.common, args, context),
        None => drop_in::run(&mut context()?, drop_in),
    }
}

/// The language of the doctor's texts. What people read is in that of their locale, what programs read in English, unless
/// another one is named.
fn choose_language(named: Option<Lang>, for_people: bool) {
    let language = match named {
        Some(Lang::En) => Language::English,
        Some(Lang::Zh) => Language::Chinese,
        None if for_people => Language::of_environment(|name| std::env::var(name).ok()),
        None => Language::English,
    };
    language.choose();
}

/// What the arguments ask of fetching.
fn fetch_options(args: &SourceArgs) -> Result<FetchOptions> {
    let which = args.qemu.as_deref().map(Which::parse).transpose()?;
    let from = match (&args.from, which, &args.suite) {
        (Some(from), ..) => Some(From::parse(from)?),
        (None, None, None) => None,
        (None, which, suite) => Some(From::Debian { which: which.unwrap_or(Which::Latest), suite: suite.clone() }),
    };
    Ok(FetchOptions {
        from,
        mirror: args.mirror.clone(),
        keyring: args.keyring.clone(),
        allow_expired: args.allow_expired,
        offline: args.offline,
        jobs: args.jobs.map(usize::from),
    })
}

/// What will be missed later.
fn print_advice(printer: &Printer, installed: &Installed) {
    for advice in &installed.advice {
        match advice {
            Advice::NotRecorded(_) | Advice::Credentials => printer.note(advice.to_string()),
            Advice::HolderUnknown | Advice::NoFixBinary { .. } | Advice::KnownBad { .. } => {
                printer.warn(advice.to_string());
            }
        }
    }
}

/// Prints what was registered; an error where that is not what a boot should repeat.
fn print_enabled(context: &Context, request: &Request, installed: &Installed) -> Result<Run> {
    let run = Run::done(&installed.rows, &context.registrar.host.table, installed.held_by);
    let status = run.print_text(&context.printer)?;
    installed.check(request)?;
    print_advice(&context.printer, installed);
    if status != Status::Done {
        let why = "not all of it could be registered now, so it was not written down for the next boot";
        return Err(Error::failed("enabling", why).help("name the architectures that work"));
    }
    Ok(run)
}

/// Prints what became of the table after a switch to another version.
fn print_followed(context: &Context, followed: Followed) -> Result<Status> {
    match followed {
        Followed::NotRegistered => Ok(Status::Done),
        Followed::Unseen(error) => {
            let note = format!("the table was not read ({error}); `rbinfmt install` registers them");
            context.printer.note(note);
            Ok(Status::Done)
        }
        Followed::Done(installed) => {
            let changed = installed.rows.iter().any(|row| row.state != State::Kept);
            if !changed && !context.printer.verbose {
                return refresh(context, &installed, false);
            }
            print_advice(&context.printer, &installed);
            let run = Run::done(&installed.rows, &context.registrar.host.table, installed.held_by);
            let status = run.print(&context.printer, context.printer.verbose)?;
            Ok(status.max(refresh(context, &installed, false)?))
        }
    }
}

/// Lets what systemd-binfmt reads follow the table. The registration is done, whatever comes of this; but the next boot
/// would undo it.
fn refresh(context: &Context, installed: &Installed, whole: bool) -> Result<Status> {
    let refreshed = Tree::at(Path::new("/")).refresh(&installed.rows, whole);
    Ok(refreshed.map_or_else(|error| context.printer.error(&error), |()| Status::Done))
}
