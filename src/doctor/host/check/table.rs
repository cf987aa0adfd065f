//! The table: whether it is mounted, seen, and enabled.

use super::{Case, Check, State, entries};
use crate::binfmt::mounts::Mounted;
use crate::binfmt::table::Unreadable;
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::Finding;
use crate::doctor::host::facts::{HostFacts, Seen};
use crate::registrar::HeldBy;

pub(super) const GROUP: &str = "table";

pub(super) fn checks(case: &Case) -> Vec<Check> {
    let facts = case.facts;
    if !facts.support.present && facts.mounted.get() == Some(&Mounted::No) {
        // There is none; the kernel's own check says so.
        return Vec::new();
    }
    let check = |name, state| Check { group: GROUP, name, state };
    let mut checks = vec![check("mount", mount(facts)), check("entries", listed(facts))];
    checks.extend(facts.table.get().map(|_| check("switch", switch(case))));
    checks
}

fn mount(facts: &HostFacts) -> State {
    let who = &facts.identity;
    let mounted = match &facts.mounted {
        Seen::Seen(mounted) => *mounted,
        Seen::Unseen(why) => return State::Unseen(why.clone()),
    };
    match mounted {
        Mounted::Yes if who.first_user_namespace => State::Fine("mounted".into()),
        Mounted::Yes => State::Fine("mounted; it may be this user namespace's own".into()),
        Mounted::ReadOnly => State::Fine("mounted read-only, as containers have it".into()),
        Mounted::Automount => State::Found(vec![automount(facts)]),
        Mounted::No => match (facts.place.container.as_deref(), facts.held_by) {
            (Some("lxc"), _) => {
                let detail = "this LXC container does not show binfmt_misc; entries with flag F of its host work here";
                State::Found(vec![Finding::note(CauseId::BinfmtLxcDenied, "binfmt_misc", detail)])
            }
            _ if !who.first_user_namespace => {
                let detail = "this user namespace (a rootless container?) does not show the machine's table";
                State::Found(vec![Finding::note(CauseId::TableHidden, "binfmt_misc", detail)])
            }
            (Some(kind), _) if !who.may_mount => {
                let detail = format!("this {kind} container does not show the table, and may not mount it");
                State::Found(vec![Finding::note(CauseId::BinfmtMountDenied, "binfmt_misc", detail)])
            }
            (_, Some(HeldBy::Entries)) => State::Fine("not mounted here; its entries hold it".into()),
            (_, Some(HeldBy::Process)) => State::Fine("not mounted here; another process has it mounted".into()),
            (Some(kind), _) => State::Fine(format!("not mounted in this {kind} container")),
            (None, _) => {
                let detail = "nobody has mounted the table: what a container registers is gone with the container";
                State::Found(vec![Finding::warning(CauseId::BinfmtNotMounted, "binfmt_misc", detail)])
            }
        },
    }
}

fn automount(facts: &HostFacts) -> Finding {
    const ID: CauseId = CauseId::BinfmtAutomountUntriggered;
    let finding = match (facts.held_by, facts.kernel.behaviour().survives_umount) {
        (Some(HeldBy::Entries | HeldBy::Process), _) => {
            Finding::note(ID, "binfmt_misc", "an automount is not triggered yet; the entries hold their table")
        }
        (_, true) => Finding::note(ID, "binfmt_misc", "an automount is not triggered yet"),
        _ => {
            let detail = "an automount is not triggered yet: what a container registers is lost when it ends";
            Finding::warning(ID, "binfmt_misc", detail)
        }
    };
    finding.evidence("mountinfo shows autofs alone")
}

fn listed(facts: &HostFacts) -> State {
    let table = match &facts.table {
        Seen::Seen(facts) => &facts.table,
        Seen::Unseen(why) => return State::Unseen(why.clone()),
    };
    if let Some(Unreadable { entry, why }) = table.unreadable.first() {
        let more = table.unreadable.len() - 1;
        let more = if more == 0 { String::new() } else { format!(", and {more} more") };
        return State::Unseen(format!("the entry {entry} could not be read: {why}{more}"));
    }
    match table.entries.len() {
        0 => State::Fine("no entries: only programs for this machine's own CPU run".into()),
        1 => State::Fine("1 entry".into()),
        count => State::Fine(format!("{count} entries")),
    }
}

fn switch(case: &Case) -> State {
    let facts = case.facts;
    let Some(table) = facts.table.get().map(|facts| &facts.table) else { return State::Unseen(String::new()) };
    if table.enabled {
        return State::Fine("on".into());
    }
    if let Some((entry, _)) = entries::hijackers(case).next() {
        let name = entry.entry.name.to_string();
        let detail = format!("the whole table is disabled, and has to stay so while it has the entry {name}");
        let finding = Finding::problem(CauseId::BinfmtNativeHijack, "status", detail).with("entry", name);
        return State::Found(vec![finding.evidence(format!("{}/status: disabled", table.path.display()))]);
    }
    let detail = "the whole table is disabled: the kernel consults no entry";
    let finding = match table.entries.is_empty() {
        true => Finding::warning(CauseId::BinfmtEntryDisabled, "status", detail),
        false => Finding::problem(CauseId::BinfmtEntryDisabled, "status", detail),
    };
    // The file that switches it on is named like an entry's.
    let finding = finding.with("entry", "status").evidence(format!("{}/status: disabled", table.path.display()));
    let archs = archs(facts);
    State::Found(vec![if archs.is_empty() { finding } else { finding.with("arch", archs) }])
}

/// What the entries are for, as `rbinfmt install` accepts it.
fn archs(facts: &HostFacts) -> String {
    let names = facts.table.get().into_iter().flat_map(|f| &f.table.entries);
    let qemu = names.filter_map(|e| std::str::from_utf8(&e.name).ok()?.strip_prefix("qemu-").map(str::to_owned));
    super::causes::arch_list(qemu.collect())
}
