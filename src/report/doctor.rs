//! The doctor's report: a text for people, an object for programs.

use std::collections::BTreeSet;
use std::fmt::Write;

use bstr::BString;
use serde_json::{Value, json};

use super::answer::Answer;
use super::diagnostic;
use super::style::add_line;
use super::wrap::for_terminal;
use crate::binfmt::table::Unreadable;
use crate::doctor::catalogue::{CauseId, Form, Label};
use crate::doctor::file::FileVerdict;
use crate::doctor::finding::{Finding, Severity};
use crate::elf::{Data, ET_DYN};
use crate::error::Status;
use crate::exec::{Decided, Handler, NearMiss, Outcome, Step};
use crate::inspect::cpu;
use crate::text::to_text;

impl Answer for FileVerdict {
    fn door(&self) -> Form {
        Form::File
    }

    fn target(&self) -> Option<String> {
        Some(to_text(&self.target))
    }

    fn status(&self) -> Status {
        FileVerdict::status(self)
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings.clone()
    }

    fn fine(&self) -> String {
        verdict(self)
    }

    fn text(&self, verbose: bool) -> String {
        text(self, verbose)
    }

    fn details(&self) -> Value {
        let near_miss = |near: &NearMiss| {
            let r = near.refusal;
            json!({"entry": to_text(&near.entry), "byte": r.byte, "file": r.file, "wanted": r.wanted, "mask": r.mask})
        };
        json!({
            "asked": to_text(&self.asked),
            "outcome": outcome(&self.verdict.outcome),
            "chain": chain(&self.verdict.steps),
            "near_misses": self.near.iter().map(near_miss).collect::<Vec<_>>(),
            "unreadable_entries": self.unreadable,
        })
    }
}

/// An outcome as an object.
pub(super) fn outcome(outcome: &Outcome) -> Value {
    json!({
        "kind": outcome.kind(),
        "errno": outcome.errno().map(|e| format!("{e:?}")),
        "number": outcome.errno().map(|e| e as i32),
        "why": outcome.why(),
    })
}

/// The files of a chain.
pub(super) fn chain(steps: &[Step]) -> Vec<Value> {
    let texts = |list: &[BString]| list.iter().map(|a| to_text(a)).collect::<Vec<_>>();
    let step = |step: &Step| {
        json!({
            "path": to_text(&step.path),
            "handler": step.handler.map(Handler::word),
            "name": step.name.as_ref().map(|n| to_text(n)),
            "argv": texts(&step.argv),
        })
    };
    steps.iter().map(step).collect()
}

/// What happens in one line, then what is wrong and what to do; how it comes to it where that decides, or if all is wanted.
fn text(exam: &FileVerdict, verbose: bool) -> String {
    let mut text = for_terminal(&format!("{}: {}", to_text(&exam.target), verdict(exam)), "", "  ");
    if exam.asked != exam.target {
        let _ = writeln!(text, "  {}: {} is {} in PATH", Label::Note, to_text(&exam.asked), to_text(&exam.target));
    }
    let (notes, faults): (Vec<_>, Vec<_>) = exam.findings.iter().partition(|f| f.severity == Severity::Note);
    faults.iter().for_each(|finding| text.push_str(&diagnostic::text(finding, verbose)));
    let starts = matches!(exam.verdict.outcome, Outcome::Starts(_));
    if verbose || (!starts && exam.verdict.steps.len() > 1) {
        text.push_str(&walk(exam));
    }
    if verbose || (!starts && bytes_decide(exam)) {
        text.push_str(&bytes(exam));
    }
    for Unreadable { entry, why } in &exam.unreadable {
        add_line(
            &mut text,
            format_args!("  note: the entry {entry} could not be read, and may match this file: {why}"),
        );
    }
    // What is only worth knowing takes one line.
    for note in notes {
        let label = format!("  {}: ", Label::Note);
        text.push_str(&for_terminal(&note.detail, &label, "    "));
    }
    text
}

/// The files of the chain, and what the kernel makes of each.
fn walk(exam: &FileVerdict) -> String {
    let mut text = String::new();
    let steps = &exam.verdict.steps;
    let width = steps.iter().map(|s| s.path.len()).max().unwrap_or(0).min(48);
    for step in steps {
        add_line(&mut text, format_args!("  {:width$}  {}", to_text(&step.path), taken(step, exam)));
    }
    if let Outcome::Starts(started) = &exam.verdict.outcome
        && steps.len() > 1
    {
        let argv: Vec<String> = started.argv.iter().map(|a| format!("{a:?}")).collect();
        let _ = writeln!(text, "  arguments: {}", argv.join(" "));
    }
    text
}

/// Whether the first bytes say more than the cause: an entry refused one of them, or nobody knows what they are.
fn bytes_decide(exam: &FileVerdict) -> bool {
    let unknown = |finding: &Finding| {
        finding.id == CauseId::NotAProgram && exam.verdict.outcome.why() == Some(finding.detail.as_str())
    };
    !exam.near.is_empty() || exam.findings.first().is_none_or(unknown)
}

/// The first bytes of the file at which the chain ends, and the entries that nearly matched it.
fn bytes(exam: &FileVerdict) -> String {
    let mut text = exam.verdict.steps.last().map(hex).unwrap_or_default();
    for near in &exam.near {
        let r = near.refusal;
        let mask = if r.mask == 0xff { String::new() } else { format!(" (mask {:02x})", r.mask) };
        let _ = writeln!(
            text,
            "  {} refused at byte {}: file {:02x}, wanted {:02x}{mask}",
            near.entry, r.byte, r.file, r.wanted
        );
    }
    text
}

/// The verdict and the causes in one line.
pub(super) fn line(exam: &FileVerdict) -> String {
    let causes =
        exam.findings.iter().filter(|finding| finding.severity != Severity::Note).map(|finding| finding.id.as_str());
    let causes: BTreeSet<&str> = causes.collect();
    let causes = if causes.is_empty() { String::new() } else { format!(" ({})", Vec::from_iter(causes).join(", ")) };
    format!("{}: {}{causes}", to_text(&exam.target), verdict(exam))
}

/// The verdict in one sentence.
pub(super) fn verdict(exam: &FileVerdict) -> String {
    match &exam.verdict.outcome {
        Outcome::Starts(started) if started.exe == exam.target => match &started.loader {
            Some(loader) => format!("starts, with the loader {loader}"),
            None => "starts".into(),
        },
        Outcome::Starts(started) => format!("starts: {} runs it", started.exe),
        Outcome::Fails { errno, why, .. } => format!("does not start: {errno:?} ({}), because {why}", errno.desc()),
        Outcome::Killed(death) => {
            format!("is killed with SIGSEGV before its first instruction, because {}", death.why())
        }
        Outcome::Undecided(why) => format!("may start or be killed, it depends on random addresses: {why}"),
        Outcome::Unknown(why) => format!("cannot be judged from here: {why}"),
    }
}

/// What took a file.
pub(super) fn taken(step: &Step, exam: &FileVerdict) -> String {
    let name = step.name.as_ref().map_or(String::new(), |name| to_text(name));
    match step.handler {
        Some(Handler::Script) => format!("script for {name}"),
        Some(Handler::Entry) => format!("matched by the entry {name}"),
        Some(Handler::Elf) => format!("program of this CPU{}", loaded_by(&name)),
        Some(Handler::Compat) => format!("program of this CPU's 32-bit mode{}", loaded_by(&name)),
        Some(Handler::Loader) => "its loader".into(),
        None if step.decided == Decided::PtInterp => "named by PT_INTERP, but no loader".into(),
        None => match exam.inspection.as_ref().filter(|_| step.path == exam.target) {
            Some(elf) => format!(
                "{}-bit {} {} for {}: {}",
                u8::from(elf.target.class),
                if elf.target.data == Data::Little { "little-endian" } else { "big-endian" },
                if elf.kind == ET_DYN { "position-independent program" } else { "program" },
                cpu(elf.target, elf.flags),
                step.decided.words()
            ),
            None => step.decided.words().into(),
        },
    }
}

fn loaded_by(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(", loaded by {name}") }
}

/// The first bytes of a file, with the ones that decided marked below.
fn hex(step: &Step) -> String {
    const ROW: usize = 16;
    let (from, len) = step.marked;
    let Some(used) = step.head.iter().rposition(|&b| b != 0).map(|at| at + 1) else { return String::new() };
    let shown = used.max(from + len).min(step.head.len()).min(64.max(from + len));
    let mut text = String::new();
    for (row, bytes) in step.head[..shown].chunks(ROW).enumerate() {
        let columns: String = bytes.iter().map(|b| format!(" {b:02x}")).collect();
        let letters: String = bytes.iter().map(|&b| if (0x20..0x7f).contains(&b) { b as char } else { '.' }).collect();
        let _ = writeln!(text, "  {:04x} {columns:48}  {letters}", row * ROW);
        let is_marked = |at: usize| (from..from + len).contains(&(row * ROW + at));
        if (0..bytes.len()).any(is_marked) {
            let marks: String = (0..bytes.len()).map(|at| if is_marked(at) { " ^^" } else { "   " }).collect();
            let _ = writeln!(text, "       {}", marks.trim_end());
        }
    }
    text
}
