//! The doctor's report: a text for people, an object for programs.

use bstr::BString;
use serde_json::{Value, json};
use std::collections::BTreeSet;

use super::diagnostic;
use super::style::add_line;
use crate::architecture::Architecture;
use crate::binfmt::table::Unreadable;
use crate::doctor::file::FileVerdict;
use crate::doctor::finding::Severity;
use crate::elf::Target;
use crate::exec::{Decided, Handler, Outcome, Step};
use crate::text::to_text;

/// Changes when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// One object, for one line.
pub fn json(exam: &FileVerdict) -> Value {
    let near: Vec<Value> = exam
        .near
        .iter()
        .map(|n| {
            let r = n.refusal;
            json!({"entry": to_text(&n.entry), "byte": r.byte, "file": r.file, "wanted": r.wanted, "mask": r.mask})
        })
        .collect();
    json!({
        "schema": SCHEMA,
        "target": to_text(&exam.target),
        "asked": to_text(&exam.asked),
        "outcome": outcome(&exam.verdict.outcome),
        "chain": chain(&exam.verdict.steps),
        "near_misses": near,
        "unreadable_entries": exam.unreadable,
        "findings": exam.findings,
    })
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

/// A text of a few lines.
pub fn text(exam: &FileVerdict) -> String {
    let mut text = String::new();
    add_line(&mut text, format_args!("{}: {}", to_text(&exam.target), verdict(exam)));
    if exam.asked != exam.target {
        add_line(&mut text, format_args!("  note: {} is {} in PATH", to_text(&exam.asked), to_text(&exam.target)));
    }
    let steps = &exam.verdict.steps;
    let width = steps.iter().map(|s| s.path.len()).max().unwrap_or(0).min(48);
    for step in steps {
        add_line(&mut text, format_args!("  {:width$}  {}", to_text(&step.path), taken(step, exam)));
    }
    if let Outcome::Starts(started) = &exam.verdict.outcome
        && steps.len() > 1
    {
        let argv: Vec<String> = started.argv.iter().map(|a| format!("{a:?}")).collect();
        add_line(&mut text, format_args!("  arguments: {}", argv.join(" ")));
    }
    if let Some(step) = steps.last().filter(|_| !matches!(exam.verdict.outcome, Outcome::Starts(_))) {
        text.push_str(&hex(step));
    }
    for near in &exam.near {
        let r = near.refusal;
        let mask = if r.mask == 0xff { String::new() } else { format!(" (mask {:02x})", r.mask) };
        add_line(
            &mut text,
            format_args!(
                "  {} refused at byte {}: file {:02x}, wanted {:02x}{mask}",
                near.entry, r.byte, r.file, r.wanted
            ),
        );
    }
    for Unreadable { entry, why } in &exam.unreadable {
        add_line(
            &mut text,
            format_args!("  note: the entry {entry} could not be read, and may match this file: {why}"),
        );
    }
    for finding in &exam.findings {
        match finding.severity {
            // What is only worth knowing takes one line.
            Severity::Note => {
                add_line(&mut text, format_args!("  note: {}", finding.detail));
            }
            _ => text.push_str(&diagnostic::text(finding)),
        }
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
                "{}-bit program for {}: {}",
                u8::from(elf.target.class),
                machine(elf.target),
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
        add_line(&mut text, format_args!("  {:04x} {columns:48}  {letters}", row * ROW));
        let is_marked = |at: usize| (from..from + len).contains(&(row * ROW + at));
        if (0..bytes.len()).any(is_marked) {
            let marks: String = (0..bytes.len()).map(|at| if is_marked(at) { " ^^" } else { "   " }).collect();
            add_line(&mut text, format_args!("       {}", marks.trim_end()));
        }
    }
    text
}

/// A machine as people call it.
fn machine(target: Target) -> String {
    match Architecture::of_target(target) {
        Some(arch) => arch.label().to_owned(),
        None => format!("machine {}", target.machine),
    }
}
