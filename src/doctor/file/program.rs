//! What may go wrong with a program although execve(2) starts it. Each finding is a function of what was looked at.

use super::Setting;
use crate::doctor::finding::Finding;
use crate::exec::facts::TableState;
use crate::exec::{Outcome, Verdict};
use crate::inspect::{self, Inspection};
use crate::oracle::Answer;
use crate::text::to_text;

/// What an ELF file asks of the world.
pub(super) fn findings(setting: &Setting, path: &[u8], program: &Inspection, verdict: &Verdict) -> Vec<Finding> {
    let about = to_text(path);
    let problem = |id, detail| Finding::problem(id, &*about, detail);
    let note = |id, detail| Finding::note(id, &*about, detail);
    let starts = matches!(verdict.outcome, Outcome::Starts(_));
    let native = verdict.steps.first().is_some_and(|s| !matches!(s.handler, None | Some(crate::exec::Handler::Entry)));
    let mut findings = Vec::new();
    if program.loader.is_some() {
        let missing = inspect::missing(&setting.root, path, program);
        findings.extend(missing.iter().map(|name| {
            let detail = format!("the library {name} is in none of the folders that loaders search");
            problem("missing-shared-lib", detail).with("library", name.to_string())
        }));
    }
    if let Some(level) = program.notes.x86_level.filter(|level| *level > 1) {
        let text = format!("it is built for x86-64-v{level}");
        findings.push(match own_level() {
            Some(own) if native && own < level => {
                problem("x86-64-level", format!("{text}, and this CPU is an x86-64-v{own}"))
            }
            _ => note("x86-64-level", text),
        });
    }
    if let Some((major, minor, patch)) = program.notes.kernel
        && setting.facts.kernel.version() < (major, minor)
    {
        let text = format!(
            "it wants Linux {major}.{minor}.{patch} or later, and this is {}: its C library will refuse to start",
            setting.facts.kernel.release
        );
        findings.push(problem("kernel-too-old", text));
    }
    if let Some(arm) = program.arm {
        let version = arm.version.map_or(String::new(), |v| format!("ARMv{v}, "));
        let float = if arm.hard_float { "hard" } else { "soft" };
        findings.push(note("arm-attributes", format!("it is built for {version}{float} float")));
    }
    if program.osabi != 0 {
        let name = osabi(program.osabi).map_or(String::new(), |name| format!(" ({name})"));
        let text =
            format!("EI_OSABI is {}{name}; no loader of Linux looks at it, a rule of an entry may", program.osabi);
        findings.push(note("osabi", text));
    }
    if starts && setting.facts.table.state == TableState::Hidden {
        let text = "the table of entries cannot be seen from here: one of them may take the file instead";
        findings.push(note("table-hidden", text.into()));
    }
    findings
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
        true => Finding::note("verified", to_text(path), said),
        false => Finding::problem("model-wrong", to_text(path), wrong()),
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

/// The x86-64 level of this CPU; `None` on another one.
#[cfg(target_arch = "x86_64")]
fn own_level() -> Option<u8> {
    let v2 = is_x86_feature_detected!("sse4.2") && is_x86_feature_detected!("popcnt");
    let v3 =
        v2 && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("fma");
    let v4 = v3 && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
    Some(1 + u8::from(v2) + u8::from(v3) + u8::from(v4))
}

#[cfg(not(target_arch = "x86_64"))]
fn own_level() -> Option<u8> {
    None
}
