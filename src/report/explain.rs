//! An entry of the catalogue, for a terminal and as a page of the documentation.

use std::fmt::Write;

use super::diagnostic::BOLD;
use super::wrap;
use crate::doctor::catalogue::{self, Cause, FixClass, Form, Label, Remedy, Wording};
use crate::text::fill_in;

const WIDTH: usize = 96;

/// For a terminal.
pub fn text(cause: &Cause) -> String {
    let mut text = format!("{BOLD}{}{BOLD:#}\n\n", cause.id);
    text += &wrapped(cause.title(), "", "");
    text += &wrapped(&place(cause), "", "");
    let mut section = |name: Label, body: String| {
        if !body.is_empty() {
            let _ = write!(text, "\n{BOLD}{name}{BOLD:#}\n{body}");
        }
    };
    section(Label::WhatHappens, wrapped(cause.explanation(), "  ", "  "));
    section(Label::HowToRecognise, wrapped(cause.detection(), "  ", "  "));
    section(Label::WhatPeopleSee, cause.also.iter().map(|seen| format!("  - {seen}\n")).collect());
    section(Label::WhatToDo, cause.fixes().map(remedy).collect());
    section(Label::ReadMore, cause.links.iter().map(|link| format!("  {link}\n")).collect());
    text
}

/// As a page in Markdown.
pub fn page(cause: &Cause) -> String {
    let mut page = format!("# {}\n\n{}.\n\n", cause.id, cause.title());
    page += &wrapped(&place(cause), "", "");
    let mut section = |name: Label, body: String| {
        if !body.is_empty() {
            let _ = write!(page, "\n## {name}\n\n{body}");
        }
    };
    section(Label::WhatHappens, wrapped(cause.explanation(), "", ""));
    section(Label::HowToRecognise, wrapped(cause.detection(), "", ""));
    section(Label::WhatPeopleSee, cause.also.iter().map(|seen| format!("- {}\n", code(seen))).collect());
    section(Label::WhatToDo, cause.fixes().map(remedy_in_page).collect());
    section(Label::ReadMore, cause.links.iter().map(|link| format!("- <{link}>\n")).collect());
    page
}

/// The list of all pages.
pub fn index() -> String {
    let mut page = String::from(
        "# What the doctor knows\n\nEach page is an entry of the catalogue, as `rbinfmt explain ID` prints it. \
         The commonest come first.\nThe pages are written by the program: `RBINFMT_BLESS=1 cargo test --test pages`.\n\n\
         | cause | group | what it is | found by |\n|---|---|---|---|\n",
    );
    for cause in catalogue::all().iter() {
        let title = cause.title().replace('|', "\\|");
        let _ =
            writeln!(page, "| [{id}]({id}.md) | {} | {title} | {} |", cause.group.word(), forms(cause), id = cause.id);
    }
    page
}

/// All checks: id, group, which forms find it, title.
pub fn list() -> String {
    let width = catalogue::all().iter().map(|cause| cause.id.as_str().len()).max().unwrap_or(0);
    let forms_width = catalogue::all().iter().map(|cause| forms(cause).len()).max().unwrap_or(0);
    let line = |cause: &Cause| {
        format!("{:width$}  {:8}  {:forms_width$}  {}\n", cause.id, cause.group.word(), forms(cause), cause.title())
    };
    catalogue::all().iter().map(line).collect()
}

fn place(cause: &Cause) -> String {
    let found = cause.found_by.iter().map(|form| match form {
        Form::File => "`rbinfmt doctor FILE`",
        Form::Host => "`rbinfmt doctor`",
        Form::Image => "`rbinfmt doctor IMAGE`",
        Form::Message => "`rbinfmt doctor --message TEXT`",
    });
    let found = found.collect::<Vec<_>>().join(", ");
    match cause.rank {
        Some(rank) => format!("Group {}; number {rank} by commonness. Found by {found}.", cause.group.word()),
        None => format!("Group {}: no fault. Found by {found}.", cause.group.word()),
    }
}

fn forms(cause: &Cause) -> String {
    cause.found_by.iter().map(Form::to_string).collect::<Vec<_>>().join(", ")
}

fn remedy((fix, said): (&Remedy, Wording)) -> String {
    let command = fix.command.iter().map(|command| format!("        {}\n", named(command)));
    let text = format!("{} ({})", named(&said.text), whose(fix.class));
    wrapped(&text, "  - ", "    ") + &command.collect::<String>()
}

fn remedy_in_page((fix, said): (&Remedy, Wording)) -> String {
    let command = fix.command.iter().map(|command| format!("\n      {}\n\n", named(command)));
    let text = format!("{} *({})*", named(&said.text), whose(fix.class));
    wrapped(&text, "- ", "  ") + &command.collect::<String>()
}

/// A template with its names as manuals write them: `{arch}` is ARCH.
fn named(template: &str) -> String {
    fill_in(template, |name| Some(name.to_ascii_uppercase())).unwrap_or_default()
}

fn whose(class: FixClass) -> Label {
    match class {
        FixClass::Safe => Label::Safe,
        FixClass::Decision => Label::Decision,
        FixClass::Yours => Label::Yours,
    }
}

/// As code, whatever quotes are in it.
fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

fn wrapped(text: &str, first: &str, then: &str) -> String {
    wrap::fill(text, first, then, WIDTH)
}
