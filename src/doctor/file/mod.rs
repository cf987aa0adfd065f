//! What is found about a file: where execve(2) ends with it, and what else may go wrong with a program that starts.

mod cause;
mod command;
mod content;
mod loader;
mod object;
mod packed;
mod pe;
mod program;
mod script;
mod system;
mod text;

use std::path::Path;

use bstr::BString;
use nix::errno::Errno;

use super::catalogue::CauseId;
use super::finding::{Finding, Severity};
use crate::binfmt::table::Unreadable;
use crate::elf::is_elf;
use crate::error::{Doing, Result, Status};
use crate::exec::facts::ExecFacts;
use crate::exec::root::Root;
use crate::exec::{Model, NearMiss, Outcome, Refused, Verdict, near_misses};
use crate::inspect::{Inspection, inspect};
use crate::oracle::{self, Answer, Caller};

/// The commands of a file's own fixes, as templates.
pub(super) fn commands() -> impl Iterator<Item = &'static str> {
    command::all()
}

/// What is examined, and as whom.
#[derive(Debug)]
pub struct Setting {
    /// The machine.
    pub facts: ExecFacts,
    /// The tree of files.
    pub root: Root,
    /// The machine's own tree.
    pub host: Root,
    /// The arguments of the call; none means the file's own name.
    pub argv: Vec<BString>,
    /// Whether the kernel itself is asked as well.
    pub verify: bool,
    /// The environment that programs get, where it is not this process's own.
    pub environment: Option<Vec<String>>,
    /// The facts are this machine's, so its CPU counts too.
    pub here: bool,
}

/// What came of a file.
#[derive(Debug)]
pub struct FileVerdict {
    /// As it was asked for.
    pub asked: BString,
    /// Its path: as given, or where PATH has a name without a slash.
    pub target: BString,
    /// What execve(2) does with it.
    pub verdict: Verdict,
    /// Entries that nearly took the file at which the chain ended.
    pub near: Vec<NearMiss>,
    /// What it is, where it is ELF.
    pub inspection: Option<Inspection>,
    /// Entries that could not be read, and were passed over.
    pub unreadable: Vec<Unreadable>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

impl Setting {
    /// Examines one file. Only `verify` executes anything, and that not one instruction.
    ///
    /// # Errors
    /// Where this machine cannot be looked at; a file that does not start is a verdict, not an error.
    pub fn examine(&self, asked: &[u8]) -> Result<FileVerdict> {
        let found = self.on_path(asked);
        let target = found.as_ref().map_or(asked, |path| path.as_slice());
        let argv = if self.argv.is_empty() { vec![target.into()] } else { self.argv.clone() };
        let model = Model::new(&self.facts, &self.root, &self.host);
        let verdict = model.judge(target, &argv);
        // Its content counts before its x bits and its mount: `chmod` makes nothing of an archive.
        let beyond = is_refused(&verdict).then(|| model.content_only().judge(target, &argv));
        let judged = beyond.as_ref().unwrap_or(&verdict);
        let last = judged.steps.iter().rfind(|s| s.handler.is_none());
        let near = last.map(|step| near_misses(&self.facts.table, &step.head)).unwrap_or_default();
        let inspection = if judged.steps.is_empty() { None } else { inspect(&self.root, target).ok().flatten() };
        let mut findings = Vec::new();
        let case = |verdict| cause::Case { setting: self, target, verdict, near: &near };
        // What is not in the file is not told by its header.
        let whole = inspection.as_ref().filter(|elf| elf.size >= cause::SMALLEST_HEADER);
        let object = whole.and_then(|elf| object::finding(self, target, elf));
        let is_object = object.is_some();
        match object {
            Some(object) => findings.push(object),
            None => {
                findings.extend(inspection.as_ref().and_then(|elf| case(judged).cut_off(elf)));
                let cause = case(judged).cause();
                findings.extend(cause.filter(|cause| findings.iter().all(|known| known.id != cause.id)));
                findings.extend(script::findings(self, judged));
                if let Some(inspection) = &inspection {
                    findings.extend(program::findings(self, target, inspection, judged));
                }
            }
        }
        let is_useless = |f: &Finding| matches!(f.id, CauseId::TruncatedElf | CauseId::WrongOsBinary);
        // Text becomes a program by its first line, and then needs the x bit.
        let is_text = findings.iter().any(|f| matches!(f.id, CauseId::MissingShebang | CauseId::BomBeforeShebang));
        let is_program = !is_object && !findings.iter().any(is_useless) && (is_text || is_program(judged));
        if beyond.is_some() && (is_program || findings.is_empty()) {
            findings.extend(case(&verdict).cause());
        }
        if self.verify {
            findings.extend(self.ask_kernel(target, &argv, &verdict)?);
        }
        let mut findings: Vec<Finding> = findings.into_iter().map(|finding| finding.outside(&self.root)).collect();
        let unreadable = self.facts.table.unreadable.clone();
        if !unreadable.is_empty() && verdict.outcome.errno() == Some(Errno::ENOEXEC) {
            // An entry that may not be read may match it.
            findings.iter_mut().for_each(Finding::doubt);
        }
        findings.sort_by_key(|finding| finding.severity);
        Ok(FileVerdict { asked: asked.into(), target: target.into(), verdict, near, inspection, unreadable, findings })
    }

    /// A variable of the environment that programs get; another tree's is not known.
    fn variable(&self, name: &str) -> Option<BString> {
        let value = |variable: &String| variable.strip_prefix(name)?.strip_prefix('=').map(BString::from);
        match &self.environment {
            Some(given) => given.iter().rev().find_map(value),
            None => std::env::var_os(name).filter(|_| self.root.is_own()).map(|value| value.as_encoded_bytes().into()),
        }
    }

    /// Where PATH has a name without a slash that is not a file of the working directory.
    pub fn on_path(&self, name: &[u8]) -> Option<BString> {
        let is_name = !name.is_empty() && !name.contains(&b'/');
        let is_missing = || matches!(self.root.open(name), Err(Errno::ENOENT));
        if is_name && is_missing() { script::on_path(self, name) } else { None }
    }

    /// Holds the model against the kernel.
    fn ask_kernel(&self, target: &[u8], argv: &[BString], verdict: &Verdict) -> Result<Option<Finding>> {
        let who = &self.facts.identity;
        let caller = Caller {
            root: (!self.root.is_own()).then(|| self.root.path().to_owned()),
            user: (!who.own).then(|| (who.uid, who.gid, who.groups.clone())),
        };
        let answer = oracle::ask_as(&caller, target, argv, &oracle::own_environment())?;
        let agrees = match (&verdict.outcome, &answer) {
            (Outcome::Fails { errno, .. }, Answer::Fails(kernel)) => errno == kernel,
            (Outcome::Killed(_), Answer::Killed(_)) => true,
            (Outcome::Starts(ours), Answer::Starts(theirs)) => {
                ours.argv == theirs.argv
                    && ours.at_flags == theirs.at_flags
                    && ours.execfd.is_some() == theirs.execfd.is_some()
            }
            // No answer of ours cannot be wrong.
            (Outcome::Undecided(_) | Outcome::Unknown(_), _) => true,
            _ => false,
        };
        Ok(Some(program::kernel_said(target, &answer, agrees)))
    }
}

/// The x bits of the file itself, or its mount, forbid it.
fn is_refused(verdict: &Verdict) -> bool {
    let refused = matches!(verdict.outcome, Outcome::Fails { refused: Some(Refused::Bits | Refused::Mount), .. });
    refused && verdict.steps.is_empty()
}

/// Whether the file would be a program if it could be executed: something starts it, or what is missing is not in the file.
fn is_program(verdict: &Verdict) -> bool {
    let Some(first) = verdict.steps.first() else { return false };
    first.handler.is_some() || first.head.starts_with(b"#!") || is_elf(&first.head)
}

impl FileVerdict {
    /// The exit status that it means.
    pub fn status(&self) -> Status {
        match &self.verdict.outcome {
            _ if self.findings.iter().any(|f| f.severity == Severity::Problem) => Status::Failed,
            Outcome::Starts(_) => Status::Done,
            Outcome::Fails { errno: Errno::ENOEXEC, .. } if !self.unreadable.is_empty() => Status::Unknown,
            Outcome::Fails { .. } | Outcome::Killed(_) => Status::Failed,
            Outcome::Undecided(_) | Outcome::Unknown(_) => Status::Unknown,
        }
    }
}

/// Another user, as the tree's own /etc/passwd and /etc/group name them.
///
/// # Errors
/// A user or group that is neither a number nor in the tree's /etc/passwd and /etc/group.
pub fn identity_of(user: &str, root: &Root) -> Result<crate::exec::identity::Identity> {
    let text = |path: &str| root.text(path.as_bytes()).doing(|| format!("reading {path} for the user {user}"));
    // A tree without them still has users by number.
    let (passwd, group) = match user.parse::<u32>() {
        Ok(_) => (text("/etc/passwd").unwrap_or_default(), text("/etc/group").unwrap_or_default()),
        Err(_) => (text("/etc/passwd")?, text("/etc/group").unwrap_or_default()),
    };
    crate::exec::identity::Identity::named(user, &passwd, &group)
}

/// The tree to judge.
///
/// # Errors
/// A directory that cannot be opened.
pub fn root_of(directory: Option<&Path>) -> Result<Root> {
    directory.map_or_else(|| Ok(Root::own()), Root::below)
}
