//! The causes that the doctor knows: data, a file for each group beside this one.

use std::fmt;
use std::sync::{LazyLock, OnceLock};

use serde::{Deserialize, Serialize};

/// All causes.
pub static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::new);

const FILES: [(Group, &str); 8] = [
    (Group::File, include_str!("file.toml")),
    (Group::Loader, include_str!("loader.toml")),
    (Group::Binfmt, include_str!("binfmt.toml")),
    (Group::Emulator, include_str!("emulator.toml")),
    (Group::Image, include_str!("image.toml")),
    (Group::Policy, include_str!("policy.toml")),
    (Group::Platform, include_str!("platform.toml")),
    (Group::Note, include_str!("note.toml")),
];

/// The catalogue. A finding needs one cause of it, and reading them all would take longer than judging a file.
#[derive(Debug)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

/// One cause, which is read when it is asked for.
#[derive(Debug)]
struct Entry {
    group: Group,
    text: &'static str,
    cause: OnceLock<Option<Cause>>,
}

/// One cause of a failure.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// A stable name in kebab-case.
    pub id: String,
    /// Where it belongs: the file it is in.
    #[serde(skip_deserializing)]
    pub group: Group,
    /// Its place in the order of commonness, from 1; what is no fault has none.
    pub rank: Option<u16>,
    /// One line.
    pub title: String,
    /// What happens, and why.
    pub explanation: String,
    /// How it is told from others.
    pub detection: String,
    /// Which forms of the doctor can find it.
    pub found_by: Vec<Form>,
    /// What else people see of it.
    #[serde(default)]
    pub also: Vec<String>,
    /// What to do.
    #[serde(default, rename(deserialize = "fix"))]
    pub fixes: Vec<Remedy>,
    /// Where to read more.
    #[serde(default)]
    pub links: Vec<String>,
}

/// What a cause is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// The bytes of a file.
    File,
    /// Its loader, its libraries, its CPU.
    Loader,
    /// The kernel's table.
    Binfmt,
    /// The emulator.
    Emulator,
    /// Images, builders, clusters.
    Image,
    /// Rights and rules.
    Policy,
    /// A product or a kind of machine.
    Platform,
    /// Something to know, which is no fault.
    #[default]
    Note,
}

/// A form of the doctor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// `doctor FILE`
    File,
    /// `doctor`
    Host,
    /// `doctor IMAGE`
    Image,
    /// `doctor --message`
    Message,
}

/// What to do about a cause. `{name}` in a text or a command stands for what a finding knows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Remedy {
    /// One sentence.
    pub text: String,
    /// The command that does it.
    pub command: Option<String>,
    /// Whose it is to decide.
    pub class: Class,
    /// The sentence where a name is not known; without one the fix is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<String>,
}

/// Whose it is to decide on a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Reversible, and ours to apply with `--fix`: a command of rbinfmt.
    Safe,
    /// The user's to take.
    Decision,
    /// A change in the user's code, file or image.
    Yours,
}

impl Group {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Group::File => "file",
            Group::Loader => "loader",
            Group::Binfmt => "binfmt",
            Group::Emulator => "emulator",
            Group::Image => "image",
            Group::Policy => "policy",
            Group::Platform => "platform",
            Group::Note => "note",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Form::File => "file",
            Form::Host => "host",
            Form::Image => "image",
            Form::Message => "message",
        })
    }
}

impl Catalogue {
    fn new() -> Catalogue {
        let blocks = |text: &'static str| text.split("[[cause]]\n").skip(1);
        let entry = |group, text| Entry { group, text, cause: OnceLock::new() };
        let entries = FILES.iter().flat_map(|&(group, text)| blocks(text).map(move |text| entry(group, text)));
        Catalogue { entries: entries.collect() }
    }

    /// A cause by its id.
    pub fn get(&self, id: &str) -> Option<&Cause> {
        let line = format!("id = \"{id}\"");
        self.entries.iter().find(|entry| entry.text.lines().any(|l| l == line))?.read()
    }

    /// All of them, the commonest first, then what is no fault.
    pub fn iter(&self) -> impl Iterator<Item = &Cause> {
        let mut causes: Vec<&Cause> = self.entries.iter().filter_map(Entry::read).collect();
        causes.sort_by_key(|cause| cause.rank.unwrap_or(u16::MAX));
        causes.into_iter()
    }
}

impl Entry {
    fn read(&self) -> Option<&Cause> {
        // A test reads all of them, so what was built is known to parse.
        let cause = || toml::from_str(self.text).ok().map(|cause| Cause { group: self.group, ..cause });
        self.cause.get_or_init(cause).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_parses_and_no_id_or_rank_comes_twice() {
        let all = Catalogue::new();
        for entry in &all.entries {
            toml::from_str::<Cause>(entry.text).unwrap();
        }
        assert!(all.iter().all(|cause| all.get(&cause.id).is_some_and(|found| found.id == cause.id)));
        let mut ids: Vec<&str> = all.iter().map(|c| c.id.as_str()).collect();
        assert!(ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')));
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
        let ranks: Vec<u16> = all.iter().filter_map(|c| c.rank).collect();
        assert!(ranks.iter().copied().eq(1..=ranks.len() as u16), "{ranks:?}");
        assert!(all.iter().all(|c| c.rank.is_none() == (c.group == Group::Note)));
    }

    #[test]
    fn every_cause_says_what_to_do_whatever_is_known_of_the_case() {
        let faults = CATALOGUE.iter().filter(|c| c.group != Group::Note);
        for cause in faults {
            let unnamed =
                |fix: &Remedy| names(&fix.text).chain(names(fix.command.as_deref().unwrap_or(""))).next().is_none();
            let says = |fix: &Remedy| unnamed(fix) || fix.otherwise.is_some();
            assert!(cause.fixes.iter().any(says), "{}: no fix without names", cause.id);
        }
    }

    #[test]
    fn fixes_use_names_that_findings_have() {
        const NAMES: [&str; 8] = ["path", "arch", "entry", "interpreter", "image", "platform", "library", "builder"];
        for fix in CATALOGUE.iter().flat_map(|c| &c.fixes) {
            assert!(fix.otherwise.iter().all(|text| names(text).next().is_none()), "{fix:?}");
            for name in names(&fix.text).chain(names(fix.command.as_deref().unwrap_or(""))) {
                assert!(NAMES.contains(&name), "{name} in {fix:?}");
            }
        }
    }

    /// The names in a template.
    fn names(template: &str) -> impl Iterator<Item = &str> {
        let inner = template.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
        inner.filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()))
    }

    #[test]
    fn safe_fixes_are_commands_of_ours() {
        for fix in CATALOGUE.iter().flat_map(|c| &c.fixes).filter(|f| f.class == Class::Safe) {
            assert!(fix.command.as_ref().is_some_and(|c| c.starts_with("rbinfmt ")), "{fix:?}");
        }
    }
}
