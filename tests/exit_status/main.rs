//! The exit status is true: each step of each verb that can fail is made to fail for real, the verb run, and what is in the table, the
//! store and the files read afterwards. rows/VERB.toml; see `Row`. The tables of docs/exit-status.md are written from the rows:
//!
//!     RBINFMT_BLESS=1 cargo test --test exit_status page      writes them anew
//!     RBINFMT_ROWS=TEXT cargo test --test exit_status rows    makes the rows whose verb and step contain it
#![allow(clippy::unwrap_used, clippy::duplicate_mod, missing_docs)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../fetch/common/mod.rs"]
mod fetching;
mod mirrors;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::CommandFactory;
use common::{Need, fixtures, lab_of, script, skipped, texts};
use mirrors::Mirrors;
use rbinfmt::cli::Cli;
use serde::Deserialize;

/// Without a verb.
const NO_VERB: &str = "rbinfmt";
/// What is above the tables in docs/exit-status.md.
const TABLES: &str = "\n## Each verb and each step\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    row: Vec<Row>,
}

/// One step of a verb, and how it ends. Bash runs in a sandbox of its own; row.sh has the functions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// What happens, as docs/exit-status.md says it.
    step: String,
    /// The exit status.
    status: i32,
    /// Bash that makes the state before.
    #[serde(default)]
    make: String,
    /// The command.
    run: String,
    /// What it prints.
    #[serde(default)]
    says: String,
    /// What holds then, as docs/exit-status.md says it.
    #[serde(default)]
    then: String,
    /// Bash that fails where that is not so. After status 2 everything is as before in any case.
    #[serde(default)]
    after: String,
    /// A file without which the row cannot be made.
    needs: Option<PathBuf>,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exit_status")
}

/// The rows of each verb.
fn all() -> BTreeMap<String, Vec<Row>> {
    let files = fs::read_dir(directory().join("rows")).unwrap().map(|file| file.unwrap().path());
    let rows = |path: PathBuf| {
        let verb = path.file_stem().unwrap().to_str().unwrap().replace('-', " ");
        let rows: Rows = toml::from_str(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (verb, rows.row)
    };
    files.map(rows).collect()
}

/// The verbs of the command line.
fn verbs() -> BTreeSet<String> {
    let mut cli = Cli::command();
    cli.build();
    let mut verbs = BTreeSet::from([NO_VERB.to_owned()]);
    for verb in cli.get_subcommands().filter(|verb| verb.get_name() != "help") {
        verbs.insert(verb.get_name().to_owned());
        let parts = verb.get_subcommands().filter(|part| part.get_name() != "help");
        verbs.extend(parts.map(|part| format!("{} {}", verb.get_name(), part.get_name())));
    }
    verbs
}

#[test]
fn every_verb_has_rows() {
    let rows = all();
    assert_eq!(rows.keys().cloned().collect::<BTreeSet<_>>(), verbs(), "rows/ has a file for each verb");
    for (verb, rows) in &rows {
        let is_run = |row: &Row| verb == NO_VERB || row.run.contains(verb);
        let strange = rows.iter().find(|row| !is_run(row));
        assert!(strange.is_none(), "{verb}: {:?} runs another verb", strange.map(|row| &row.step));
        // Nothing else would see a status that is always 0, or never.
        for good in [true, false] {
            assert!(
                rows.iter().any(|row| (row.status == 0) == good),
                "{verb}: no row that ends well, or none that fails"
            );
        }
        for row in rows {
            let checked = if row.says.is_empty() || row.status == 0 { &row.after } else { &row.says };
            assert!(!checked.is_empty(), "{verb}, {}: nothing is checked but the status", row.step);
        }
    }
}

#[test]
fn page() {
    let path = directory().join("../../docs/exit-status.md");
    let old = fs::read_to_string(&path).unwrap();
    let (head, _) = old.split_once(TABLES).expect("the heading of the tables");
    let mut page = format!("{head}{TABLES}");
    for (verb, rows) in all() {
        let name = if verb == NO_VERB { "no verb" } else { &verb };
        write!(page, "\n### {name}\n\n| what happens | status | then |\n|---|---|---|\n").unwrap();
        for row in rows {
            writeln!(page, "| {} | {} | {} |", row.step, row.status, row.then).unwrap();
        }
    }
    if std::env::var_os("RBINFMT_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == page,
        "docs/exit-status.md differs from the rows: RBINFMT_BLESS=1 cargo test --test exit_status page"
    );
}

#[test]
#[ignore = "half a minute: the stage exit-status of .ci/run"]
fn rows() {
    if lab_of("arm64").is_none() {
        return;
    }
    if !Path::new("/usr/lib/systemd").is_dir() {
        return skipped(Need::Setup, "systemd is not installed").unwrap_or(());
    }
    let mirrors = Mirrors::start();
    let only = std::env::var("RBINFMT_ROWS").unwrap_or_default();
    let rows = all();
    let wanted =
        rows.iter().flat_map(|(verb, rows)| rows.iter().map(move |row| (format!("{verb}: {}", row.step), row)));
    let left = Mutex::new(wanted.filter(|(name, _)| name.contains(&only)));
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some((name, row)) = left.lock().unwrap().next() else { return };
                    if let Err(why) = run(&name, row, &mirrors) {
                        wrong.lock().unwrap().push(format!("{name}\n{why}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} rows are not so\n\n{}", wrong.len(), wrong.join("\n"));
}

/// Makes one row; the error says what is not so.
fn run(name: &str, row: &Row, mirrors: &Mirrors) -> Result<(), String> {
    if let Some(file) = row.needs.as_ref().filter(|file| !file.exists() && !fixtures().join(file).exists()) {
        skipped::<()>(Need::Setup, &format!("{name}: {} is not here", file.display()));
        return Ok(());
    }
    let Some(mut lab) = lab_of("arm64") else { return Ok(()) };
    for (variable, value) in mirrors.addresses() {
        lab = lab.env(&variable, &value);
    }
    let bash = [("MAKE", &row.make), ("RUN", &row.run), ("SAYS", &row.says), ("AFTER", &row.after)];
    for (variable, value) in bash {
        lab = lab.env(variable, value);
    }
    let output = lab.env("STATUS", &row.status.to_string()).try_run(&script("exit_status/row"));
    let (out, err) = texts(&output);
    if output.status.success() { Ok(()) } else { Err(format!("{out}{err}")) }
}
