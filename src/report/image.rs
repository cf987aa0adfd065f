//! The doctor's text about an image: a block for each platform, then what was found.

use serde_json::{Value, json};

use super::style::add_line;
use super::{diagnostic, doctor};
use crate::doctor::finding::{Finding, Severity};
use crate::doctor::image::{ArchCount, ImageVerdict, Judged, Program, Runs};
use crate::exec::Outcome;
use crate::text::to_text;

/// One object, for one line.
pub fn json(exam: &ImageVerdict) -> Value {
    json!({
        "schema": doctor::SCHEMA,
        "target": exam.target,
        "origin": exam.origin,
        "platforms": exam.platforms.iter().map(platform_json).collect::<Vec<_>>(),
        "absent": exam.absent,
        "findings": exam.findings,
    })
}

fn platform_json(judged: &Judged) -> Value {
    let at_home = judged.entrypoint.as_ref().map(|p| &p.at_home.verdict);
    let here = judged.entrypoint.as_ref().map(|p| &p.here.verdict);
    let (runs, by, why) = match &judged.runs {
        Runs::Native => ("native", None, None),
        Runs::Emulated(entries) => ("emulated", Some(entries), None),
        Runs::No(why) => ("no", None, Some(why)),
        Runs::Unknown(why) => ("unknown", None, Some(why)),
    };
    let program = |program: &Program| json!({"word": program.word, "path": to_text(&program.at_home.target), "arch": program.arch});
    json!({
        "platform": judged.platform,
        "claims": judged.claims,
        "holds": judged.holds,
        "argv": judged.argv,
        "user": judged.user,
        "directory": judged.directory,
        "entrypoint": judged.entrypoint.as_ref().map(program),
        "command": judged.command.as_ref().map(program),
        "shell": judged.shell.as_ref().map(|(path, arch)| json!({"path": path, "arch": arch})),
        "outcome": at_home.map(|v| doctor::outcome(&v.outcome)),
        "chain": at_home.map(|v| doctor::chain(&v.steps)),
        "runs": runs,
        "by": by,
        "why": why,
        "here": here.map(|v| json!({"outcome": doctor::outcome(&v.outcome), "chain": doctor::chain(&v.steps)})),
        "foreign": judged.foreign,
        "findings": judged.findings,
    })
}

/// A text of a few lines for each platform.
pub fn text(exam: &ImageVerdict) -> String {
    let mut text = String::new();
    add_line(&mut text, format_args!("{}", exam.target));
    for judged in &exam.platforms {
        platform(&mut text, judged);
        judged.findings.iter().for_each(|finding| found(&mut text, finding));
    }
    if !exam.absent.is_empty() {
        add_line(&mut text, format_args!("  not here: {}", exam.absent.join(", ")));
    }
    exam.findings.iter().for_each(|finding| found(&mut text, finding));
    text
}

fn platform(text: &mut String, judged: &Judged) {
    add_line(text, format_args!("  {}", judged.platform));
    let mut row = |name: &str, value: &str| {
        add_line(text, format_args!("    {name:10}  {value}"));
    };
    if judged.claims != judged.platform {
        row("claims", &judged.claims);
    }
    let counted = |it: &ArchCount| format!("{} ({})", it.arch, it.count);
    let holds: Vec<String> = judged.holds.iter().map(counted).collect();
    row(
        "holds",
        &if holds.is_empty() { "no program".to_owned() } else { format!("programs for {}", holds.join(", ")) },
    );
    let argv = serde_json::to_string(&judged.argv).unwrap_or_default();
    let user = if judged.user.is_empty() { "root" } else { &judged.user };
    row(
        "starts",
        &if judged.argv.is_empty() { "nothing".into() } else { format!("{argv} as {user} in {}", judged.directory) },
    );
    for (name, program) in [("entrypoint", &judged.entrypoint), ("command", &judged.command)] {
        let Some(program) = program else { continue };
        row(name, &doctor::verdict(&program.at_home).replace("this kernel", "its kernel"));
        let steps = &program.at_home.verdict.steps;
        let width = steps.iter().map(|s| s.path.len()).max().unwrap_or(0).min(48);
        for step in steps {
            let what = doctor::taken(step, &program.at_home)
                .replace("this CPU", "its CPU")
                .replace("this kernel", "its kernel");
            row("", &format!("{:width$}  {what}", to_text(&step.path)));
        }
    }
    if let Some((path, arch)) = &judged.shell {
        row("shell", &format!("{path}, for {arch}"));
    }
    for count in &judged.foreign {
        let more = if count.count > count.paths.len() { " ..." } else { "" };
        row("foreign", &format!("{} for {}: {}{more}", count.count, count.arch, count.paths.join(" ")));
    }
    row("here", &here(judged));
}

fn here(judged: &Judged) -> String {
    match &judged.runs {
        Runs::Native => "runs natively".into(),
        Runs::Emulated(entries) => format!("runs under emulation, matched by the entry {}", entries.join(", ")),
        Runs::No(why) => format!("does not run: {why}"),
        Runs::Unknown(why) => match judged.entrypoint.as_ref().map(|p| &p.here.verdict.outcome) {
            Some(Outcome::Undecided(_)) => format!("may run: {why}"),
            _ => format!("unknown: {why}"),
        },
    }
}

fn found(text: &mut String, finding: &Finding) {
    match finding.severity {
        // What is only worth knowing takes one line.
        Severity::Note => {
            add_line(text, format_args!("  note: {}", finding.detail));
        }
        _ => text.push_str(&diagnostic::text(finding)),
    }
}
