//! The doctor's text about an image: a block for each platform, then what was found.

use serde_json::{Value, json};

use super::answer::Answer;
use super::style::add_line;
use super::wrap::for_terminal;
use super::{diagnostic, doctor};
use crate::doctor::catalogue::{Form, Label};
use crate::doctor::finding::{Finding, Severity};
use crate::doctor::image::{ArchCount, ImageVerdict, Judged, Program, Runs};
use crate::error::Status;
use crate::exec::Outcome;
use crate::text::to_text;

impl Answer for ImageVerdict {
    fn door(&self) -> Form {
        Form::Image
    }

    fn target(&self) -> Option<String> {
        Some(self.target.clone())
    }

    fn status(&self) -> Status {
        ImageVerdict::status(self)
    }

    fn findings(&self) -> Vec<Finding> {
        let findings = self.findings.iter().chain(self.platforms.iter().flat_map(|platform| &platform.findings));
        let mut findings: Vec<Finding> = findings.cloned().collect();
        findings.sort_by_key(|finding| finding.severity);
        findings
    }

    fn fine(&self) -> String {
        let each = self.platforms.iter().map(|judged| format!("{} {}", judged.platform, here(judged)));
        each.collect::<Vec<_>>().join("; ")
    }

    fn text(&self, verbose: bool) -> String {
        text(self, verbose)
    }

    fn details(&self) -> Value {
        json!({
            "origin": self.origin,
            "platforms": self.platforms.iter().map(platform_json).collect::<Vec<_>>(),
            "absent": self.absent,
        })
    }
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

/// What is wrong with the image as a whole, then a few lines for each platform.
fn text(exam: &ImageVerdict, verbose: bool) -> String {
    let mut text = String::new();
    add_line(&mut text, format_args!("{}", exam.target));
    exam.findings.iter().for_each(|finding| found(&mut text, finding, verbose));
    for judged in &exam.platforms {
        add_line(&mut text, format_args!("  {}: {}", judged.platform, here(judged)));
        judged.findings.iter().for_each(|finding| found(&mut text, finding, verbose));
        platform(&mut text, judged, verbose);
    }
    if !exam.absent.is_empty() {
        add_line(&mut text, format_args!("  not here: {}", exam.absent.join(", ")));
    }
    text
}

fn platform(text: &mut String, judged: &Judged, verbose: bool) {
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
        // How it comes to it is of use where it does not start.
        let starts = matches!(program.at_home.verdict.outcome, Outcome::Starts(_));
        let steps = &program.at_home.verdict.steps[..];
        let steps = if verbose || !starts { steps } else { &[] };
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

fn found(text: &mut String, finding: &Finding, verbose: bool) {
    match finding.severity {
        // What is only worth knowing takes one line.
        Severity::Note => text.push_str(&for_terminal(&finding.detail, &format!("  {}: ", Label::Note), "    ")),
        _ => text.push_str(&diagnostic::text(finding, verbose)),
    }
}
