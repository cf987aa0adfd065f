//! Files that are not programs, made by the real tools: what the doctor says they are, and what it says is to be done. The
//! command that it prints is run where what it needs is here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use serde::Deserialize;
use serde_json::Value;

#[path = "../common/commands.rs"]
mod commands;
#[path = "../common/skip.rs"]
pub(super) mod skip;
use skip::{Need, skipped};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The file that is examined.
    file: String,
    /// Bash that makes it, in an empty directory.
    make: String,
    /// Programs that it takes.
    #[serde(default)]
    with: Vec<String>,
    /// The first cause.
    id: String,
    /// What it says of the case.
    says: String,
    /// The command that it prints first, where it prints one. It is run, unless it is not for this machine.
    command: Option<String>,
    /// Why the command is not run.
    not_run: Option<String>,
}

fn bash(directory: &Path, script: &str) -> Result<(), String> {
    // Some start a machine, which may not end by itself.
    let mut command = Command::new("timeout");
    let rbinfmt = Path::new(env!("CARGO_BIN_EXE_rbinfmt")).parent().unwrap();
    // A virtual environment of Python, where a case has made one.
    let venv = directory.join("venv/bin");
    let path = format!("{}:{}:{}", venv.display(), rbinfmt.display(), std::env::var("PATH").unwrap());
    // The home is the test's own, and rustup's is where it was.
    let rustup =
        std::env::var("RUSTUP_HOME").unwrap_or(format!("{}/.rustup", std::env::var("HOME").unwrap_or_default()));
    let output = command
        .env("RUSTUP_HOME", rustup)
        .args(["600", "bash", "-euo", "pipefail", "-c", script])
        .current_dir(directory)
        .env("PATH", path)
        .env("HOME", directory)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said =
        || format!("{script}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output.status.success().then_some(()).ok_or_else(said)
}

fn run(case: &Case) -> Result<(), String> {
    if let Some(program) = case.with.iter().find(|program| !skip::has(program)) {
        skipped::<()>(Need::Setup, &format!("{}: {program} is not here", case.file));
        return Ok(());
    }
    let directory = tempfile::tempdir().unwrap();
    bash(directory.path(), &case.make)?;
    let target = format!("./{}", case.file);
    let is_file = directory.path().join(&case.file).is_file();
    // `chmod` makes nothing of a file that is not a program, and what it is does not depend on it.
    for mode in [0o644, 0o755] {
        if is_file {
            fs::set_permissions(directory.path().join(&case.file), fs::Permissions::from_mode(mode)).unwrap();
        }
        let output = Command::new(env!("CARGO_BIN_EXE_rbinfmt"))
            .current_dir(directory.path())
            .args(["doctor", "--json", &target])
            .output()
            .unwrap();
        let json: Value = serde_json::from_slice(&output.stdout).map_err(|e| format!("{e}: {output:?}"))?;
        let found: Vec<&Value> =
            json["findings"].as_array().unwrap().iter().filter(|f| f["severity"] == "problem").collect();
        let ids: Vec<&str> = found.iter().map(|f| f["id"].as_str().unwrap()).collect();
        let said = || format!("{:o}: {json:#}", mode);
        if ids != [case.id.as_str()] || output.status.code() != Some(1) {
            return Err(format!("found {ids:?}, {}", said()));
        }
        if !found[0].to_string().contains(&case.says) {
            return Err(format!("does not say {:?}, {}", case.says, said()));
        }
        let fix = found[0]["fixes"].as_array().unwrap().iter().find_map(|fix| fix["command"].as_str());
        // Root needs no `sudo`, which is what our CI is.
        let bare = |command: &str| command.strip_prefix("sudo ").unwrap_or(command).to_owned();
        let printed = found[0]["fixes"].as_array().unwrap().iter().filter_map(|fix| fix["command"].as_str());
        for command in printed {
            if commands::template_of(&case.id, command).is_none() {
                return Err(format!("doctor::commands() lacks {command:?}"));
            }
        }
        if case.command.is_some() && fix.map(bare) != case.command.as_deref().map(bare) {
            return Err(format!("prints {fix:?}, {}", said()));
        }
    }
    match (&case.command, &case.not_run) {
        // The doctor ends with 1 where it finds something.
        (Some(command), None) if command.contains("rbinfmt doctor ") => {
            bash(directory.path(), &format!("{command} || [ $? = 1 ]"))
        }
        (Some(command), None) => bash(directory.path(), command),
        _ => Ok(()),
    }
}

#[test]
fn files_that_are_not_programs() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doctor/contents.toml")).unwrap();
    let cases: Cases = toml::from_str(&text).unwrap();
    let only = std::env::var("CASE").unwrap_or_default();
    let cases = Mutex::new(cases.case.iter().filter(|case| case.file.contains(&only)));
    let failed = Mutex::new(Vec::new());
    // What makes them starts slowly, and waits: a JVM, a linker, a container's tool.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = { cases.lock().unwrap().next() } {
                    if let Err(why) = run(case) {
                        failed.lock().unwrap().push(format!("{}: {why}", case.file));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
