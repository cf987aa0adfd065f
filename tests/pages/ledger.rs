//! Which of the doctor's commands are run by a test, and why the others are not. docs/doctor-commands.md is written from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use clap::Parser;
use rbinfmt::cli::Cli;
use rbinfmt::doctor::{Template, commands};
use regex::Regex;
use serde::Deserialize;

use crate::commands::template_of;
use crate::files;

/// What names a command in tests/not-run.toml.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotRun {
    reason: Vec<Reason>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    why: String,
    /// What each is of, and the command.
    commands: Vec<(String, String)>,
}

/// A case of tests/causes, as far as it names commands.
#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    cure: Vec<String>,
    #[serde(default)]
    shows: BTreeMap<String, String>,
    #[serde(default)]
    next: BTreeMap<String, String>,
}

/// A case of tests/doctor/contents.toml.
#[derive(Deserialize)]
struct Content {
    file: String,
    id: String,
    command: Option<String>,
    not_run: Option<String>,
}

/// How a command was run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    /// The cause is gone afterwards.
    Cures,
    /// It prints what it is to print, or starts the program in another way.
    Shows,
}

/// What is known of each command.
#[derive(Default)]
pub(super) struct Ledger {
    runs: BTreeMap<Template, BTreeSet<(How, String)>>,
    reasons: BTreeMap<Template, String>,
    /// What is said of commands that do not exist.
    mistakes: Vec<String>,
}

impl Ledger {
    pub(super) fn read() -> Ledger {
        let mut ledger = Ledger::default();
        for (name, text) in files("tests/causes/cases", &[".toml"]) {
            let case: Case = toml::from_str(&text).unwrap();
            let (cause, by) = (name.split('.').next().unwrap(), format!("causes/{}", name.trim_end_matches(".toml")));
            case.cure.iter().for_each(|command| ledger.run(cause, command, How::Cures, &by));
            case.shows.keys().for_each(|command| ledger.run(cause, command, How::Shows, &by));
            case.next.keys().for_each(|command| ledger.run("next", command, How::Shows, &by));
        }
        ledger.contents();
        ledger.scripts();
        let not_run: NotRun = toml::from_str(&std::fs::read_to_string("tests/not-run.toml").unwrap()).unwrap();
        for reason in not_run.reason {
            for (of, command) in reason.commands {
                match exactly(&of, &command) {
                    Some(template) => drop(ledger.reasons.insert(template, reason.why.clone())),
                    None => ledger.mistakes.push(format!("tests/not-run.toml: no command {command:?} of {of:?}")),
                }
            }
        }
        ledger
    }

    fn run(&mut self, of: &str, command: &str, how: How, by: &str) {
        // Some commands are those of a cause and of a kind of file.
        let templates = || [of, "file"].into_iter().filter_map(|of| exactly(of, command));
        if templates().next().is_none() {
            self.mistakes.push(format!("{by}: no command {command:?} of {of:?}"));
        }
        for template in templates() {
            self.runs.entry(template).or_default().insert((how, by.to_owned()));
        }
    }

    /// Files that are not programs: there the commands have names in them.
    fn contents(&mut self) {
        let text = std::fs::read_to_string("tests/doctor/contents.toml").unwrap();
        let cases: BTreeMap<String, Vec<Content>> = toml::from_str(&text).unwrap();
        for case in &cases["case"] {
            let Some(command) = &case.command else { continue };
            let Some(template) = template_of(&case.id, command) else {
                self.mistakes.push(format!("contents.toml: no command {command:?}"));
                continue;
            };
            match &case.not_run {
                Some(why) => drop(self.reasons.insert(template, why.clone())),
                None => self.run(template.of, template.command, How::Cures, &format!("contents/{}", case.file)),
            }
        }
    }

    /// Scripts with real engines and machines: `printed OF 'COMMAND'` and `shown OF 'COMMAND'`.
    fn scripts(&mut self) {
        let line = Regex::new(r#"(printed|shown) ([a-z0-9-]+)[ \\\n]+(?:'([^']+)'|"([^"]+)")"#).unwrap();
        let scripts = ["e2e", "live"].into_iter().flat_map(|of| {
            files(&format!("tests/{of}"), &[".sh"]).into_iter().map(move |(name, text)| (of, name, text))
        });
        for (of_test, name, text) in scripts {
            for found in line.captures_iter(&text) {
                let how = if &found[1] == "printed" { How::Cures } else { How::Shows };
                let command = found.get(3).or(found.get(4)).unwrap().as_str();
                self.run(&found[2], command, how, &format!("{of_test}/{}", name.trim_end_matches(".sh")));
            }
        }
    }

    /// What is wrong with the list.
    fn wrong(&self) -> Vec<String> {
        let mut wrong = self.mistakes.clone();
        for template in commands().collect::<BTreeSet<_>>() {
            match (self.runs.contains_key(&template), self.reasons.contains_key(&template)) {
                (false, false) => wrong.push(format!("nothing runs {:?} of {}", template.command, template.of)),
                // A kind of file may be run where another of the same command cannot be.
                (true, true) if template.of != "file" => {
                    wrong.push(format!(
                        "{:?} of {} is run, and is in tests/not-run.toml",
                        template.command, template.of
                    ));
                }
                _ => {}
            }
        }
        wrong
    }

    /// docs/doctor-commands.md
    pub(super) fn page(&self) -> String {
        let all: BTreeSet<Template> = commands().collect();
        let has = |how| move |runs: &BTreeSet<(How, String)>| runs.iter().any(|(other, _)| *other == how);
        let cured = self.runs.values().filter(|runs| has(How::Cures)(runs)).count();
        let shown = self.runs.len() - cured;
        let mut page = format!(
            "{PAGE}Of {} commands {} are run ({:.0} %): {cured} cure what they are printed for, {shown} show what they are said to \
             show or start the program in another way. {} are not run.\n\n## Not run\n\n| printed for | command | why |\n|---|---|---|\n",
            all.len(),
            self.runs.len(),
            100.0 * self.runs.len() as f64 / all.len() as f64,
            all.len() - self.runs.len(),
        );
        let mut missing: Vec<_> = all.iter().filter(|template| !self.runs.contains_key(template)).collect();
        missing.sort_by_key(|template| (self.reasons.get(template), **template));
        for template in missing {
            let why = self.reasons.get(template).map_or("", String::as_str);
            let _ = writeln!(page, "| {} | {} | {why} |", template.of, code(template.command));
        }
        page += "\n## Run\n\n| printed for | command | by |\n|---|---|---|\n";
        for (template, runs) in &self.runs {
            let by: BTreeSet<&str> = runs.iter().map(|(_, by)| by.as_str()).collect();
            let by = by.into_iter().take(3).collect::<Vec<_>>().join(", ");
            let _ = writeln!(page, "| {} | {} | {by} |", template.of, code(template.command));
        }
        page
    }
}

fn exactly(of: &str, command: &str) -> Option<Template> {
    commands().find(|template| template.of == of && template.command == command)
}

fn code(command: &str) -> String {
    format!("`{}`", command.replace('|', r"\|"))
}

const PAGE: &str = "\
# Which of the doctor's commands were run

Written by `RBINFMT_BLESS=1 cargo test --test pages` from the tests themselves. Every command that the doctor can print is in this
list; a test fails for one that nothing runs and that has no reason in tests/not-run.toml. In a command `{name}` stands for what a
finding knows.

A command counts as run if a test makes its situation, takes the command from what the doctor prints, and runs it as it is
printed; the situation has to be better afterwards. `causes/` is tests/causes/cases, which says how each cause is made: in a sandbox
in which the user is root, so that commands are printed without `sudo`, and with Debian's emulators at hand, so that `rbinfmt
install` does not fetch them. `contents/` is tests/doctor/contents.toml, `e2e/` is tests/e2e, `live/` tests/live. `file` are commands that
depend on what a file is, `next` are those that tell causes apart.

";

#[test]
fn every_command_is_run_or_has_a_reason() {
    let wrong = Ledger::read().wrong();
    assert!(wrong.is_empty(), "{}\n{} in all", wrong.join("\n"), wrong.len());
}

/// What is said in a sentence as a command.
fn quoted(text: &str) -> Vec<String> {
    let quoted = Regex::new("`([^`\n]+)`").unwrap();
    let mut all: Vec<String> = quoted.captures_iter(text).map(|found| found[1].to_owned()).collect();
    all.sort();
    all
}

/// A fix, as the catalogue's files have it.
#[derive(Deserialize)]
struct Fix {
    text: String,
    otherwise: Option<String>,
}

#[derive(Deserialize)]
struct Cause {
    id: String,
    #[serde(default)]
    fix: Vec<Fix>,
}

#[test]
fn sentences_name_the_same_commands_in_each_language() {
    let mut causes: BTreeMap<String, Vec<Vec<Fix>>> = BTreeMap::new();
    for directory in ["src/doctor/catalogue", "src/doctor/catalogue/zh"] {
        for file in std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|end| end == "toml") {
                let all: BTreeMap<String, toml::Value> =
                    toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
                for cause in all.get("cause").and_then(toml::Value::as_array).into_iter().flatten() {
                    let cause: Cause = cause.clone().try_into().unwrap();
                    causes.entry(cause.id).or_default().push(cause.fix);
                }
            }
        }
    }
    for (id, languages) in causes {
        let [english, chinese] = &languages[..] else { panic!("{id} is in {} languages", languages.len()) };
        for (ours, theirs) in english.iter().zip(chinese) {
            assert_eq!(quoted(&ours.text), quoted(&theirs.text), "{id}");
            let otherwise = |fix: &Fix| fix.otherwise.as_deref().map(quoted);
            assert_eq!(otherwise(ours), otherwise(theirs), "{id}");
        }
    }
}

/// Errors, help texts and the catalogue name commands of ours.
#[test]
fn commands_of_ours_are_understood() {
    let mut seen = 0;
    for (name, text) in files("src", &[".rs", ".toml"]) {
        let text: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with(['#', '/'])).collect();
        for command in quoted(&text.join("\n")).iter().filter(|command| command.starts_with("rbinfmt ")) {
            let words = shlex::split(command).unwrap_or_else(|| panic!("{name}: {command}"));
            // Help is what clap calls an error that is printed on standard output.
            if let Err(why) = Cli::try_parse_from(words)
                && why.use_stderr()
            {
                panic!("{name}: `{command}`: {why}");
            }
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}
