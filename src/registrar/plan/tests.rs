//! Plans over facts made by hand: what the kernel at hand cannot show (old kernels, other tables).

mod centos;

use std::collections::BTreeMap;

use super::*;
use crate::binfmt::entry::Flags;
use crate::binfmt::mounts::Mounted;
use crate::binfmt::rule::{Magic, Rule};
use crate::elf::{Class, Data, Target};
use crate::emulators::find::Found;
use crate::host::Identity;
use crate::kernel::Kernel;
use crate::probe::{Failure, FileId, Outcome, Ran};
use crate::profile::{Kind, Profile};
use crate::registrar::facts::{Facts, Guarded, TableFacts};

const DIR: &str = "/usr/lib/rbinfmt";

fn profiles() -> Profiles {
    Profiles::load(&[]).unwrap()
}

fn id(path: &str) -> FileId {
    FileId::of(&std::fs::metadata(path).unwrap())
}

/// A root on an x86_64 host with an empty table and every emulator.
fn facts(profiles: &Profiles) -> Facts {
    let emulator =
        |name: &str| Found { path: format!("{DIR}/{name}").into(), id: id("/"), problem: None, preserves_argv0: None };
    let of = |p: &Profile| match &p.kind {
        Kind::Elf { emulator: name, .. } => Some((p.name.clone(), emulator(name))),
        Kind::Other { .. } => None,
    };
    Facts {
        kernel: Kernel { release: "6.1.0".into(), machine: "x86_64".into() },
        identity: Identity {
            euid: 0,
            may_mount: true,
            first_user_namespace: true,
            first_pid_namespace: true,
            mounts_of_init: Some(true),
            in_pod: false,
        },
        own: Target { class: Class::Bits64, data: Data::Little, machine: 62 },
        emulated: None,
        mounted: Mounted::Yes,
        table: TableFacts {
            path: "/proc/sys/fs/binfmt_misc".into(),
            writable: true,
            enabled: true,
            entries: Vec::new(),
            unreadable: Vec::new(),
        },
        native: vec!["x86_64".into(), "i386".into()],
        writable: BTreeMap::new(),
        guarded: vec![Guarded {
            what: "the shell".into(),
            path: "/bin/sh".into(),
            entry: None,
            profile: None,
            head: b"\x7fELF\x02\x01\x01".to_vec(),
        }],
        emulators: profiles.iter().filter_map(of).collect::<BTreeMap<_, _>>(),
        probes: BTreeMap::new(),
    }
}

struct Ask {
    all: bool,
    converge: bool,
    force: bool,
    credentials: bool,
}

const NAMED: Ask = Ask { all: false, converge: false, force: false, credentials: true };
const FORCED: Ask = Ask { force: true, ..NAMED };
const ALL: Ask = Ask { all: true, ..NAMED };

fn plan(ask: Ask, names: &[&str], profiles: &Profiles, facts: &Facts) -> Plan {
    let chosen: Vec<&Profile> = match ask.all {
        true => profiles.iter().filter(|p| p.is_emulated()).collect(),
        false => names.iter().map(|name| profiles.named(name).unwrap()).collect(),
    };
    let places = Places::named(&[DIR.into()]);
    let request = Install {
        profiles: &chosen,
        all: ask.all,
        converge: ask.converge,
        force: ask.force,
        credentials: ask.credentials,
        prefix: "",
        places: &places,
    };
    install(&request, profiles, facts)
}

fn step(plan: &Plan, name: &str) -> Step {
    plan.items.iter().find(|i| i.name == name).unwrap_or_else(|| panic!("{name} in {plan:?}")).step.clone()
}

/// The entry that a plan over an empty table would make.
fn entry(profiles: &Profiles, name: &str) -> Entry {
    match step(&plan(NAMED, &[name], profiles, &facts(profiles)), &format!("qemu-{name}")) {
        Step::Add(change) => change.entry,
        other => panic!("{other:?}"),
    }
}

fn flags(release: &str, credentials: bool) -> String {
    let profiles = profiles();
    let mut facts = facts(&profiles);
    facts.kernel.release = release.into();
    match step(&plan(Ask { credentials, ..NAMED }, &["aarch64"], &profiles, &facts), "qemu-aarch64") {
        Step::Add(change) => change.entry.flags.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn flags_follow_the_kernel() {
    assert_eq!(flags("6.1.0", true), "POCF");
    assert_eq!(flags("6.1.0", false), "POF");
    assert_eq!(flags("4.18.0-240.el8.x86_64", true), "OCF");
    assert_eq!(flags("3.10.0-1160.el7.x86_64", true), "OC");
}

#[test]
fn forty_bytes_of_mips_are_too_long_for_the_register_string_of_centos_7() {
    let profiles = profiles();
    let mut facts = facts(&profiles);
    facts.kernel.release = "3.10.0-1160.el7.x86_64".into();
    let plan = plan(NAMED, &["mipsn32", "mips64"], &profiles, &facts);
    let Step::Refuse(why) = step(&plan, "qemu-mipsn32") else { panic!("{plan:?}") };
    assert!(why.contains("register string"), "{why}");
    assert!(matches!(step(&plan, "qemu-mips64"), Step::Add(_)));
}

#[test]
fn the_machine_s_own_architecture_is_never_registered() {
    let profiles = profiles();
    let facts = facts(&profiles);
    assert_eq!(step(&plan(NAMED, &["x86_64"], &profiles, &facts), "qemu-x86_64"), Step::Skip(Skip::Native));
    assert!(matches!(step(&plan(FORCED, &["x86_64"], &profiles, &facts), "qemu-x86_64"), Step::Refuse(_)));
    assert_eq!(step(&plan(NAMED, &["i386"], &profiles, &facts), "qemu-i386"), Step::Skip(Skip::Native));
    assert!(matches!(step(&plan(FORCED, &["i386"], &profiles, &facts), "qemu-i386"), Step::Add(_)));
}

#[test]
fn on_a_32_bit_machine_its_own_programs_are_guarded_too() {
    let profiles = profiles();
    let mut facts = facts(&profiles);
    facts.kernel.machine = "i686".into();
    facts.own = Target { class: Class::Bits32, data: Data::Little, machine: 3 };
    facts.native = vec!["i386".into()];
    assert!(matches!(step(&plan(FORCED, &["i386"], &profiles, &facts), "qemu-i386"), Step::Refuse(_)));
    assert!(matches!(step(&plan(NAMED, &["x86_64"], &profiles, &facts), "qemu-x86_64"), Step::Add(_)));
}

#[test]
fn what_is_as_wanted_is_kept_by_meaning() {
    let profiles = profiles();
    let mut facts = facts(&profiles);
    let mut present = entry(&profiles, "aarch64");
    present.flags = present.flags.without(Flags::P);
    let Rule::Magic(magic) = &mut present.rule else { panic!() };
    magic.magic.truncate(19);
    magic.mask.truncate(19);
    facts.table.entries = vec![present];
    assert_eq!(step(&plan(NAMED, &["aarch64"], &profiles, &facts), "qemu-aarch64"), Step::Keep);
}

fn replaced(change: impl FnOnce(&mut Entry), probe: Option<Ran>) -> bool {
    let profiles = profiles();
    let mut facts = facts(&profiles);
    let mut present = entry(&profiles, "aarch64");
    change(&mut present);
    facts.probes.extend(probe.map(|ran| ("qemu-aarch64".to_owned(), ran)));
    facts.table.entries = vec![present];
    match step(&plan(NAMED, &["aarch64"], &profiles, &facts), "qemu-aarch64") {
        Step::Replace(_, old) => old == ["qemu-aarch64"],
        _ => false,
    }
}

#[test]
fn what_differs_is_replaced() {
    let works = || Outcome::Works { argv0: true };
    assert!(!replaced(|_| {}, None));
    assert!(!replaced(|_| {}, Some(Ran { outcome: works(), by: Some(id("/")) })));
    assert!(replaced(|e| e.flags = Flags::F, None));
    assert!(replaced(|e| e.interpreter = Some("/usr/bin/qemu-aarch64".into()), None));
    assert!(replaced(|e| e.rule = Rule::Magic(Magic::exact(0, b"\x7fELF\x02\x01\x01".to_vec())), None));
    assert!(replaced(|_| {}, Some(Ran { outcome: Outcome::Fails(Failure::Shifted), by: None })));
    assert!(replaced(|_| {}, Some(Ran { outcome: works(), by: Some(id("/proc/self/exe")) })), "an older emulator");
    assert!(!replaced(|_| {}, Some(Ran { outcome: Outcome::Works { argv0: false }, by: None })), "P was tried");
}

#[test]
fn switched_off_is_switched_on_and_shadowed_becomes_the_newest() {
    let profiles = profiles();
    let mut facts = facts(&profiles);
    facts.table.entries = vec![Entry { enabled: false, ..entry(&profiles, "aarch64") }];
    assert_eq!(step(&plan(NAMED, &["aarch64"], &profiles, &facts), "qemu-aarch64"), Step::Enable);
    let stranger =
        Entry { name: "fex-aarch64".into(), interpreter: Some("/usr/bin/fex".into()), ..entry(&profiles, "aarch64") };
    facts.table.entries = vec![stranger, entry(&profiles, "aarch64")];
    assert!(matches!(step(&plan(NAMED, &["aarch64"], &profiles, &facts), "qemu-aarch64"), Step::Replace(..)));
    let handled = Step::Skip(Skip::Handled("fex-aarch64".into()));
    assert_eq!(step(&plan(ALL, &[], &profiles, &facts), "qemu-aarch64"), handled);
}

#[test]
fn an_emulator_that_is_missing_or_cannot_serve() {
    let profiles = profiles();
    let mut facts = facts(&profiles);
    facts.emulators.remove("hexagon");
    facts.emulators.get_mut("s390x").unwrap().problem = Some("it is not static".into());
    let named = plan(NAMED, &["hexagon", "s390x"], &profiles, &facts);
    let Step::Refuse(why) = step(&named, "qemu-hexagon") else { panic!("{named:?}") };
    assert!(why.contains("qemu-hexagon") && why.contains(DIR), "{why}");
    assert!(matches!(step(&named, "qemu-s390x"), Step::Refuse(why) if why.contains("it is not static")));
    assert!(matches!(step(&plan(ALL, &[], &profiles, &facts), "qemu-hexagon"), Step::Skip(Skip::NoEmulator(_))));
}

#[test]
fn an_interpreter_of_another_entry_is_guarded() {
    let profiles = profiles();
    let mut facts = facts(&profiles);
    let head = profiles.named("s390x").unwrap().rules[0].probe.clone().unwrap();
    facts.guarded.push(Guarded {
        what: "the interpreter of the entry odd".into(),
        path: "/opt/odd".into(),
        entry: Some("odd".into()),
        profile: None,
        head,
    });
    let plan = plan(FORCED, &["s390x", "aarch64"], &profiles, &facts);
    assert!(matches!(step(&plan, "qemu-s390x"), Step::Refuse(why) if why.contains("/opt/odd")));
    assert!(matches!(step(&plan, "qemu-aarch64"), Step::Add(_)));
}

#[test]
fn converging_removes_ours_alone_and_every_run_clears_what_a_killed_one_left() {
    let profiles = profiles();
    let mut facts = facts(&profiles);
    let theirs = Entry { interpreter: Some("/usr/bin/qemu-s390x".into()), ..entry(&profiles, "s390x") };
    let left = Entry { name: format!("{STAND_IN}qemu-aarch64").into(), ..entry(&profiles, "aarch64") };
    facts.table.entries = vec![left, entry(&profiles, "aarch64"), entry(&profiles, "arm"), theirs];
    let plan = plan(Ask { converge: true, ..NAMED }, &["aarch64"], &profiles, &facts);
    let steps: Vec<(&str, &Step)> = plan.items.iter().map(|i| (i.name.as_str(), &i.step)).collect();
    let wanted =
        [("qemu-aarch64", &Step::Keep), ("rbinfmt-new-qemu-aarch64", &Step::Remove), ("qemu-arm", &Step::Remove)];
    assert_eq!(steps, wanted);
}

fn removed(words: &[&str], force: bool, names: &[&str]) -> Vec<(String, Step)> {
    let profiles = profiles();
    let entry_called = |name: &&str| match *name {
        "qemu-aarch64" => entry(&profiles, "aarch64"),
        "qemu-s390x" => {
            let mut other = Entry { interpreter: Some("/opt/other/qemu-s390x".into()), ..entry(&profiles, "s390x") };
            // As QEMU's own script masks the padding.
            if let Rule::Magic(magic) = &mut other.rule {
                magic.mask[9..16].fill(0xff);
            }
            other
        }
        other => Entry {
            name: other.into(),
            interpreter: Some("/usr/bin/other".into()),
            rule: Rule::Extension("x".into()),
            ..entry(&profiles, "arm")
        },
    };
    let mut table = facts(&profiles).table;
    table.entries = names.iter().map(entry_called).collect();
    let wanted = words.iter().map(|word| match profiles.spelled(word) {
        _ if *word == "all" => Wanted::All,
        Some(profile) => Wanted::Arch((*word).to_owned(), profile),
        None if word.contains('*') => Wanted::Glob(glob::Pattern::new(word).unwrap()),
        None => Wanted::Name((*word).to_owned()),
    });
    let places = Places::named(&[DIR.into()]);
    let request = Uninstall { wanted: wanted.collect(), force, places: &places, prefix: "" };
    uninstall(&request, &profiles, &table).items.into_iter().map(|i| (i.name, i.step)).collect()
}

#[test]
fn uninstall_takes_what_it_has_leave_for() {
    const TABLE: [&str; 4] = ["qemu-aarch64", "qemu-s390x", "python3.11", "WSLInterop"];
    let names = |words: &[&str], force: bool| -> Vec<String> {
        let removed = removed(words, force, &TABLE).into_iter().filter(|(_, step)| *step == Step::Remove);
        removed.map(|(name, _)| name).collect()
    };
    assert_eq!(names(&["all"], false), ["qemu-aarch64"]);
    assert_eq!(names(&["qemu-*"], false), ["qemu-aarch64", "qemu-s390x"]);
    assert_eq!(names(&["s390x"], false), ["qemu-s390x"]);
    assert_eq!(names(&["*"], false), ["qemu-aarch64", "qemu-s390x"]);
    assert_eq!(names(&["*"], true), ["qemu-aarch64", "qemu-s390x", "python3.11"]);
    assert_eq!(names(&["python3.11"], false), [""; 0]);
    assert_eq!(names(&["python3.11"], true), ["python3.11"]);
    assert_eq!(names(&["WSLInterop"], true), ["WSLInterop"]);
    assert_eq!(names(&["arm64", "qemu-*", "aarch64"], false), ["qemu-aarch64", "qemu-s390x"]);
    assert!(matches!(&removed(&["python3.11"], false, &TABLE)[..], [(_, Step::Refuse(_))]));
    assert!(matches!(&removed(&["riscv64"], false, &TABLE)[..], [(_, Step::Skip(Skip::NotFound))]));
    assert!(matches!(&removed(&["nothing"], false, &TABLE)[..], [(_, Step::Refuse(_))]));
}
