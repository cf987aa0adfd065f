//! The state of the table, for people and for programs.

use std::path::Path;

use serde::Serialize;

use crate::binfmt::entry::{Entry, Flags};
use crate::binfmt::mounts::Mounted;
use crate::binfmt::rule::Rule;
use crate::binfmt::table::Unreadable;
use crate::error::Status;
use crate::registrar::HeldBy;
use crate::registrar::facts::Facts;
use crate::registrar::health::Health;
use crate::text::{printable, to_hex, to_text};

/// Version of the JSON.
const SCHEMA: u32 = 1;

/// Everything that `status` says.
#[derive(Debug, Serialize)]
pub struct Table {
    schema: u32,
    table: Head,
    entries: Vec<Row>,
    platforms: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<Wanted>,
}

/// The table compared with a configuration.
#[derive(Debug, Serialize)]
pub struct Wanted {
    /// Architectures that it lists and that do not run.
    pub missing: Vec<String>,
    /// Entries of ours that it does not list.
    pub extra: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Head {
    mounted: bool,
    path: String,
    enabled: bool,
    namespace: &'static str,
    held_by: Option<HeldBy>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    enabled: bool,
    kind: &'static str,
    interpreter: Option<String>,
    flags: Flags,
    offset: Option<usize>,
    magic: Option<String>,
    mask: Option<String>,
    extension: Option<String>,
    ours: bool,
    profile: Option<String>,
    platforms: Vec<String>,
    works: Option<bool>,
    problems: Vec<String>,
    #[serde(skip)]
    counts: bool,
}

/// What was found out of the table.
#[derive(Debug)]
pub struct Look<'a> {
    /// The directory that was asked about.
    pub path: &'a Path,
    /// The snapshot.
    pub facts: &'a Facts,
    /// What holds the table.
    pub held_by: Option<HeldBy>,
    /// What each entry does, in the table's order.
    pub health: Vec<Health<'a>>,
    /// The platforms that run.
    pub platforms: Vec<String>,
    /// The table compared with a configuration, where one was named.
    pub wanted: Option<Wanted>,
}

impl Table {
    /// From what was found out.
    pub fn new(look: Look) -> Table {
        let Look { path, facts, held_by, health, platforms, wanted } = look;
        let head = Head {
            mounted: facts.mounted.is_visible(),
            path: path.display().to_string(),
            enabled: facts.table.enabled,
            namespace: if facts.identity.first_user_namespace { "initial" } else { "user" },
            held_by,
            unreadable: facts.table.unreadable.iter().map(Unreadable::to_string).collect(),
        };
        let entries = facts.table.entries.iter().zip(health).map(|(entry, health)| row(entry, health)).collect();
        Table { schema: SCHEMA, table: head, entries, platforms, wanted }
    }

    /// What it means as a whole.
    pub fn status(&self) -> Status {
        if let Some(Wanted { missing, extra }) = &self.wanted {
            return match () {
                () if !missing.is_empty() || !extra.is_empty() => Status::Failed,
                () if !self.table.unreadable.is_empty() => Status::Unknown,
                () => Status::Done,
            };
        }
        let broken = |row: &Row| row.counts && (row.works == Some(false) || !row.problems.is_empty());
        let off = !self.table.enabled && !self.entries.is_empty();
        match () {
            () if off || self.entries.iter().any(broken) => Status::Failed,
            // What cannot be read may be broken, or be what was looked for.
            () if !self.table.unreadable.is_empty() => Status::Unknown,
            () => Status::Done,
        }
    }

    /// The lines for people.
    pub fn text(&self, facts: &Facts) -> String {
        let mut lines = vec![self.headline(facts.mounted)];
        let width = self.entries.iter().map(|row| row.name.len()).max().unwrap_or(0);
        for row in &self.entries {
            lines.push(format!("{:width$}  {}", row.name, row.describe()).trim_end().to_owned());
            lines.extend(row.problems.iter().map(|problem| format!("{:width$}  problem: {problem}", "")));
        }
        for unreadable in &self.table.unreadable {
            lines.push(format!("could not be read: {unreadable}"));
        }
        lines.push(format!("runs: {}", self.platforms.join(" ")));
        let wanted =
            self.wanted.iter().flat_map(|w| [("wanted, but does not run", &w.missing), ("not wanted", &w.extra)]);
        for (what, names) in wanted.filter(|(_, names)| !names.is_empty()) {
            lines.push(format!("{what}: {}", names.join(" ")));
        }
        lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
    }

    fn headline(&self, mounted: Mounted) -> String {
        let path = &self.table.path;
        let place = match (mounted, self.table.held_by) {
            (Mounted::Yes, _) => format!("mounted on {path}"),
            (Mounted::ReadOnly, _) => format!("mounted read-only on {path}"),
            (Mounted::Automount, _) => format!("not mounted yet: an automount waits on {path}"),
            (Mounted::No, Some(HeldBy::Entries)) => format!("not mounted on {path}; its entries hold it"),
            (Mounted::No, Some(_)) => format!("not mounted on {path}; another process has it mounted"),
            (Mounted::No, None) => format!("not mounted on {path}, and empty"),
        };
        let state = if self.table.enabled { "" } else { ", disabled: the kernel consults no entry" };
        format!("table  {place}{state}, {} entries", self.entries.len())
    }
}

impl Row {
    fn describe(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.interpreter.as_ref().map(|path| format!("-> {path}")));
        if self.flags != Flags::default() {
            parts.push(format!("({})", self.flags));
        }
        parts.extend(self.extension.as_ref().map(|extension| format!(".{extension} files")));
        parts.push(self.platforms.first().cloned().or(self.profile.clone()).unwrap_or_default());
        match self.works {
            Some(true) => parts.push("works".into()),
            Some(false) => parts.push("does not work".into()),
            None => {}
        }
        if !self.ours {
            parts.push("(not made by rbinfmt)".into());
        }
        parts.retain(|part| !part.is_empty());
        parts.join("  ")
    }
}

fn row(entry: &Entry, health: Health) -> Row {
    let (kind, magic, extension) = match &entry.rule {
        Rule::Magic(magic) => ("magic", Some(magic), None),
        Rule::Extension(extension) => ("extension", None, Some(to_text(extension))),
        Rule::Bpf(_) => ("bpf", None, None),
    };
    Row {
        name: to_text(&entry.name),
        enabled: entry.enabled,
        kind,
        interpreter: entry.interpreter.as_ref().map(|path| to_text(path)),
        flags: entry.flags,
        offset: magic.map(|m| m.offset),
        magic: magic.map(|m| to_hex(&m.magic)),
        mask: magic.map(|m| to_hex(&m.mask)),
        extension,
        ours: health.ours,
        profile: health.profile.map(|p| p.name.clone()),
        platforms: health.profile.map(|p| p.platforms.clone()).unwrap_or_default(),
        works: health.works,
        problems: health.problems.iter().map(ToString::to_string).collect(),
        counts: health.counts,
    }
}
