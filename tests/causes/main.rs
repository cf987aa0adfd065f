//! Causes made for real: each case makes its own, the doctor has to name it first, and what it prints as the cure has to
//! cure it. `cases/ID[.variant].toml`; see `Case`. Where the catalogue says that an image can have the cause as well, the
//! same files are packed as one, and there it has to be named too. Which of the doctor's commands are run here, and which are
//! not, is in docs/doctor-commands.md.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use common::commands::{is_of, template_of};
use common::skip::has;
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
    /// What a tool prints elsewhere because of it, in place of the file: the doctor is given that as long as `works` fails.
    #[serde(default)]
    recorded: String,
    /// Bash that succeeds once the cause is gone.
    works: Option<String>,
    /// Why the cause cannot be made in an image, or not in this way.
    not_in_image: Option<String>,
    /// The arguments of `rbinfmt doctor`.
    #[serde(default = "file")]
    args: Vec<String>,
    /// Commands of the catalogue, each of which cures it, alone and as it is printed.
    #[serde(default)]
    cure: Vec<String>,
    /// Bash that is run in place of a fix whose command leaves something to the reader, and after any fix.
    #[serde(default)]
    then: String,
    /// Bash that is run before the printed commands: what the reader has and the test has not.
    #[serde(default)]
    before: String,
    /// Words of a printed command that are left to the reader, such as URL, and what is in their place.
    #[serde(default)]
    fill: BTreeMap<String, String>,
    /// The cure goes on running while the doctor is asked again.
    #[serde(default)]
    background: bool,
    /// A safe cure is applied by `doctor --fix` rather than typed.
    #[serde(default)]
    by_fix: bool,
    /// Commands of the catalogue that cure nothing: each is run as it is printed, and prints this. Where this is empty, it starts
    /// the program in another way, which has to end well.
    #[serde(default)]
    shows: BTreeMap<String, String>,
    /// The same for the command that a message is answered with where the text leaves several causes.
    #[serde(default)]
    next: BTreeMap<String, String>,
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

impl Case {
    /// Bash that prints what the doctor is given; empty where that is a file.
    fn message(&self) -> String {
        match &self.works {
            Some(works) => format!(r#"{{ {works}; }} >/dev/null 2>&1 || printf '%s\n' "$RECORDED""#),
            None => self.message.clone(),
        }
    }

    /// Whether it is about a message.
    fn is_message(&self) -> bool {
        !self.message().is_empty()
    }
}

/// OCI's name of the architecture that the case's image is for; nothing where it is not made one.
fn image_of(id: &str, case: &Case) -> String {
    let forms = &catalogue::get(id).unwrap_or_else(|| panic!("{id} is not in the catalogue")).found_by;
    if case.is_message() || case.args.is_empty() || case.not_in_image.is_some() || !forms.contains(&Form::Image) {
        return String::new();
    }
    let own = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    case.arch.as_ref().or(case.needs.as_ref()).map_or(own, String::as_str).to_owned()
}

/// Runs one case with one of its cures; the error says what went wrong.
fn run(id: &str, case: &Case, cure: Option<&str>) -> Result<(), String> {
    let lab = match &case.needs {
        Some(arch) => lab_of(arch),
        None => lab(),
    };
    let Some(lab) = lab else { return Ok(()) };
    for program in case.with.iter().flat_map(|programs| programs.split(' ')) {
        if !has(program) && !fixtures().join(program).exists() {
            skipped::<()>(Need::Setup, &format!("{id}: {program} is not here"));
            return Ok(());
        }
    }
    if let Some(since) = case.since
        && since > Kernel::running().version()
    {
        skipped::<()>(Need::Kernel(since.0, since.1), &format!("{id}: this kernel does not tell"));
        return Ok(());
    }
    let words: Vec<String> = case.args.iter().map(|a| format!("'{a}'")).collect();
    let lab = lab
        .env("MAKE", &case.make)
        .env("MESSAGE", &case.message())
        .env("RECORDED", &case.recorded)
        .env("IMAGE", &image_of(id, case));
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
    let script = commands(id, case, cure, &before);
    let written = script.clone().unwrap_or_else(|_| "false".into());
    fs::write(lab.scratch().join("fix"), &written).unwrap();
    fs::rename(lab.scratch().join("fix"), lab.scratch().join("fix.sh")).unwrap();
    let status = child.wait().unwrap();
    let text = |name: &str| fs::read_to_string(lab.scratch().join(name)).unwrap_or_default();
    let found = first(id, &before);
    if found["id"] != *id {
        return Err(format!("named {} first: {before:#} {}", found["id"], text("errors")));
    }
    let fix = script?;
    if !status.success() {
        return Err(format!("{status}: {fix}\n{}", text("errors")));
    }
    let status = if found["severity"] == "problem" { "1" } else { "0" };
    if text("status").trim() != status && before["door"] != "host" {
        return Err(format!("exit status {}", text("status")));
    }
    if let Some(says) = &case.says
        && !before.to_string().contains(says.as_str())
    {
        return Err(format!("does not say {says:?}: {before:#}"));
    }
    let image = object(&lab, "image.json");
    if lab.scratch().join("image.json").exists() && first(id, &image["platforms"][0])["id"] != *id {
        return Err(format!("named otherwise in an image: {image:#} {}", text("errors")));
    }
    for (at, (command, shows)) in case.shows.iter().chain(&case.next).enumerate() {
        let (shown, status) = (text(&format!("shown.{at}")), text(&format!("shown.{at}.status")));
        let well: &[&str] = if shows.is_empty() { &["0"] } else { &["0", "1"] };
        if !shown.contains(shows.as_str()) || !well.contains(&status.trim()) {
            return Err(format!("{command} does not show {shows:?}, status {status}: {shown}"));
        }
    }
    // A command that works prints nothing, which is not a message, or something that names no cause. Of a machine only this
    // cause counts.
    let well: &[&str] = match () {
        () if before["door"] == "host" => &["0", "1"],
        () if !case.is_message() => &["0"],
        () => &["2", "3"],
    };
    let after = object(&lab, "after.json");
    let left = first(id, &after);
    let cured = left["id"] != *id || (found["severity"] != "note" && left["severity"] == "note");
    if (cure.is_some() || !case.then.is_empty()) && (!well.contains(&text("cured").trim()) || !cured) {
        return Err(format!("not cured by {fix:?}: {after:#} {}", text("fixed")));
    }
    Ok(())
}

/// The script of what is printed and run: commands that show something, then the cure.
fn commands(id: &str, case: &Case, cure: Option<&str>, before: &Value) -> Result<String, String> {
    listed(id, before)?;
    let fixes = if case.is_message() { &before["fixes"] } else { &first(id, before)["fixes"] };
    let fixes = fixes.as_array().map_or(&[][..], Vec::as_slice);
    let printed = |template: &str| {
        let fix = fixes.iter().find(|fix| fix["command"].as_str().is_some_and(|command| is_of(command, template)));
        fix.ok_or_else(|| format!("{template} is not printed: {fixes:#?}"))
    };
    let filled = |command: &str| case.fill.iter().fold(command.to_owned(), |text, (word, by)| text.replace(word, by));
    let mut script = format!("{}\n", case.before);
    let mut show = |at: usize, command: &str| {
        script += &format!("( {} ) >shown.{at} 2>&1; echo $? >shown.{at}.status\n", filled(command));
    };
    for (at, template) in case.shows.keys().enumerate() {
        show(at, printed(template)?["command"].as_str().unwrap());
    }
    for (at, template) in case.next.keys().enumerate() {
        let command = before["next"]["command"].as_str().filter(|command| is_of(command, template));
        show(case.shows.len() + at, command.ok_or_else(|| format!("{template} is not next: {}", before["next"]))?);
    }
    if let Some(template) = cure {
        let fix = printed(template)?;
        script += &match fix["command"].as_str().unwrap() {
            _ if case.by_fix && fix["class"] == "safe" => r#"rbinfmt doctor --fix "$@""#.to_owned(),
            command if case.background => format!("{} &", filled(command)),
            command => filled(command),
        };
    }
    Ok(format!("{script}\n{}\n", case.then))
}

/// Every command that is printed is one of those that the library lists.
fn listed(id: &str, report: &Value) -> Result<(), String> {
    let command = |of: &str, fix: &Value| match fix["command"].as_str() {
        Some(command) if template_of(of, command).is_none() => {
            Err(format!("doctor::commands() lacks {command:?} of {of}"))
        }
        _ => Ok(()),
    };
    let all = |of: &str, fixes: &Value| fixes.as_array().into_iter().flatten().try_for_each(|fix| command(of, fix));
    let findings = report["findings"].as_array().into_iter().flatten();
    findings.clone().try_for_each(|finding| all(finding["id"].as_str().unwrap_or(id), &finding["fixes"]))?;
    all(report["candidates"][0]["id"].as_str().unwrap_or(id), &report["fixes"])?;
    command("next", &report["next"])
}

fn object(lab: &Lab, name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(lab.scratch().join(name)).unwrap_or_default()).unwrap_or_default()
}

/// The first finding that says that something fails, else the first; or the first cause that a message can have. A machine has
/// many causes, and this one is among them or not.
fn first<'r>(id: &str, report: &'r Value) -> &'r Value {
    if let Some(candidates) = report["candidates"].as_array() {
        return candidates.first().unwrap_or(&Value::Null);
    }
    let findings = report["findings"].as_array().map_or(&[][..], Vec::as_slice);
    if report["door"] == "host" {
        return findings.iter().find(|finding| finding["id"] == *id).unwrap_or(&Value::Null);
    }
    let fails = findings.iter().find(|f| f["severity"] != "note");
    fails.or(findings.first()).unwrap_or(&Value::Null)
}

#[test]
#[ignore = "half a minute: the stage causes of .ci/run"]
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
            let cures: Vec<Option<&str>> = case.cure.iter().map(|cure| Some(cure.as_str())).collect();
            for cure in if cures.is_empty() { vec![None] } else { cures } {
                if let Err(why) = run(id, &case, cure) {
                    failed.lock().unwrap().push(format!("{name}: {why}"));
                }
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
