//! The words: read from the data in words/, and found in a line by one pass over it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{LazyLock, OnceLock};

use aho_corasick::AhoCorasick;
use regex::Regex;
use serde::Deserialize;

use super::Strength;
use super::fact::Kind;

/// All of the data. A test reads it, so what was built is known to parse.
pub(super) static WORDS: LazyLock<Words> = LazyLock::new(|| Words::read().unwrap_or_default());

/// The signs, a file for each group of the catalogue.
const SIGNS: [&str; 7] = [
    include_str!("words/signs/file.toml"),
    include_str!("words/signs/loader.toml"),
    include_str!("words/signs/binfmt.toml"),
    include_str!("words/signs/emulator.toml"),
    include_str!("words/signs/image.toml"),
    include_str!("words/signs/policy.toml"),
    include_str!("words/signs/platform.toml"),
];

/// The ids of all causes that a message can name.
pub fn causes() -> BTreeSet<&'static str> {
    let defaults = &WORDS.defaults;
    let weights = defaults.classes.iter().map(|c| &c.causes).chain(defaults.names.iter().map(|n| &n.causes));
    let weights = weights.chain(defaults.exits.iter().map(|e| &e.causes));
    let named = WORDS.signs.iter().map(|s| s.cause.as_str()).chain(weights.flat_map(|w| w.keys().map(String::as_str)));
    named.collect()
}

/// What is known of messages.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) errnos: Vec<Errno>,
    pub(super) callers: Callers,
    pub(super) defaults: Defaults,
    pub(super) tells: Vec<Tell>,
    pub(super) signs: Vec<Sign>,
    pub(super) contexts: Vec<String>,
    phrases: Vec<Phrase>,
    /// Finds the needle of each phrase; its patterns are numbered like `by_needle`.
    finder: Option<AhoCorasick>,
    by_needle: Vec<Vec<usize>>,
}

/// What some phrases say of a cause.
#[derive(Debug)]
pub(super) struct Sign {
    pub(super) cause: String,
    /// `None`: a hint, which counts where something else speaks for the cause.
    pub(super) strength: Option<Strength>,
    /// Places of which the text has to come from one; any where there are none. `a+b` asks for both.
    with: Vec<String>,
    without: Vec<String>,
}

/// Parts that come in this order, and what they are a sign of.
#[derive(Debug)]
struct Phrase {
    parts: Vec<String>,
    means: Means,
}

/// What a phrase in a line means. The numbers are places in the lists of [`Words`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Means {
    /// The line is about something else than a program, whatever its error is called.
    NoEvent,
    Errno(usize),
    Caller(usize),
    Context(usize),
    Fact(Kind),
    Sign(usize),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SignData {
    certain: Vec<String>,
    likely: Vec<String>,
    possible: Vec<String>,
    hints: Vec<String>,
    when: Vec<When>,
}

/// Words that say something in some places only.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    strength: Strength,
    words: Vec<String>,
    #[serde(default)]
    with: Vec<String>,
    #[serde(default)]
    without: Vec<String>,
}

/// An error number, by its words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Errno {
    pub(super) name: String,
    pub(super) number: Option<i32>,
    /// The words can only come from execve(2), whoever prints them.
    #[serde(default)]
    pub(super) alone: bool,
    /// They say that the file itself is there.
    #[serde(default)]
    pub(super) exists: bool,
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
    no_event: Vec<String>,
    pub(super) not_programs: Vec<String>,
    pub(super) not_programs_end: Vec<String>,
    pub(super) script_ends: Vec<String>,
    pub(super) looks_like_program: Vec<String>,
    pub(super) looks_like_program_end: Vec<String>,
    #[serde(rename = "caller")]
    pub(super) list: Vec<Caller>,
}

/// One program that reports errors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) context: String,
    /// It can only mean a program, whatever the path.
    #[serde(default)]
    pub(super) exec: bool,
    /// A name without a slash is a program too.
    #[serde(default)]
    pub(super) bare: bool,
    /// The same words come when it cannot open a file.
    #[serde(default)]
    pub(super) opens: bool,
    /// It has looked at the file before: the file is there.
    #[serde(default)]
    pub(super) exists: bool,
    /// A script may really have what it complains of.
    #[serde(default)]
    pub(super) not_scripts: bool,
    needle: Vec<String>,
    shape: String,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
}

/// The files that a line names.
#[derive(Debug)]
pub(super) struct Named<'l> {
    pub(super) path: Option<&'l str>,
    /// What the first line of a script names.
    pub(super) interpreter: Option<&'l str>,
}

/// What comes into question where the words do not decide.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    #[serde(rename = "class")]
    pub(super) classes: Vec<Class>,
    #[serde(rename = "name")]
    pub(super) names: Vec<NameClass>,
    #[serde(rename = "exit")]
    pub(super) exits: Vec<Exit>,
    /// Of two causes the first is a kind of the second, or says more.
    pub(super) instead: BTreeMap<String, Vec<String>>,
    /// Causes that have nothing to do with a file's format.
    pub(super) not_exec_format: Vec<String>,
    /// Programs that every machine has for its own CPU.
    pub(super) basic: Vec<String>,
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
pub(super) struct NameClass {
    pub(super) errno: String,
    #[serde(default)]
    pub(super) context: Vec<String>,
    #[serde(default)]
    pub(super) caller: Vec<String>,
    /// Only names without a slash.
    #[serde(default)]
    pub(super) bare: bool,
    #[serde(default)]
    pub(super) starts: Vec<String>,
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

impl Words {
    fn read() -> Result<Words, Box<dyn std::error::Error>> {
        let errnos: Errnos = toml::from_str(include_str!("words/errnos.toml"))?;
        let contexts: BTreeMap<String, Vec<String>> = toml::from_str(include_str!("words/contexts.toml"))?;
        let facts: BTreeMap<Kind, Vec<String>> = toml::from_str(include_str!("words/facts.toml"))?;
        let mut all = Words {
            errnos: errnos.errno,
            callers: toml::from_str(include_str!("words/callers.toml"))?,
            defaults: toml::from_str(include_str!("words/defaults.toml"))?,
            tells: toml::from_str::<Tells>(include_str!("words/tells.toml"))?.tell,
            ..Words::default()
        };
        for (at, errno) in all.errnos.iter().enumerate() {
            let texts = errno.text.iter().chain(errno.other.values().flatten());
            all.phrases.extend(texts.map(|text| Phrase::new(text, Means::Errno(at))));
        }
        for (at, caller) in all.callers.list.iter().enumerate() {
            all.phrases.extend(caller.needle.iter().map(|text| Phrase::new(text, Means::Caller(at))));
        }
        all.phrases.extend(all.callers.no_event.iter().map(|text| Phrase::new(text, Means::NoEvent)));
        for (at, (name, texts)) in contexts.into_iter().enumerate() {
            all.contexts.push(name);
            all.phrases.extend(texts.iter().map(|text| Phrase::new(text, Means::Context(at))));
        }
        for (kind, texts) in facts {
            all.phrases.extend(texts.iter().map(|text| Phrase::new(text, Means::Fact(kind))));
        }
        for text in SIGNS {
            let signs: BTreeMap<String, SignData> = toml::from_str(text)?;
            signs.into_iter().for_each(|(cause, data)| all.add(&cause, data));
        }
        all.build()?;
        Ok(all)
    }

    fn add(&mut self, cause: &str, data: SignData) {
        let mut sign = |strength, words: Vec<String>, with, without| {
            if !words.is_empty() {
                let means = Means::Sign(self.signs.len());
                self.signs.push(Sign { cause: cause.to_owned(), strength, with, without });
                self.phrases.extend(words.iter().map(|text| Phrase::new(text, means)));
            }
        };
        sign(Some(Strength::Certain), data.certain, Vec::new(), Vec::new());
        sign(Some(Strength::Likely), data.likely, Vec::new(), Vec::new());
        sign(Some(Strength::Possible), data.possible, Vec::new(), Vec::new());
        sign(None, data.hints, Vec::new(), Vec::new());
        for when in data.when {
            sign(Some(when.strength), when.words, when.with, when.without);
        }
    }

    fn build(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let mut needles: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (at, phrase) in self.phrases.iter().enumerate() {
            needles.entry(phrase.needle()).or_default().push(at);
        }
        let (texts, by_needle): (Vec<&[u8]>, Vec<Vec<usize>>) = needles.into_iter().unzip();
        self.finder = Some(AhoCorasick::new(texts)?);
        self.by_needle = by_needle;
        Ok(())
    }

    /// What the phrases in a line mean, each once.
    pub(super) fn find(&self, line: &str) -> BTreeSet<Means> {
        let Some(finder) = &self.finder else { return BTreeSet::new() };
        let needles = finder.find_overlapping_iter(line).map(|found| found.pattern().as_usize());
        // A line may repeat a needle without end, and each of its phrases is one pass over the line.
        let needles: BTreeSet<usize> = needles.collect();
        let phrases = needles.iter().flat_map(|&needle| &self.by_needle[needle]).map(|&at| &self.phrases[at]);
        phrases.filter(|phrase| phrase.is_in(line)).map(|phrase| phrase.means).collect()
    }
}

impl Sign {
    /// Whether it says something in a text that comes from these places.
    pub(super) fn holds(&self, places: &BTreeSet<&str>) -> bool {
        let all = |alternative: &String| alternative.split('+').all(|place| places.contains(place));
        (self.with.is_empty() || self.with.iter().any(all)) && !self.without.iter().any(all)
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

impl Errno {
    /// Whether some words are this error's.
    pub(super) fn is_in(&self, lower: &str) -> bool {
        self.text.iter().chain(self.other.values().flatten()).any(|text| lower.contains(text.as_str()))
    }
}

impl Caller {
    /// Where the files are in the line, or nothing where the line has another shape.
    pub(super) fn find<'l>(&self, line: &'l str) -> Option<Named<'l>> {
        let shape = self.compiled.get_or_init(|| Regex::new(&self.shape).ok()).as_ref()?;
        let found = shape.captures(line)?;
        let part = |name| found.name(name).map(|part| part.as_str());
        Some(Named { path: part("path"), interpreter: part("interpreter") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::catalogue::{self, Form};

    /// Places that the judge finds in events and facts.
    const MARKS: [&str; 12] = [
        "exec-format",
        "no-file",
        "denied",
        "not-permitted",
        "loop",
        "busy",
        "crash",
        "loader",
        "shell-read",
        "64-bit-arm",
        "entry-there",
        "builder-lacks",
    ];

    #[test]
    fn the_data_parses() {
        let all = Words::read().unwrap();
        for caller in &all.callers.list {
            Regex::new(&caller.shape).unwrap();
        }
        for phrase in &all.phrases {
            let plain =
                |part: &String| part.to_ascii_lowercase() == *part && !part.contains(['`', '’', '‘', '“', '”', '：']);
            assert!(phrase.parts.iter().all(plain), "{:?} cannot be in a cleaned line", phrase.parts);
            assert!(phrase.needle().len() >= 3, "{:?} is too short to look for", phrase.parts);
        }
    }

    #[test]
    fn every_place_and_every_error_that_is_asked_for_exists() {
        let all = Words::read().unwrap();
        let mut places: BTreeSet<&str> = all.contexts.iter().map(String::as_str).chain(MARKS).collect();
        places.extend(all.callers.list.iter().map(|caller| caller.context.as_str()));
        for sign in &all.signs {
            for place in sign.with.iter().chain(&sign.without).flat_map(|alternative| alternative.split('+')) {
                assert!(places.contains(place), "{}: {place}", sign.cause);
            }
        }
        let defaults = &all.defaults;
        let named =
            defaults.classes.iter().flat_map(|c| &c.context).chain(defaults.names.iter().flat_map(|n| &n.context));
        for place in named.chain(defaults.exits.iter().flat_map(|e| &e.context)) {
            assert!(places.contains(place.as_str()), "{place}");
        }
        let errnos: BTreeSet<&str> = all.errnos.iter().map(|e| e.name.as_str()).collect();
        for errno in defaults.classes.iter().map(|c| &c.errno).chain(defaults.names.iter().map(|n| &n.errno)) {
            assert!(errnos.contains(errno.as_str()), "{errno}");
        }
    }

    #[test]
    fn causes_are_of_the_catalogue_which_says_that_a_message_names_them() {
        let ours = causes();
        assert!(ours.iter().all(|id| catalogue::get(id).is_some()));
        let said: BTreeSet<&str> =
            catalogue::all().iter().filter(|c| c.found_by.contains(&Form::Message)).map(|c| c.id.as_str()).collect();
        assert_eq!(ours, said);
        let defaults = &WORDS.defaults;
        let ordered = defaults.instead.iter().flat_map(|(cause, others)| others.iter().chain([cause]));
        for id in WORDS.tells.iter().flat_map(|tell| &tell.among).chain(ordered).chain(&defaults.not_exec_format) {
            assert!(catalogue::get(id).is_some(), "{id}");
        }
    }
}
