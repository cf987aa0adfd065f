//! `rbinfmt doctor IMAGE...`: the image's files, judged by the model, reported.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::paper::Paper;
use crate::cli::Common;
use crate::cli::doctor::DoctorArgs;
use crate::doctor::image::World;
use crate::doctor::snapshot::Snapshot;
use crate::emulators::config::Config;
use crate::emulators::http::proxy::Proxies;
use crate::emulators::http::{Client, Options};
use crate::emulators::oci::{Platform, auth};
use crate::error::{Error, Result, Status};
use crate::exec::facts::ExecFacts;
use crate::image::registry::Access;
use crate::image::{self, Name};
use crate::profile::Profiles;
use crate::report;
use crate::report::progress::{Progress, Quiet, Stderr};

/// Whether a target is an image: by its transport, or a name that is no file and looks like an image's.
pub(super) fn is_one(target: &OsStr) -> bool {
    let Some(text) = target.to_str() else { return false };
    if Name::parse(text).is_some() {
        return true;
    }
    !Path::new(text).exists() && matches!(Name::bare(text), Some(Name::Any(_)))
}

/// Whether a target is no file, and a name without tag and folders, which only this machine's engines are asked for.
pub(super) fn may_be_one(target: &OsStr) -> bool {
    let name = target.to_str().and_then(Name::bare);
    matches!(name, Some(Name::Local(_))) && !Path::new(target).exists()
}

/// Examines an image that an engine of this machine has; `false` where none has it.
pub(super) fn run_local(
    common: &Common,
    args: &DoctorArgs,
    target: &OsString,
    given: Option<&Snapshot>,
    paper: &mut Paper,
) -> Result<bool> {
    match run(common, args, &[target], given, paper) {
        Err(error) if error.status() == Status::Unknown => Ok(false),
        result => result.map(|()| true),
    }
}

/// Examines each image, for this machine or for another one, and writes what was found.
pub(super) fn run(
    common: &Common,
    args: &DoctorArgs,
    targets: &[&OsString],
    given: Option<&Snapshot>,
    paper: &mut Paper,
) -> Result<()> {
    let platform = args.platform.as_deref().map(platform).transpose()?;
    let folders = common.profiles.iter().map(|path| crate::profile::Folder { path: path.clone(), required: true });
    let profiles = Profiles::load(&folders.collect::<Vec<_>>())?;
    let facts = given.map_or_else(|| ExecFacts::gather(&common.mount), |snapshot| Ok(snapshot.exec.clone()))?;
    let world = World { facts, profiles: &profiles };
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let client = Client::new(Options { proxies: Proxies::of_environment(), ..Options::default() });
    let progress: &dyn Progress = if common.quiet || common.json { &Quiet } else { &Stderr::default() };
    let access = Access {
        client: &client,
        config: Config::load(Path::new("/"))?,
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
        let text = if common.json { report::image::json(&exam).to_string() } else { report::image::text(&exam) };
        paper.write(&text)?;
        let status = exam.status();
        paper.found(exam.platforms.into_iter().flat_map(|p| p.findings).chain(exam.findings), status);
    }
    Ok(())
}

/// OS/ARCHITECTURE[/VARIANT]; linux where only the architecture is named.
fn platform(text: &str) -> Result<Platform> {
    let parts: Vec<&str> = text.split('/').collect();
    let (os, architecture, variant) = match parts.as_slice() {
        [architecture] => ("linux", architecture, None),
        [os, architecture] if *os != "arm" => (*os, architecture, None),
        [architecture, variant] => ("linux", architecture, Some(variant)),
        [os, architecture, variant] => (*os, architecture, Some(variant)),
        _ => {
            return Err(Error::usage(format!("reading the platform {text:?}"), "expected OS/ARCHITECTURE[/VARIANT]")
                .help("for example linux/arm64 or linux/arm/v7"));
        }
    };
    let variant = variant.map(|v| (*v).to_owned());
    Ok(Platform { os: os.to_owned(), architecture: (*architecture).to_owned(), variant })
}
