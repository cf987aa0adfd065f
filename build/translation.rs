//! The catalogue in another language: the same ids, the same fixes, the same placeholders.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::catalogue::{Cause, names};
use super::pool::pooled;
use super::source::{Mistake, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    partial: bool,
    #[serde(default)]
    cause: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: Spanned<String>,
    title: String,
    explanation: String,
    detection: String,
    #[serde(default)]
    fix: Vec<Wording>,
}

/// What is said of a cause.
pub(crate) struct Translation {
    title: String,
    explanation: String,
    detection: String,
    fixes: Vec<Wording>,
}

/// What is said of a fix.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wording {
    text: String,
    otherwise: Option<String>,
}

pooled!(struct Translation { title, explanation, detection, fixes });
pooled!(struct Wording { text, otherwise });

/// The translations of one group by the ids of the causes.
pub(crate) fn read(source: &Source, causes: &[&Cause]) -> Result<BTreeMap<String, Translation>, Mistake> {
    let File { partial, cause: entries } = source.parse()?;
    let mut all = BTreeMap::new();
    for entry in entries {
        let (span, id) = (entry.id.span(), entry.id.into_inner());
        let wrong = |field: &str, why: String| source.mistake(&span, field, format!("{id}: {why}"));
        let cause = causes.iter().find(|cause| *cause.id.get_ref() == id);
        let cause = cause.ok_or_else(|| wrong("id", "English does not have it in the file of this name".into()))?;
        if cause.fix.len() != entry.fix.len() {
            return Err(wrong("fix", format!("there are {}, English has {}", entry.fix.len(), cause.fix.len())));
        }
        for (ours, theirs) in entry.fix.iter().zip(&cause.fix) {
            let theirs = theirs.get_ref();
            if names_in(&ours.text) != names_in(&theirs.text) {
                return Err(wrong("text", format!("{:?} has other placeholders than {:?}", ours.text, theirs.text)));
            }
            if ours.otherwise.is_some() != theirs.otherwise.is_some() {
                return Err(wrong("otherwise", format!("it is in one of the two languages alone: {:?}", ours.text)));
            }
            if ours.otherwise.as_deref().is_some_and(|text| !names_in(text).is_empty()) {
                return Err(wrong("otherwise", "it is for where names are not known, and has none".into()));
            }
        }
        let Entry { title, explanation, detection, fix, .. } = entry;
        if all.insert(id.clone(), Translation { title, explanation, detection, fixes: fix }).is_some() {
            return Err(wrong("id", "it is there twice".into()));
        }
    }
    match causes.iter().map(|cause| cause.id.get_ref()).find(|id| !partial && !all.contains_key(*id)) {
        Some(id) => Err(source.mistake(&(0..0), "cause", format!("{id} is missing"))),
        None => Ok(all),
    }
}

fn names_in(text: &str) -> BTreeSet<&str> {
    names(text).collect()
}
