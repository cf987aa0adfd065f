//! What may go wrong with a program although execve(2) starts it. Each finding is a function of what was looked at.

use bstr::{BString, ByteSlice};

use super::cause::architecture_of;
use super::{Setting, command, loader};
use crate::architecture::Architecture;
use crate::binfmt::entry::{Entry, Flags};
use crate::cpu;
use crate::doctor::catalogue::{Advice, CauseId, FixClass};
use crate::doctor::finding::{Finding, Strength, quoted};
use crate::emulators::known_bad;
use crate::exec::facts::TableState;
use crate::exec::{Handler, Outcome, Verdict};
use crate::inspect::{self, Go, Inspection, Library, Search};
use crate::oracle::Answer;
use crate::text::to_text;

/// The first glibc that does not look at the kernel's version.
const LOOKS_NO_MORE: [u32; 3] = [2, 36, 0];

/// What QEMU takes a tree of libraries from, and those that Debian and QEMU itself built in, before the emulator's name.
const PREFIX: &str = "QEMU_LD_PREFIX";
const BUILT_IN: [&str; 2] = ["/etc/qemu-binfmt/", "/usr/gnemul/qemu-"];

/// What an ELF file asks of the world.
pub(super) fn findings(setting: &Setting, path: &[u8], program: &Inspection, verdict: &Verdict) -> Vec<Finding> {
    let about = to_text(path);
    let problem = |id, detail| Finding::problem(id, &*about, detail).with("path", &*about);
    let note = |id, detail| Finding::note(id, &*about, detail);
    let starts = matches!(verdict.outcome, Outcome::Starts(_));
    let taker = verdict.steps.first().and_then(|s| s.handler);
    let native = !matches!(taker, None | Some(Handler::Entry));
    let mut findings = Vec::new();
    if starts && program.end > program.size {
        let detail = format!(
            "its last segment ends at byte {} of the file, which has {}: it starts, and is killed where the rest would be",
            program.end, program.size
        );
        findings.push(problem(CauseId::TruncatedElf, detail));
    }
    if let Some(name) = program.loader.as_ref().filter(|_| starts || is_for_an_emulator(verdict)) {
        findings.extend(loader::stub(setting, &about, name));
        findings.extend(Loading { setting, path, program, verdict, native }.findings(name));
    }
    findings.extend(setuid(setting, &about, program, verdict));
    findings.extend(passed_over(setting, &about, verdict));
    if starts && program.appimage && !has_fuse(setting, program) {
        let detail = "an AppImage mounts itself with libfuse.so.2, which is not here";
        findings.push(Finding::warning(CauseId::AppimageFuse, &*about, detail).with("path", &*about));
    }
    if native && setting.facts.kernel.machine == "armv6l" {
        findings.extend(beyond_armv6(&about, program));
    }
    if let Some(level) = program.notes.x86_level.max(go_x86_level(program)).filter(|level| *level > 1) {
        let text = format!("it is built for x86-64-v{level}");
        findings.push(match cpu::x86_64_level().filter(|_| setting.here) {
            Some(own) if native && own < level => {
                problem(CauseId::X8664Level, format!("{text}, and this CPU is an x86-64-v{own}"))
            }
            _ => note(CauseId::X8664Level, text),
        });
    }
    // Of a dynamic program it is the C library's that counts.
    if let Some(wanted) = newer_kernel(setting, program).filter(|_| program.loader.is_none()) {
        let detail = format!("{wanted}: it refuses to start, if the C library in it is glibc before 2.36");
        findings.push(Finding::warning(CauseId::KernelTooOld, &*about, detail));
    }
    let version = program.arm.and_then(|arm| arm.version).map(|version| format!("ARMv{version}"));
    let float =
        program.arm.and_then(|arm| arm.hard_float).map(|hard| if hard { "hard float" } else { "soft float" }.into());
    let built: Vec<String> = version.into_iter().chain(float).collect();
    if !built.is_empty() {
        findings.push(note(CauseId::ArmAttributes, format!("it is built for {}", built.join(", "))));
    }
    if taker == Some(Handler::Entry) {
        for variable in known_bad::VARIABLES.iter().filter(|variable| setting.variable(variable.name).is_some()) {
            let detail = format!("{} is in the environment: {}", variable.name, variable.effect);
            findings.push(problem(CauseId::QemuEnvironment, detail).with("variable", variable.name));
        }
        findings.extend(beyond_emulated_cpu(setting, &about, program));
    }
    if let Some((variable, level)) = program.go.as_ref().and_then(|go| go.level.as_ref()) {
        findings.push(note(CauseId::GoBuild, format!("Go built it with {variable}={level}")));
    }
    // What UPX packed has no loader of its own: its first instructions load that.
    if program.loader.is_none() && is_packed(setting, path) {
        let detail = "it is packed with UPX: what it needs can be seen after `upx -d` of a copy";
        findings.push(note(CauseId::PackedProgram, detail.into()));
    }
    if program.osabi != 0 {
        let name = osabi(program.osabi).map_or(String::new(), |name| format!(" ({name})"));
        let text =
            format!("EI_OSABI is {}{name}; no loader on Linux looks at it, the rule of an entry may", program.osabi);
        findings.push(note(CauseId::Osabi, text));
    }
    if starts && setting.facts.table.state == TableState::Hidden {
        let text = "the table of entries cannot be seen from here: one of them may match the file instead";
        findings.push(note(CauseId::TableHidden, text.into()));
    }
    findings
}

/// Nothing runs it, and an emulator would.
fn is_for_an_emulator(verdict: &Verdict) -> bool {
    let only = verdict.steps.first().filter(|step| verdict.steps.len() == 1 && step.handler.is_none());
    only.is_some_and(|step| step.marked.0 == 18 && architecture_of(step).is_some())
}

/// A CPU of ARMv6 and a program that may want more. Go's programs ask at their start; what a compiler was allowed to use need not
/// be in the program.
fn beyond_armv6(about: &str, program: &Inspection) -> Option<Finding> {
    match &program.go {
        Some(Go { level: Some(("GOARM", level)), .. }) => {
            let detail = "Go built it with GOARM=7, and this CPU is an ARMv6: it says so and ends";
            level.starts_with(b"7").then(|| Finding::problem(CauseId::Armv6VsV7, about, detail))
        }
        _ => {
            program.arm.filter(|arm| arm.version > Some(6))?;
            let detail = "it was built for ARMv7 or later, and this CPU is an ARMv6: it dies at the first instruction that is new";
            let mut finding = Finding::warning(CauseId::Armv6VsV7, about, detail);
            finding.strength = Strength::Likely;
            Some(finding)
        }
    }
}

/// A program that needs another CPU than QEMU's usual one.
fn beyond_emulated_cpu(setting: &Setting, about: &str, program: &Inspection) -> Option<Finding> {
    let arch = Architecture::of_elf(program.target, program.flags)?;
    let (variable, level) = program.go.as_ref()?.level.as_ref()?;
    let known = known_bad::of_program(arch.row().name, variable, level)?;
    if setting.variable("QEMU_CPU").is_some() {
        return None;
    }
    let detail = format!("Go built it with {variable}={level}: {}", known.symptom);
    let values = [("cpu", known.cpu), ("path", &quoted(&setting.root.outside(about)))];
    let command = command::fill(command::EMULATE_CPU, &values);
    Some(
        Finding::problem(CauseId::QemuSigill, about, detail)
            .fix(Advice::EmulateCpu, command, FixClass::Decision)
            .alone(),
    )
}

/// GOAMD64, which a program of Go compares with the CPU at its start.
fn go_x86_level(program: &Inspection) -> Option<u8> {
    let (variable, level) = program.go.as_ref()?.level.as_ref()?;
    level.strip_prefix(b"v").filter(|_| *variable == "GOAMD64")?.to_str().ok()?.parse().ok()
}

/// A program that a loader has to load.
struct Loading<'a> {
    setting: &'a Setting,
    path: &'a [u8],
    program: &'a Inspection,
    verdict: &'a Verdict,
    /// The kernel itself loads it.
    native: bool,
}

impl Loading<'_> {
    fn findings(&self, name: &BString) -> Vec<Finding> {
        let Loading { setting, path, program, .. } = *self;
        let about = to_text(path);
        let entry = self.entry();
        if entry.is_some_and(brings_libraries) {
            return Vec::new();
        }
        let search = self.search();
        match search.inspect(name) {
            Some((place, Some(found))) if !self.native && disagree(program, &found) => {
                let detail = format!(
                    "its loader {place} and it do not agree on hard and soft float, and the emulator refuses both"
                );
                vec![Finding::problem(CauseId::LoaderWrongArch, about, detail).with("interpreter", to_text(&place))]
            }
            Some((_, Some(found))) if self.native || found.target == program.target => {
                self.libraries(&about, &search, &found)
            }
            Some((place, _)) if !self.native => {
                let detail = format!("its loader {place} is not for its CPU, and the emulator refuses it");
                vec![Finding::problem(CauseId::LoaderWrongArch, about, detail).with("interpreter", to_text(&place))]
            }
            Some(_) => Vec::new(),
            None => vec![loader::no_sysroot(setting, &about, program, self.lacks(entry, name))],
        }
    }

    fn lacks(&self, entry: Option<&Entry>, name: &BString) -> String {
        let named = self.setting.variable(PREFIX).map(|prefix| format!(" nor below {PREFIX}, which is {prefix}"));
        let place = format!("in this tree{}", named.unwrap_or_default());
        match entry {
            Some(Entry { name: entry, .. }) => {
                format!(
                    "the emulator of the entry {entry} starts, and then does not find the program's loader {name} {place}"
                )
            }
            None => format!("an emulator needs the program's loader {name} as well, which is not {place}"),
        }
    }

    /// The entry that matches the program.
    fn entry(&self) -> Option<&Entry> {
        let step = self.verdict.steps.first().filter(|step| step.handler == Some(Handler::Entry))?;
        self.setting.facts.table.entries.iter().find(|entry| Some(&entry.name) == step.name.as_ref())
    }

    /// QEMU looks below QEMU_LD_PREFIX before it opens any path, or below what its distribution built in.
    fn search(&self) -> Search<'_> {
        let setting = self.setting;
        let arch = Architecture::of_elf(self.program.target, self.program.flags).filter(|_| !self.native);
        let built_in = |arch: Architecture| BUILT_IN.map(|directory| format!("{directory}{}", arch.row().name).into());
        let prefixes = match (arch, setting.variable(PREFIX)) {
            (None, _) => Vec::new(),
            (Some(_), Some(prefix)) => vec![prefix],
            (Some(arch), None) => built_in(arch).into(),
        };
        Search { root: &setting.root, prefixes, path: setting.variable("LD_LIBRARY_PATH").unwrap_or_default() }
    }

    /// The libraries that it needs: there, and those that it needs itself new enough and for this CPU.
    fn libraries(&self, about: &str, search: &Search, loader: &Inspection) -> Vec<Finding> {
        let mut findings = Vec::new();
        for library in search.libraries(self.path, self.program, Some(loader)) {
            let Library { name, by, found } = &library;
            let Some((place, found)) = found else {
                let whose = if *by == self.path { String::new() } else { format!(", which {by} needs,") };
                let detail = format!("the library {name}{whose} is in none of the directories that loaders search");
                findings
                    .push(Finding::problem(CauseId::MissingSharedLib, about, detail).with("library", to_text(name)));
                continue;
            };
            if *by == self.path {
                findings.extend(self.of_another_world(about, name, place, found));
            }
        }
        findings
    }

    /// A library that is there, and is older or newer than what the program or the machine wants.
    fn of_another_world(&self, about: &str, name: &BString, place: &BString, found: &Inspection) -> Vec<Finding> {
        let Loading { setting, program, native, .. } = *self;
        let mut findings = Vec::new();
        let has = &found.dynamic.defines;
        let lacks = |v: &&BString| !has.is_empty() && v.starts_with(b"GLIBC") && !has.contains(v);
        let newest = has.iter().filter(|v| inspect::glibc(v).is_some()).max_by_key(|v| inspect::glibc(v));
        if let Some(wanted) = newer_kernel(setting, found)
            && newest.is_some_and(|v| inspect::glibc(v) < Some(LOOKS_NO_MORE))
        {
            let detail = format!("{wanted}, says its library {place}, which will refuse to start");
            findings.push(Finding::problem(CauseId::KernelTooOld, about, detail));
        }
        let wanted = program.dynamic.versions.iter().filter(|(of, _)| of == name).map(|(_, version)| version);
        if let Some(version) = wanted.filter(lacks).max_by_key(|v| inspect::glibc(v)) {
            let newest = newest.map_or(String::new(), |v| format!(", which ends at {v}"));
            let detail = format!("it asks for {version} of {place}{newest}");
            findings.push(Finding::problem(CauseId::GlibcTooOld, about, detail).with("library", to_text(place)));
        }
        if let Some(level) = found.notes.x86_level.filter(|level| *level > 1 && native && setting.here)
            && let Some(own) = cpu::x86_64_level().filter(|own| *own < level)
        {
            let detail = format!("its library {place} is built for x86-64-v{level}, and this CPU is an x86-64-v{own}");
            findings.push(Finding::problem(CauseId::IsaNoteLevel, about, detail).with("library", to_text(place)));
        }
        findings
    }
}

/// QEMU looks at MIPS's floating point modes before it starts a program.
fn disagree(program: &Inspection, loader: &Inspection) -> bool {
    program.mips_hard_float.zip(loader.mips_hard_float).is_some_and(|(own, other)| own != other)
}

/// Emulators that come with a tree of libraries of their own.
fn brings_libraries(entry: &Entry) -> bool {
    const NAMES: [&str; 4] = ["FEX", "box64", "box86", "rosetta"];
    entry.interpreter.as_ref().is_some_and(|path| NAMES.iter().any(|name| path.contains_str(name)))
}

/// The Linux that a file's note asks for, where this one is older.
fn newer_kernel(setting: &Setting, program: &Inspection) -> Option<String> {
    let (major, minor, patch) = program.notes.kernel?;
    let kernel = &setting.facts.kernel;
    let wanted = || format!("it wants Linux {major}.{minor}.{patch} or later, and this is {}", kernel.release);
    (kernel.version() < (major, minor)).then(wanted)
}

/// A setuid program under an entry that does not hand on its owner's rights.
fn setuid(setting: &Setting, about: &str, program: &Inspection, verdict: &Verdict) -> Option<Finding> {
    let step = verdict.steps.first().filter(|s| program.setuid && s.handler == Some(Handler::Entry))?;
    let entry = setting.facts.table.entries.iter().find(|e| Some(&e.name) == step.name.as_ref())?;
    let detail =
        format!("it is setuid, and the entry {} has no flag C: it runs without its owner's rights", entry.name);
    let mut finding = Finding::warning(CauseId::BinfmtSetuidNoC, about, detail);
    if let Some(arch) = architecture_of(step) {
        finding = finding.with("arch", arch.label());
    }
    (!entry.flags.has(Flags::C)).then_some(finding)
}

/// Entries that would match the file too, if one that was registered later did not.
fn passed_over(setting: &Setting, about: &str, verdict: &Verdict) -> Option<Finding> {
    let step = verdict.steps.first().filter(|s| s.handler == Some(Handler::Entry))?;
    let name = step.name.as_ref()?;
    let others = setting.facts.table.entries.iter().filter(|e| e.enabled && e.name != *name);
    let others: Vec<String> = others.filter(|e| e.takes(&step.head, &step.path)).map(|e| to_text(&e.name)).collect();
    let detail = format!("the entry {name} matches it before {}, which would too", others.join(", "));
    (!others.is_empty()).then(|| Finding::note(CauseId::BinfmtShadowed, about, detail))
}

/// UPX leaves its mark after the program headers.
fn is_packed(setting: &Setting, path: &[u8]) -> bool {
    let mut head = [0; 1024];
    let len = setting.root.open(path).ok().and_then(|file| file.read(&mut head, 0).ok()).unwrap_or(0);
    head[..len].contains_str("UPX!")
}

/// Whether the library is where the program's loader looks.
fn has_fuse(setting: &Setting, program: &Inspection) -> bool {
    let asking = Inspection {
        dynamic: inspect::Dynamic { needed: vec!["libfuse.so.2".into()], ..Default::default() },
        ..program.clone()
    };
    let search = Search { root: &setting.root, prefixes: Vec::new(), path: BString::default() };
    search.libraries(b"/", &asking, None).first().is_some_and(|library| library.found.is_some())
}

/// What the kernel says, and whether the model said the same.
pub(super) fn kernel_said(path: &[u8], answer: &Answer, agrees: bool) -> Finding {
    let said = match answer {
        Answer::Fails(errno) => format!("the kernel answers {errno:?} ({})", errno.desc()),
        Answer::Killed(signal) => format!("the kernel kills the process with {signal}"),
        Answer::Starts(process) => format!("the kernel starts {}", process.exe.display()),
    };
    let wrong = || format!("{said}: our model of it is wrong here, which is a bug of rbinfmt's");
    match agrees {
        true => Finding::note(CauseId::Verified, to_text(path), said),
        false => Finding::problem(CauseId::ModelWrong, to_text(path), wrong()),
    }
}

fn osabi(number: u8) -> Option<&'static str> {
    Some(match number {
        2 => "NetBSD",
        3 => "GNU/Linux",
        6 => "Solaris",
        9 => "FreeBSD",
        12 => "OpenBSD",
        64 => "ARM EABI",
        65 => "ARM FDPIC",
        97 => "ARM",
        255 => "standalone",
        _ => return None,
    })
}
