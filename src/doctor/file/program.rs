//! What may go wrong with a program although execve(2) starts it. Each finding is a function of what was looked at.

use bstr::{BString, ByteSlice};

use super::cause::architecture_of;
use super::{Setting, loader};
use crate::binfmt::entry::Flags;
use crate::cpu;
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::Finding;
use crate::exec::facts::TableState;
use crate::exec::{Handler, Outcome, Verdict};
use crate::inspect::{self, Inspection};
use crate::oracle::Answer;
use crate::text::to_text;

/// The first glibc that does not look at the kernel's version.
const LOOKS_NO_MORE: [u32; 3] = [2, 36, 0];

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
    match program.loader.as_ref().filter(|_| starts) {
        Some(name) if taker == Some(Handler::Entry) && setting.root.open(name).is_err() => {
            findings.extend(no_sysroot(setting, &about, name, verdict));
        }
        Some(name) => {
            findings.extend(loader::stub(setting, &about, name));
            findings.extend(libraries(setting, path, &about, program, native));
        }
        None => {}
    }
    findings.extend(setuid(setting, &about, program, verdict));
    findings.extend(passed_over(setting, &about, verdict));
    if starts && program.appimage && !has_fuse(setting, program) {
        let detail = "an AppImage mounts itself with libfuse.so.2, which is not here";
        findings.push(Finding::warning(CauseId::AppimageFuse, &*about, detail).with("path", &*about));
    }
    if native && setting.facts.kernel.machine == "armv6l" && program.arm.is_some_and(|arm| arm.version > Some(6)) {
        findings.push(problem(CauseId::Armv6VsV7, "it is built for ARMv7 or later, and this CPU is an ARMv6".into()));
    }
    if let Some(level) = program.notes.x86_level.filter(|level| *level > 1) {
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
    if let Some(arm) = program.arm {
        let version = arm.version.map_or(String::new(), |v| format!("ARMv{v}, "));
        let float = if arm.hard_float { "hard" } else { "soft" };
        findings.push(note(CauseId::ArmAttributes, format!("it is built for {version}{float} float")));
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

/// The emulator starts, and does not find the program's own loader.
fn no_sysroot(setting: &Setting, about: &str, name: &BString, verdict: &Verdict) -> Option<Finding> {
    let entry = verdict.steps.first()?.name.clone().unwrap_or_default();
    let arch = entry.strip_prefix(b"qemu-").unwrap_or(&entry);
    // Where QEMU looks besides: QEMU_LD_PREFIX, and what distributions built in.
    let own = std::env::var_os("QEMU_LD_PREFIX").map(|p| p.as_encoded_bytes().to_vec());
    let built_in = [&b"/etc/qemu-binfmt/"[..], b"/usr/gnemul/qemu-"].map(|directory| [directory, arch].concat());
    let places = own.into_iter().chain(built_in);
    if places.into_iter().any(|prefix| setting.root.open(&[prefix.as_slice(), name].concat()).is_ok()) {
        return None;
    }
    Some(loader::no_sysroot(setting, about, name, verdict.steps.first()?))
}

/// The libraries that it needs directly: there, new enough, and for this CPU.
fn libraries(setting: &Setting, path: &[u8], about: &str, program: &Inspection, native: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for library in inspect::libraries(&setting.root, path, program) {
        let name = library.name;
        let Some((place, found)) = library.found else {
            let detail = format!("the library {name} is in none of the directories that loaders search");
            findings.push(Finding::problem(CauseId::MissingSharedLib, about, detail).with("library", to_text(name)));
            continue;
        };
        let has = &found.dynamic.defines;
        let lacks = |v: &&BString| !has.is_empty() && v.starts_with(b"GLIBC") && !has.contains(v);
        let newest = has.iter().filter(|v| inspect::glibc(v).is_some()).max_by_key(|v| inspect::glibc(v));
        if let Some(wanted) = newer_kernel(setting, &found)
            && newest.is_some_and(|v| inspect::glibc(v) < Some(LOOKS_NO_MORE))
        {
            let detail = format!("{wanted}, says its library {place}, which will refuse to start");
            findings.push(Finding::problem(CauseId::KernelTooOld, about, detail));
        }
        let wanted = program.dynamic.versions.iter().filter(|(of, _)| of == name).map(|(_, version)| version);
        if let Some(version) = wanted.filter(lacks).max_by_key(|v| inspect::glibc(v)) {
            let newest = newest.map_or(String::new(), |v| format!(", which ends at {v}"));
            let detail = format!("it asks for {version} of {place}{newest}");
            findings.push(Finding::problem(CauseId::GlibcTooOld, about, detail).with("library", to_text(&place)));
        }
        if let Some(level) = found.notes.x86_level.filter(|level| *level > 1 && native && setting.here)
            && let Some(own) = cpu::x86_64_level().filter(|own| *own < level)
        {
            let detail = format!("its library {place} is built for x86-64-v{level}, and this CPU is an x86-64-v{own}");
            findings.push(Finding::problem(CauseId::IsaNoteLevel, about, detail).with("library", to_text(&place)));
        }
    }
    findings
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
    inspect::libraries(&setting.root, b"/", &asking).iter().all(|library| library.found.is_some())
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
