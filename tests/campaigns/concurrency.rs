//! Entries are swapped while foreign programs run, by two rbinfmt at once; the store is changed by two at once; and another
//! tool writes to the table meanwhile.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::extent::{Extent, Report};
use crate::hold::{is_wanted, names};
use crate::other::Deed;
use crate::random::Random;
use crate::world::{ARCHS, rbinfmt, works};

/// Of each of the runners.
const FEW: usize = 4;
const RUNNERS: u64 = 2;

/// A crowd: what is run, and who else is there.
struct Crowd {
    name: &'static str,
    /// What is run before.
    before: &'static str,
    verbs: &'static [&'static str],
    /// Which exit statuses there can be.
    statuses: &'static [i32],
    /// Whether another tool writes to the table; programs may then fail.
    others: bool,
}

const INSTALL: &str = "--emulators /given/one install arm64 riscv64";

const CROWDS: [Crowd; 3] = [
    Crowd {
        name: "swaps",
        before: INSTALL,
        verbs: &[
            INSTALL,
            "--emulators /given/two install arm64 riscv64",
            "--emulators /given/two install --no-verify arm64 riscv64",
            "--emulators /given/one install --no-credentials arm64 riscv64",
            "--emulators /given/old install arm64 riscv64",
        ],
        statuses: &[0],
        others: false,
    },
    Crowd {
        name: "changes of the store",
        before: "install --from /given/one arm64 riscv64",
        verbs: &[
            "fetch --from /given/one",
            "fetch --use --from /given/two",
            "fetch --from /given/two.deb",
            "install --from /given/one arm64 riscv64",
            "upgrade --from /given/two",
            "emulators gc",
            "emulators",
        ],
        // What one of them has fetched the other may collect before it is used.
        statuses: &[0, 1],
        others: false,
    },
    Crowd {
        name: "installs beside another tool",
        before: INSTALL,
        verbs: &[INSTALL, "--emulators /given/two install arm64 riscv64"],
        statuses: &[0, 1, 3],
        others: true,
    },
];

pub(crate) fn run(extent: &Extent) -> Report {
    let mut report = Report::default();
    for crowd in &CROWDS {
        settle(crowd.before, &mut report);
        meet(crowd, &extent.part(CROWDS.len() as u32), &mut report);
        settle(INSTALL, &mut report);
    }
    report
}

/// One run alone puts all right.
fn settle(words: &str, report: &mut Report) {
    let output = rbinfmt(words).output().unwrap();
    if !output.status.success() || !ARCHS.into_iter().all(works) {
        report.wrong(format!("{words}: {output:?}"));
    }
    let strange: Vec<String> = names().into_iter().filter(|name| !is_wanted(name)).collect();
    if !strange.is_empty() {
        report.wrong(format!("left in the table: {strange:?}"));
    }
}

/// What is counted while a crowd is at work.
#[derive(Default)]
struct Counts {
    runs: AtomicUsize,
    executed: AtomicUsize,
    failed: AtomicUsize,
    deeds: AtomicUsize,
    wrong: Mutex<Vec<String>>,
    over: AtomicBool,
}

impl Counts {
    /// Does it at least once, until the others are done.
    fn meanwhile(&self, mut step: impl FnMut()) {
        loop {
            step();
            if self.over.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

fn meet(crowd: &Crowd, extent: &Extent, report: &mut Report) {
    let counts = &Counts::default();
    thread::scope(|scope| {
        for arch in ARCHS.into_iter().filter(|_| !crowd.others) {
            scope.spawn(move || {
                counts.meanwhile(|| {
                    counts.executed.fetch_add(1, Ordering::Relaxed);
                    counts.failed.fetch_add(usize::from(!works(arch)), Ordering::Relaxed);
                });
            });
        }
        if crowd.others {
            scope.spawn(|| disturb(extent.seed, counts));
        }
        let runners: Vec<_> =
            (1..=RUNNERS).map(|number| scope.spawn(move || change(crowd, extent, number, counts))).collect();
        let ended: Vec<_> = runners.into_iter().map(|runner| runner.join()).collect();
        counts.over.store(true, Ordering::Relaxed);
        ended.into_iter().for_each(Result::unwrap);
    });
    let get = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    report.count(crowd.name, get(&counts.runs));
    match crowd.others {
        true => report.count("deeds of that tool", get(&counts.deeds)),
        false => report.count("foreign programs meanwhile", get(&counts.executed)),
    }
    counts.wrong.lock().unwrap().drain(..).for_each(|wrong| report.wrong(wrong));
    if get(&counts.failed) > 0 {
        report.wrong(format!("{}: {} foreign programs failed", crowd.name, get(&counts.failed)));
    }
}

/// Another tool, at the same table.
fn disturb(seed: u64, counts: &Counts) {
    let mut random = Random::new(seed);
    counts.meanwhile(|| {
        counts.deeds.fetch_add(usize::from(random.pick(&Deed::ALL).act()), Ordering::Relaxed);
        thread::sleep(Duration::from_millis(random.below(5) as u64));
    });
}

/// One of those that run rbinfmt.
fn change(crowd: &Crowd, extent: &Extent, number: u64, counts: &Counts) {
    let mut random = Random::new(extent.seed + number);
    let mut done = 0;
    while extent.goes_on(done, FEW) {
        let words = *random.pick(crowd.verbs);
        let output = rbinfmt(words).output().unwrap();
        if !output.status.code().is_some_and(|status| crowd.statuses.contains(&status)) {
            counts.wrong.lock().unwrap().push(format!("{}: {words}: {output:?}", crowd.name));
        }
        done += 1;
    }
    counts.runs.fetch_add(done, Ordering::Relaxed);
}
