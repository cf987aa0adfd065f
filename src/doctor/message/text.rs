//! What a text tells: its events, its facts, the words of causes, and where it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::clean::Line;
use super::event::Events;
use super::fact::Facts;
use super::place::Steps;
use super::words::{Means, WORDS};

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
    pub(super) places: BTreeSet<&'static str>,
    /// Exit statuses, with their line.
    pub(super) exits: BTreeMap<u8, String>,
    pub(super) image: Option<String>,
}

impl Text {
    /// Looks through a line.
    pub(super) fn take(&mut self, line: &Line) {
        let platform = self.steps.take(&line.lower);
        let found = WORDS.find(&line.lower);
        self.events.typed(line);
        self.facts.take(line, &found);
        if !found.is_empty() {
            self.events.take(line, &found, platform);
            found.iter().for_each(|means| self.mark(*means, line));
        }
        self.status(line);
        self.image(line);
    }

    fn mark(&mut self, means: Means, line: &Line) {
        match means {
            Means::Context(at) => {
                self.places.insert(&WORDS.contexts[at]);
            }
            Means::Sign(at) => {
                let lines = self.signs.entry(at).or_default();
                if lines.len() < MOST_LINES {
                    let shown = line.shown();
                    if !lines.contains(&shown) {
                        lines.push(shown);
                    }
                }
            }
            _ => {}
        }
    }

    fn status(&mut self, line: &Line) {
        static EXIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new("(?:exit(?:ed|s)?(?: with)?(?: status| code)?[:=]? ?[(]?|status=|code[:=]? ?|rc=|[]] error )([0-9]{3})(?:[^0-9.]|$)").ok()
        });
        let lower = &line.lower;
        if ["exit", "status=", "rc=", "code", "error 12"].iter().any(|word| lower.contains(word)) {
            for found in EXIT.iter().flat_map(|shape| shape.captures_iter(lower)) {
                if let Ok(status) = found[1].parse() {
                    self.exits.entry(status).or_insert_with(|| line.shown());
                }
            }
        }
    }

    fn image(&mut self, line: &Line) {
        static IMAGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
            const HOSTS: &str =
                "docker[.]io|ghcr[.]io|quay[.]io|registry[.]k8s[.]io|gcr[.]io|mcr[.]microsoft[.]com|public[.]ecr[.]aws";
            Regex::new(&format!(
                "(?:image with reference |manifest for |image |--rm |docker://|pulling image )['\"]?([a-z0-9][a-z0-9._/-]*/[a-z0-9._/-]+(?::[a-z0-9._-]+)?)|((?:{HOSTS})/[^ ,\"')]+)"
            ))
            .ok()
        });
        let lower = &line.lower;
        if self.image.is_some()
            || !["image", "manifest", "pull", "run ", "docker://"].iter().any(|word| lower.contains(word))
        {
            return;
        }
        let found = IMAGE.as_ref().and_then(|shape| shape.captures(lower));
        let name =
            found.and_then(|found| found.get(1).or(found.get(2))).filter(|name| !name.as_str().starts_with("linux/"));
        self.image = name.map(|name| line.text[name.range()].trim_end_matches([':', '.']).to_owned());
    }
}
