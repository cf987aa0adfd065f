//! From a container into the system of its host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, chroot, pivot_root};

use super::wish::{Wish, entries};
use super::{Change, Program, Tree};
use crate::binfmt::namespace::Namespace;
use crate::emulators::find::Places;
use crate::emulators::store::SYSTEM;
use crate::emulators::{FetchOptions, From, Store, Use, Wanted};
use crate::error::{Doing, Error, Result};
use crate::host::{Host, Identity};
use crate::proc;
use crate::profile::Kind;
use crate::registrar::{Installed, Registrar, Request, facts};

/// What is said at the end.
pub const COMES_BACK: &str = "it comes back with every boot; `rbinfmt disable --persist` in such a container undoes it";

/// On the way into the host's system.
pub struct Move {
    program: Program,
    wish: Wish,
}

impl Move {
    /// Brings the emulators into the host's store, and this process into the host's tree: from here on / is the host's.
    /// Without `fetch` only the emulators that this container has count.
    ///
    /// # Errors
    /// `directory` is not the host's system, or cannot be written; an architecture that is not known; an emulator that
    /// cannot be fetched; no right to mount.
    pub fn prepare(
        registrar: &mut Registrar,
        directory: &Path,
        archs: &[String],
        fetch: Option<&FetchOptions>,
    ) -> Result<Move> {
        if !registrar.prefix.is_empty() {
            return Err(Error::usage("reading the command line", "--persist knows no QEMU_BINARY_PREFIX"));
        }
        let tree = check(&registrar.host, directory)?;
        let wish = Wish::read(&tree, archs)?;
        let program = Program::own(&tree)?;
        if let Program::Elsewhere(bytes) = &program
            && let Ok(crate::elf::Elf { interpreter: Some(loader), .. }) = crate::elf::parse(bytes)
        {
            let why = format!("this build of rbinfmt is not static: it needs {loader}, which the host may not have");
            return Err(Error::failed("installing on the host", why).help("use the static build"));
        }
        tree.compare(&wish.files(&tree, Program::At(PathBuf::from("/")), &[])?)?;
        tree.begin()?;
        bring(registrar, &tree, &wish, fetch)?;
        enter(&registrar.host, directory)?;
        let store = Store::open(SYSTEM);
        registrar.places = Places::usual(Some(&store));
        registrar.store = Some(store);
        Ok(Move { program, wish })
    }

    /// What is to be registered.
    ///
    /// # Errors
    /// A name of an architecture that no profile has.
    pub fn request<'a>(&self, registrar: &'a Registrar) -> Result<Request<'a>> {
        registrar.configured(&self.wish.config)
    }

    /// Writes down what was registered.
    ///
    /// # Errors
    /// An entry that cannot be registered at boot, and a file that cannot be written.
    pub fn write(self, installed: &Installed) -> Result<Vec<Change>> {
        let tree = Tree::at(Path::new("/"));
        let files = self.wish.files(&tree, self.program, &entries(&installed.rows))?;
        tree.write(&files)
    }
}

/// The host's tree, where that is what `directory` is.
///
/// # Errors
/// We are on the host itself; `directory` holds no system, one without systemd, or one whose /etc is read-only.
pub fn check(host: &Host, directory: &Path) -> Result<Tree> {
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
fn bring(registrar: &Registrar, tree: &Tree, wish: &Wish, fetch: Option<&FetchOptions>) -> Result<()> {
    let store = Store::open(tree.real(SYSTEM)?);
    let mut there = registrar.clone();
    there.store = Some(store.clone());
    let request = registrar.configured(&wish.config)?;
    let found = request.places.find_all(&request.selection.profiles, "", facts::own_target()?)?;
    let mut directories: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for profile in &request.selection.profiles {
        let (Kind::Elf { emulator, .. }, Some(found)) = (&profile.kind, found.get(&profile.name)) else { continue };
        let (Some(arch), Some(directory)) = (emulator.strip_prefix("qemu-"), found.path.parent()) else { continue };
        match &found.problem {
            None => directories.entry(directory.to_owned()).or_default().push(arch.to_owned()),
            // One that was named is not passed over: it may only be unreadable for a moment.
            Some(why) if !request.selection.all => {
                return Err(Error::failed(format!("looking at the emulator {}", found.path.display()), why));
            }
            Some(_) => {}
        }
    }
    for (directory, archs) in directories {
        let wanted = if request.selection.all { Wanted::All } else { Wanted::These(archs) };
        let options = FetchOptions { from: Some(From::Path(directory)), ..FetchOptions::default() };
        there.fetch(&options, &wanted, Use::Always)?;
    }
    if let Some(options) = fetch {
        there.places = Places { directories: Vec::new(), ..Places::usual(Some(&store)) };
        let request = there.configured(&wish.config)?.fetching(options);
        there.supply(&request)?;
    }
    Ok(())
}

/// Makes the host's tree the root of this process.
///
/// # Errors
/// Like [`check`]; what unshare(2), mount(2) and pivot_root(2) or chroot(2) say.
pub fn enter(host: &Host, directory: &Path) -> Result<()> {
    check(host, directory)?;
    let doing = || format!("entering the host's system in {}", directory.display());
    // What is mounted here is gone with this process.
    Namespace::enter()?;
    let bind = |from: &Path, to: &Path| {
        mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>).doing(doing)
    };
    // A root has to be a mount of its own where its mounts are changed later.
    bind(directory, directory)?;
    // A container that was not given the mounts below the host's / has its own.
    for (own, mark) in [(Path::new(proc::DIRECTORY), "self"), (Path::new("/dev"), "null")] {
        let there = directory.join(own.strip_prefix("/").unwrap_or(own));
        if !there.join(mark).exists() {
            bind(own, &there)?;
        }
    }
    chdir(directory).doing(doing)?;
    // After chroot(2) the kernel makes no user namespace, which self-holding entries need. But in a chroot there is no
    // other way.
    match pivot_root(".", ".") {
        Ok(()) => umount2(".", MntFlags::MNT_DETACH),
        Err(_) => chroot("."),
    }
    .and_then(|()| chdir("/"))
    .doing(doing)
}
