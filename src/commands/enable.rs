//! `rbinfmt enable` and `rbinfmt disable`: entries that are there after a reboot.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::install::{self, Installed, Request};
use super::{Context, persist, uninstall};
use crate::binfmt::entry::Entry;
use crate::binfmt::register;
use crate::boot::{self, File, Program, Tree};
use crate::cli::boot::{Disable, Enable};
use crate::config::{Config, with_architectures};
use crate::emulators::Store;
use crate::emulators::find::Places;
use crate::emulators::store::SYSTEM;
use crate::error::{Doing, Error, Result, Status};
use crate::host::{Host, Identity};
use crate::kernel::Kernel;
use crate::registrar::apply::Row;
use crate::registrar::plan::Wanted;
use crate::report::boot as report;
use crate::report::rows::Run;

/// What is wanted of a system.
pub struct Wish {
    /// The configuration as it is to be read.
    pub config: Config,
    /// Its new text; `None` where it is as it has to be.
    text: Option<String>,
}

impl Wish {
    /// The configuration of the system, with these architectures where some are named.
    pub fn read(tree: &Tree, archs: &[String]) -> Result<Wish> {
        let path = tree.real(Host::CONFIG);
        if archs.is_empty() {
            return Ok(Wish { config: Config::read(&path)?, text: None });
        }
        let archs: Vec<String> = archs.iter().flat_map(|a| a.split(',')).map(|a| a.trim().to_owned()).collect();
        let old = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io(format!("reading {}", path.display()), error)),
        };
        let text = with_architectures(&path, old.as_deref(), &archs)?;
        Ok(Wish { config: Config::parse(&path, &text)?, text: Some(text) })
    }

    /// The files that make it last, with these entries.
    pub fn files(&self, tree: &Tree, program: Program, entries: &[Entry]) -> Result<Vec<File>> {
        Ok(boot::files(tree, program, self.text.clone(), lines(entries)?))
    }
}

/// Enables, and says what was written.
pub fn run(context: &Context, args: &Enable) -> Result<Status> {
    let tree = Tree::at(&args.root);
    tree.check()?;
    if !tree.is_ours() {
        return elsewhere(context, &tree, args);
    }
    let wish = Wish::read(&tree, &args.archs)?;
    let request = Request::of_config(context, &wish.config)?.supplied(&args.source);
    let program = Program::own(&context.host, &tree)?;
    if args.dry_run {
        let (facts, plan) = install::plan_only(context, &request)?;
        let run = Run::planned(&plan, &context.host.table);
        let files = wish.files(&tree, program, &plan.entries(&facts.table.entries))?;
        let status = run.print_text(&context.printer)?;
        report::print(&context.printer, &tree.compare(&files)?, Some(&run), true)?;
        return Ok(status);
    }
    // What stands in the way is found before anything is done.
    tree.compare(&wish.files(&tree, Program::At(Path::new("/").into()), &[])?)?;
    let before = versions(&tree)?;
    let installed = install::install(context, &request)?;
    let (run, status) = done(context, &request, &installed)?;
    let files = wish.files(&tree, program, &entries(&installed.rows))?;
    let changes = tree.write(&files, &(&versions(&tree)? - &before))?;
    start_unit(context);
    report::print(&context.printer, &changes, Some(&run), false)?;
    Ok(status)
}

/// What was registered, printed; an error where that is not what a boot should repeat.
pub fn done(context: &Context, request: &Request, installed: &Installed) -> Result<(Run, Status)> {
    let run = Run::done(&installed.rows, &context.host.table, installed.held_by);
    let status = run.print_text(&context.printer)?;
    install::nothing_at_all(request, &installed.rows)?;
    install::advise(context, installed);
    if status != Status::Done {
        let why = "not all of it could be registered now, so it was not written down for the next boot";
        return Err(Error::failed("enabling", why).help("name the architectures that work"));
    }
    Ok((run, status))
}

/// Another system's tree: nothing is registered, and its emulators are those that it has, or that are fetched into it.
fn elsewhere(context: &Context, tree: &Tree, args: &Enable) -> Result<Status> {
    let mut context = Context { store: Some(Store::open(tree.real(SYSTEM))), ..context.clone() };
    context.places = Places {
        directories: [Host::EMULATORS, Host::BIN].map(|directory| tree.real(directory)).to_vec(),
        store: Some(tree.real(SYSTEM)),
    };
    let context = &context;
    let wish = Wish::read(tree, &args.archs)?;
    let mut request = Request::of_config(context, &wish.config)?.supplied(&args.source);
    if !wish.config.emulators.is_empty() {
        request.places.directories = wish.config.emulators.iter().map(|directory| tree.real(directory)).collect();
    }
    let before = versions(tree)?;
    if !args.dry_run {
        install::supply_missing(context, &request)?;
    }
    let (facts, plan) = install::plan_afresh(context, &request)?;
    let run = Run::planned(&plan, &context.host.table);
    if let Some(why) = run.failure() {
        return Err(Error::failed(format!("enabling in {}", args.root.display()), why));
    }
    let mut entries = plan.entries(&facts.table.entries);
    for entry in &mut entries {
        use bstr::ByteSlice;
        let path = entry.interpreter.as_ref().and_then(|path| tree.inside(path.to_path().ok()?));
        entry.interpreter = path.map(|path| path.into_os_string().into_encoded_bytes().into());
    }
    let files = wish.files(tree, Program::own(&context.host, tree)?, &entries)?;
    let changes = match args.dry_run {
        true => tree.compare(&files)?,
        false => tree.write(&files, &(&versions(tree)? - &before))?,
    };
    report::print(&context.printer, &changes, None, args.dry_run)?;
    Ok(Status::Done)
}

/// Takes away what was written, and the entries.
pub fn disable(context: &Context, args: &Disable) -> Result<Status> {
    let host = match &args.persist {
        Some(directory) if !args.dry_run => {
            persist::enter(&context.host, directory)?;
            Path::new("/")
        }
        Some(directory) => directory,
        None => &args.root,
    };
    let tree = Tree::at(host);
    let mut status = Status::Done;
    // In a chroot the table is not that of the system that is disabled.
    let run = if !args.dry_run && (args.persist.is_some() || is_running(context, &tree)) {
        stop_unit(context);
        match uninstall::uninstall(context, vec![Wanted::All], false) {
            Ok(rows) => {
                let run = Run::done(&rows, &context.host.table, None);
                status = run.print_text(&context.printer)?;
                Some(run)
            }
            Err(error) => {
                status = context.printer.error(&error);
                None
            }
        }
    } else {
        None
    };
    let changes = tree.unwrite(!args.dry_run)?;
    if systemd_runs(context, &tree) && !args.dry_run {
        systemctl(context, &["daemon-reload"]);
    }
    report::print(&context.printer, &changes, run.as_ref(), args.dry_run)?;
    Ok(status)
}

/// Lets what systemd-binfmt reads follow the table, where `enable` wrote it: all of it when the whole configuration was
/// installed, otherwise the entries of the same names. The registration is done, whatever comes of this.
pub fn refresh(context: &Context, rows: &[Row], whole: bool) {
    let tree = Tree::at(Path::new("/"));
    let refreshed = || -> Result<()> {
        let Ok(old) = fs::read(tree.real(boot::LINES)) else { return Ok(()) };
        let mut new = entries(rows);
        if !whole {
            let kept = old.split(|&b| b == b'\n').filter_map(|line| register::judge(line, &Kernel::running()).ok());
            new = kept.map(|e| new.iter().find(|n| n.name == e.name).cloned().unwrap_or(e)).collect();
        }
        tree.rewrite(&File::text(boot::LINES, boot::lines(&strings(&new)?))).map(drop)
    };
    if let Err(error) = refreshed() {
        context.printer.warn(format!("{} was not brought up to date: {error}", boot::LINES));
    }
}

/// The entries that stand in the table.
pub fn entries(rows: &[Row]) -> Vec<Entry> {
    rows.iter().filter_map(|row| row.entry.clone()).collect()
}

fn lines(entries: &[Entry]) -> Result<Vec<u8>> {
    Ok(boot::lines(&strings(entries)?))
}

fn strings(entries: &[Entry]) -> Result<Vec<Vec<u8>>> {
    let kernel = Kernel::running();
    let compose = |e: &Entry| register::compose(e, &kernel);
    let strings: Result<_, register::Mistake> = entries.iter().map(compose).collect();
    strings.map_err(|mistake| Error::failed(format!("writing {}", boot::LINES), mistake))
}

/// The versions of emulators that the system has.
pub fn versions(tree: &Tree) -> Result<BTreeSet<String>> {
    let store = Store::open(tree.real(SYSTEM));
    Ok(store.versions()?.into_iter().map(|version| version.id).collect())
}

/// Whether this is the tree of the system that runs here.
fn is_running(context: &Context, tree: &Tree) -> bool {
    tree.is_ours() && Identity::own(&context.host).on_host() && !context.host.is_chroot()
}

/// Whether systemd looks after the system that we write for.
fn systemd_runs(context: &Context, tree: &Tree) -> bool {
    is_running(context, tree) && Path::new("/run/systemd/system").is_dir()
}

fn start_unit(context: &Context) {
    if systemd_runs(context, &Tree::at(Path::new("/"))) {
        systemctl(context, &["daemon-reload"]);
        systemctl(context, &["start", "rbinfmt.service"]);
    }
}

fn stop_unit(context: &Context) {
    if systemd_runs(context, &Tree::at(Path::new("/"))) {
        systemctl(context, &["stop", "rbinfmt.service"]);
    }
}

/// What fails there is said, but the files are what counts.
fn systemctl(context: &Context, args: &[&str]) {
    let doing = || format!("running systemctl {}", args.join(" "));
    match Command::new("systemctl").args(args).output().doing(doing) {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            context.printer.warn(format!("{}: {}", doing(), said.trim()));
        }
        Err(error) => context.printer.warn(error.to_string()),
    }
}
