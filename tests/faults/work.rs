//! A worker: runs its share of the faults, and says what came of it in lines of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use crate::campaign::{Campaign, Worker};
use crate::judge::{Baseline, Fault, Verdict};
use crate::scenarios::Scenario;
use crate::state::{Eyes, State};
use crate::world;

/// How much is run of each scenario before the next one's turn.
const TURN: usize = 5;

pub(crate) fn work(campaign: &Campaign, worker: &Worker) {
    let root = Path::new(&worker.root);
    world::enter(root, &root.parent().unwrap().join("given"), Path::new(&campaign.program));
    world::stay_on_cpu(worker.number);
    let mut bench = Bench::new(campaign, worker);
    match campaign.one {
        Some(fault) => bench.run(0, fault),
        None if campaign.all => bench.run_all(),
        None => bench.draw(),
    }
    bench.tell_runs();
}

/// What a worker works with.
struct Bench<'a> {
    campaign: &'a Campaign,
    worker: &'a Worker,
    started: Instant,
    eyes: Eyes,
    clean: State,
    scenarios: Vec<&'static Scenario>,
    /// Made when they are needed; `None` where a scenario is wrong without a fault.
    baselines: BTreeMap<usize, Option<Rc<Baseline>>>,
    /// Those that were not told yet, and all.
    runs: BTreeMap<&'static str, usize>,
    total: usize,
}

impl<'a> Bench<'a> {
    fn new(campaign: &'a Campaign, worker: &'a Worker) -> Bench<'a> {
        let mut eyes = Eyes::default();
        let clean = eyes.look();
        let mut scenarios: Vec<_> = campaign.scenarios().filter(|scenario| !campaign.is_done(scenario)).collect();
        scenarios.retain(|scenario| {
            let missing = (scenario.needs("REGISTRY") && worker.remote.registry.is_empty())
                || (scenario.needs("--persist") && !world::is_static());
            if missing && worker.number == 0 {
                println!("not run: {} (docker-registry, a static program)", scenario.name);
            }
            !missing
        });
        Bench {
            campaign,
            worker,
            started: Instant::now(),
            eyes,
            clean,
            scenarios,
            baselines: BTreeMap::new(),
            runs: BTreeMap::new(),
            total: 0,
        }
    }

    /// Every fault of every scenario, until it is over.
    fn run_all(&mut self) {
        for at in 0..self.scenarios.len() {
            let Some(baseline) = self.baseline(at) else { continue };
            // Neighbours go to different workers.
            let faults = baseline.faults(self.campaign.call.as_deref());
            for fault in faults.skip(self.worker.number).step_by(self.campaign.workers) {
                if self.is_over() {
                    return;
                }
                self.run(at, fault);
            }
            self.tell_runs();
            println!("> done\t{}", self.scenarios[at].name);
        }
    }

    /// Faults drawn from the seed, a few of each scenario in turn, until it is over.
    fn draw(&mut self) {
        let (count, workers) = (self.scenarios.len(), self.campaign.workers);
        // A scenario is one worker's where there are enough of them: what it learns of it is learned once.
        let is_mine = |at: &usize| count < workers || at % workers == self.worker.number;
        let mut mine: Vec<usize> = (0..count).filter(is_mine).collect();
        let mut random = Random::new(self.campaign.seed(), self.worker.number);
        while !mine.is_empty() {
            random.shuffle(&mut mine);
            for &at in &mine {
                let Some(baseline) = self.baseline(at) else { continue };
                let faults: Vec<Fault> = baseline.faults(self.campaign.call.as_deref()).collect();
                for _ in 0..TURN.min(faults.len()) {
                    if self.is_over() {
                        return;
                    }
                    self.run(at, faults[random.below(faults.len())]);
                }
            }
            mine.retain(|&at| self.baseline(at).is_some());
        }
    }

    fn is_over(&self) -> bool {
        self.campaign.is_over(self.total, self.started)
    }

    fn baseline(&mut self, at: usize) -> Option<Rc<Baseline>> {
        if let Some(known) = self.baselines.get(&at) {
            return known.clone();
        }
        let scenario = self.scenarios[at];
        let made = match Baseline::make(scenario, &self.clean, &mut self.eyes, &self.worker.remote) {
            Ok(baseline) => Some(Rc::new(baseline)),
            Err(wrong) => {
                println!("lies: {} without a fault: {wrong}", scenario.name);
                println!("> lies\t{}\t1", scenario.name);
                None
            }
        };
        self.baselines.insert(at, made.clone());
        made
    }

    fn run(&mut self, at: usize, fault: Fault) {
        let Some(baseline) = self.baseline(at) else { return };
        let Some(verdicts) = baseline.try_out(fault, &mut self.eyes, self.campaign.one.is_some()) else { return };
        let name = self.scenarios[at].name;
        *self.runs.entry(name).or_default() += 1;
        self.total += 1;
        for Verdict { kind, text } in verdicts {
            println!("{kind}: {name} {} {}: {text}", fault.call, fault.kind);
            println!("> {kind}\t{name}\t1");
        }
    }

    fn tell_runs(&mut self) {
        for (scenario, count) in std::mem::take(&mut self.runs) {
            println!("> runs\t{scenario}\t{count}");
        }
    }
}

/// Numbers that follow from the seed (xorshift).
struct Random(u64);

impl Random {
    fn new(seed: u64, worker: usize) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (worker as u64 + 1))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn shuffle(&mut self, items: &mut [usize]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
