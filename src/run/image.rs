//! An image, or the tar of a file system, as root directory: extracted once into the store, and never changed.
//! A program sees a layer in memory over it, which ends with the program.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Request;
use super::environment::Variable;
use crate::archive;
use crate::archive::extract::{Below, Owners};
use crate::archive::tar::Tar;
use crate::emulators::store::Lock;
use crate::emulators::{FetchEnv, Store};
use crate::error::{Doing, Error, Result};
use crate::exec::identity::Account;
use crate::exec::root::Root;
use crate::http::cache::directory_size;
use crate::kernel::Kernel;
use crate::oci::Platform;
use crate::oci::config::Config;
use crate::oci::extract::choose;
use crate::oci::name::Name;
use crate::proc;
use crate::registrar::Registrar;
use crate::temporary::{NEW, make_directories, sweep};
use crate::verify::Digest;

/// More than this out of one image is not an image but a bomb.
pub const MOST: u64 = 16 << 30;

/// Where a root directory comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It is one.
    Directory(PathBuf),
    /// A container image.
    Image(Name),
    /// The tar of a file system.
    Tar(PathBuf),
}

impl Source {
    /// A directory, a file, or the name of an image.
    ///
    /// # Errors
    /// A name of an image that cannot be one.
    pub fn parse(text: &str) -> Result<Source> {
        let path = Path::new(text);
        match Name::parse(text) {
            Some(name) if !path.exists() => name.map(Source::Image),
            _ if path.is_file() => Ok(Source::Tar(path.into())),
            _ => Ok(Source::Directory(path.into())),
        }
    }
}

/// A root directory that is ready.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) directory: PathBuf,
    /// A directory for what is written, where the tree itself is not to be changed.
    pub(super) scratch: Option<PathBuf>,
    /// An image's configuration.
    pub(super) config: Option<Config>,
}

/// The root that is asked for; extracts it if it was not yet.
pub(super) fn tree(registrar: &Registrar, request: &Request) -> Result<Option<Tree>> {
    let store = || registrar.store();
    match &request.root {
        None => Ok(None),
        Some(Source::Directory(directory)) => {
            Ok(Some(Tree { directory: directory.clone(), scratch: None, config: None }))
        }
        Some(Source::Tar(path)) => {
            let doing = || format!("reading {}", path.display());
            let file = path.metadata().doing(doing)?;
            let name = format!("{}:{}:{}:{}:{}", file.dev(), file.ino(), file.len(), file.mtime(), file.mtime_nsec());
            let id = Digest::of(name.as_bytes()).hex()[..16].to_owned();
            let directory = kept(registrar, &store()?, &id, &mut |below| {
                let mut stream = archive::Archive::open(path)?.stream(jobs(request))?;
                let mut tar = Tar::new(&mut stream);
                while let Some(member) = tar.next_member().doing(doing)? {
                    let path = member.path.strip_suffix(b"/").unwrap_or(&member.path).to_vec();
                    below.make(&mut tar, &member, &path).doing(doing)?;
                }
                // Its own check sums are at its end.
                io::copy(&mut stream, &mut io::sink()).map(drop).doing(doing)
            })?;
            Ok(Some(Tree { directory, scratch: Some(scratch(&store()?)?), config: None }))
        }
        Some(Source::Image(name)) => {
            let store = store()?;
            let env = FetchEnv::of_process(store.clone(), PathBuf::from("/"), &request.fetch)?;
            let access = env.access(&*registrar.progress);
            let wanted = platform(registrar, &request.archs)?;
            let own = Platform::of_machine(&Kernel::running().machine);
            let mut chosen = choose(name, wanted.as_ref(), &own, store.cache(), &access)?;
            let id = chosen.id();
            let directory = kept(registrar, &store, &id, &mut |below| chosen.extract(below, jobs(request)))?;
            registrar.progress.done();
            Ok(Some(Tree { directory, scratch: Some(scratch(&store)?), config: Some(chosen.config) }))
        }
    }
}

fn jobs(request: &Request) -> usize {
    request.fetch.jobs.unwrap_or(crate::emulators::Policy::default().jobs)
}

/// The platform that the first of these architectures means.
fn platform(registrar: &Registrar, archs: &[String]) -> Result<Option<Platform>> {
    let Some(arch) = archs.first().filter(|arch| *arch != "all") else { return Ok(None) };
    let name = registrar.profiles.find(arch)?.platforms.first().cloned().unwrap_or_else(|| arch.clone());
    Platform::parse(&name).map(Some)
}

fn scratch(store: &Store) -> Result<PathBuf> {
    let scratch = store.root().join("tmp");
    fs::create_dir_all(&scratch).doing(|| format!("making {}", scratch.display()))?;
    Ok(scratch)
}

/// The tree of this name in the store, made by `fill` if it is not there.
fn kept(
    registrar: &Registrar,
    store: &Store,
    id: &str,
    fill: &mut dyn FnMut(&mut Below) -> Result<()>,
) -> Result<PathBuf> {
    let roots = store.root().join("roots");
    let place = roots.join(id);
    if place.exists() {
        return Ok(place);
    }
    let _lock = store.lock(&*registrar.progress)?;
    let doing = || format!("extracting into {}", roots.display());
    // An image of somebody else's may have setuid programs: nobody but the caller comes to them.
    make_directories(&roots, 0o700).doing(doing)?;
    sweep(&roots, |name| name.starts_with(NEW))?;
    if place.exists() {
        return Ok(place);
    }
    registrar.progress.step(&format!("extracting into {}", place.display()));
    let new = tempfile::Builder::new().prefix(NEW).tempdir_in(&roots).doing(doing)?;
    fs::set_permissions(new.path(), fs::Permissions::from_mode(0o755)).doing(doing)?;
    let mut below = Below::new(new.path(), MOST).doing(doing)?;
    below.owners = if nix::unistd::geteuid().is_root() { Owners::Theirs } else { Owners::Recorded };
    fill(&mut below)?;
    fs::rename(new.path(), &place).doing(doing)?;
    // It has another name now.
    let _ = new.keep();
    Ok(place)
}

/// Removes extracted roots that no process uses; says how many, and their bytes. Nothing is extracted meanwhile: that takes the
/// lock.
///
/// # Errors
/// The directory cannot be read, or a root not be removed.
pub fn collect(store: &Store, _held: &Lock) -> Result<(usize, u64)> {
    let roots = store.root().join("roots");
    let doing = || format!("removing roots from {}", roots.display());
    let listing = match fs::read_dir(&roots) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, 0)),
        listing => listing.doing(doing)?,
    };
    let (mut number, mut bytes) = (0, 0);
    for item in listing {
        let path = item.doing(doing)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Nobody begins to use it under another name; what a kill leaves of it is swept by the next who extracts.
        let away = roots.join(format!("{NEW}{name}"));
        fs::rename(&path, &away).doing(doing)?;
        if is_mounted(&name) {
            fs::rename(&away, &path).doing(doing)?;
            continue;
        }
        bytes += directory_size(&away);
        fs::remove_dir_all(&away).doing(doing)?;
        number += 1;
    }
    Ok((number, bytes))
}

/// Whether a process sees a mount made of a root of this name: the kernel prints the path that it was made with. That may lead
/// through links, or begin at another root, so the same name in another user's store counts too: rather one kept too many.
fn is_mounted(name: &str) -> bool {
    let layer = format!("/roots/{name}");
    let processes = fs::read_dir(proc::DIRECTORY).into_iter().flatten().flatten();
    let pids = processes.filter_map(|item| item.file_name().to_str()?.parse::<u32>().ok());
    let mut mounts = pids.filter_map(|pid| proc::text(&proc::of_process(pid, "mountinfo")).ok());
    mounts.any(|mounts| mounts.contains(&layer))
}

/// Who an image's program is, and its home directory: USER, a name or a number, which may have a group after a colon.
pub(super) fn user(config: &Config, root: &Root) -> Result<(u32, u32, String)> {
    let (user, group) = match config.user.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (config.user.as_str(), None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let text = |path: &[u8]| root.text(path).unwrap_or_default();
    let (passwd, groups) = (text(b"/etc/passwd"), text(b"/etc/group"));
    let number = |text: &str| text.parse::<u32>().ok();
    let found = Account::find(user, &passwd).map(|account| (account.uid, account.gid, account.home.to_owned()));
    let known = found.or_else(|| Some((number(user)?, 0, "/".to_owned())));
    let missing = |what: &str| {
        Error::failed("starting the image's program", format!("the image has no {what}")).help("name a program to run")
    };
    let (uid, gid, home) = known.ok_or_else(|| missing(&format!("user {user}")))?;
    let Some(group) = group else { return Ok((uid, gid, home)) };
    let of_group = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.len() >= 3 && fields[0] == group).then(|| number(fields[2])).flatten()
    };
    let gid = number(group).or_else(|| groups.lines().find_map(of_group));
    Ok((uid, gid.ok_or_else(|| missing(&format!("group {group}")))?, home))
}

/// What an image's program gets in place of the caller's environment: ENV, PATH, HOME, and the terminal's name.
pub(super) fn environment(config: &Config, home: &str) -> Vec<Variable> {
    let given = config.environment.iter().filter_map(|text| text.split_once('='));
    let mut variables: Vec<Variable> = vec![("PATH".into(), config.path().into()), ("HOME".into(), home.into())];
    variables.extend(std::env::var_os("TERM").map(|term| ("TERM".into(), term)));
    for (name, value) in given {
        variables.retain(|(other, _)| other != name);
        variables.push((name.into(), value.into()));
    }
    variables
}
