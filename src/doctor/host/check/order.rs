//! Entries that never get their files, because a newer one matches all of them. A table may have thousands of entries: they
//! are looked up, not compared with each other.

use std::collections::HashMap;

use super::causes::Causes;
use super::{Case, Judged};
use crate::binfmt::rule::{Magic, Rule, WINDOW};
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::{Finding, Severity};

/// Rules are looked up by the bits that they look at. No table has more such sets, unless to be slow: those of the older
/// entries are left out.
const MOST_MASKS: usize = 256;

/// What was found of them.
pub(super) fn order(case: &Case) -> Vec<Finding> {
    let mut causes = Causes::default();
    let mut newer = Newer::default();
    for (at, entry) in case.entries.iter().enumerate().filter(|(_, e)| e.entry.enabled) {
        if let Some(first) = newer.first(case, entry).filter(|&first| first < at) {
            add(&mut causes, entry, &case.entries[first]);
        }
        newer.add(at, &entry.entry.rule);
    }
    causes.findings()
}

/// `entry` is never used, for the sake of `first`.
fn add(causes: &mut Causes, entry: &Judged, first: &Judged) {
    let seen = format!("{} was registered later: {}", first.entry.name, first.path());
    if entry.entry.rule.same_meaning(&first.entry.rule) && entry.entry.interpreter == first.entry.interpreter {
        let detail = "another entry does the same; which of the two is used depends on who registered last";
        causes.add((Severity::Note, CauseId::BinfmtConflictExisting), entry, detail, Some(seen));
    } else {
        let detail = "a newer entry matches its files first: it is never used";
        causes.add((Severity::Warning, CauseId::BinfmtShadowed), entry, detail, Some(seen));
    }
}

/// The entries that are newer than one, by what they match: of several the newest, as its place in the table.
#[derive(Default)]
struct Newer<'a> {
    /// By the bits that a rule looks at, then by what it wants them to be. Most rules of a table look at the same bits.
    magic: HashMap<Bits, HashMap<Bits, usize>>,
    /// The others, which are compared as a whole.
    others: HashMap<&'a Rule, usize>,
    /// The first entry of the whole table that matches a program that an entry is for.
    programs: HashMap<&'a [u8], Option<usize>>,
}

impl<'a> Newer<'a> {
    fn add(&mut self, at: usize, rule: &'a Rule) {
        match rule {
            Rule::Magic(magic) => {
                let (wanted, mask) = bits(magic);
                if self.magic.len() < MOST_MASKS || self.magic.contains_key(&mask) {
                    self.magic.entry(mask).or_default().entry(wanted).or_insert(at);
                }
            }
            rule => _ = self.others.entry(rule).or_insert(at),
        }
    }

    /// The newest that matches what `entry` is for.
    fn first(&mut self, case: &'a Case, entry: &Judged<'a>) -> Option<usize> {
        let rule = &entry.entry.rule;
        let program = entry.named.and_then(|named| named.probe.as_deref());
        if let Some(program) = program.filter(|program| rule.takes(program, b"")) {
            let takes = |e: &Judged| e.entry.enabled && e.entry.rule.takes(program, b"");
            return *self.programs.entry(program).or_insert_with(|| case.entries.iter().position(takes));
        }
        let Rule::Magic(magic) = rule else { return self.others.get(rule).copied() };
        let (wanted, mask) = bits(magic);
        // All that such a newer one looks at, this one asks for too.
        let within = self.magic.iter().filter(|(looked_at, _)| looked_at.is_within(&mask));
        within.filter_map(|(looked_at, newer)| newer.get(&wanted.and(looked_at)).copied()).min()
    }
}

/// One bit for each that an entry can see of a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Bits([u128; WINDOW / size_of::<u128>()]);

impl Bits {
    fn of(byte: impl Fn(usize) -> u8) -> Bits {
        let word = |at: usize| std::array::from_fn(|i| byte(at * size_of::<u128>() + i));
        Bits(std::array::from_fn(|at| u128::from_ne_bytes(word(at))))
    }

    fn is_within(&self, other: &Bits) -> bool {
        self.0.iter().zip(&other.0).all(|(word, other)| word & !other == 0)
    }

    fn and(&self, other: &Bits) -> Bits {
        Bits(std::array::from_fn(|at| self.0[at] & other.0[at]))
    }
}

/// What a rule wants, and which bits of it count.
fn bits(magic: &Magic) -> (Bits, Bits) {
    (Bits::of(|at| magic.at(at).0), Bits::of(|at| magic.at(at).1))
}
