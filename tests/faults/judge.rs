//! What a run under a fault may have done, and what not.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};

use nix::libc::c_long;

use crate::calls::{self, Kind};
use crate::inject::{self, Aim, Ran};
use crate::other::{self, Deed};
use crate::prepare::{Remote, prepare, with_ids};
use crate::scenarios::Scenario;
use crate::state::{Eyes, State};
use crate::world::{self, ARCHS};

/// What happens, and where: at the `call`-th system call of the run without a fault, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) call: usize,
    /// Which of the things that may happen there.
    pub(crate) kind: usize,
}

/// Something that must not be.
pub(crate) struct Verdict {
    /// "lost", "lies", "left" or "panics".
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// A scenario without faults.
pub(crate) struct Baseline {
    pub(crate) scenario: &'static Scenario,
    verb: String,
    then: String,
    before: State,
    /// After the run.
    wanted: State,
    /// After the run that follows it, and how that ends.
    settled: State,
    settled_status: Option<i32>,
    /// Whether that run is about the table; `disable` in a chroot is not.
    settles_table: bool,
    /// The calls of the run, in their order.
    calls: Vec<c_long>,
    out: String,
    /// Whether it writes to the table.
    table: bool,
    /// Works before, and after it too.
    keeps: Vec<&'static str>,
    /// States that the second run has settled.
    known: RefCell<HashSet<u64>>,
}

impl Baseline {
    /// Makes the state and runs the verb, twice: the second run must change nothing. Otherwise, what is wrong without any
    /// fault.
    pub(crate) fn make(
        scenario: &'static Scenario,
        clean: &State,
        eyes: &mut Eyes,
        remote: &Remote,
    ) -> Result<Baseline, String> {
        eyes.restore(clean);
        for line in scenario.before {
            prepare(line, remote);
        }
        let before = eyes.look();
        let verb = with_ids(scenario.verb, remote);
        let working = || ARCHS.into_iter().filter(|arch| world::works(arch)).collect::<Vec<_>>();
        let worked = working();
        let ran = inject::run(&world::rbinfmt(&verb), None, scenario.end, || {});
        let wanted = eyes.look();
        let keeps = working().into_iter().filter(|arch| worked.contains(arch)).collect();
        if ran.status.code() != Some(scenario.status) {
            return Err(format!("{}: {:?} {:?}", ran.status, ran.out, ran.err));
        }
        let then = scenario.then.map_or_else(|| verb.clone(), |then| with_ids(then, remote));
        let again = inject::run(&world::rbinfmt(&then), None, scenario.end, || {});
        let settled = eyes.look();
        let differences = settled.differences(&wanted);
        if !differences.is_empty() && scenario.then.is_none() {
            return Err(format!("the second run changes {differences:?}"));
        }
        if again.status.code() != Some(scenario.status) && !scenario.once {
            return Err(format!("the second run: {again:?}"));
        }
        if scenario.told && again.out != ran.out {
            return Err(format!("{:?} is printed, and then {:?}", ran.out, again.out));
        }
        Ok(Baseline {
            scenario,
            verb,
            then,
            before,
            wanted,
            settled,
            settled_status: again.status.code(),
            settles_table: again.wrote || scenario.then.is_none(),
            calls: ran.calls,
            out: ran.out,
            table: ran.wrote,
            keeps,
            known: RefCell::default(),
        })
    }

    /// All that can happen to it, at calls of this name if one is given.
    pub(crate) fn faults(&self, name: Option<&str>) -> impl Iterator<Item = Fault> {
        let at = self.calls.iter().enumerate();
        let at = at.filter(move |(_, call)| name.is_none_or(|name| calls::name(**call) == name));
        at.flat_map(|(at, &call)| {
            (0..calls::kinds(call, self.table).len()).map(move |kind| Fault { call: at + 1, kind })
        })
    }

    fn aim(&self, fault: Fault) -> Option<Aim> {
        let &number = self.calls.get(fault.call.checked_sub(1)?)?;
        let nth = self.calls[..fault.call].iter().filter(|&&call| call == number).count();
        let kind = *calls::kinds(number, self.table).get(fault.kind)?;
        Some(Aim { number, nth, kind })
    }

    /// Runs the verb under this fault, and again without; `None` where the fault did not come to pass.
    pub(crate) fn try_out(&self, fault: Fault, eyes: &mut Eyes, show: bool) -> Option<Vec<Verdict>> {
        let aim = self.aim(fault)?;
        eyes.restore(&self.before);
        let attacked = match aim.kind {
            Kind::Other(Deed::Removes | Deed::Replaces) => Some(other::ARCH),
            _ => None,
        };
        // What another tool has removed is not ours to keep.
        let gone = attacked.filter(|_| aim.kind == Kind::Other(Deed::Removes));
        let broken = || self.keeps.iter().filter(|arch| gone != Some(arch) && !world::works(arch)).copied();
        let mut missed: BTreeSet<&str> = BTreeSet::new();
        let ran = inject::run(&world::rbinfmt(&self.verb), Some(aim), self.scenario.end, || {
            missed.extend(broken());
        });
        let after = eyes.look();
        let done = ran.done.as_ref()?;
        if show {
            println!("{done}: {}\n{}{}{:#?}", ran.status, ran.out, ran.err, after.differences(&self.wanted));
        }
        let mut verdicts = Vec::new();
        let mut say = |kind, text: String| {
            let said: Vec<&str> = ran.err.lines().chain(ran.out.lines()).collect();
            verdicts.push(Verdict { kind, text: format!("{done}: {text}: {} {said:?}", ran.status) });
        };
        let killed = aim.kind == Kind::Killed;
        if ran.hung || ran.err.contains("panicked at") || (ran.status.code().is_none() && !killed) {
            say("panics", "a panic, a hang or a signal".into());
        }
        if !missed.is_empty() {
            say("lost", format!("{missed:?} did not run for a moment"));
        }
        let broken: Vec<_> =
            if ran.wrote || after.table != self.before.table { broken().collect() } else { Vec::new() };
        if !broken.is_empty() {
            say("lost", format!("{broken:?} no longer run"));
        }
        if let Some(lie) = self.lie(&ran, aim, attacked, &after) {
            say("lies", lie);
        }
        // What a second run has settled from here, it settles again.
        let number = after.number();
        if self.known.borrow().contains(&number) && !show {
            return Some(verdicts);
        }
        let second = inject::run(&world::rbinfmt(&self.then), Some(NOTHING), self.scenario.end, || {});
        let now = eyes.look();
        let left = self.left(&now, attacked);
        let code = second.status.code();
        if !left.is_empty() {
            say("left", format!("the second run ({code:?}) leaves {left:?}: {}", second.err));
        } else if code != self.settled_status && !self.scenario.once {
            say("left", format!("the second run ends with {code:?}: {}", second.err));
        } else if attacked.is_none() {
            self.known.borrow_mut().insert(number);
        }
        if show {
            println!("second run: {code:?}\n{}{}", second.out, second.err);
        }
        Some(verdicts)
    }

    /// What the run claims and is not so.
    fn lie(&self, ran: &Ran, aim: Aim, attacked: Option<&str>, after: &State) -> Option<String> {
        if aim.kind == Kind::Killed {
            return None;
        }
        let said = format!("{}{}", ran.out, ran.err);
        if after.below("/outside") != self.before.below("/outside") {
            return Some("it has changed what is outside of its tree".into());
        }
        if self.scenario.status != 0 {
            return (ran.status.code() == Some(0)).then(|| "success, where it has to refuse".into());
        }
        if ran.status.code() == Some(self.scenario.status) {
            if self.scenario.told && ran.out != self.out {
                return Some(format!("success, but it prints something else than {:?}", self.out));
            }
            let mut differences = after.differences(&self.wanted);
            self.pardon(&mut differences, &self.verb, after, attacked);
            // What another tool does after the table was read back is for the next run. `--install` prints the table at
            // its end, which is not that.
            let could_see = attacked.is_none() || (ran.read_since && self.scenario.name != "--install");
            return (could_see && !differences.is_empty()).then(|| format!("success, but {differences:?}"));
        }
        if said.trim().is_empty() {
            return Some("it failed in silence".into());
        }
        if attacked.is_some_and(|arch| !said.contains(arch) && !said.contains("arm64")) {
            return Some("another tool changed an entry, and the message does not say which".into());
        }
        if aim.kind == Kind::Other(Deed::Adds) {
            return Some("another tool's entry is no reason to fail".into());
        }
        let other = ARCHS.iter().filter(|arch| attacked != Some(arch)).find(|arch| {
            let now = after.meaning(arch);
            now != self.before.meaning(arch) && now != self.wanted.meaning(arch) && now.is_some()
        });
        other.map(|arch| format!("{arch} has an entry that nobody asked for: {:?}", after.handler(arch)))
    }

    /// What the second run should have settled and has not.
    fn left(&self, now: &State, attacked: Option<&str>) -> Vec<String> {
        let mut left = now.differences(&self.settled);
        if !self.settles_table {
            left.retain(|what| !what.starts_with("entry "));
        }
        self.pardon(&mut left, &self.then, now, attacked);
        left.extend(now.temporary());
        left
    }

    /// Verbs that do not register leave an entry as another tool has made it, and write what is so.
    fn pardon(&self, differences: &mut Vec<String>, verb: &str, now: &State, attacked: Option<&str>) {
        let registers = ["install", "--install", "enable"].iter().any(|name| verb.split(' ').any(|word| word == *name));
        let Some(arch) = attacked.filter(|_| !registers) else { return };
        if now.handler(arch).is_none_or(other::is_theirs) {
            let follows = [&format!("qemu-{arch}\"")[..], "binfmt.d", "enabled.json"];
            differences.retain(|what| !follows.iter().any(|name| what.contains(name)));
        }
    }
}

/// An aim that nothing meets: few calls are stopped, and nothing happens.
const NOTHING: Aim = Aim { number: nix::libc::SYS_poll, nth: usize::MAX, kind: Kind::Killed };
