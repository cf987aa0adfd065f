//! The words: read from the data beside this file, and found in a line by one pass over it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{LazyLock, OnceLock};

use aho_corasick::AhoCorasick;
use regex::Regex;
use serde::Deserialize;

/// All of the data. A test reads it, so what was built is known to parse.
pub(super) static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns::read().unwrap_or_default());

/// The ids of all causes that a message can name.
pub fn causes() -> BTreeSet<&'static str> {
    let data = &PATTERNS.ranks;
    let weights = data.classes.iter().map(|c| &c.causes).chain(data.paths.iter().map(|p| &p.causes));
    let weights = weights.chain(data.exits.iter().map(|e| &e.causes));
    PATTERNS.signs.iter().map(|s| s.cause.as_str()).chain(weights.flat_map(|w| w.keys().map(String::as_str))).collect()
}

/// What is known of messages.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    pub(super) errnos: Vec<Errno>,
    pub(super) callers: Callers,
    pub(super) ranks: Ranks,
    pub(super) tells: Vec<Tell>,
    signs: Vec<Sign>,
    phrases: Vec<Phrase>,
    /// Finds the needle of each phrase; its patterns are numbered like `by_needle`.
    finder: Option<AhoCorasick>,
    by_needle: Vec<Vec<usize>>,
}

/// A phrase of one cause.
#[derive(Debug)]
pub(super) struct Sign {
    pub(super) cause: String,
    pub(super) strength: Strength,
}

/// How much a phrase says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    Hints,
    Suggests,
    Decides,
}

/// Parts that come in this order, and what they are a sign of.
#[derive(Debug)]
struct Phrase {
    parts: Vec<String>,
    means: Means,
}

/// What a phrase in a line means. The numbers are places in the lists of [`Patterns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Means {
    Errno(usize),
    Caller(usize),
    Context(usize),
    Sign(usize),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignData {
    #[serde(default)]
    decides: Vec<String>,
    #[serde(default)]
    suggests: Vec<String>,
    #[serde(default)]
    hints: Vec<String>,
}

/// An error number, by its words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Errno {
    pub(super) name: String,
    pub(super) number: Option<i32>,
    #[serde(default)]
    pub(super) alone: bool,
    text: Vec<String>,
    #[serde(default)]
    other: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Errnos {
    errno: Vec<Errno>,
}

/// Who reports errors.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Callers {
    pub(super) not_programs: Vec<String>,
    pub(super) not_programs_end: Vec<String>,
    pub(super) script_ends: Vec<String>,
    pub(super) looks_like_program: Vec<String>,
    pub(super) looks_like_program_end: Vec<String>,
    contexts: BTreeMap<String, Vec<String>>,
    #[serde(skip)]
    pub(super) context_names: Vec<String>,
    #[serde(rename = "caller")]
    pub(super) list: Vec<Caller>,
}

/// One program that reports errors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) context: String,
    #[serde(default)]
    pub(super) bare: bool,
    #[serde(default)]
    pub(super) opens: bool,
    #[serde(default)]
    pub(super) not_scripts: bool,
    needle: Vec<String>,
    shape: String,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
}

/// What comes into question where the words do not decide.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ranks {
    #[serde(rename = "class")]
    pub(super) classes: Vec<Class>,
    #[serde(rename = "path")]
    pub(super) paths: Vec<PathClass>,
    #[serde(rename = "exit")]
    pub(super) exits: Vec<Exit>,
}

/// Causes and how often each was the one.
pub(super) type Weights = BTreeMap<String, f64>;

/// By the error and the place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Class {
    pub(super) errno: String,
    #[serde(default)]
    pub(super) context: Vec<String>,
    pub(super) causes: Weights,
}

/// By the name of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PathClass {
    pub(super) errno: String,
    #[serde(default)]
    pub(super) context: Vec<String>,
    pub(super) caller: Option<String>,
    #[serde(default)]
    pub(super) bare: bool,
    #[serde(default)]
    pub(super) ends: Vec<String>,
    #[serde(default)]
    pub(super) has: Vec<String>,
    pub(super) causes: Weights,
}

/// By an exit status alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exit {
    pub(super) status: u8,
    #[serde(default)]
    pub(super) context: Vec<String>,
    pub(super) causes: Weights,
}

/// What tells causes apart.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tell {
    pub(super) among: Vec<String>,
    #[serde(default)]
    pub(super) in_image: bool,
    pub(super) command: String,
    pub(super) says: String,
}

#[derive(Debug, Deserialize)]
struct Tells {
    tell: Vec<Tell>,
}

impl Patterns {
    fn read() -> Result<Patterns, Box<dyn std::error::Error>> {
        let signs: BTreeMap<String, SignData> = toml::from_str(include_str!("signs.toml"))?;
        let errnos: Errnos = toml::from_str(include_str!("errnos.toml"))?;
        let mut all = Patterns {
            errnos: errnos.errno,
            callers: toml::from_str(include_str!("callers.toml"))?,
            ranks: toml::from_str(include_str!("classes.toml"))?,
            tells: toml::from_str::<Tells>(include_str!("tell.toml"))?.tell,
            ..Patterns::default()
        };
        for (at, errno) in all.errnos.iter().enumerate() {
            let texts = errno.text.iter().chain(errno.other.values().flatten());
            all.phrases.extend(texts.map(|text| Phrase::new(text, Means::Errno(at))));
        }
        for (at, caller) in all.callers.list.iter().enumerate() {
            all.phrases.extend(caller.needle.iter().map(|text| Phrase::new(text, Means::Caller(at))));
        }
        for (at, (name, texts)) in all.callers.contexts.iter().enumerate() {
            all.callers.context_names.push(name.clone());
            all.phrases.extend(texts.iter().map(|text| Phrase::new(text, Means::Context(at))));
        }
        for (cause, data) in signs {
            let strengths =
                [(Strength::Decides, data.decides), (Strength::Suggests, data.suggests), (Strength::Hints, data.hints)];
            for (strength, texts) in strengths {
                let means = Means::Sign(all.signs.len());
                all.signs.push(Sign { cause: cause.clone(), strength });
                all.phrases.extend(texts.iter().map(|text| Phrase::new(text, means)));
            }
        }
        let mut needles: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (at, phrase) in all.phrases.iter().enumerate() {
            needles.entry(phrase.needle()).or_default().push(at);
        }
        let (texts, by_needle): (Vec<&[u8]>, Vec<Vec<usize>>) = needles.into_iter().unzip();
        all.finder = Some(AhoCorasick::new(texts)?);
        all.by_needle = by_needle;
        Ok(all)
    }

    /// What the phrases in a line mean, each once.
    pub(super) fn find(&self, line: &str) -> BTreeSet<Means> {
        let Some(finder) = &self.finder else { return BTreeSet::new() };
        let needles = finder.find_overlapping_iter(line).map(|found| found.pattern().as_usize());
        let phrases = needles.flat_map(|needle| &self.by_needle[needle]).map(|&at| &self.phrases[at]);
        phrases.filter(|phrase| phrase.is_in(line)).map(|phrase| phrase.means).collect()
    }

    pub(super) fn sign(&self, at: usize) -> &Sign {
        &self.signs[at]
    }
}

impl Phrase {
    fn new(text: &str, means: Means) -> Phrase {
        Phrase { parts: text.split('…').filter(|part| !part.is_empty()).map(str::to_owned).collect(), means }
    }

    /// The beginning of its longest part: a finder of short needles is built in less time, and the rest is looked at anyway.
    fn needle(&self) -> &[u8] {
        const MOST: usize = 8;
        let part = self.parts.iter().max_by_key(|part| part.len()).map_or("", String::as_str);
        &part.as_bytes()[..part.len().min(MOST)]
    }

    fn is_in(&self, line: &str) -> bool {
        let mut rest = line;
        self.parts.iter().all(|part| {
            rest.find(part.as_str()).is_some_and(|at| {
                rest = &rest[at + part.len()..];
                true
            })
        })
    }
}

impl Caller {
    /// Where the file is in the line, or nothing where the line has another shape.
    pub(super) fn find<'l>(&self, line: &'l str) -> Option<Option<&'l str>> {
        let shape = self.compiled.get_or_init(|| Regex::new(&self.shape).ok()).as_ref()?;
        let found = shape.captures(line)?;
        Some(found.name("path").map(|path| path.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::catalogue::{self, Form};

    #[test]
    fn the_data_parses() {
        let all = Patterns::read().unwrap();
        for caller in &all.callers.list {
            Regex::new(&caller.shape).unwrap();
        }
        for phrase in &all.phrases {
            let plain = |part: &String| part.to_ascii_lowercase() == *part && !part.contains(['`', '’', '‘', '“', '”']);
            assert!(phrase.parts.iter().all(plain), "{:?} cannot be in a cleaned line", phrase.parts);
            assert!(phrase.needle().len() >= 3, "{:?} is too short to look for", phrase.parts);
        }
        let contexts: BTreeSet<&str> = all.callers.context_names.iter().map(String::as_str).collect();
        let callers: BTreeSet<&str> = all.callers.list.iter().map(|c| c.context.as_str()).collect();
        let classes = all.ranks.classes.iter().flat_map(|c| &c.context);
        let named = classes.chain(all.ranks.paths.iter().flat_map(|p| &p.context));
        for context in named.chain(all.ranks.exits.iter().flat_map(|e| &e.context)) {
            assert!(contexts.contains(context.as_str()) || callers.contains(context.as_str()), "{context}");
        }
        let errnos: BTreeSet<&str> = all.errnos.iter().map(|e| e.name.as_str()).collect();
        let named = all.ranks.classes.iter().map(|c| &c.errno).chain(all.ranks.paths.iter().map(|p| &p.errno));
        for errno in named {
            assert!(errnos.contains(errno.as_str()), "{errno}");
        }
    }

    #[test]
    fn causes_are_of_the_catalogue_which_says_that_a_message_names_them() {
        let ours = causes();
        assert!(ours.iter().all(|id| catalogue::get(id).is_some()));
        let said = catalogue::all().iter().filter(|c| c.found_by.contains(&Form::Message)).map(|c| c.id.as_str());
        assert_eq!(ours, said.collect());
        for id in PATTERNS.tells.iter().flat_map(|tell| &tell.among) {
            assert!(catalogue::get(id).is_some(), "{id}");
        }
    }
}
