//! The judge: rules over events and facts. Pure.
//!
//! Each rule speaks for causes with a strength and a weight, or against them. What is certain comes before what is likely,
//! whatever the weights; the weights order what is equally strong.

mod crash;
mod denied;
mod exec;
mod loader;
mod script;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Event, Grade};
use super::text::Text;
use super::words::{CLASSES, Caller, ErrorName, INSTEAD, NAMES, Place, Weights};
use super::{Candidate, Strength};
use crate::doctor::catalogue::CauseId;

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
    places: BTreeSet<Place>,
    scores: BTreeMap<CauseId, Score>,
    /// What the facts exclude.
    excluded: BTreeSet<CauseId>,
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
    let spawns = text.places.contains(&Place::Spawn);
    let events = text.events.judged(spawns);
    let mut case = Case {
        text,
        places: text.places.clone(),
        events,
        scores: BTreeMap::new(),
        excluded: BTreeSet::new(),
        notes: Vec::new(),
    };
    case.marks();
    case.defaults();
    exec::judge(&mut case);
    script::judge(&mut case);
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
            let mark = match event.errno.name {
                ErrorName::Enoexec => Place::ExecFormat,
                ErrorName::Enoent => Place::NoFile,
                ErrorName::Eacces => Place::Denied,
                ErrorName::Eperm => Place::NotPermitted,
                ErrorName::Eloop => Place::Loop,
                ErrorName::Etxtbsy => Place::Busy,
                ErrorName::Sigill => Place::Crash,
                ErrorName::Elibbad | ErrorName::Eio => Place::Loader,
                _ => continue,
            };
            self.places.insert(mark);
            if let Some(caller) = event.caller {
                self.places.insert(caller.context);
                if caller.name == Caller::READER.name {
                    self.places.insert(Place::ShellRead);
                }
            }
        }
        if self.text.exits.keys().any(|status| [132, 139].contains(status)) {
            self.places.insert(Place::Crash);
        }
        if self.text.facts.machine.as_ref().is_some_and(|(arch, _)| *arch == "arm64") {
            self.places.insert(Place::On64BitArm);
        }
        if self.entry_for_the_needed().is_some() {
            self.places.insert(Place::EntryThere);
        }
        let builder = &self.text.facts.builder;
        if self.needed().is_some_and(|arch| !builder.is_empty() && !builder.contains(&arch)) {
            self.places.insert(Place::BuilderLacks);
        }
    }

    /// By the error, the place and the name of the file.
    fn defaults(&mut self) {
        let (mut told, mut told_names) = (BTreeSet::new(), BTreeSet::new());
        for event in self.events.clone() {
            let strength = strength(event, &self.places);
            let here = |wanted: &[Place]| wanted.is_empty() || wanted.iter().any(|place| self.at(event, *place));
            let errno = event.errno.name;
            let class = CLASSES.iter().find(|class| class.errno == errno && here(class.context));
            let lower =
                event.path.as_deref().or(self.text.events.subject.as_deref()).unwrap_or_default().to_ascii_lowercase();
            let named: Vec<usize> = (0..NAMES.len())
                .filter(|&at| {
                    let kind = &NAMES[at];
                    let any = |list: &[&str], test: &dyn Fn(&str) -> bool| {
                        list.is_empty() || list.iter().any(|word| test(word))
                    };
                    !lower.is_empty()
                        && kind.errno == errno
                        && here(kind.context)
                        && any(kind.caller, &|name| event.caller.is_some_and(|caller| caller.name == name))
                        && (!kind.bare || !lower.contains('/'))
                        && kind.has.iter().all(|part| lower.contains(part))
                        && any(kind.starts, &|start| lower.starts_with(start))
                        && any(kind.ends, &|end| lower.ends_with(end))
                })
                .collect();
            if told.insert(errno) {
                self.weigh(class.map(|class| class.causes), strength, &event.line);
            }
            for at in named {
                if told_names.insert(at) {
                    self.weigh(
                        Some(NAMES[at].causes),
                        strength,
                        &format!("the name of {}", event.path.as_deref().unwrap_or(&lower)),
                    );
                }
            }
        }
    }

    /// Whether an event comes from a place: its caller is of that kind, or the text speaks of it.
    fn at(&self, event: &Event, place: Place) -> bool {
        let own = event.caller.is_some_and(|caller| caller.context == place);
        // Who reports it is told by the event alone.
        const OWN: [Place; 6] =
            [Place::Table, Place::Service, Place::Shell, Place::Program, Place::KernelInit, Place::Reader];
        own || (!OWN.contains(&place) && self.text.places.contains(&place))
    }

    /// The heaviest cause is as sure as the event, the others are possible.
    fn weigh(&mut self, causes: Option<Weights>, strength: Strength, evidence: &str) {
        let Some(causes) = causes else { return };
        let most = causes.iter().map(|(_, weight)| *weight).fold(0.0, f64::max);
        for (cause, weight) in causes {
            let strength = if *weight >= most { strength } else { Strength::Possible };
            self.say(*cause, strength, *weight, evidence);
        }
    }

    /// Speaks for a cause.
    fn say(&mut self, cause: CauseId, strength: Strength, weight: f64, evidence: &str) {
        let score = self.scores.entry(cause).or_default();
        score.strength = score.strength.max(strength);
        score.weight += weight;
        if !evidence.is_empty() && score.evidence.len() < MOST_EVIDENCE && !score.evidence.iter().any(|e| e == evidence)
        {
            score.evidence.push(evidence.to_owned());
        }
    }

    /// Speaks against causes.
    fn exclude(&mut self, causes: &[CauseId], why: String) {
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
        for refused in &self.text.refused {
            if !paths.contains(&refused.path) {
                paths.push(refused.path.clone());
            }
        }
        paths
    }

    /// In order, and no more than people read.
    fn ranked(mut self) -> (Vec<Candidate>, Vec<String>) {
        self.scores.retain(|cause, _| !self.excluded.contains(cause));
        for (cause, others) in INSTEAD {
            // What only the class of the error speaks for does not say more than another.
            let spoken_for = |score: &&Score| score.strength > Strength::Possible && score.weight >= 1.0;
            let Some(strength) = self.scores.get(cause).filter(spoken_for).map(|score| score.strength) else {
                continue;
            };
            for other in *others {
                if let Some(score) = self.scores.get_mut(other).filter(|score| score.strength <= strength) {
                    score.strength = Strength::Possible;
                    score.weight *= 0.1;
                }
            }
        }
        let mut ranked: Vec<(CauseId, Score)> = self.scores.into_iter().collect();
        ranked.sort_by(|(a, x), (b, y)| {
            y.strength.cmp(&x.strength).then_with(|| y.weight.total_cmp(&x.weight)).then_with(|| a.cmp(b))
        });
        // Beside what the text proves, what is merely possible is noise.
        let proved = ranked.first().is_some_and(|(_, score)| score.strength == Strength::Certain);
        let told = ranked.into_iter().filter(|(_, score)| !proved || score.strength > Strength::Possible);
        let candidates = told.take(MOST).map(|(id, score)| Candidate {
            id,
            strength: score.strength,
            title: id.cause().title.as_str(),
            evidence: score.evidence,
        });
        (candidates.collect(), self.notes)
    }
}

/// How surely an event speaks for the first cause of its class.
fn strength(event: &Event, places: &BTreeSet<Place>) -> Strength {
    let caller_looked = event.errno.exists || event.caller.is_some_and(|caller| caller.exists);
    let by_shell = event.caller.is_some_and(|caller| !caller.opens);
    let likely = match event.errno.name {
        ErrorName::Enoent => caller_looked,
        ErrorName::Sigill => places.contains(&Place::Qemu),
        ErrorName::Eacces => by_shell,
        ErrorName::Einval | ErrorName::Eexist => places.contains(&Place::Register),
        _ => event.grade == Grade::Executed,
    };
    if likely { Strength::Likely } else { Strength::Possible }
}
