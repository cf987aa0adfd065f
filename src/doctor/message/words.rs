//! The words, written as constants by the build script from words/*.toml, and how those in a line are found.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::OnceLock;

use regex::Regex;

use super::Strength;
use super::fact::Kind;
use crate::doctor::catalogue::CauseId;

// Place, ErrorName; ERRNOS, CALLERS and the lists beside them; NOT_FOUND, SYNTAX, LINE, CONTENTS; SIGNS; CLASSES, NAMES, EXITS,
// INSTEAD, NOT_EXEC_FORMAT, BASIC; REFUSALS; TELLS; SPELLINGS; PHRASES, their TEXTS and their index.
include!(concat!(env!("OUT_DIR"), "/words.rs"));

/// The ids of all causes that a message can name.
pub fn causes() -> BTreeSet<&'static str> {
    let weights = CLASSES.iter().map(|c| c.causes).chain(NAMES.iter().map(|n| n.causes));
    let weights = weights.chain(REFUSALS.iter().map(|r| r.causes));
    let weights = weights.chain(EXITS.iter().map(|e| e.causes)).flatten().map(|(cause, _)| *cause);
    let signs = SIGNS.iter().map(|sign| sign.cause).chain(CONTENTS.iter().map(|content| content.cause));
    weights.chain(signs).map(CauseId::as_str).collect()
}

/// What some phrases say of a cause.
#[derive(Debug)]
pub(super) struct Sign {
    pub(super) cause: CauseId,
    /// `None`: a hint, which counts where something else speaks for the cause.
    pub(super) strength: Option<Strength>,
    /// Where ALTERNATIVES has the places of which the text has to come from all of one list; any where there are none.
    with: u16,
    without: u16,
}

/// Parts that come in this order, with … between them, and what they are a sign of. No pointers: thousands of them would be
/// relocated at every start of the program.
#[derive(Debug)]
struct Phrase {
    /// Its text in TEXTS.
    start: u32,
    len: u16,
    /// The part of its text by which it is found.
    key: u16,
    key_end: u16,
    /// It is the name of a tool: a word of its own, in a line that says more than that it is installed.
    name: bool,
    means: Means,
}

impl Phrase {
    fn text(&self) -> &'static str {
        &TEXTS[self.start as usize..][..usize::from(self.len)]
    }

    fn key(&self) -> &'static str {
        &self.text()[usize::from(self.key)..usize::from(self.key_end)]
    }

    fn is_in(&self, line: &str) -> bool {
        let one_part = self.key == 0 && self.key_end == self.len;
        one_part || in_order(self.text(), line)
    }
}

/// What a phrase in a line means. The numbers are places in the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Means {
    /// The line is about something else than a program, whatever its error is called.
    NoEvent,
    Errno(u16),
    Caller(u16),
    /// A program was to be started, whoever says so.
    Starts,
    /// A shell did not find a command.
    NotFound,
    /// A shell could not read a line.
    Syntax,
    /// Nothing is wrong.
    Success,
    Context(Place),
    Fact(Kind),
    Sign(u16),
}

/// An error, by its words.
#[derive(Debug)]
pub(super) struct Errno {
    pub(super) name: ErrorName,
    pub(super) number: Option<i32>,
    /// The words can only come from execve(2), whoever prints them.
    pub(super) alone: bool,
    /// They say that the file itself is there.
    pub(super) exists: bool,
    /// One a line.
    texts: &'static str,
}

/// One program that reports errors.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) name: &'static str,
    pub(super) context: Place,
    /// It can only mean a program, whatever the path.
    pub(super) exec: bool,
    /// A name without a slash is a program too.
    pub(super) bare: bool,
    /// The same words come when it cannot open a file.
    pub(super) opens: bool,
    /// It has looked at the file before: the file is there.
    pub(super) exists: bool,
    shape: &'static str,
}

/// The files that a line names.
#[derive(Debug)]
pub(super) struct Named<'l> {
    pub(super) path: Option<&'l str>,
    /// What the first line of a script names.
    pub(super) interpreter: Option<&'l str>,
}

/// What words of a file say of what it is.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) cause: CauseId,
    pub(super) strength: Strength,
    /// They say so at the beginning of the file only.
    pub(super) first_line: bool,
    pub(super) begins: &'static [&'static str],
}

/// What a dynamic loader says of a program that it does not start.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The words begin so.
    pub(super) says: &'static str,
    /// Of the heaviest cause.
    pub(super) strength: Strength,
    pub(super) causes: Weights,
}

/// Causes and how often each was the one.
pub(super) type Weights = &'static [(CauseId, f64)];

/// What comes into question, by the error and the place.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) errno: ErrorName,
    pub(super) context: &'static [Place],
    pub(super) causes: Weights,
}

/// By the name of the file.
#[derive(Debug)]
pub(super) struct NameClass {
    pub(super) errno: ErrorName,
    pub(super) context: &'static [Place],
    pub(super) caller: &'static [&'static str],
    /// Only names without a slash.
    pub(super) bare: bool,
    pub(super) starts: &'static [&'static str],
    pub(super) ends: &'static [&'static str],
    pub(super) has: &'static [&'static str],
    pub(super) causes: Weights,
}

/// By an exit status alone.
#[derive(Debug)]
pub(super) struct Exit {
    pub(super) status: u8,
    pub(super) context: &'static [Place],
    pub(super) causes: Weights,
}

/// What tells causes apart.
#[derive(Debug)]
pub(super) struct Tell {
    pub(super) among: &'static [CauseId],
    pub(super) in_image: bool,
    pub(super) command: &'static str,
    pub(super) says: &'static str,
}

/// What the phrases in a line mean, each once.
pub(super) fn find(line: &str) -> BTreeSet<Means> {
    let mut found = BTreeSet::new();
    // A line may repeat a part without end, and the other parts are looked for in all of it: each phrase once.
    let mut seen = [0u64; PHRASES.len().div_ceil(64)];
    let mentions = OnceCell::new();
    for (at, window) in line.as_bytes().windows(3).enumerate() {
        let pair = usize::from(u16::from_be_bytes([window[0], window[1]]));
        if PAIRS[pair / 64] >> (pair % 64) & 1 == 0 {
            continue;
        }
        let key = u32::from_be_bytes([0, window[0], window[1], window[2]]);
        let Ok(row) = KEYS.binary_search(&key) else { continue };
        let end = FIRSTS.get(row + 1).map_or(PHRASES.len(), |&end| usize::from(end));
        for nth in usize::from(FIRSTS[row])..end {
            let phrase = &PHRASES[nth];
            if seen[nth / 64] >> (nth % 64) & 1 == 0 && line.as_bytes()[at..].starts_with(phrase.key().as_bytes()) {
                if phrase.name && (!is_word(line, at, phrase.key().len()) || *mentions.get_or_init(|| is_mention(line)))
                {
                    continue;
                }
                seen[nth / 64] |= 1 << (nth % 64);
                if phrase.is_in(line) {
                    found.insert(phrase.means);
                }
            }
        }
    }
    found
}

/// Whether a part of a line is the name of a tool, and not a part of another name: `./debos-tool`, `/srv/debos/x`.
fn is_word(line: &str, at: usize, len: usize) -> bool {
    let (before, after) = (&line[..at], &line[at + len..]);
    let joins = |c: char| c.is_alphanumeric() || "_-/".contains(c);
    let begins = before.ends_with("bin/") || !before.ends_with(|c: char| joins(c) || c == '.');
    let ends = !after.trim_start_matches('.').starts_with(joins);
    begins && ends
}

/// Whether a line only says that something is there, or not.
fn is_mention(line: &str) -> bool {
    MENTIONS.iter().any(|words| line.contains(words))
}

/// Whether a line has the parts of a text, which has … between them, in this order.
pub(super) fn in_order(text: &str, line: &str) -> bool {
    let mut rest = line;
    text.split('…').all(|part| {
        rest.find(part).is_some_and(|at| {
            rest = &rest[at + part.len()..];
            true
        })
    })
}

impl Sign {
    /// Whether it says something in a text that comes from these places.
    pub(super) fn holds(&self, places: &BTreeSet<Place>) -> bool {
        let all = |alternative: &&[Place]| alternative.iter().all(|place| places.contains(place));
        let [with, without] = [self.with, self.without].map(|at| ALTERNATIVES[usize::from(at)]);
        (with.is_empty() || with.iter().any(all)) && !without.iter().any(all)
    }
}

impl Errno {
    /// Whether a text is this error's and no more.
    pub(super) fn is_all_of(&self, lower: &str) -> bool {
        self.texts.lines().any(|text| text == lower)
    }

    /// Whether some words are this error's.
    pub(super) fn is_in(&self, lower: &str) -> bool {
        // A name that is one word has no text of several in it.
        let one_word = lower.is_ascii() && !lower.contains(' ');
        let fits = |text: &&str| text.len() <= lower.len() && !(one_word && text.contains(' '));
        self.texts.lines().filter(fits).any(|text| in_order(text, lower))
    }
}

impl Caller {
    /// A shell that reads a file as a script.
    pub(super) const READER: Caller = Caller {
        name: "a shell that reads it",
        context: Place::Shell,
        exec: true,
        bare: true,
        opens: false,
        exists: true,
        shape: "",
    };

    /// Where the files are in the line, or nothing where the line has another shape.
    pub(super) fn find<'l>(at: usize, line: &'l str) -> Option<Named<'l>> {
        /// A shape is compiled when its needle is met for the first time: a text has few callers.
        static SHAPES: [OnceLock<Option<Regex>>; CALLERS.len()] = [const { OnceLock::new() }; CALLERS.len()];
        let shape = SHAPES[at].get_or_init(|| Regex::new(CALLERS[at].shape).ok()).as_ref()?;
        let found = shape.captures(line)?;
        let part = |name| found.name(name).map(|part| part.as_str());
        Some(Named { path: part("path"), interpreter: part("interpreter") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::catalogue::{self, Form};

    #[test]
    fn every_shape_compiles() {
        for caller in &CALLERS {
            Regex::new(caller.shape).unwrap();
        }
    }

    #[test]
    fn the_causes_are_those_of_which_the_catalogue_says_so() {
        let said: BTreeSet<&str> =
            catalogue::all().iter().filter(|c| c.found_by.contains(&Form::Message)).map(|c| c.id.as_str()).collect();
        assert_eq!(causes(), said);
    }

    #[test]
    fn each_phrase_is_found_in_itself() {
        for phrase in &PHRASES {
            let line = phrase.text().replace('…', " ... ");
            assert!(find(&line).contains(&phrase.means), "{phrase:?}");
        }
        assert_eq!(find("abc"), BTreeSet::new());
    }

    #[test]
    fn the_name_of_a_tool_is_a_word_and_more_than_a_mention() {
        let chroot = |line| find(line).contains(&Means::Context(Place::Chroot));
        for line in
            ["running debootstrap now", "/usr/sbin/debootstrap --arch x", "debootstrap: failed.", "(debootstrap)"]
        {
            assert!(chroot(line), "{line}");
        }
        for line in [
            "./debootstrap-tool",
            "bash: ./debootstrap: x",
            "mydebootstrap",
            "debootstrap is already the newest version (1.0)",
        ] {
            assert!(!chroot(line), "{line}");
        }
    }
}
