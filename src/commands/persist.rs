//! `rbinfmt install --persist`: from a container into the system of its host, for now and for the next boot.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, chroot, pivot_root};

use super::install::{self, Installed, Request};
use super::{Context, enable, fetch};
use crate::binfmt::namespace::Namespace;
use crate::boot::{Change, Program, Tree};
use crate::cli;
use crate::cli::fetch::SourceArgs;
use crate::emulators::find::Places;
use crate::emulators::store::SYSTEM;
use crate::emulators::{From, Store, Use, Wanted};
use crate::error::{Doing, Error, Result, Status};
use crate::host::{Host, Identity};
use crate::profile::Kind;
use crate::registrar::facts;
use crate::report::boot as report;

/// What is said at the end.
pub const COMES_BACK: &str = "it comes back with every boot; `rbinfmt disable --persist` in such a container undoes it";

/// Installs, and says what was written.
pub fn run(context: &Context, args: &cli::Install, directory: &Path) -> Result<Status> {
    let tree = check(&context.host, directory)?;
    let wish = enable::Wish::read(&tree, &args.archs)?;
    if args.dry_run {
        let request = Request::of_config(context, &wish.config)?.supplied(&args.source);
        let (_, plan) = install::plan_only(context, &request)?;
        let files = wish.files(&tree, Program::own(&context.host, &tree)?, &[])?;
        report::print(&context.printer, &tree.compare(&files)?, None, true)?;
        let run = crate::report::rows::Run::planned(&plan, &context.host.table);
        return run.print_text(&context.printer);
    }
    let source = (context.places.store.is_some() || args.source.names_one()).then_some(&args.source);
    let mut context = context.clone();
    let move_in = Move::prepare(&mut context, directory, &args.archs, source)?;
    let request = move_in.request(&context)?;
    let installed = install::install(&context, &request)?;
    let (run, status) = enable::done(&context, &request, &installed)?;
    let changes = move_in.write(&installed)?;
    report::print(&context.printer, &changes, Some(&run), false)?;
    context.printer.note(COMES_BACK);
    Ok(status)
}

/// On the way into the host's system.
pub struct Move {
    program: Program,
    wish: enable::Wish,
    emulators: BTreeSet<String>,
}

impl Move {
    /// Brings the emulators into the host's store, and this process into the host's tree: from here on / is the host's.
    /// Without a `source` only the emulators that this container has count.
    pub fn prepare(
        context: &mut Context,
        directory: &Path,
        archs: &[String],
        source: Option<&SourceArgs>,
    ) -> Result<Move> {
        if !context.prefix.is_empty() {
            return Err(Error::usage("reading the command line", "--persist knows no QEMU_BINARY_PREFIX"));
        }
        let tree = check(&context.host, directory)?;
        let wish = enable::Wish::read(&tree, archs)?;
        let program = Program::own(&context.host, &tree)?;
        if let Program::Elsewhere(bytes) = &program
            && let Ok(crate::elf::Elf { interpreter: Some(loader), .. }) = crate::elf::parse(bytes)
        {
            let why = format!("this build of rbinfmt is not static: it needs {loader}, which the host may not have");
            return Err(Error::failed("installing on the host", why).help("take the static build"));
        }
        tree.compare(&wish.files(&tree, Program::At(PathBuf::from("/")), &[])?)?;
        let before = enable::versions(&tree)?;
        bring(context, &tree, &wish, source)?;
        let emulators = &enable::versions(&tree)? - &before;
        enter(&context.host, directory)?;
        let store = Store::open(SYSTEM);
        context.places = Places::usual(Some(&store));
        context.store = Some(store);
        Ok(Move { program, wish, emulators })
    }

    /// What is to be registered.
    pub fn request<'a>(&self, context: &'a Context) -> Result<Request<'a>> {
        Request::of_config(context, &self.wish.config)
    }

    /// Writes down what was registered.
    pub fn write(self, installed: &Installed) -> Result<Vec<Change>> {
        let tree = Tree::at(Path::new("/"));
        let files = self.wish.files(&tree, self.program, &enable::entries(&installed.rows))?;
        tree.write(&files, &self.emulators)
    }
}

/// The host's tree, where that is what `directory` is.
fn check(host: &Host, directory: &Path) -> Result<Tree> {
    let doing = format!("looking for the host's system in {}", directory.display());
    let identity = Identity::own(host);
    if identity.on_host() {
        let why = "this is the host itself";
        return Err(Error::usage(doing, why).help("use `rbinfmt enable`"));
    }
    if !directory.join("etc").is_dir() {
        let help = if identity.in_pod {
            format!("mount it there: a volume `hostPath: {{path: /}}` on {}", directory.display())
        } else {
            format!("mount it there: docker run --privileged --rm -v /:{} ...", directory.display())
        };
        return Err(Error::failed(doing, "it is not there").help(help));
    }
    let tree = Tree::at(directory);
    tree.check()?;
    Ok(tree)
}

/// Copies the emulators of this container, and those that have to be fetched, into the host's store.
fn bring(context: &Context, tree: &Tree, wish: &enable::Wish, source: Option<&SourceArgs>) -> Result<()> {
    let store = Store::open(tree.real(SYSTEM));
    let mut there = context.clone();
    there.store = Some(store.clone());
    let request = Request::of_config(context, &wish.config)?;
    let found = request.places.find_all(&request.profiles, "", facts::own_target(&context.host)?)?;
    let mut directories: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for profile in &request.profiles {
        let (Kind::Elf { emulator, .. }, Some(found)) = (&profile.kind, found.get(&profile.name)) else { continue };
        let (Some(arch), Some(directory)) = (emulator.strip_prefix("qemu-"), found.path.parent()) else { continue };
        if found.problem.is_none() {
            directories.entry(directory.to_owned()).or_default().push(arch.to_owned());
        }
    }
    let args = SourceArgs::default();
    for (directory, archs) in directories {
        let wanted = if request.all { Wanted::All } else { Wanted::These(archs) };
        fetch::ensure(&there, &args, &wanted, Some(&From::Path(directory)), Use::Always)?;
    }
    if let Some(source) = source {
        there.places = Places { directories: Vec::new(), store: Some(store.root().to_owned()) };
        let request = Request::of_config(&there, &wish.config)?.supplied(source);
        install::supply_missing(&there, &request)?;
    }
    Ok(())
}

/// Makes the host's tree the root of this process.
pub fn enter(host: &Host, directory: &Path) -> Result<()> {
    check(host, directory)?;
    let doing = || format!("entering the host's system in {}", directory.display());
    // What is mounted here is gone with this process.
    Namespace::enter(host)?;
    let bind = |from: &Path, to: &Path| {
        mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>).doing(doing)
    };
    // A root has to be a mount of its own where its mounts are changed later.
    bind(directory, directory)?;
    // A container that was not given the mounts below the host's / has its own.
    for (own, mark) in [(host.processes(), "self"), (Path::new("/dev"), "null")] {
        let there = directory.join(own.strip_prefix("/").unwrap_or(own));
        if !there.join(mark).exists() {
            bind(own, &there)?;
        }
    }
    chdir(directory).doing(doing)?;
    // Behind chroot(2) the kernel makes no user namespace, which self-holding entries need. But in a chroot there is no
    // other way.
    match pivot_root(".", ".") {
        Ok(()) => umount2(".", MntFlags::MNT_DETACH),
        Err(_) => chroot("."),
    }
    .and_then(|()| chdir("/"))
    .doing(doing)
}
