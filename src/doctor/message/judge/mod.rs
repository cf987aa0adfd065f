//! The judge: rules over events and facts. Pure.
//!
//! Each rule speaks for causes with a strength and a weight, or against them. What is certain comes before what is likely,
//! whatever the weights; the weights order what is equally strong.

mod crash;
mod denied;
mod exec;
mod loader;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Event, Grade, READS};
use super::text::Text;
use super::words::{WORDS, Weights};
use super::{Candidate, Strength};
use crate::doctor::catalogue;

/// How many causes are told.
const MOST: usize = 3;
/// Lines that speak for one.
const MOST_EVIDENCE: usize = 4;

#[derive(Debug, Default)]
struct Score {
    strength: Strength,
    weight: f64,
    evidence: Vec<String>,
}

/// A text that is being judged.
pub(super) struct Case<'t> {
    text: &'t Text,
    events: Vec<&'t Event>,
    places: BTreeSet<&'t str>,
    scores: BTreeMap<&'static str, Score>,
    /// What the facts exclude.
    excluded: BTreeSet<&'static str>,
    /// Contradictions, and what was concluded from facts.
    notes: Vec<String>,
}

/// What the judge says.
pub(super) struct Verdict<'t> {
    pub(super) candidates: Vec<Candidate>,
    /// The strongest event.
    pub(super) event: Option<&'t Event>,
    /// The files of the events; of those that name none, the file that the text speaks of.
    pub(super) paths: Vec<String>,
    pub(super) notes: Vec<String>,
}

pub(super) fn judge(text: &Text) -> Verdict<'_> {
    let spawns = text.places.contains("spawn");
    let events = text.events.judged(spawns);
    let mut case = Case {
        text,
        places: text.places.iter().copied().collect(),
        events,
        scores: BTreeMap::new(),
        excluded: BTreeSet::new(),
        notes: Vec::new(),
    };
    case.marks();
    case.defaults();
    exec::judge(&mut case);
    loader::judge(&mut case);
    denied::judge(&mut case);
    words::judge(&mut case);
    crash::judge(&mut case);
    let event = case.events.first().copied();
    let paths = case.paths();
    let (candidates, notes) = case.ranked();
    Verdict { candidates, event, paths, notes }
}

impl<'t> Case<'t> {
    /// Places that the events and the facts tell.
    fn marks(&mut self) {
        for event in &self.events {
            let mark = match event.errno.name.as_str() {
                "ENOEXEC" => "exec-format",
                "ENOENT" => "no-file",
                "EACCES" => "denied",
                "EPERM" => "not-permitted",
                "ELOOP" => "loop",
                "ETXTBSY" => "busy",
                "SIGILL" => "crash",
                "ELIBBAD" | "EIO" => "loader",
                _ => continue,
            };
            self.places.insert(mark);
            if let Some(caller) = event.caller {
                self.places.insert(caller.context.as_str());
                if caller.name == READS {
                    self.places.insert("shell-read");
                }
            }
        }
        if self.text.exits.keys().any(|status| [132, 139].contains(status)) {
            self.places.insert("crash");
        }
        if self.text.facts.machine.as_ref().is_some_and(|(arch, _)| *arch == "arm64") {
            self.places.insert("64-bit-arm");
        }
        if self.entry_for_the_needed().is_some() {
            self.places.insert("entry-there");
        }
        let builder = &self.text.facts.builder;
        if self.needed().is_some_and(|arch| !builder.is_empty() && !builder.contains(&arch)) {
            self.places.insert("builder-lacks");
        }
    }

    /// By the error, the place and the name of the file.
    fn defaults(&mut self) {
        let (mut told, mut told_names) = (BTreeSet::new(), BTreeSet::new());
        for event in self.events.clone() {
            let strength = strength(event, &self.places);
            let here = |wanted: &[String]| wanted.is_empty() || wanted.iter().any(|place| self.at(event, place));
            let errno = event.errno.name.as_str();
            let class = WORDS.defaults.classes.iter().find(|class| class.errno == errno && here(&class.context));
            let lower =
                event.path.as_deref().or(self.text.events.subject.as_deref()).unwrap_or_default().to_ascii_lowercase();
            let named: Vec<usize> = (0..WORDS.defaults.names.len())
                .filter(|&at| {
                    let kind = &WORDS.defaults.names[at];
                    let any = |list: &[String], test: &dyn Fn(&str) -> bool| {
                        list.is_empty() || list.iter().any(|word| test(word))
                    };
                    !lower.is_empty()
                        && kind.errno == errno
                        && here(&kind.context)
                        && any(&kind.caller, &|name| event.caller.is_some_and(|caller| caller.name == name))
                        && (!kind.bare || !lower.contains('/'))
                        && kind.has.iter().all(|part| lower.contains(part.as_str()))
                        && any(&kind.starts, &|start| lower.starts_with(start))
                        && any(&kind.ends, &|end| lower.ends_with(end))
                })
                .collect();
            if told.insert(errno) {
                self.weigh(class.map(|class| &class.causes), strength, &event.line);
            }
            for at in named {
                if told_names.insert(at) {
                    self.weigh(
                        Some(&WORDS.defaults.names[at].causes),
                        strength,
                        &format!("the name of {}", event.path.as_deref().unwrap_or(&lower)),
                    );
                }
            }
        }
    }

    /// Whether an event comes from a place: its caller is of that kind, or the text speaks of it.
    fn at(&self, event: &Event, place: &str) -> bool {
        let own = event.caller.is_some_and(|caller| caller.context == place);
        // Who reports it is told by the event alone.
        const OWN: [&str; 6] = ["table", "service", "shell", "program", "kernel-init", "reader"];
        own || (!OWN.contains(&place) && self.text.places.contains(place))
    }

    /// The heaviest cause is as sure as the event, the others are possible.
    fn weigh(&mut self, causes: Option<&'static Weights>, strength: Strength, evidence: &str) {
        let Some(causes) = causes else { return };
        let most = causes.values().copied().fold(0.0, f64::max);
        for (cause, weight) in causes {
            let strength = if *weight >= most { strength } else { Strength::Possible };
            self.say(cause, strength, *weight, evidence);
        }
    }

    /// Speaks for a cause.
    fn say(&mut self, cause: &'static str, strength: Strength, weight: f64, evidence: &str) {
        let score = self.scores.entry(cause).or_default();
        score.strength = score.strength.max(strength);
        score.weight += weight;
        if !evidence.is_empty() && score.evidence.len() < MOST_EVIDENCE && !score.evidence.iter().any(|e| e == evidence)
        {
            score.evidence.push(evidence.to_owned());
        }
    }

    /// Speaks against causes.
    fn exclude(&mut self, causes: &[&'static str], why: String) {
        self.excluded.extend(causes);
        if !self.notes.contains(&why) {
            self.notes.push(why);
        }
    }

    fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = Vec::new();
        for path in self.events.iter().filter_map(|event| event.path.as_ref()) {
            if !paths.contains(path) {
                paths.push(path.clone());
            }
        }
        if paths.is_empty() && !self.events.is_empty() {
            paths.extend(self.text.events.subject.clone());
        }
        paths
    }

    /// In order, and no more than people read.
    fn ranked(mut self) -> (Vec<Candidate>, Vec<String>) {
        self.scores.retain(|cause, _| !self.excluded.contains(cause));
        for (cause, others) in &WORDS.defaults.instead {
            // What only the class of the error speaks for does not say more than another.
            let spoken_for = |score: &&Score| score.strength > Strength::Possible && score.weight >= 1.0;
            let Some(strength) = self.scores.get(cause.as_str()).filter(spoken_for).map(|score| score.strength) else {
                continue;
            };
            for other in others {
                if let Some(score) = self.scores.get_mut(other.as_str()).filter(|score| score.strength <= strength) {
                    score.strength = Strength::Possible;
                    score.weight *= 0.1;
                }
            }
        }
        let rank = |id: &str| catalogue::get(id).and_then(|cause| cause.rank).unwrap_or(u16::MAX);
        let mut ranked: Vec<(&'static str, Score)> = self.scores.into_iter().collect();
        ranked.sort_by(|(a, x), (b, y)| {
            y.strength.cmp(&x.strength).then_with(|| y.weight.total_cmp(&x.weight)).then_with(|| rank(a).cmp(&rank(b)))
        });
        // Beside what the text proves, what is merely possible is noise.
        let proved = ranked.first().is_some_and(|(_, score)| score.strength == Strength::Certain);
        let told = ranked.into_iter().filter(|(_, score)| !proved || score.strength > Strength::Possible);
        let candidates = told.take(MOST).filter_map(|(id, score)| {
            let cause = catalogue::get(id)?;
            Some(Candidate { id: cause.id, strength: score.strength, title: cause.title, evidence: score.evidence })
        });
        (candidates.collect(), self.notes)
    }
}

/// How surely an event speaks for the first cause of its class.
fn strength(event: &Event, places: &BTreeSet<&str>) -> Strength {
    let caller_looked = event.errno.exists || event.caller.is_some_and(|caller| caller.exists);
    let by_shell = event.caller.is_some_and(|caller| !caller.opens);
    let likely = match event.errno.name.as_str() {
        "ENOENT" => caller_looked,
        "SIGILL" => places.contains("qemu"),
        "EACCES" => by_shell,
        "EINVAL" | "EEXIST" => places.contains("register"),
        _ => event.grade == Grade::Executed,
    };
    if likely { Strength::Likely } else { Strength::Possible }
}
