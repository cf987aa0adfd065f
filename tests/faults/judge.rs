//! What a run under a fault may have done, and what not.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use nix::libc::c_long;

use crate::inject::{self, Fault, Ran};
use crate::scenarios::Scenario;
use crate::world::{self, ARCHS, State};

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
    before: State,
    wanted: State,
    /// The interesting calls of the run, in their order.
    pub(crate) calls: Vec<c_long>,
    status: Option<i32>,
    /// Works before, and after it too.
    keeps: Vec<&'static str>,
}

impl Baseline {
    /// Makes the state and runs the verb, twice: the second run must change nothing. Otherwise, what is wrong without any fault.
    pub(crate) fn make(scenario: &'static Scenario, clean: &State) -> Result<Baseline, String> {
        clean.restore(&State::now());
        for line in scenario.before {
            prepare(line);
        }
        let before = State::now();
        let verb = with_ids(scenario.verb);
        let working = || ARCHS.into_iter().filter(|arch| world::works(arch)).collect::<Vec<_>>();
        let worked = working();
        let ran = inject::run(&mut world::rbinfmt(&verb), None, || {});
        let wanted = State::now();
        let keeps = working().into_iter().filter(|arch| worked.contains(arch)).collect();
        let status = ran.status.code();
        if status != Some(0) {
            return Err(format!("{}: {:?} {:?}", ran.status, ran.out, ran.err));
        }
        let again = world::rbinfmt(&verb).output().unwrap();
        let differences = State::now().differences(&wanted);
        if !differences.is_empty() {
            return Err(format!("the second run changes {differences:?}"));
        }
        if !again.status.success() && !scenario.once {
            return Err(format!("the second run: {again:?}"));
        }
        Ok(Baseline { scenario, verb, before, wanted, calls: ran.calls, status, keeps })
    }

    /// Runs the verb under this fault, and again without.
    pub(crate) fn try_out(&self, fault: Fault, show: bool) -> Vec<Verdict> {
        self.before.restore(&State::now());
        let mut missed: BTreeSet<&str> = BTreeSet::new();
        let ran = inject::run(&mut world::rbinfmt(&self.verb), Some(fault), || {
            missed.extend(self.keeps.iter().filter(|arch| !world::works(arch)));
        });
        let after = State::now();
        let broken: Vec<_> = self.keeps.iter().filter(|arch| !world::works(arch)).collect();
        let Some(done) = &ran.done else { return Vec::new() };
        if show {
            println!("{done}: {}\n{}{}{:#?}", ran.status, ran.out, ran.err, after.differences(&self.wanted));
        }
        let mut verdicts = Vec::new();
        let mut say = |kind, text: String| {
            let said: Vec<&str> = ran.err.lines().chain(ran.out.lines()).collect();
            verdicts.push(Verdict { kind, text: format!("{done}: {text}: {} {said:?}", ran.status) });
        };
        if ran.hung || ran.err.contains("panicked at") || (ran.status.code().is_none() && !ran.killed_by_us()) {
            say("panics", "a panic, a hang or a signal".into());
        }
        if !missed.is_empty() {
            say("lost", format!("{missed:?} did not run for a moment"));
        }
        if !broken.is_empty() {
            say("lost", format!("{broken:?} no longer run"));
        }
        if let Some(lie) = self.lie(&ran, &after) {
            say("lies", lie);
        }
        let second = world::rbinfmt(&self.verb).output().unwrap();
        let (settled, code) = (State::now(), second.status.code());
        let mut left = settled.differences(&self.wanted);
        left.extend(settled.temporary());
        if !left.is_empty() {
            say(
                "left",
                format!("the second run ({code:?}) leaves {left:?}: {}", String::from_utf8_lossy(&second.stderr)),
            );
        } else if code != self.status && !self.scenario.once {
            say("left", format!("the second run ends with {code:?}: {}", String::from_utf8_lossy(&second.stderr)));
        }
        if show {
            println!(
                "second run: {code:?}\n{}{}",
                String::from_utf8_lossy(&second.stdout),
                String::from_utf8_lossy(&second.stderr)
            );
        }
        verdicts
    }

    /// What the run claims and is not so.
    fn lie(&self, ran: &Ran, after: &State) -> Option<String> {
        if ran.killed_by_us() {
            return None;
        }
        if ran.status.code() == self.status {
            let differences = after.differences(&self.wanted);
            return (!differences.is_empty()).then(|| format!("success, but {differences:?}"));
        }
        if ran.err.trim().is_empty() && ran.out.trim().is_empty() {
            return Some("it failed in silence".into());
        }
        let other = ARCHS.iter().find(|arch| {
            let now = after.handler(arch);
            now != self.before.handler(arch) && now != self.wanted.handler(arch) && now.is_some()
        });
        other.map(|arch| format!("{arch} has an entry that nobody asked for: {:?}", after.handler(arch)))
    }
}

/// The identifiers of what was fetched are hashes: they are looked up.
fn with_ids(verb: &str) -> String {
    if !verb.contains("file-DEB") {
        return verb.to_owned();
    }
    let versions = fs::read_dir("/var/lib/rbinfmt/versions").unwrap().flatten();
    let current = fs::read_to_string("/var/lib/rbinfmt/current.json").unwrap();
    let mut names = versions.map(|item| item.file_name().into_string().unwrap());
    verb.replace("file-DEB", &names.find(|name| !current.contains(name)).unwrap())
}

/// One line of a scenario's preparation.
fn prepare(line: &str) {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("!config", directory) => {
            let text = format!("architectures = [\"arm64\"]\nemulators = [\"{directory}\"]\n");
            fs::write("/etc/rbinfmt/config.toml", text).unwrap();
        }
        ("!tree", _) => {
            for directory in ["/tree/usr/lib/systemd/system", "/tree/etc", "/tree/var/lib"] {
                fs::DirBuilder::new().recursive(true).mode(0o755).create(directory).unwrap();
            }
            fs::write("/tree/usr/lib/systemd/systemd", "").unwrap();
            fs::write("/tree/usr/lib/systemd/system/rbinfmt.service", "").unwrap();
        }
        ("!damage", name) => {
            for item in fs::read_dir("/var/lib/rbinfmt/versions").unwrap().flatten() {
                let path = item.path().join(name);
                let length = fs::metadata(&path).unwrap().len();
                fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 2).unwrap();
            }
        }
        _ => {
            let ran = world::rbinfmt(line).output().unwrap();
            assert!(ran.status.success(), "{line}: {ran:?}");
        }
    }
    assert!(Path::new(world::RBINFMT).exists());
}
