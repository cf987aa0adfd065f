//! The cause of an outcome of execve(2): which link of the chain ends it, and what is wrong with that.

use bstr::{BStr, ByteSlice};
use nix::errno::Errno;

use super::{Setting, content, loader};
use crate::architecture::Architecture;
use crate::binfmt::entry::{Entry, Flags};
use crate::doctor::catalogue::{CauseId, FixClass};
use crate::doctor::finding::{Finding, quoted};
use crate::elf;
use crate::exec::facts::TableState;
use crate::exec::{Death, Decided, FileKind, Handler, NearMiss, Outcome, Refused, Step, Verdict};
use crate::text::to_text;

/// Bytes of an ELF header of 32 bits.
const SMALLEST_HEADER: u64 = 52;

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
            Outcome::Killed(death) => Some(self.problem(CauseId::TruncatedElf, death.why())),
            Outcome::Fails { errno, why, refused } => {
                Some(self.fails(&Failure { errno: *errno, why, refused: *refused }))
            }
        }
    }

    fn problem(&self, id: CauseId, detail: &str) -> Finding {
        let path = self.verdict.steps.last().map_or(BStr::new(self.target), |step| step.path.as_bstr());
        Finding::problem(id, to_text(path), detail).with("path", to_text(path))
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
            (Errno::EPERM, Link::Content(_) | Link::Loader { .. }) => self.problem(CauseId::FileCapsNotAllowed, why),
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
        Finding::problem(id, &*path, failure.why).with("interpreter", &*path).with("path", path)
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
        let mut head = vec![0; content::PREFIX];
        let file = self.setting.root.open(&step.path).ok();
        let len = file.as_ref().and_then(|f| f.read(&mut head, 0).ok()).unwrap_or(0);
        head.truncate(len);
        let Some(content) = content::of(&head, file.map_or(0, |f| f.size())) else {
            return self.problem(CauseId::NotAProgram, why);
        };
        let name = to_text(&step.path);
        let mut finding = self.problem(content.cause, &format!("the file is {}", content.what));
        if let Some(command) = content.command {
            let command = command.replace("{path}", &quoted(&self.setting.root.outside(&name)));
            finding = finding.fix("Unpack it, and execute what is inside.", command, FixClass::Yours);
        }
        let upper = name.to_ascii_uppercase();
        if content.cause == CauseId::MissingShebang
            && ["NOTICE", "LICENSE", "README", "COPYING"].iter().any(|w| upper.contains(w))
        {
            finding.id = CauseId::WrongFilePicked;
        }
        finding
    }

    /// An ELF file that the kernel does not run.
    fn foreign(&self, step: &Step, why: &str) -> Finding {
        let facts = &self.setting.facts;
        let size = self.setting.root.open(&step.path).map_or(0, |file| file.size());
        match step.marked.0 {
            _ if size < SMALLEST_HEADER => {
                return self.problem(CauseId::TruncatedElf, "the file ends within its ELF header");
            }
            16 => {
                return self.problem(
                    CauseId::ObjectOrCoreOrLib,
                    &format!("{}: it is an object file or a core dump", step.decided.words()),
                );
            }
            18 => {}
            _ => return self.problem(CauseId::TruncatedElf, why),
        }
        let arch = architecture_of(step);
        let what = arch.map_or("a CPU that no emulator here is for", Architecture::label);
        let machine = &*facts.kernel.machine;
        let detail = format!("the program is for {what}, and this kernel is for {machine}");
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

/// The architecture that a file is for.
pub(super) fn architecture_of(step: &Step) -> Option<Architecture> {
    Architecture::of_program(&step.head)
}
