//! Causes made for real: each case makes its own, the doctor has to name it first, and what it prints as the cure has to
//! cure it. `cases/ID[.variant].toml`; see `Case`.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Lab, lab, lab_of, skipped};
use rbinfmt::kernel::Kernel;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What makes it: bash, in a sandbox with a table of its own, in an empty folder.
    make: String,
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
    /// What the doctor says of it, beside the id.
    says: Option<String>,
    /// A program without which the case cannot be made.
    with: Option<String>,
    /// The first kernel on which it can be told.
    since: Option<(u32, u32)>,
}

fn file() -> Vec<String> {
    vec!["./file".into()]
}

const SCRIPT: &str = r#"
# Fixes that are printed use the emulators of the tests as well.
rbinfmt() { command rbinfmt --emulators "$EMULATORS" "$@"; }
must eval "$MAKE"
doctor() { rbinfmt doctor --json "$@" 2>errors; }
doctor "$@" >before.json; echo $? >status
: >asked
while [ ! -e fix.sh ]; do sleep 0.02; done
. ./fix.sh >&2
doctor "$@" >after.json; echo $? >cured
"#;

/// Runs one case; the error says what went wrong.
fn run(id: &str, case: &Case) -> Result<(), String> {
    let lab = match &case.needs {
        Some(arch) => lab_of(arch),
        None => lab(),
    };
    let Some(lab) = lab else { return Ok(()) };
    if let Some(program) = &case.with
        && !std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|p| p.join(program).exists())
    {
        skipped::<()>(&format!("{id}: {program} is not here"));
        return Ok(());
    }
    if case.since > Some(Kernel::running().version()) {
        skipped::<()>(&format!("{id}: this kernel does not tell"));
        return Ok(());
    }
    let words: Vec<String> = case.args.iter().map(|a| format!("'{a}'")).collect();
    let lab = lab.env("MAKE", &case.make);
    let mut child = lab.command(&format!("set -- {}\n{SCRIPT}", words.join(" "))).spawn().unwrap();
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
        let fix = &first(&before)["fixes"][n];
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
    let status = if found["severity"] == "warning" { "0" } else { "1" };
    if text("status").trim() != status {
        return Err(format!("exit status {}", text("status")));
    }
    if let Some(says) = &case.says
        && !before.to_string().contains(says.as_str())
    {
        return Err(format!("does not say {says:?}: {before:#}"));
    }
    if (case.cure.is_some() || !case.then.is_empty())
        && (text("cured").trim() != "0" || first(&object(&lab, "after.json"))["id"] == *id)
    {
        return Err(format!("not cured by {fix:?}: {:#}", object(&lab, "after.json")));
    }
    Ok(())
}

fn object(lab: &Lab, name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(lab.scratch().join(name)).unwrap_or_default()).unwrap_or_default()
}

/// The first finding that says that something fails.
fn first(report: &Value) -> &Value {
    let findings = report["findings"].as_array().map_or(&[][..], Vec::as_slice);
    findings.iter().find(|f| f["severity"] != "note").unwrap_or(&Value::Null)
}

#[test]
fn causes_are_named_and_cured() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/causes/cases");
    let only = std::env::var("CASE").unwrap_or_default();
    let mut failed = Vec::new();
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()).collect();
    names.sort();
    for path in names.iter().filter(|p| p.to_string_lossy().contains(&only)) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let case: Case = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let id = name.split('.').next().unwrap();
        if let Err(why) = run(id, &case) {
            failed.push(format!("{name}: {why}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
