//! The cause of an outcome of execve(2): which link of the chain ends it, and what is wrong with that.

use bstr::{BStr, ByteSlice};
use nix::errno::Errno;

use super::content::Sample;
use super::{Setting, command, content, loader};
use crate::architecture::Architecture;
use crate::binfmt::entry::{Entry, Flags};
use crate::doctor::catalogue::{Advice, CauseId, FixClass};
use crate::doctor::finding::{Finding, quoted};
use crate::elf;
use crate::exec::facts::TableState;
use crate::exec::root::Content;
use crate::exec::{Death, Decided, FileKind, Handler, NearMiss, Outcome, Refused, Step, Verdict};
use crate::inspect::{Inspection, cpu, inspect};
use crate::text::to_text;

/// Bytes of an ELF header of 32 bits.
pub(super) const SMALLEST_HEADER: u64 = 52;

/// A file that does not start.
pub(super) struct Case<'a> {
    pub(super) setting: &'a Setting,
    pub(super) target: &'a [u8],
    pub(super) verdict: &'a Verdict,
    pub(super) near: &'a [NearMiss],
}

/// The file that the kernel could not go on with.
enum Link<'a> {
    /// The one that was to be executed.
    Target,
    /// What `#!` of this script names.
    Interpreter { script: &'a Step, name: &'a [u8] },
    /// What this entry names.
    Emulator { entry: &'a [u8] },
    /// What PT_INTERP of this program names.
    Loader { program: &'a Step, name: &'a [u8] },
    /// A file that was opened and that nothing accepts.
    Content(&'a Step),
}

/// An execve(2) that fails.
struct Failure<'a> {
    errno: Errno,
    why: &'a str,
    refused: Option<Refused>,
}

impl Case<'_> {
    /// A file that is shorter than its segments is to be had again, whatever else is wrong with it. What starts or is killed is
    /// told by what comes of it.
    pub(super) fn cut_off(&self, elf: &Inspection) -> Option<Finding> {
        let fails = matches!(self.verdict.outcome, Outcome::Fails { .. });
        let detail = || format!("its last segment ends at byte {} of the file, which has {}", elf.end, elf.size);
        let finding = || Finding::problem(CauseId::TruncatedElf, to_text(self.target), detail());
        (fails && elf.end > elf.size).then(|| finding().with("path", to_text(self.target)))
    }

    /// The cause; `None` where the file starts or nothing is known.
    pub(super) fn cause(&self) -> Option<Finding> {
        match &self.verdict.outcome {
            Outcome::Starts(_) | Outcome::Undecided(_) | Outcome::Unknown(_) => None,
            // Segments that share a page there do not on this machine.
            Outcome::Killed(Death::Misaligned) if self.setting.facts.page_size > 4096 => {
                let detail = format!(
                    "{}: the program is built for smaller pages than this kernel's {} bytes",
                    Death::Misaligned.why(),
                    self.setting.facts.page_size
                );
                Some(self.problem(CauseId::PageSize, &detail))
            }
            Outcome::Killed(death) => Some(self.truncated(death.why())),
            Outcome::Fails { errno, why, refused } => {
                Some(self.fails(&Failure { errno: *errno, why, refused: *refused }))
            }
        }
    }

    fn problem(&self, id: CauseId, detail: &str) -> Finding {
        let path = self.verdict.steps.last().map_or(BStr::new(self.target), |step| step.path.as_bstr());
        Finding::problem(id, to_text(path), detail).with("path", to_text(path))
    }

    /// Segments that cannot be mapped are those of the program, or those of its loader.
    fn truncated(&self, why: &str) -> Finding {
        let is_short = |step: &&Step| {
            let elf = inspect(&self.setting.root, &step.path).ok().flatten();
            elf.is_some_and(|elf| elf.end > elf.size)
        };
        let step = self.verdict.steps.iter().find(is_short).or(self.verdict.steps.last());
        let path = to_text(step.map_or(BStr::new(self.target), |step| step.path.as_bstr()));
        Finding::problem(CauseId::TruncatedElf, &*path, why).with("path", path)
    }

    /// The file whose capabilities the process cannot get; its loader, which comes after it, has none.
    fn has_capabilities(&self, why: &str) -> Finding {
        let has = |step: &&Step| self.setting.root.open(&step.path).is_ok_and(|file| file.gives_capabilities());
        let step = self.verdict.steps.iter().find(has).or(self.verdict.steps.last());
        let path = to_text(step.map_or(BStr::new(self.target), |step| step.path.as_bstr()));
        Finding::problem(CauseId::FileCapsNotAllowed, &*path, why).with("path", path)
    }

    fn link(&self) -> Link<'_> {
        let Some(step) = self.verdict.steps.last() else { return Link::Target };
        match (step.handler, step.name.as_deref()) {
            (Some(Handler::Script), Some(name)) => Link::Interpreter { script: step, name },
            (Some(Handler::Entry), Some(entry)) => Link::Emulator { entry },
            (Some(Handler::Elf | Handler::Compat), Some(name)) => Link::Loader { program: step, name },
            _ => Link::Content(step),
        }
    }

    fn fails(&self, failure: &Failure) -> Finding {
        let why = failure.why;
        match (failure.errno, self.link()) {
            (Errno::E2BIG, _) => self.problem(CauseId::ArgumentsTooLong, why),
            (Errno::ELOOP, _) if self.verdict.steps.len() > 1 => self.turns_in_circles(why),
            (Errno::EPERM, Link::Content(_) | Link::Loader { .. }) => self.has_capabilities(why),
            (Errno::ENOEXEC, Link::Interpreter { .. }) => self.needs_another(CauseId::EmulatorFails, why),
            // With flags O and C the kernel refuses the second round, which without them ends with ELOOP.
            (Errno::ENOEXEC, Link::Emulator { entry }) if self.matches_twice(entry) => self.turns_in_circles(why),
            (Errno::ENOEXEC, Link::Emulator { .. }) => self.needs_another(CauseId::BinfmtInterpreterForeign, why),
            (_, Link::Target) => self.refuses(self.target, CauseId::NoExecBit, failure),
            (Errno::ENOENT, Link::Interpreter { script, name }) => self.no_interpreter(script, name),
            (_, Link::Interpreter { name, .. }) => self.refuses(name, CauseId::NoExecBit, failure),
            (_, Link::Emulator { entry }) => self.no_emulator(entry, why),
            (Errno::ENOENT, Link::Loader { program, name }) => self.no_loader(program, name),
            (Errno::EIO, Link::Loader { name, .. }) => {
                self.problem(CauseId::LoaderWrongArch, why).with("interpreter", to_text(name))
            }
            (_, Link::Loader { name, .. }) => self.refuses(name, CauseId::LoaderNotExecutable, failure),
            (Errno::ELIBBAD, Link::Content(step)) => {
                self.problem(CauseId::LoaderWrongArch, why).with("interpreter", to_text(&step.path))
            }
            (_, Link::Content(step)) => self.nobody_takes(step, why),
        }
    }

    /// The walk to a file, its kind, its bits or its mount forbid it.
    fn refuses(&self, path: &[u8], bits: CauseId, failure: &Failure) -> Finding {
        let path = to_text(path);
        let id = match (failure.refused, failure.errno) {
            (Some(Refused::Kind(FileKind::Directory)), _) => CauseId::IsADirectory,
            (Some(Refused::Kind(_)), _) => CauseId::NotAProgram,
            (Some(Refused::Mount), _) => CauseId::NoexecMount,
            (Some(Refused::Bits), _) => bits,
            (Some(Refused::Kernel(Errno::ETXTBSY)), _) => CauseId::Etxtbsy,
            (_, Errno::ENOENT | Errno::ENOTDIR) => CauseId::NoSuchFile,
            _ => CauseId::PathRefused,
        };
        let finding = Finding::problem(id, &*path, failure.why).with("interpreter", &*path).with("path", &*path);
        if id == CauseId::IsADirectory && self.setting.root.open(format!("{path}/oci-layout").as_bytes()).is_ok() {
            let image = quoted(&format!("oci:{}", self.setting.root.outside(&path)));
            let finding = finding.evidence("it is a container image in OCI's layout");
            return finding
                .fix(Advice::ExamineImage, command::fill(command::EXAMINE, &[("path", &image)]), FixClass::Yours)
                .alone();
        }
        finding
    }

    fn no_interpreter(&self, script: &Step, name: &[u8]) -> Finding {
        let about = to_text(&script.path);
        let there = |path: &[u8]| self.setting.root.open(path).is_ok();
        let shown = to_text(name);
        if let Some(clean) = name.strip_suffix(b"\r") {
            let also = if there(clean) { "exists" } else { "does not exist either" };
            let detail = format!(
                "the first line ends with a carriage return and a newline, so the kernel looks for \"{shown}\"; \"{}\" {also}",
                to_text(clean)
            );
            return Finding::problem(CauseId::CrlfShebang, &*about, detail).with("path", about);
        }
        let detail = format!("the first line asks for {shown}, which is not there");
        let mut finding = Finding::problem(CauseId::ShebangInterpreterMissing, &*about, detail).with("path", &*about);
        // A name that fills the kernel's window was cut off by older kernels.
        let window = self.setting.facts.kernel.window();
        if script.marked.1 + 1 >= window {
            finding.id = CauseId::ShebangTooLong;
            return finding.evidence(format!("this kernel reads {window} bytes of a file, and the line is longer"));
        }
        let base = name.rsplit_str(b"/").next().unwrap_or(name);
        let directories: [&[u8]; 5] = [b"/bin/", b"/usr/bin/", b"/usr/local/bin/", b"/sbin/", b"/usr/sbin/"];
        for other in directories.map(|directory| [directory, base].concat()).iter().filter(|other| there(other)) {
            finding = finding.evidence(format!("{} is there", to_text(other)));
        }
        finding
    }

    fn no_emulator(&self, name: &[u8], why: &str) -> Finding {
        let entry = self.setting.facts.table.entries.iter().find(|e| e.name == name);
        let fixed = entry.is_some_and(|e| e.flags.has(Flags::F));
        let interpreter = entry.and_then(|e| e.interpreter.clone()).unwrap_or_default();
        let on_host = self.setting.host.open(&interpreter).is_ok();
        let (id, detail) = match (fixed, on_host && !self.setting.root.is_own()) {
            (false, true) => (
                CauseId::BinfmtNoFFlag,
                format!(
                    "the entry {} has no flag F, so its interpreter is looked up in this tree: {why}",
                    to_text(name)
                ),
            ),
            _ => {
                (CauseId::BinfmtInterpreterMissing, format!("the entry {} matches the file, but {why}", to_text(name)))
            }
        };
        Finding::problem(id, to_text(self.target), detail)
            .with("path", to_text(self.target))
            .with("entry", to_text(name))
            .with("arch", self.arch_of(self.verdict.steps.last()).unwrap_or_default())
    }

    /// An entry with flag O or C whose interpreter is a script, or what another entry matches.
    fn needs_another(&self, id: CauseId, why: &str) -> Finding {
        let steps = &self.verdict.steps;
        let entry = steps.iter().find(|step| step.handler == Some(Handler::Entry));
        let name = entry.and_then(|step| step.name.as_ref()).map_or(String::new(), |name| to_text(name));
        let interpreter = steps.last().map_or(String::new(), |step| to_text(&step.path));
        let detail = format!("the entry {name} matches the file and gives it to {interpreter}: {why}");
        let finding = Finding::problem(id, to_text(self.target), detail).with("entry", name);
        match self.arch_of(entry) {
            Some(arch) => finding.with("arch", arch),
            None => finding,
        }
    }

    /// PT_INTERP is not there: of the program itself, or of the emulator that an entry names.
    fn no_loader(&self, program: &Step, name: &[u8]) -> Finding {
        let before = self.verdict.steps.iter().rev().nth(1);
        if let Some(step) = before.filter(|s| s.handler == Some(Handler::Entry)) {
            let entry = step.name.clone().unwrap_or_default();
            let detail = format!(
                "the entry {entry} gives the file to {}, which is a dynamic program: its loader {} is not in this tree",
                program.path,
                to_text(name)
            );
            return Finding::problem(CauseId::BinfmtDynamicInterpreter, to_text(self.target), detail)
                .with("entry", to_text(&entry))
                .with("arch", self.arch_of(Some(step)).unwrap_or_default());
        }
        loader::missing(self.setting, program, name)
    }

    /// An entry that matches its own interpreter.
    fn matches_twice(&self, entry: &[u8]) -> bool {
        let is_it =
            |step: &&Step| step.handler == Some(Handler::Entry) && step.name.as_ref().is_some_and(|n| n == entry);
        self.verdict.steps.iter().filter(is_it).count() > 1
    }

    fn turns_in_circles(&self, why: &str) -> Finding {
        let steps = &self.verdict.steps;
        let Some(step) = steps.iter().rfind(|s| s.handler == Some(Handler::Entry)) else {
            return Finding::problem(CauseId::ShebangLoop, to_text(self.target), why)
                .with("path", to_text(self.target));
        };
        let entry = step.name.as_ref().map_or(String::new(), |name| to_text(name));
        // The last one is the interpreter, which the same entry matches again.
        let own = Architecture::of_machine(&self.setting.facts.kernel.machine);
        let native = architecture_of(step).zip(own).is_some_and(|(arch, own)| arch.runs_on(own));
        let id = if native { CauseId::BinfmtNativeHijack } else { CauseId::BinfmtInterpreterForeign };
        let detail = format!("the entry {entry} matches {}, which is its own interpreter: {why}", step.path);
        Finding::problem(id, to_text(self.target), detail).with("entry", entry)
    }

    /// A file that was read and that no format accepts.
    fn nobody_takes(&self, step: &Step, why: &str) -> Finding {
        let before = self.verdict.steps.iter().rev().nth(1);
        if step.decided == Decided::ScriptCutOff {
            return self.problem(CauseId::ShebangTooLong, why);
        }
        if step.decided == Decided::ScriptWithoutName {
            return self.problem(CauseId::MissingShebang, "the first line is #! with nothing after it");
        }
        if !elf::is_elf(&step.head) {
            return self.no_program(step, why);
        }
        let finding = self.foreign(step, why);
        // The script is well, its interpreter is not.
        match before.filter(|s| s.handler == Some(Handler::Script) && finding.id == CauseId::ForeignArchNoHandler) {
            Some(script) => {
                let mut finding = finding.evidence(format!("{} is the interpreter of {}", step.path, script.path));
                finding.id = CauseId::ShebangInterpreterForeign;
                finding
            }
            None => finding,
        }
    }

    fn no_program(&self, step: &Step, why: &str) -> Finding {
        let path = to_text(&step.path);
        let outside = self.setting.root.outside(&path);
        let file = self.setting.root.open(&step.path).ok();
        let head = file.as_ref().map(beginning).unwrap_or_default();
        let sample = Sample { path: &outside, head: &head, len: file.map_or(0, |file| file.size()) };
        let Some(content) = content::of(&sample) else {
            return self.problem(CauseId::NotAProgram, why);
        };
        let finding = self.problem(content.cause, &format!("the file is {}", content.what));
        let is_known = !content.advice.is_empty();
        let finding = content
            .advice
            .into_iter()
            .fold(finding, |finding, (advice, command)| finding.fix(advice, command, FixClass::Yours));
        if content.cause == CauseId::NotAProgram && !is_known {
            return finding.fix(Advice::RunWith, None, FixClass::Yours).alone();
        }
        // Another system's program can be had for this one too; of anything else more is known than what is true of all.
        if is_known && content.cause != CauseId::WrongOsBinary { finding.alone() } else { finding }
    }

    /// An ELF file that the kernel does not run.
    fn foreign(&self, step: &Step, why: &str) -> Finding {
        let facts = &self.setting.facts;
        let size = self.setting.root.open(&step.path).map_or(0, |file| file.size());
        match step.marked.0 {
            _ if size < SMALLEST_HEADER => {
                return self.problem(CauseId::TruncatedElf, "the file ends within its ELF header");
            }
            16 => return self.problem(CauseId::ObjectOrCoreOrLib, step.decided.words()),
            _ => {}
        }
        let arch = architecture_of(step);
        let own = Architecture::of_machine(&facts.kernel.machine);
        let what = elf::Header::of(&step.head).map_or(String::new(), |header| cpu(header.target(), header.flags));
        if own.is_some_and(|own| is_of_other_class(step, own)) && (arch.is_none() || arch == own) {
            let option = if own == Some(Architecture::X86_64) { " (CONFIG_X86_X32_ABI)" } else { "" };
            let detail = format!(
                "the program is for {what}, which this kernel was built without{option}, and no emulator runs it"
            );
            return self.problem(CauseId::ForeignArchNoHandler, &detail);
        }
        if step.marked.0 != 18 {
            return self.problem(CauseId::TruncatedElf, why);
        }
        // The kernel is for it, and does not load it all the same.
        if arch.zip(own).is_some_and(|(arch, own)| arch == own || (facts.compat && arch.runs_on(own))) {
            return self.problem(CauseId::TruncatedElf, why);
        }
        let machine = &*facts.kernel.machine;
        let unknown = if arch.is_none() { ", for which QEMU emulates no programs" } else { "" };
        let detail = format!("the program is for {what}{unknown}, and this kernel is for {machine}");
        let id = match (Architecture::of_machine(machine), arch) {
            (Some(Architecture::X86_64), Some(Architecture::I386)) if !facts.compat => CauseId::Ia32Disabled,
            (Some(Architecture::Aarch64), Some(Architecture::Arm)) if !facts.compat => CauseId::NoAarch32,
            _ => CauseId::ForeignArchNoHandler,
        };
        let mut finding = self.problem(id, &detail);
        if let Some(arch) = arch.map(Architecture::label) {
            finding = finding.with("arch", arch).with("platform", format!("linux/{arch}"));
        }
        let table = &facts.table;
        let would = |entry: &&Entry| entry.rule.takes(&step.head, &step.path);
        // What would start this file by ending everything else is not to be switched on.
        let own = Architecture::of_machine(machine).map(|own| &own.row().elf);
        let takes_own = |e: &&Entry| own.iter().any(|elf| elf.signatures().any(|s| s.is_matched_by(&e.rule)));
        let is_off = table.state == TableState::Disabled;
        if let Some(entry) = table.entries.iter().filter(takes_own).find(|e| is_off || would(e)) {
            finding.id = CauseId::BinfmtNativeHijack;
            let off = if is_off { "the table is disabled" } else { "it is disabled" };
            let name = to_text(&entry.name);
            finding.detail = format!("{detail}; the entry {name} matches programs of this machine too, and {off}");
            return finding.with("entry", name);
        }
        match table.state {
            TableState::Absent => finding.evidence("this machine has no table of entries: binfmt_misc is not mounted"),
            TableState::Disabled if table.entries.iter().any(|e| would(&e)) => {
                finding.id = CauseId::BinfmtEntryDisabled;
                finding.detail = format!("{detail}; an entry would match it, but the whole table is disabled");
                finding
            }
            _ => match (table.entries.iter().find(would), self.near.first()) {
                (Some(entry), _) => {
                    finding.id = CauseId::BinfmtEntryDisabled;
                    finding.detail = format!("{detail}; the entry {} would match it, but it is disabled", entry.name);
                    finding.with("entry", to_text(&entry.name))
                }
                (None, Some(near)) if (7..16).contains(&near.refusal.byte) => {
                    let appimage = step.head.get(8..10) == Some(b"AI");
                    finding.id = if appimage { CauseId::AppimageMagic } else { CauseId::BinfmtStrictMask };
                    let bytes = if appimage { "marks an AppImage there" } else { "has other bytes there" };
                    finding.detail = format!(
                        "{detail}; the entry {} is for such programs, but its mask covers byte {}, and this file {bytes}",
                        near.entry, near.refusal.byte
                    );
                    finding.with("entry", to_text(&near.entry))
                }
                (None, _) => finding.evidence(match table.entries.len() {
                    0 => "the table has no entries".to_owned(),
                    n => format!("none of the {n} entries matches it"),
                }),
            },
        }
    }

    /// What OCI, or QEMU, calls the CPU of a file.
    fn arch_of(&self, step: Option<&Step>) -> Option<String> {
        Some(architecture_of(step?)?.label().to_owned())
    }
}

/// As much of a file as says what it is. Of a file in an image only a part may have been kept.
fn beginning(file: &Content) -> Vec<u8> {
    const KEPT: usize = 4096;
    let read = |most: usize| {
        let mut bytes = vec![0; most];
        let len = file.read(&mut bytes, 0).ok()?;
        bytes.truncate(len);
        Some(bytes)
    };
    read(content::PREFIX).or_else(|| read(KEPT)).unwrap_or_default()
}

/// The architecture that a file is for.
pub(super) fn architecture_of(step: &Step) -> Option<Architecture> {
    let header = elf::Header::of(&step.head)?;
    Architecture::of_elf(header.target(), header.flags)
}

/// Whether a program is for this CPU with addresses of another size, as x32's are.
fn is_of_other_class(step: &Step, own: Architecture) -> bool {
    let own = &own.row().elf;
    elf::Header::of(&step.head).is_some_and(|h| own.machines.contains(&h.machine) && h.layout.class != own.class)
}
