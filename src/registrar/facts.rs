//! One snapshot of everything that a decision needs. It can be printed, and read on another machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};
use serde::{Deserialize, Serialize};

use crate::architecture::Architecture;
use crate::binfmt::entry::Entry;
use crate::binfmt::mounts::Mounted;
use crate::binfmt::rule::{Rule, WINDOW};
use crate::binfmt::table::{Listing, Table, Unreadable};
use crate::elf::{self, Target};
use crate::emulators::find::Found;
use crate::error::{Error, Result};
use crate::host::{Host, Identity};
use crate::kernel::Kernel;
use crate::probe::{self, Outcome, Probe, Ran};
use crate::proc;
use crate::profile::{Kind, Profile, Profiles};
use crate::signature::Signature;
use crate::text::to_text;
use crate::trust::{Trust, Writable};

/// The snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Facts {
    /// The kernel.
    pub kernel: Kernel,
    /// Who we are.
    pub identity: Identity,
    /// What rbinfmt itself was built for.
    pub own: Target,
    /// Why rbinfmt itself seems to run under an emulator; then nothing here can be believed about the machine.
    pub emulated: Option<String>,
    /// What was mounted on the table's directory before we came.
    pub mounted: Mounted,
    /// The table.
    pub table: TableFacts,
    /// Profiles whose files the kernel runs without an entry.
    pub native: Vec<String>,
    /// Files that no rule may match.
    pub guarded: Vec<Guarded>,
    /// The emulator found for a profile.
    pub emulators: BTreeMap<String, Found>,
    /// Interpreters and emulators that others than root may write, by their paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub writable: BTreeMap<String, Writable>,
    /// What came of running a probe, by the plain name of the entry that its rule makes, where some entry matches it.
    pub probes: BTreeMap<String, Ran>,
}

/// The table's state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TableFacts {
    /// Its directory.
    pub path: PathBuf,
    /// Whether we may register.
    pub writable: bool,
    /// Whether the kernel looks at entries at all.
    pub enabled: bool,
    /// In the kernel's order, newest first.
    pub entries: Vec<Entry>,
    /// Entries that could not be read.
    pub unreadable: Vec<Unreadable>,
}

/// A file that has to go on running as it does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Guarded {
    /// What it is, for the message: "the shell".
    pub what: String,
    /// Its path.
    pub path: PathBuf,
    /// The entry that needs it; `None` where more than one entry does.
    #[serde(default, with = "crate::text::maybe_lossless", skip_serializing_if = "Option::is_none")]
    pub entry: Option<BString>,
    /// The profile that needs it, which makes no entry for all that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What an entry would see of it.
    #[serde(with = "crate::text::hex")]
    pub head: Vec<u8>,
}

/// How the scripts of a system begin.
const SCRIPTS: [&[u8]; 6] = [
    b"#!/bin/sh\n",
    b"#! /bin/sh\n",
    b"#!/bin/bash\n",
    b"#!/usr/bin/env ",
    b"#!/usr/bin/perl ",
    b"#!/usr/bin/python3\n",
];

impl Guarded {
    /// Whether the machine itself lives on it.
    fn is_machines(&self) -> bool {
        self.entry.is_none() && self.profile.is_none()
    }
}

/// What to find out.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The root directory of the system whose emulators they are.
    pub root: &'a Path,
    /// The profiles asked about.
    pub profiles: &'a [&'a Profile],
    /// The emulators found for them.
    pub emulators: &'a BTreeMap<String, Found>,
    /// Run probes of what the table matches.
    pub probe: bool,
    /// Whether the entries give their interpreters root's rights, so that it counts who else may write those.
    pub gives_rights: bool,
}

impl TableFacts {
    /// Reads a table.
    ///
    /// # Errors
    /// A table that cannot be read as a whole: not mounted, or not for us.
    pub fn read(table: &Table) -> Result<TableFacts> {
        let Listing { enabled, entries, unreadable } = table.list()?;
        Ok(TableFacts { path: table.dir().to_owned(), writable: table.is_writable(), enabled, entries, unreadable })
    }

    /// An error where an entry could not be read.
    ///
    /// # Errors
    /// The first such entry.
    pub fn readable(&self, doing: &str) -> Result<()> {
        crate::binfmt::table::readable(&self.unreadable, doing)
    }

    /// A table that cannot be seen, taken as an empty one.
    pub fn unseen(path: &Path) -> TableFacts {
        let (entries, unreadable) = (Vec::new(), Vec::new());
        TableFacts { path: path.to_owned(), writable: false, enabled: true, entries, unreadable }
    }
}

impl Facts {
    /// Looks at everything once. Changes nothing.
    ///
    /// # Errors
    /// rbinfmt's own program cannot be read; a probe program cannot be made, or what came of it could not be determined.
    pub fn gather(host: &Host, mounted: Mounted, table: TableFacts, all: &Profiles, scope: Scope) -> Result<Facts> {
        let own = own_target()?;
        let kernel = Kernel::running();
        let mut facts = Facts {
            identity: Identity::own(host),
            own,
            emulated: None,
            mounted,
            table,
            native: Vec::new(),
            guarded: Vec::new(),
            emulators: scope.emulators.clone(),
            writable: BTreeMap::new(),
            probes: BTreeMap::new(),
            kernel,
        };
        facts.guarded = guarded(&facts.table.entries, scope.profiles);
        if scope.gives_rights {
            facts.writable = writable(&facts.table.entries, scope);
        }
        facts.emulated = facts.emulation(host);
        facts.run_probes(all, scope)?;
        Ok(facts)
    }

    /// The entry that the kernel would give a file with these first bytes.
    pub fn taker(&self, head: &[u8]) -> Option<&Entry> {
        if !self.table.enabled {
            return None;
        }
        self.table.entries.iter().find(|entry| entry.takes(head, b""))
    }

    /// Which of the machine's own programs a rule matches, be its entry enabled or not: "the shell (/bin/sh)".
    pub fn own_match(&self, rule: &Rule, profiles: &Profiles) -> Option<String> {
        let machines = self.guarded.iter().filter(|file| file.is_machines());
        let mut taken = machines.filter(|file| rule.takes(&file.head, file.path.as_os_str().as_encoded_bytes()));
        if let Some(file) = taken.next() {
            return Some(format!("{} ({})", file.what, file.path.display()));
        }
        if let Some(script) = SCRIPTS.iter().find(|script| rule.takes(script, b"")) {
            return Some(format!("this machine's scripts ({})", script.trim_ascii().as_bstr()));
        }
        let own = profiles.iter().filter(|profile| self.is_own(profile)).find(|profile| match &profile.kind {
            Kind::Elf { signatures, .. } => signatures.iter().any(|signature| signature.is_matched_by(rule)),
            Kind::Other { .. } => false,
        })?;
        Some(format!("this machine's own programs ({})", own.label()))
    }

    /// Who else than root may write the interpreter of an entry.
    pub fn writer_of(&self, entry: &Entry) -> Option<&Writable> {
        self.writable.get(&to_text(entry.interpreter.as_ref()?))
    }

    /// An emulator shows its program another machine than the real one; these two it cannot change.
    fn emulation(&self, host: &Host) -> Option<String> {
        let own_file = self.guarded.iter().find(|g| g.path == proc::own("exe"))?;
        if let Some(entry) = self.taker(&own_file.head) {
            return Some(format!("the entry {} matches rbinfmt's own program", entry.name));
        }
        let real = host.kernel_arch()?;
        (real != self.kernel.machine && !compatible(&real, &self.kernel.machine))
            .then(|| format!("the kernel is built for {real}, but uname says {}", self.kernel.machine))
    }

    /// One run of all probes: those that an entry matches, and those that the kernel may run by itself.
    fn run_probes(&mut self, all: &Profiles, scope: Scope) -> Result<()> {
        let mut of = Vec::new();
        let mut probes = Vec::new();
        for profile in all.iter() {
            if self.is_own(profile) {
                self.native.push(profile.name.clone());
                continue;
            }
            let maybe_native = may_be_native(profile, self.own, &self.kernel);
            if !scope.profiles.iter().any(|p| p.name == profile.name) {
                continue;
            }
            for (index, rule) in profile.rules.iter().enumerate() {
                let Some(program) = &rule.probe else { continue };
                let taken = self.taker(program).map(|entry| entry.flags);
                if taken.is_some()
                    && maybe_native
                    && Architecture::of_machine(&self.kernel.machine) == Some(Architecture::X86_64)
                {
                    // An entry hides whether the kernel would do; practically every x86_64 kernel runs i386.
                    self.native.push(profile.name.clone());
                }
                if if taken.is_some() { scope.probe } else { maybe_native && index == 0 } {
                    of.push((profile, rule, taken));
                    probes.push(Probe::new(program)?);
                }
            }
        }
        for ((profile, rule, taken), ran) in of.into_iter().zip(probe::run(&probes)) {
            match (taken, &ran.outcome) {
                (Some(flags), _) => {
                    let ran = Ran { outcome: ran.outcome.under(flags), by: ran.by };
                    self.probes.insert(rule.entry.clone(), ran);
                }
                (None, Outcome::Works { .. }) => self.native.push(profile.name.clone()),
                (None, Outcome::Fails(_)) => {}
                (None, Outcome::Unclear(why)) => return Err(probe::unclear(&profile.name, why)),
            }
        }
        Ok(())
    }

    /// The very architecture that rbinfmt is built for, or that the kernel says it is.
    pub fn is_own(&self, profile: &Profile) -> bool {
        is_own(profile, self.own, &self.kernel)
    }
}

fn is_own(profile: &Profile, own: Target, kernel: &Kernel) -> bool {
    let Kind::Elf { signatures, .. } = &profile.kind else { return false };
    let same = |s: &Signature| Target { class: s.class, data: s.data, machine: s.machine } == own && s.flags.is_none();
    signatures.iter().any(same)
        || profile.name == kernel.machine
        || (profile.aliases.contains(&kernel.machine) && same_order(profile, own))
}

fn may_be_native(profile: &Profile, own: Target, kernel: &Kernel) -> bool {
    profile.native_on.contains(&kernel.machine) && same_order(profile, own)
}

/// `uname -m` says the same for both byte orders of some machines.
fn same_order(profile: &Profile, own: Target) -> bool {
    matches!(&profile.kind, Kind::Elf { signatures, .. } if signatures.iter().all(|s| s.data == own.data))
}

/// Those of the profiles whose files run here before anything is done, by their names.
///
/// # Errors
/// rbinfmt's own program cannot be read, or a probe program cannot be made.
pub fn native(profiles: &[&Profile]) -> Result<Vec<String>> {
    let (own, kernel) = (own_target()?, Kernel::running());
    let mut native = Vec::new();
    for profile in profiles {
        let runs = || -> Result<bool> {
            let Some(program) = profile.rules.first().and_then(|r| r.probe.as_ref()) else { return Ok(false) };
            let ran = probe::run(&[Probe::new(program)?]);
            Ok(ran.iter().all(|r| r.outcome.works()))
        };
        if is_own(profile, own, &kernel) || (may_be_native(profile, own, &kernel) && runs()?) {
            native.push(profile.name.clone());
        }
    }
    Ok(native)
}

/// What rbinfmt itself was built for; emulators have to be built for the same.
///
/// # Errors
/// /proc/self/exe cannot be read, or is not an ELF file.
pub fn own_target() -> Result<Target> {
    let own = elf::read(&proc::own("exe")).map_err(|why| Error::unknown("reading rbinfmt's own program", why))?;
    Ok(own.target)
}

/// Whether uname may say `shown` on a kernel built for `real` (32-bit personalities).
fn compatible(real: &str, shown: &str) -> bool {
    let known = Architecture::of_machine(real).zip(Architecture::of_machine(shown));
    // The 32-bit names of some kernels are not target of QEMU's: "ppcle", "s390".
    let family = |name: &str| name.trim_end_matches("le").trim_end_matches(['x', '4', '6']).to_owned();
    known.is_some_and(|(real, shown)| shown.runs_on(real) || real.runs_on(shown)) || family(real) == family(shown)
}

fn guarded(entries: &[Entry], profiles: &[&Profile]) -> Vec<Guarded> {
    let mut guarded = Vec::new();
    // Thousands of entries can have one interpreter.
    let mut heads: BTreeMap<PathBuf, Option<Vec<u8>>> = BTreeMap::new();
    let mut guard = |what: String, path: PathBuf, entry: Option<BString>, profile: Option<String>| {
        let head = heads.entry(path.clone()).or_insert_with_key(|path| head(path)).clone();
        guarded.extend(head.map(|head| Guarded { what, path, entry, profile, head }));
    };
    guard("rbinfmt itself".into(), proc::own("exe"), None, None);
    guard("the shell".into(), Host::SHELL.into(), None, None);
    if let Ok(shell) = elf::read(Path::new(Host::SHELL))
        && let Some(loader) = shell.interpreter
    {
        guard("this machine's program loader".into(), loader.into(), None, None);
    }
    for entry in entries.iter().filter(|e| e.enabled) {
        if let Some(path) = entry.interpreter.as_ref().and_then(|i| i.to_path().ok()) {
            let what = format!("the interpreter of the entry {}", entry.name);
            guard(what, path.to_owned(), Some(entry.name.clone()), None);
        }
    }
    for profile in profiles {
        if let Kind::Other { interpreter, .. } = &profile.kind {
            let what = format!("the interpreter of {}", profile.name);
            guard(what, interpreter.clone(), None, Some(profile.name.clone()));
        }
    }
    guarded
}

/// Of the interpreters of entries and profiles, and of the emulators: those that others may write.
fn writable(entries: &[Entry], scope: Scope) -> BTreeMap<String, Writable> {
    let of_entries = entries.iter().filter_map(|e| e.interpreter.as_ref()?.to_path().ok());
    let of_profiles = scope.profiles.iter().filter_map(|profile| match &profile.kind {
        Kind::Other { interpreter, .. } => Some(interpreter.as_path()),
        Kind::Elf { .. } => None,
    });
    let emulators = scope.emulators.values().map(|found| found.path.as_path());
    let paths: BTreeSet<&Path> = of_entries.chain(of_profiles).chain(emulators).collect();
    let trust = Trust::of_root(scope.root);
    let text = |path: &Path| to_text(path.as_os_str().as_encoded_bytes());
    paths.into_iter().filter_map(|path| Some((text(path), trust.writable(path)?))).collect()
}

/// What an entry would see of a file; `None` for what cannot be read, or is not a file.
pub fn head(path: &Path) -> Option<Vec<u8>> {
    // Only files are opened: a look into a FIFO could wait for ever.
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mut head = Vec::with_capacity(WINDOW);
    File::open(path).ok()?.take(WINDOW as u64).read_to_end(&mut head).ok()?;
    Some(head)
}
