//! One platform of an image, judged twice: on a machine of its own, where it has to start, and on this one.

use std::sync::Arc;

use super::census::{ArchCount, census, name_of};
use super::entry::{self, Found, Word};
use super::{World, named};
use crate::architecture::Architecture;
use crate::doctor::catalogue::CauseId;
use crate::doctor::file::{FileVerdict, Setting, identity_of};
use crate::doctor::finding::{Finding, Severity};
use crate::error::Result;
use crate::exec::facts::{Environment, ExecFacts, TableFacts};
use crate::exec::identity::Identity;
use crate::exec::root::Root;
use crate::exec::tree::Tree;
use crate::exec::{self, Decided, Handler, Outcome, Step};
use crate::oci::Platform;
use crate::oci::config::Config;
use crate::oci::image::Candidate;
use crate::profile::Profile;
use crate::text::to_text;

/// What came of one platform.
#[derive(Debug)]
pub struct Judged {
    /// What the index says, or the configuration where there is no index.
    pub platform: String,
    /// What the configuration says.
    pub claims: String,
    /// Its ENTRYPOINT and CMD.
    pub argv: Vec<String>,
    /// The user and the directory that it starts with.
    pub user: String,
    /// WORKDIR
    pub directory: String,
    /// The program that is started first.
    pub entrypoint: Option<Program>,
    /// What that starts in turn, as far as its words tell.
    pub command: Option<Program>,
    /// /bin/sh, and the CPU that it is for.
    pub shell: Option<(String, String)>,
    /// All programs and libraries by CPU, the commonest first.
    pub holds: Vec<ArchCount>,
    /// Those of a CPU that is not the claimed one.
    pub foreign: Vec<ArchCount>,
    /// How it runs on this machine.
    pub runs: Runs,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

/// A program that the image starts.
#[derive(Debug)]
pub struct Program {
    /// As the image names it.
    pub word: String,
    /// What happens on a machine of its own platform.
    pub at_home: FileVerdict,
    /// What happens on this one.
    pub here: FileVerdict,
    /// The CPU of the program that its chain ends with.
    pub arch: Option<String>,
}

/// How a platform runs on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runs {
    /// On its CPU.
    Native,
    /// Under emulation, by these entries.
    Emulated(Vec<String>),
    /// Not at all, for this reason.
    No(String),
    /// It cannot be told, for this reason.
    Unknown(String),
}

const SHELL: &str = "/bin/sh";

/// What Docker lets a container have without --cap-add (CAP_CHOWN to CAP_SETFCAP).
const CAPABILITIES: u64 = 0xa804_25fb;

/// One platform while it is looked at.
struct Case<'a> {
    world: &'a World<'a>,
    image: &'a str,
    config: &'a Config,
    tree: Arc<Tree>,
    identity: Identity,
    /// The profile of what it claims.
    claimed: Option<&'a Profile>,
    findings: Vec<Finding>,
}

impl World<'_> {
    /// The profile of this machine's own programs.
    pub(super) fn own(&self) -> Option<&Profile> {
        let own = Architecture::of_machine(&self.facts.kernel.machine)?;
        self.profiles.named(own.row().name)
    }

    /// Judges one platform. `only` says that it is the one that will be used.
    pub(super) fn judge(&self, image: &str, candidate: &Candidate, tree: Arc<Tree>, only: bool) -> Result<Judged> {
        let config = &candidate.config;
        let claims = config.platform();
        let claimed = self.profiles.spelled(&claims.to_string());
        let root = Root::tree(tree.clone(), config.directory.as_bytes());
        let (identity, unknown) = match user(config, &root) {
            Ok(identity) => (identity, None),
            Err(finding) => (Identity::named("0", "", "")?, Some(finding)),
        };
        let mut case = Case { world: self, image, config, tree, identity, claimed, findings: Vec::new() };
        case.findings.extend(unknown.map(|finding| *finding));
        if let Some(listed) = &candidate.listed {
            case.compare(listed, &claims);
        }
        let mut judged = Judged {
            platform: candidate.listed.as_ref().unwrap_or(&claims).to_string(),
            claims: claims.to_string(),
            argv: config.argv(),
            user: config.user.clone(),
            directory: config.directory.clone(),
            entrypoint: None,
            command: None,
            shell: None,
            holds: Vec::new(),
            foreign: Vec::new(),
            runs: Runs::Unknown("only images for Linux are judged".into()),
            findings: Vec::new(),
        };
        if claims.os == "linux" || config.os.is_empty() {
            case.look(&root, only, &mut judged)?;
        }
        judged.findings = case.findings;
        judged.findings.sort_by_key(|finding| finding.severity);
        Ok(judged)
    }
}

impl Case<'_> {
    fn look(&mut self, root: &Root, only: bool, judged: &mut Judged) -> Result<()> {
        judged.holds = census(&self.tree, self.world.profiles);
        judged.foreign = judged.holds.iter().filter(|count| !self.is_claimed(&count.arch)).cloned().collect();
        judged.shell = self.arch_at(root, SHELL.as_bytes()).map(|arch| (SHELL.to_owned(), arch));
        if let Some(word) = judged.argv.first() {
            match entry::look_up(word, self.config, root, self.image) {
                Found::Nowhere(finding) => self.findings.push(*finding),
                Found::At(path) => {
                    let argv = judged.argv.iter().map(|a| a.as_str().into()).collect();
                    let word = Word { word: word.clone(), path, argv, certain: true };
                    judged.entrypoint = Some(self.program(&word)?);
                }
            }
        }
        if let Some(word) = entry::inner(self.config, root) {
            let program = self.program(&word)?;
            judged.command = Some(program);
            self.take_findings(judged.command.as_ref(), word.certain);
        }
        self.take_findings(judged.entrypoint.as_ref(), true);
        self.lie(judged);
        judged.runs = self.runs(judged);
        self.not_here(judged, only);
        Ok(())
    }

    /// A program on both machines.
    fn program(&self, word: &Word) -> Result<Program> {
        let at_home = self.setting(self.home(), false, word).examine(&word.path)?;
        let here = self.setting(self.here(), self.world.here, word).examine(&word.path)?;
        let root = Root::tree(self.tree.clone(), self.config.directory.as_bytes());
        let steps = &at_home.verdict.steps;
        let last = steps.iter().rev().find(|step| !is_loader(step, steps));
        let arch = last.and_then(|step| self.arch_at(&root, &step.path));
        Ok(Program { word: word.word.clone(), at_home, here, arch })
    }

    fn setting(&self, facts: ExecFacts, here: bool, word: &Word) -> Setting {
        Setting {
            facts,
            root: Root::tree(self.tree.clone(), self.config.directory.as_bytes()),
            host: Root::own(),
            argv: word.argv.clone(),
            verify: false,
            here,
            path: Some(self.config.path().into()),
        }
    }

    /// This machine, as a container on it sees it.
    fn here(&self) -> ExecFacts {
        let environment = Environment::of(self.config.environment.iter().map(String::as_bytes));
        // The container's own mounts are not those of this process.
        let noexec = Vec::new();
        ExecFacts { identity: self.identity.clone(), environment, noexec, ..self.world.facts.clone() }
    }

    /// A machine of the claimed platform, with as new a kernel and without an entry.
    fn home(&self) -> ExecFacts {
        let mut facts = self.here();
        let machine = self.architecture().and_then(|arch| arch.row().machines.first());
        facts.kernel.machine = machine.map_or_else(String::new, |machine| (*machine).to_owned());
        facts.table = TableFacts::with(Vec::new());
        facts.page_size = 4096;
        // What every architecture's kernel has at least.
        (facts.memory.random_bits, facts.memory.random_bits_compat) = (18, 8);
        facts.compat = true;
        facts
    }

    /// What it claims to be for.
    fn architecture(&self) -> Option<Architecture> {
        Architecture::named(&self.claimed?.name)
    }

    fn is_modelled(&self) -> bool {
        self.architecture().is_some_and(exec::is_modelled)
    }

    /// Whether programs of this CPU run on machines of the claimed platform.
    fn is_claimed(&self, arch: &str) -> bool {
        let Some(claimed) = self.claimed else { return true };
        let other = self.world.profiles.spelled(arch);
        claimed.label() == arch || other.is_some_and(|other| other.native_on.contains(&claimed.name))
    }

    /// The CPU of an ELF file.
    fn arch_at(&self, root: &Root, path: &[u8]) -> Option<String> {
        let found = crate::inspect::inspect(root, path).ok().flatten()?;
        Some(name_of(found.target, self.world.profiles))
    }

    /// The index against the configuration.
    fn compare(&mut self, listed: &Platform, claims: &Platform) {
        if (&listed.os, &listed.architecture) != (&claims.os, &claims.architecture) {
            let detail = format!("the index lists it for {listed}, and its own configuration says {claims}");
            self.findings.push(Finding::problem(CauseId::ImageLiesAboutArch, self.image, detail));
        }
    }

    /// What is wrong with a program at home; that it is for another CPU is told in other words.
    fn take_findings(&mut self, program: Option<&Program>, certain: bool) {
        let Some(program) = program.filter(|_| self.is_modelled()) else { return };
        let elsewhere = [CauseId::ForeignArchNoHandler, CauseId::ShebangInterpreterForeign];
        for finding in &program.at_home.findings {
            let known = self.findings.iter().any(|f| f.id == finding.id && f.about == finding.about);
            if elsewhere.contains(&finding.id) || finding.severity == Severity::Note || known {
                continue;
            }
            let mut finding = named(finding.clone(), self.image);
            if !certain && finding.severity == Severity::Problem {
                finding.severity = Severity::Warning;
            }
            self.findings.push(finding);
        }
    }

    /// Whether what it starts, or most of what it holds, is for another CPU than it claims.
    fn lie(&mut self, judged: &Judged) {
        let Some(claimed) = self.claimed else { return };
        let programs = [("entrypoint", &judged.entrypoint), ("command", &judged.command)];
        let wrong = programs.iter().find_map(|(what, program)| {
            let program = program.as_ref()?;
            let arch = program.arch.as_ref().filter(|arch| !self.is_claimed(arch))?;
            let end = program.at_home.verdict.steps.last().map_or(&program.at_home.target, |step| &step.path);
            let path = to_text(&program.at_home.target);
            let through = if *end == program.at_home.target { String::new() } else { format!(" needs {end}, which") };
            Some(format!("its {what} {path}{through} is a program for {arch}"))
        });
        let most = judged.holds.first().filter(|count| !self.is_claimed(&count.arch));
        let starts = judged.entrypoint.as_ref().and_then(|program| program.arch.as_ref());
        let mostly = most.filter(|_| starts.is_none()).map(|count| {
            let all: usize = judged.holds.iter().map(|count| count.count).sum();
            format!("{} of its {all} programs and libraries are for {}", count.count, count.arch)
        });
        let Some(wrong) = wrong.or(mostly) else { return };
        let detail = format!("it says {}, and {wrong}", judged.claims);
        let mut finding = Finding::problem(CauseId::ImageLiesAboutArch, self.image, detail)
            .with("platform", &judged.claims)
            .with("arch", claimed.label());
        if let Some((path, arch)) = &judged.shell {
            finding = finding.evidence(format!("{path} is for {arch}"));
        }
        let counted =
            judged.holds.iter().map(|count| format!("{} for {}", count.count, count.arch)).collect::<Vec<_>>();
        self.findings.push(finding.evidence(format!("of its programs and libraries {}", counted.join(", "))));
    }

    /// How it runs here: told by what it starts, or by what it holds where it starts nothing.
    fn runs(&self, judged: &Judged) -> Runs {
        let Some(program) = &judged.entrypoint else {
            return match (judged.argv.is_empty(), judged.holds.first()) {
                (true, Some(count)) if self.world.own().is_some_and(|own| own.label() == count.arch) => Runs::Native,
                (true, _) => Runs::Unknown("it names no command".into()),
                (false, _) => Runs::No("its command is not there".into()),
            };
        };
        let verdict = &program.here.verdict;
        let taken = verdict.steps.iter().filter(|step| step.handler == Some(Handler::Entry));
        let entries: Vec<String> = taken.filter_map(|step| step.name.as_ref()).map(|name| to_text(name)).collect();
        match &verdict.outcome {
            Outcome::Starts(_) if entries.is_empty() => Runs::Native,
            Outcome::Starts(_) => Runs::Emulated(entries),
            Outcome::Fails { errno, why, .. } => Runs::No(format!("{errno:?}: {why}")),
            Outcome::Killed(death) => Runs::No(death.why().to_owned()),
            Outcome::Undecided(why) | Outcome::Unknown(why) => Runs::Unknown(why.clone()),
        }
    }

    /// What keeps it from running on this machine alone. One of several platforms does not have to.
    fn not_here(&mut self, judged: &Judged, only: bool) {
        let Some(program) = &judged.entrypoint else { return };
        let foreign = self
            .claimed
            .zip(self.world.own())
            .is_some_and(|(claimed, own)| claimed.name != own.name && !claimed.native_on.contains(&own.name));
        let broken = self.findings.iter().any(|f| f.severity == Severity::Problem);
        if broken || (foreign && !only) {
            return;
        }
        let arch = self.claimed.map_or("", Profile::label);
        let own = self.world.own().map_or("", Profile::label);
        match &judged.runs {
            Runs::Emulated(entries) if foreign => {
                let detail = format!("it is for {} and runs on this machine under emulation", judged.claims);
                let finding = Finding::note(CauseId::ImagePlatformMismatch, self.image, detail)
                    .evidence(format!("the entry {} matches it", entries.join(", ")))
                    .with("own", format!("linux/{own}"));
                self.findings.push(named(finding, self.image));
            }
            // A program that the kernel starts may want more of the CPU than this one has.
            Runs::No(_) | Runs::Native => {
                let here = program.here.findings.iter().filter(|f| f.severity == Severity::Problem);
                let about = |f: &Finding| named(f.clone(), self.image).with("arch", arch);
                self.findings.extend(here.map(about));
            }
            _ => {}
        }
    }
}

/// The step is the PT_INTERP of the one before it.
fn is_loader(step: &Step, steps: &[Step]) -> bool {
    step.handler == Some(Handler::Loader)
        || (step.handler.is_none() && steps.len() > 1 && step.decided == Decided::PtInterp)
}

/// Who starts it: `USER[:GROUP]`, by name or number.
fn user(config: &Config, root: &Root) -> Result<Identity, Box<Finding>> {
    let (user, group) = match config.user.split_once(':') {
        Some((user, group)) => (user, group.parse().ok()),
        None => (config.user.as_str(), None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let mut identity = identity_of(user, root).map_err(|_| {
        let detail = format!("it starts as the user {user}, whom its /etc/passwd does not know");
        Box::new(Finding::problem(CauseId::ImageUserMissing, user, detail))
    })?;
    // A group that is a name is left aside: it rarely decides.
    identity.gid = group.unwrap_or(identity.gid);
    (identity.bounding, identity.raw_io) = (CAPABILITIES, false);
    Ok(identity)
}
