//! The plan of an installation.

use std::collections::BTreeSet;
use std::path::Path;

use bstr::{BStr, BString, ByteSlice};

use super::{Change, Item, Plan, STAND_IN, Skip, Step, guard, is_ours, is_qemu, missing};
use crate::binfmt::entry::{Entry, Flags};
use crate::binfmt::register;
use crate::binfmt::rule::Rule;
use crate::emulators::find::Places;
use crate::profile::{Kind, NamedRule, Profile, Profiles};
use crate::registrar::facts::Facts;

/// What an installation asks for.
#[derive(Debug, Clone)]
pub struct Install<'a> {
    /// The profiles.
    pub profiles: &'a [&'a Profile],
    /// They were not named one by one: what cannot be had is passed over.
    pub all: bool,
    /// Entries of ours that were not asked for are removed.
    pub converge: bool,
    /// Register also what the kernel runs by itself.
    pub force: bool,
    /// Flag C: setuid programs get their owner's rights.
    pub credentials: bool,
    /// Put before the names of emulators and entries.
    pub prefix: &'a str,
    /// Where emulators are looked for.
    pub places: &'a Places,
}

/// The plan.
pub fn install(request: &Install, profiles: &Profiles, facts: &Facts) -> Plan {
    let mut items = Vec::new();
    for profile in request.profiles {
        for rule in &profile.rules {
            items.push(item(profile, &rule.entry, step(request, profile, rule, profiles, facts), request.prefix));
        }
    }
    // A table may have thousands of entries.
    let present: BTreeSet<&BStr> = facts.table.entries.iter().map(|e| e.name.as_bstr()).collect();
    let mut planned: BTreeSet<BString> = items.iter().map(|i| i.name.as_bytes().into()).collect();
    for entry in &facts.table.entries {
        let left_behind = entry.name.starts_with(STAND_IN.as_bytes());
        let own = if left_behind { stand_for(entry) } else { None };
        // A killed run had removed the entry and not yet registered it again: the stand-in gets its name.
        if let Some(own) = own.filter(|own| !planned.contains(own) && !present.contains(own.as_bstr())) {
            let entry = Entry { name: own.clone(), enabled: true, ..entry.clone() };
            // Anybody's entry can have such a name.
            let danger =
                guard::danger(&entry.rule, &entry.name, profiles, facts).or_else(|| guard::writer(&entry, facts));
            let step =
                danger.map_or_else(|| Step::Add(Change { entry: entry.clone(), try_preserve: false }), Step::Refuse);
            items.push(Item { step, ..removal(&entry, profiles) });
            planned.insert(own);
        }
        let ours = request.converge && is_ours(entry, profiles, request.places);
        let unwanted = ours && !planned.contains(&entry.name);
        if left_behind || unwanted {
            items.push(removal(entry, profiles));
        }
    }
    Plan { items }
}

/// The name of the entry for which a stand-in stands.
fn stand_for(entry: &Entry) -> Option<BString> {
    let own = entry.name.to_str().ok()?.strip_prefix(STAND_IN)?;
    let numbered = own.rsplit_once('.').filter(|(_, n)| n.parse::<u8>().is_ok());
    Some(numbered.map_or(own, |(name, _)| name).into())
}

fn item(profile: &Profile, name: &str, step: Step, prefix: &str) -> Item {
    Item {
        profile: profile.name.clone(),
        label: profile.label().to_owned(),
        platforms: profile.platforms.clone(),
        name: format!("{prefix}{name}"),
        step,
    }
}

/// The removal of an entry.
pub(super) fn removal(entry: &Entry, profiles: &Profiles) -> Item {
    let profile = profiles.of_rule(&entry.rule);
    let name = entry.name.to_string();
    Item {
        profile: profile.map_or(name.clone(), |p| p.name.clone()),
        label: profile.map_or(name.clone(), |p| p.label().to_owned()),
        platforms: profile.map_or(Vec::new(), |p| p.platforms.clone()),
        name,
        step: Step::Remove,
    }
}

fn step(request: &Install, profile: &Profile, named: &NamedRule, profiles: &Profiles, facts: &Facts) -> Step {
    if facts.native.contains(&profile.name) && !request.force {
        return Step::Skip(Skip::Native);
    }
    let change = match change(request, profile, named, facts) {
        Ok(change) => change,
        Err(why) if request.all => return Step::Skip(Skip::NoEmulator(why)),
        Err(why) => return Step::Refuse(why),
    };
    if let Some(danger) = guard::danger(&named.rule, &change.entry.name, profiles, facts) {
        return Step::Refuse(danger);
    }
    if let Some(writer) = guard::writer(&change.entry, facts) {
        return Step::Refuse(writer);
    }
    if let Err(mistake) = register::compose(&change.entry, &facts.kernel) {
        let why = format!("this kernel would refuse it: {mistake}");
        return if request.all { Step::Skip(Skip::Kernel(why)) } else { Step::Refuse(why) };
    }
    compare(request, profile, named, change, facts)
}

/// The entry that is wanted, or why it cannot be made.
fn change(request: &Install, profile: &Profile, named: &NamedRule, facts: &Facts) -> Result<Change, String> {
    let (interpreter, flags, try_preserve): (&Path, Flags, bool) = match &profile.kind {
        Kind::Elf { emulator, .. } => {
            let emulator = format!("{}{emulator}", request.prefix);
            let found = facts.emulators.get(&profile.name).ok_or_else(|| missing(&emulator, request.places))?;
            if let Some(problem) = &found.problem {
                return Err(format!("{} cannot serve: {problem}", found.path.display()));
            }
            (&found.path, emulator_flags(request, facts), true)
        }
        Kind::Other { interpreter, flags, .. } => (interpreter, *flags, false),
    };
    let entry = Entry {
        name: format!("{}{}", request.prefix, named.entry).into(),
        enabled: true,
        interpreter: Some(BString::from(interpreter.as_os_str().as_encoded_bytes())),
        flags: flags.as_kept(),
        rule: named.rule.clone(),
        unknown: Vec::new(),
    };
    Ok(Change { entry, try_preserve })
}

fn emulator_flags(request: &Install, facts: &Facts) -> Flags {
    let with = |flags: Flags, more: Flags, when: bool| if when { flags.with(more) } else { flags };
    let flags = with(Flags::O, Flags::C, request.credentials);
    let flags = with(flags, Flags::F, facts.kernel.knows_fix_binary());
    with(flags, Flags::P, facts.kernel.tells_preserve_argv0())
}

/// Wanted against present.
fn compare(request: &Install, profile: &Profile, rule: &NamedRule, change: Change, facts: &Facts) -> Step {
    let entries = &facts.table.entries;
    let wanted = &change.entry;
    let named = entries.iter().find(|e| e.name == wanted.name);
    // What the kernel gives such a file to today: somebody's newer entry can come before a good one.
    let sample = sample(&wanted.rule);
    let lasting = entries.iter().filter(|e| !e.name.starts_with(STAND_IN.as_bytes()));
    let first = { lasting }.find(|e| e.takes(&sample, b"") || (e.enabled && e.rule.same_meaning(&wanted.rule)));
    let stranger = first.filter(|e| e.name != wanted.name && !is_qemu(e));

    if let (Some(stranger), true) = (stranger, request.all)
        && facts.probes.get(&rule.entry).is_none_or(|ran| ran.outcome.works())
    {
        return Step::Skip(Skip::Handled(stranger.name.to_string()));
    }
    match named {
        Some(present) if same(present, &change, profile, rule, facts) => match (present.enabled, first) {
            (true, Some(first)) if first.name == present.name => Step::Keep,
            (false, None) => Step::Enable,
            // Shadowed: it has to become the newest again.
            _ => Step::Replace(change.clone(), vec![present.name.clone()]),
        },
        Some(present) => Step::Replace(change.clone(), vec![present.name.clone()]),
        None => Step::Add(change),
    }
}

/// Whether an entry is what is wanted, as far as can be seen from here.
fn same(present: &Entry, change: &Change, profile: &Profile, rule: &NamedRule, facts: &Facts) -> bool {
    let wanted = &change.entry;
    let ignored = if change.try_preserve { Flags::P } else { Flags::default() };
    let content = present.rule.same_meaning(&wanted.rule)
        && present.interpreter == wanted.interpreter
        && present.flags.without(ignored) == wanted.flags.without(ignored);
    if !content {
        return false;
    }
    let Some(ran) = facts.probes.get(&rule.entry) else { return true };
    // With flag F the entry may hold an older file than the one that is at its path today.
    let emulator = facts.emulators.get(&profile.name);
    let stale = emulator.zip(ran.by).is_some_and(|(emulator, by)| !emulator.id.same(&by));
    // Without argv[0] will do: whoever registered it had tried P.
    ran.outcome.works() && !stale
}

/// The first bytes of a file that the rule matches.
fn sample(rule: &Rule) -> Vec<u8> {
    match rule {
        Rule::Magic(magic) => [vec![0; magic.offset], magic.magic.clone()].concat(),
        Rule::Extension(_) | Rule::Bpf(_) => Vec::new(),
    }
}
