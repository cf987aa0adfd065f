//! `rbinfmt doctor IMAGE...`: the image's files, judged by the model, reported.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::sink::ReportSink;
use crate::cli::Common;
use crate::cli::doctor::{DoctorArgs, FailOn};
use crate::config::Fetch;
use crate::doctor::image::{ImageVerdict, Runs, World};
use crate::doctor::snapshot::Snapshot;
use crate::error::{Error, Result, Status};
use crate::exec::facts::ExecFacts;
use crate::http::proxy::Proxies;
use crate::http::{Client, Options};
use crate::oci::access::Access;
use crate::oci::image::{self, Name};
use crate::oci::{Platform, auth};
use crate::profile::Profiles;
use crate::progress::{Progress, Quiet};
use crate::report::progress::Stderr;

/// What a target can be meant as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    File,
    Image,
    /// A file, or an image of this machine's engines.
    Either,
}

/// An image is told by its transport, or by a name that looks like one's and is not a file, nor in a directory that is there.
pub(super) fn named(target: &OsStr, args: &DoctorArgs) -> Named {
    let Some(text) = target.to_str().filter(|_| args.root.is_none()) else { return Named::File };
    let is_here = |text: &str| text.split('/').next().is_some_and(|first| Path::new(first).exists());
    match Name::bare(text).filter(|_| !is_here(text)) {
        _ if Name::parse(text).is_some() => Named::Image,
        Some(Name::Local(name)) if is_command(&name) => Named::File,
        Some(Name::Local(_)) => Named::Either,
        Some(_) => Named::Image,
        None => Named::File,
    }
}

/// The status where only some things count: 1 where one of them is so.
fn judged_by(exam: &ImageVerdict, what: &[FailOn]) -> Status {
    let is_so = |what: &FailOn| match what {
        FailOn::Lies => exam.lies(),
        FailOn::Emulated => exam.platforms.iter().any(|judged| matches!(judged.runs, Runs::Emulated(_))),
        FailOn::Foreign => exam.platforms.iter().any(|judged| !judged.foreign.is_empty()),
    };
    if what.iter().any(is_so) { Status::Failed } else { Status::Done }
}

/// Whether a shell would find a program of that name.
fn is_command(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
}

/// Examines each image, here or as another machine would, and writes what was found.
pub(super) fn run(
    common: &Common,
    args: &DoctorArgs,
    targets: &[OsString],
    given: Option<&Snapshot>,
    sink: &mut ReportSink,
) -> Result<()> {
    if args.user.is_some() || !args.argv.is_empty() {
        let why = "an image's configuration has the user and the arguments";
        return Err(Error::usage("reading the command line", why).help("--as and --argv go with files"));
    }
    let platform = args.platform.as_deref().map(Platform::parse).transpose()?;
    let directories =
        common.profiles.iter().map(|path| crate::profile::Directory { path: path.clone(), required: true });
    let profiles = Profiles::load(&directories.collect::<Vec<_>>())?;
    let facts = given.map_or_else(|| ExecFacts::gather(&common.mount), |snapshot| snapshot.exec.clone());
    let world = World { facts, profiles: &profiles, here: given.is_none() };
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let client = Client::new(Options { proxies: Proxies::of_environment(), ..Options::default() });
    let progress: &dyn Progress = if common.quiet || common.json { &Quiet } else { &Stderr::default() };
    let access = Access {
        client: &client,
        config: Fetch::load(Path::new("/"))?,
        docker_config: auth::docker_config(variable),
        docker_host: std::env::var("DOCKER_HOST").ok(),
        progress,
    };
    let options = image::Options { platform: platform.as_ref(), verify: args.verify, access: &access };
    for target in targets {
        let target = target.to_string_lossy();
        let name = match Name::parse(&target) {
            Some(name) => name?,
            None => Name::bare(&target).ok_or_else(|| Error::usage(format!("reading {target:?}"), "no image"))?,
        };
        let mut image = image::open(&name, &options)?;
        let exam = world.examine(&target, &mut image, platform.as_ref())?;
        let status = match args.fail_on.as_slice() {
            [] => exam.status(),
            what => judged_by(&exam, what),
        };
        sink.answer(&exam, status)?;
        sink.findings.extend(exam.platforms.into_iter().flat_map(|p| p.findings).chain(exam.findings));
    }
    Ok(())
}
