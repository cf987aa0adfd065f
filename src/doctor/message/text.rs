//! What a text tells: its events, its facts, the words of causes, and where it comes from.

use std::collections::{BTreeMap, BTreeSet};

use super::clean::Line;
use super::event::Events;
use super::fact::{Facts, Kind};
use super::loading::Refused;
use super::place::Steps;
use super::script::Script;
use super::words::{Means, Place, find};

/// Programs that a loader refuses, and are kept.
const MOST_REFUSED: usize = 16;
/// Different lines that are kept for one sign.
const MOST_LINES: usize = 3;

/// Everything that was recognised, in lists that do not grow with the text.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) events: Events,
    pub(super) facts: Facts,
    pub(super) steps: Steps,
    /// Words of causes: the number of the sign, and lines that have them.
    pub(super) signs: BTreeMap<usize, Vec<String>>,
    pub(super) places: BTreeSet<Place>,
    /// What a shell says of a file that it reads as a script.
    pub(super) script: Script,
    /// Programs that a loader was told to start, and refuses.
    pub(super) refused: Vec<Refused>,
    /// Exit statuses, with their line.
    pub(super) exits: BTreeMap<u8, String>,
    pub(super) image: Option<String>,
    /// The line before: a log that repeats itself says nothing more.
    before: Line,
}

impl Text {
    /// Looks through a line.
    pub(super) fn take(&mut self, line: &Line) {
        if *line == self.before {
            return;
        }
        self.before.clone_from(line);
        // What the form of a report offered, and nobody ticked.
        if line.text.trim_start().starts_with("- [ ] ") {
            return;
        }
        let platform = self.steps.take(&line.lower);
        let found = find(&line.lower);
        self.events.typed(line);
        self.facts.take(line, &found);
        if found.contains(&Means::Fact(Kind::Loading))
            && let Some(refused) = Refused::of(line)
        {
            // Its other words are those for libraries.
            return self.refuse(refused);
        }
        match self.script.take(line, &found) {
            Some(said) => self.events.read(said, platform),
            None => self.events.take(line, &found, platform),
        }
        found.iter().for_each(|means| self.mark(*means, line));
    }

    fn refuse(&mut self, refused: Refused) {
        let known = self.refused.iter().any(|other| other.line == refused.line);
        if !known && self.refused.len() < MOST_REFUSED {
            self.refused.push(refused);
        }
    }

    fn mark(&mut self, means: Means, line: &Line) {
        match means {
            Means::Context(place) => {
                self.places.insert(place);
            }
            Means::Sign(at) => {
                let lines = self.signs.entry(usize::from(at)).or_default();
                if lines.len() < MOST_LINES {
                    let shown = line.shown();
                    if !lines.contains(&shown) {
                        lines.push(shown);
                    }
                }
            }
            Means::Fact(Kind::Exit) => self.status(line),
            Means::Fact(Kind::ImageName) => self.image(line),
            _ => {}
        }
    }

    /// Exit statuses of three digits: those of signals, and what shells and systemd use for what does not start.
    fn status(&mut self, line: &Line) {
        const BEFORE: [&str; 8] = ["exit", "exited", "exits", "exited with", "status", "code", "rc", "] error"];
        let lower = &line.lower;
        for (at, digits) in numbers(lower) {
            let before = lower[..at].trim_end_matches([' ', '(', ':', '=']);
            if digits.len() == 3
                && !lower[at + 3..].starts_with('.')
                && BEFORE.iter().any(|word| before.ends_with(word))
                && let Ok(status) = digits.parse()
            {
                self.exits.entry(status).or_insert_with(|| line.shown());
            }
        }
    }

    /// The first image that is named.
    fn image(&mut self, line: &Line) {
        const BEFORE: [&str; 5] = ["image with reference ", "manifest for ", "image ", "--rm ", "docker://"];
        const HOSTS: [&str; 7] = [
            "docker.io/",
            "ghcr.io/",
            "quay.io/",
            "registry.k8s.io/",
            "gcr.io/",
            "mcr.microsoft.com/",
            "public.ecr.aws/",
        ];
        if self.image.is_some() {
            return;
        }
        let lower = &line.lower;
        let after =
            BEFORE.iter().flat_map(|word| lower.match_indices(word).map(|(at, word)| at + word.len()).take(MOST_LINES));
        let hosts = HOSTS.iter().filter_map(|host| lower.find(host));
        let name = |at: usize| {
            let start = at + usize::from(lower[at..].starts_with(['\'', '"']));
            let end = lower[start..].find(|c: char| !(c.is_ascii_alphanumeric() || "._/:@-".contains(c)));
            let name = line.text[start..end.map_or(lower.len(), |end| start + end)].trim_end_matches([':', '.', '/']);
            let is_image = name.contains('/')
                && name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && !name.starts_with("linux/")
                && !name.contains("//");
            is_image.then_some((start, name))
        };
        self.image = after.chain(hosts).filter_map(name).min().map(|(_, name)| name.to_owned());
    }
}

/// The numbers in a line, and where.
fn numbers(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + line[at..].find(|c: char| c.is_ascii_digit())?;
        let end = line[start..].find(|c: char| !c.is_ascii_digit()).map_or(line.len(), |end| start + end);
        at = end;
        Some((start, &line[start..end]))
    })
}
