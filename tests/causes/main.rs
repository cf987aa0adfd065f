//! Causes made for real: each case makes its own, the doctor has to name it first, and what it prints as the cure has to
//! cure it. `cases/ID[.variant].toml`; see `Case`. Where the catalogue says that an image can have the cause as well, the
//! same files are packed as one, and there it has to be named too.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use common::{Lab, Need, fixtures, lab, lab_of, script, skipped};
use rbinfmt::doctor::catalogue::{self, Form};
use rbinfmt::kernel::Kernel;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What makes it: bash, in a sandbox with a table of its own, in an empty directory.
    make: String,
    /// Bash that fails because of it: its words are what the doctor is given, in place of the file.
    #[serde(default)]
    message: String,
    /// Why the cause cannot be made in an image, or not in this way.
    not_in_image: Option<String>,
    /// The arguments of `rbinfmt doctor`.
    #[serde(default = "file")]
    args: Vec<String>,
    /// Which of the printed fixes is run, counted from 0; none where no command can cure it.
    cure: Option<usize>,
    /// Bash that is run in place of a fix whose command leaves something to the reader, and behind any fix.
    #[serde(default)]
    then: String,
    /// Debian's name of the architecture whose programs and emulators it needs.
    needs: Option<String>,
    /// The architecture of its image, where it is neither that nor this machine's.
    arch: Option<String>,
    /// What the doctor says of it, beside the id.
    says: Option<String>,
    /// A program without which the case cannot be made; a path is one of the fixtures.
    with: Option<String>,
    /// The first kernel on which it can be told.
    since: Option<(u32, u32)>,
}

fn file() -> Vec<String> {
    vec!["./file".into()]
}

/// OCI's name of the architecture that the case's image is for; nothing where it is not made one.
fn image_of(id: &str, case: &Case) -> String {
    let forms = &catalogue::get(id).unwrap_or_else(|| panic!("{id} is not in the catalogue")).found_by;
    if !case.message.is_empty() || case.not_in_image.is_some() || !forms.contains(&Form::Image) {
        return String::new();
    }
    let own = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    case.arch.as_ref().or(case.needs.as_ref()).map_or(own, String::as_str).to_owned()
}

/// Runs one case; the error says what went wrong.
fn run(id: &str, case: &Case) -> Result<(), String> {
    let lab = match &case.needs {
        Some(arch) => lab_of(arch),
        None => lab(),
    };
    let Some(lab) = lab else { return Ok(()) };
    if let Some(program) = &case.with
        && !std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|p| p.join(program).exists())
        && !fixtures().join(program).exists()
    {
        skipped::<()>(Need::Setup, &format!("{id}: {program} is not here"));
        return Ok(());
    }
    if let Some(since) = case.since
        && since > Kernel::running().version()
    {
        skipped::<()>(Need::Kernel(since.0, since.1), &format!("{id}: this kernel does not tell"));
        return Ok(());
    }
    let words: Vec<String> = case.args.iter().map(|a| format!("'{a}'")).collect();
    let lab = lab.env("MAKE", &case.make).env("MESSAGE", &case.message).env("IMAGE", &image_of(id, case));
    let mut child = lab.command(&format!("{} {}", script("causes/case"), words.join(" "))).spawn().unwrap();
    let began = Instant::now();
    while !lab.scratch().join("asked").exists() {
        if let Some(status) = child.try_wait().unwrap() {
            return Err(format!("the case was not made: {status}"));
        }
        assert!(began.elapsed() < Duration::from_secs(120), "{id} hangs");
        std::thread::sleep(Duration::from_millis(10));
    }
    let before = object(&lab, "before.json");
    let fix = case.cure.map_or(String::new(), |n| {
        let list = if case.message.is_empty() { first(&before) } else { &before };
        let fix = &list["fixes"][n];
        match (fix["class"].as_str(), fix["command"].as_str()) {
            // What is ours to apply, we apply; the command is the same.
            (Some("safe"), Some(_)) => r#"rbinfmt doctor --fix "$@""#.to_owned(),
            (_, Some(command)) => command.to_owned(),
            _ => format!("echo no fix {n}; false"),
        }
    });
    fs::write(lab.scratch().join("fix"), format!("{fix}\n{}\n", case.then)).unwrap();
    fs::rename(lab.scratch().join("fix"), lab.scratch().join("fix.sh")).unwrap();
    let status = child.wait().unwrap();
    let text = |name: &str| fs::read_to_string(lab.scratch().join(name)).unwrap_or_default();
    if !status.success() {
        return Err(format!("{status}: {}", text("errors")));
    }
    let found = first(&before);
    if found["id"] != *id {
        return Err(format!("named {} first: {before:#} {}", found["id"], text("errors")));
    }
    let status = if found["severity"] == "problem" { "1" } else { "0" };
    if text("status").trim() != status {
        return Err(format!("exit status {}", text("status")));
    }
    if let Some(says) = &case.says
        && !before.to_string().contains(says.as_str())
    {
        return Err(format!("does not say {says:?}: {before:#}"));
    }
    let image = object(&lab, "image.json");
    if lab.scratch().join("image.json").exists() && first(&image["platforms"][0])["id"] != *id {
        return Err(format!("named otherwise in an image: {image:#} {}", text("errors")));
    }
    // A command that works prints nothing, which is not a message, or something that names no cause.
    let well: &[&str] = if case.message.is_empty() { &["0"] } else { &["2", "3"] };
    let after = object(&lab, "after.json");
    let left = first(&after);
    let cured = left["id"] != *id || (found["severity"] != "note" && left["severity"] == "note");
    if (case.cure.is_some() || !case.then.is_empty()) && (!well.contains(&text("cured").trim()) || !cured) {
        return Err(format!("not cured by {fix:?}: {after:#}"));
    }
    Ok(())
}

fn object(lab: &Lab, name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(lab.scratch().join(name)).unwrap_or_default()).unwrap_or_default()
}

/// The first finding that says that something fails, else the first; or the first cause that a message can have.
fn first(report: &Value) -> &Value {
    if let Some(candidates) = report["candidates"].as_array() {
        return candidates.first().unwrap_or(&Value::Null);
    }
    let findings = report["findings"].as_array().map_or(&[][..], Vec::as_slice);
    let fails = findings.iter().find(|f| f["severity"] != "note");
    fails.or(findings.first()).unwrap_or(&Value::Null)
}

#[test]
fn causes_are_named_and_cured() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/causes/cases");
    let only = std::env::var("CASE").unwrap_or_default();
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|item| item.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().contains(&only));
    paths.sort();
    let next = Mutex::new(paths.into_iter());
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(path) = { next.lock().unwrap().next() } {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            let case: Case = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            let id = name.split('.').next().unwrap();
            if let Err(why) = run(id, &case) {
                failed.lock().unwrap().push(format!("{name}: {why}"));
            }
        }
    };
    thread::scope(|scope| {
        let count = thread::available_parallelism().map_or(1, usize::from);
        (0..count).for_each(|_| drop(scope.spawn(work)));
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
