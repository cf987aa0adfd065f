//! What an installation or an uninstallation did, for people and for programs.

use serde::Serialize;

use crate::binfmt::entry::Flags;
use crate::error::{Error, Result, Status};
use crate::probe::Outcome;
use crate::registrar::HeldBy;
use crate::registrar::apply::{Row, State};
use crate::registrar::plan::{Item, Plan, Skip, Step};
use crate::report::Printer;
use crate::text::printable;

/// Version of the JSON.
const SCHEMA: u32 = 1;

/// The result of a run that changes the table.
#[derive(Debug, Serialize)]
pub struct Run {
    schema: u32,
    ok: bool,
    dry_run: bool,
    items: Vec<Line>,
    /// The table's directory.
    table: String,
    /// What keeps the entries after this process; `null` where nothing was registered.
    held_by: Option<HeldBy>,
}

/// What was done to an entry, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Keep,
    Add,
    Replace,
    Enable,
    Remove,
    Skip,
    Fetch,
    Kept,
    Added,
    Replaced,
    Enabled,
    Removed,
    Skipped,
    Failed,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Action::Keep => "keep",
            Action::Add => "add",
            Action::Replace => "replace",
            Action::Enable => "enable",
            Action::Remove => "remove",
            Action::Skip => "skip",
            Action::Fetch => "fetch",
            Action::Kept => "kept",
            Action::Added => "added",
            Action::Replaced => "replaced",
            Action::Enabled => "enabled",
            Action::Removed => "removed",
            Action::Skipped => "skipped",
            Action::Failed => "failed",
        }
    }
}

#[derive(Debug, Serialize)]
struct Line {
    profile: String,
    platforms: Vec<String>,
    name: String,
    action: Action,
    reason: Option<String>,
    interpreter: Option<String>,
    flags: Option<Flags>,
    works: Option<bool>,
    argv0: Option<bool>,
    #[serde(skip)]
    label: String,
    #[serde(skip)]
    quiet: bool,
}

impl Run {
    /// Of a plan that was carried out.
    pub fn done(rows: &[Row], table: &std::path::Path, held_by: Option<HeldBy>) -> Run {
        let items: Vec<Line> = rows.iter().map(line_of_row).collect();
        Run::new(items, false, table, held_by)
    }

    /// Of a plan that was only made.
    pub fn planned(plan: &Plan, table: &std::path::Path) -> Run {
        let items = plan.items.iter().map(line_of_item).collect();
        Run::new(items, true, table, None)
    }

    fn new(items: Vec<Line>, dry_run: bool, table: &std::path::Path, held_by: Option<HeldBy>) -> Run {
        let ok = !items.iter().any(|line| line.action == Action::Failed);
        Run { schema: SCHEMA, ok, dry_run, items, table: table.display().to_string(), held_by }
    }

    /// What the run means as a whole.
    fn status(&self) -> Status {
        if self.ok { Status::Done } else { Status::Failed }
    }

    /// Prints it as `printer` is set; `verbose` shows every line.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn print(&self, printer: &Printer, verbose: bool) -> Result<Status> {
        if printer.json {
            printer.value(self)?;
        } else if printer.quiet {
            self.items.iter().filter(|line| line.action == Action::Failed).for_each(|line| {
                printer.error(&Error::failed(&line.label, line.detail()));
            });
        } else {
            printer.line(self.text(verbose))?;
        }
        Ok(self.status())
    }

    /// Prints it for people alone.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn print_text(&self, printer: &Printer) -> Result<Status> {
        if printer.json { Ok(self.status()) } else { self.print(printer, printer.verbose) }
    }

    /// Why the first item failed; `None` where none did.
    pub fn failure(&self) -> Option<String> {
        let failed = self.items.iter().find(|line| line.action == Action::Failed)?;
        Some(format!("{}: {}", failed.label, failed.detail()))
    }

    /// The lines for people.
    fn text(&self, verbose: bool) -> String {
        let shown: Vec<&Line> = self.items.iter().filter(|line| verbose || !line.quiet).collect();
        let label = shown.iter().map(|l| l.label.len()).max().unwrap_or(0);
        let action = shown.iter().map(|l| l.action.word().len()).max().unwrap_or(0);
        let mut text: Vec<String> = shown
            .iter()
            .map(|line| {
                let text = format!("{:label$}  {:action$}  {}", line.label, line.action.word(), line.detail());
                printable(text.trim_end()).into_owned()
            })
            .collect();
        if shown.is_empty() {
            text.push("nothing to do".into());
        }
        if let Some(held_by) = self.held_by {
            text.push(held_by.describe().into());
        }
        text.join("\n")
    }
}

impl Line {
    fn detail(&self) -> String {
        if let Some(reason) = &self.reason {
            return reason.clone();
        }
        let mut parts = vec![self.name.clone()];
        parts.extend(self.interpreter.as_ref().map(|path| format!("-> {path}")));
        parts.extend(self.flags.filter(|f| *f != Flags::default()).map(|flags| format!("({flags})")));
        match (self.works, self.argv0) {
            (Some(true), Some(false)) => parts.push("works, without argv[0]".into()),
            (Some(true), _) => parts.push("works".into()),
            _ => {}
        }
        parts.join(" ")
    }
}

fn line_of_row(row: &Row) -> Line {
    let (action, reason) = match &row.state {
        State::Kept => (Action::Kept, None),
        State::Added => (Action::Added, None),
        State::Replaced => (Action::Replaced, None),
        State::Enabled => (Action::Enabled, None),
        State::Removed => (Action::Removed, None),
        State::Skipped(skip) => (Action::Skipped, Some(explain(skip))),
        State::Failed(why) => (Action::Failed, Some(why.clone())),
    };
    let mut line = line_of_item(&row.item);
    (line.action, line.reason) = (action, reason);
    if let Some(entry) = &row.entry {
        line.interpreter = Some(entry.handler());
        line.flags = Some(entry.flags);
    }
    line.works = row.outcome.as_ref().map(Outcome::works);
    line.argv0 = match row.outcome {
        Some(Outcome::Works { argv0 }) => Some(argv0),
        _ => None,
    };
    line
}

fn line_of_item(item: &Item) -> Line {
    let (action, reason, change) = match &item.step {
        Step::Keep => (Action::Keep, None, None),
        Step::Add(change) => (Action::Add, None, Some(change)),
        Step::Replace(change, _) => (Action::Replace, None, Some(change)),
        Step::Enable => (Action::Enable, None, None),
        Step::Remove => (Action::Remove, None, None),
        Step::Skip(Skip::ToFetch) => (Action::Fetch, Some(explain(&Skip::ToFetch)), None),
        Step::Skip(skip) => (Action::Skip, Some(explain(skip)), None),
        Step::Refuse(why) => (Action::Failed, Some(why.clone()), None),
    };
    Line {
        profile: item.profile.clone(),
        platforms: item.platforms.clone(),
        name: item.name.clone(),
        action,
        reason,
        interpreter: change.map(|c| c.entry.handler()),
        flags: change.map(|c| c.entry.flags),
        works: None,
        argv0: None,
        label: item.label.clone(),
        quiet: matches!(item.step, Step::Skip(Skip::NoEmulator(_))),
    }
}

/// Why nothing was to be done.
pub fn explain(skip: &Skip) -> String {
    match skip {
        Skip::Native => "this machine runs it natively, nothing to do".into(),
        Skip::NoEmulator(why) | Skip::Kernel(why) => why.clone(),
        Skip::ToFetch => "its emulator is not here: it would be fetched first, then registered".into(),
        Skip::Handled(name) => format!("the entry {name} already runs it; name the architecture to put QEMU before it"),
        Skip::StandsIn => "it runs the architecture until the entry that follows it can be registered".into(),
        Skip::NotFound => "not found".into(),
        Skip::NotOurs(why) => why.clone(),
    }
}
