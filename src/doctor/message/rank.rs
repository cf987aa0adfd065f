//! What was recognised, weighed.

use std::collections::{BTreeMap, BTreeSet};

use super::patterns::{PATTERNS, Strength, Weights};
use super::recognise::{Failure, Marks};
use super::{Candidate, Diagnosis, Next};
use crate::doctor::catalogue;

/// Less likely ones are not told.
const LEAST: f64 = 0.01;
/// How many are told.
const MOST: usize = 8;
/// The weight of what we do not know: no single sign makes a cause certain.
const UNKNOWN: f64 = 0.2;

#[derive(Debug, Default)]
struct Score {
    weight: f64,
    evidence: Vec<String>,
}

impl Score {
    fn add(&mut self, weight: f64, evidence: &str) {
        self.weight += weight;
        if !evidence.is_empty() && self.evidence.len() < 4 && !self.evidence.iter().any(|e| e == evidence) {
            self.evidence.push(evidence.to_owned());
        }
    }
}

/// The causes that come into question.
pub(super) fn rank(mut marks: Marks) -> Diagnosis {
    let spawns = marks.contexts.contains("spawn");
    marks.failures.retain(|failure| !failure.doubtful || spawns);
    let decided = marks.signs.keys().any(|(_, strength)| *strength == Strength::Decides);
    let mut scores: BTreeMap<&'static str, Score> = BTreeMap::new();
    weigh_failures(&marks, &mut scores);
    if marks.failures.is_empty() && !decided {
        weigh_exits(&marks, &mut scores);
    }
    if decided || !scores.is_empty() {
        weigh_signs(&marks, &mut scores);
    }

    let rank = |id: &str| catalogue::get(id).and_then(|cause| cause.rank).unwrap_or(u16::MAX);
    let total: f64 = UNKNOWN + scores.values().map(|score| score.weight).sum::<f64>();
    let mut ranked: Vec<(&'static str, Score)> = scores.into_iter().collect();
    ranked.sort_by(|(a, x), (b, y)| y.weight.total_cmp(&x.weight).then_with(|| rank(a).cmp(&rank(b))));
    let candidates: Vec<Candidate> = ranked
        .into_iter()
        .filter_map(|(id, score)| {
            let cause = catalogue::get(id)?;
            let probability = (score.weight / total * 100.0).round() / 100.0;
            Some(Candidate { id: cause.id, probability, title: cause.title, evidence: score.evidence })
        })
        .filter(|candidate| candidate.probability >= LEAST)
        .take(MOST)
        .collect();
    let first = marks.failures.first();
    let mut diagnosis = Diagnosis {
        not_exec_format: candidates.is_empty(),
        errno: first.map(|f| f.errno.name.as_str()),
        number: first.and_then(|f| f.errno.number),
        caller: first.and_then(|f| f.caller).map(|c| c.name.as_str()),
        paths: paths(&marks.failures),
        platforms: marks.platforms,
        image: marks.image,
        candidates,
        next: None,
        cut: marks.cut,
    };
    diagnosis.next = next(&diagnosis, &marks.contexts);
    diagnosis
}

/// By the errors, the places and the names of the files.
fn weigh_failures(marks: &Marks, scores: &mut BTreeMap<&'static str, Score>) {
    let (mut told, mut told_names) = (BTreeSet::new(), BTreeSet::new());
    for failure in &marks.failures {
        let places = places(marks, failure);
        let here = |wanted: &[String]| wanted.is_empty() || wanted.iter().any(|w| places.contains(w.as_str()));
        if told.insert(failure.errno.name.as_str()) {
            let class = PATTERNS.ranks.classes.iter().find(|c| c.errno == failure.errno.name && here(&c.context));
            add(scores, class.map(|c| &c.causes), &failure.line);
        }
        let Some(path) = &failure.path else { continue };
        let lower = path.to_ascii_lowercase();
        let kinds = PATTERNS.ranks.paths.iter().enumerate().filter(|(_, kind)| {
            kind.errno == failure.errno.name
                && here(&kind.context)
                && kind.caller.as_deref().is_none_or(|name| failure.caller.is_some_and(|c| c.name == name))
                && (!kind.bare || !path.contains('/'))
                && kind.has.iter().all(|part| lower.contains(part.as_str()))
                && (kind.ends.is_empty() || kind.ends.iter().any(|end| lower.ends_with(end.as_str())))
        });
        for (at, kind) in kinds {
            if told_names.insert(at) {
                add(scores, Some(&kind.causes), &format!("the name of {path}"));
            }
        }
    }
}

fn weigh_exits(marks: &Marks, scores: &mut BTreeMap<&'static str, Score>) {
    for (status, line) in &marks.exits {
        let here = |wanted: &[String]| wanted.is_empty() || wanted.iter().any(|w| marks.contexts.contains(w.as_str()));
        let class = PATTERNS.ranks.exits.iter().find(|exit| exit.status == *status && here(&exit.context));
        add(scores, class.map(|exit| &exit.causes), line);
    }
}

/// By the words. A hint says nothing of a cause that nothing else speaks for.
fn weigh_signs(marks: &Marks, scores: &mut BTreeMap<&'static str, Score>) {
    for strength in [Strength::Decides, Strength::Suggests, Strength::Hints] {
        for ((cause, _), seen) in marks.signs.iter().filter(|((_, s), _)| *s == strength) {
            let weight = match strength {
                Strength::Decides => 20.0,
                Strength::Suggests => 3.0,
                Strength::Hints if scores.contains_key(cause) => 0.35,
                Strength::Hints => continue,
            };
            let score = scores.entry(cause).or_default();
            for (at, line) in seen.lines.iter().enumerate() {
                // More lines of one kind say little more.
                score.add(if at == 0 { weight } else { weight * 0.1 }, line);
            }
        }
    }
}

fn add(scores: &mut BTreeMap<&'static str, Score>, causes: Option<&'static Weights>, evidence: &str) {
    for (cause, weight) in causes.into_iter().flatten() {
        scores.entry(cause).or_default().add(*weight, evidence);
    }
}

/// Where a failure happened: what its caller is, and what the text speaks of.
fn places<'m>(marks: &'m Marks, failure: &'m Failure) -> BTreeSet<&'m str> {
    marks.contexts.iter().copied().chain(failure.caller.map(|caller| caller.context.as_str())).collect()
}

fn paths(failures: &[Failure]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for path in failures.iter().filter_map(|f| f.path.as_ref()) {
        if !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    paths
}

/// What tells the first two apart.
fn next(diagnosis: &Diagnosis, contexts: &BTreeSet<&'static str>) -> Option<Next> {
    let [first, rest @ ..] = &diagnosis.candidates[..] else { return None };
    let in_image = contexts.contains("container") || contexts.contains("build") || diagnosis.image.is_some();
    let has = |list: &[String], id: &str| list.iter().any(|known| known == id);
    let tells = || PATTERNS.tells.iter().filter(|tell| in_image || !tell.in_image);
    let both = rest
        .first()
        .and_then(|second| tells().find(|t| has(&t.among, first.id.as_str()) && has(&t.among, second.id.as_str())));
    let fill = |template: &str| {
        let mut text = template.to_owned();
        for (name, value) in diagnosis.names() {
            text = text.replace(&format!("{{{name}}}"), &crate::doctor::finding::quoted(&value));
        }
        text.replace("{path}", "FILE").replace("{image}", "IMAGE")
    };
    Some(match both {
        Some(tell) => Next { command: fill(&tell.command), says: tell.says.clone() },
        None if diagnosis.paths.is_empty() => Next {
            command: format!("rbinfmt explain {}", first.id),
            says: "how it is told from others, and what to do".into(),
        },
        None => Next {
            command: fill("rbinfmt doctor {path}"),
            says: "what the file is, and what the kernel does with it; run it where the file is".into(),
        },
    })
}
