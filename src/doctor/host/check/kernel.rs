//! What the kernel is, and whether it has binfmt_misc.

use super::{Check, State};
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::Finding;
use crate::doctor::host::facts::{Config, HostFacts};
use crate::elf::Class;

const GROUP: &str = "kernel";

pub(super) fn checks(facts: &HostFacts) -> Vec<Check> {
    let check = |name, state| Check { group: GROUP, name, state };
    vec![check("binfmt_misc", support(facts)), check("flags", flags(facts)), check("programs", programs(facts))]
}

fn support(facts: &HostFacts) -> State {
    const ID: CauseId = CauseId::BinfmtKernelMissing;
    let support = &facts.support;
    let release = &facts.kernel.release;
    let config = |finding: Finding| match &support.config {
        Some((config, file)) => {
            let value = match config {
                Config::BuiltIn => "CONFIG_BINFMT_MISC=y",
                Config::Module => "CONFIG_BINFMT_MISC=m",
                Config::No => "CONFIG_BINFMT_MISC is not set",
            };
            finding.evidence(format!("{file}: {value}"))
        }
        None => finding,
    };
    let absent = |finding: Finding| State::Found(vec![config(finding.evidence("it is not in /proc/filesystems"))]);
    match (&support.config, &support.module) {
        _ if support.present => {
            let how = match support.config {
                Some((Config::Module, _)) => "loaded",
                Some((Config::BuiltIn, _)) => "built in",
                _ => "there",
            };
            State::Fine(format!("Linux {release}, binfmt_misc is {how}"))
        }
        (Some((Config::No, _)), _) => {
            absent(Finding::problem(ID, release, "this kernel was built without binfmt_misc"))
        }
        (_, Some(module)) => absent(
            Finding::warning(ID, release, "binfmt_misc is a module, and it is not loaded: no entry can be there")
                .evidence(format!("/lib/modules/{release}/{module}")),
        ),
        (Some((Config::Module, _)), None) if !support.modules => absent(Finding::problem(
            ID,
            release,
            "binfmt_misc is a module, and this kernel's modules are not here: was the kernel replaced without a restart?",
        )),
        (Some((Config::Module, _)), None) => {
            absent(Finding::problem(ID, release, "binfmt_misc is a module that is not installed"))
        }
        (Some((Config::BuiltIn, file)), _) => {
            State::Unseen(format!("{file} says that it is built in, but /proc/filesystems does not show it"))
        }
        (None, None) => State::Unseen(
            "it is not loaded, and neither the kernel's configuration nor a list of its modules is here".into(),
        ),
    }
}

fn flags(facts: &HostFacts) -> State {
    let kernel = &facts.kernel;
    let letters = kernel.behaviour().flags;
    if kernel.knows_fix_binary() {
        return State::Fine(format!("entries can have the flags {letters}"));
    }
    let detail =
        "this kernel has no flag F: an entry's interpreter is looked up in each container, where it does not exist";
    let finding = Finding::warning(CauseId::BinfmtFKernelTooOld, &kernel.release, detail);
    State::Found(vec![finding.evidence(format!("flags that it knows: {letters}"))])
}

/// Kernel, its first program, and pages.
fn programs(facts: &HostFacts) -> State {
    let machine = facts.place.kernel_arch.as_ref().unwrap_or(&facts.kernel.machine);
    let mut findings = Vec::new();
    if let Some(why) = facts.table.get().and_then(|table| table.emulated.as_ref()) {
        let detail = "rbinfmt itself runs under an emulator here: what it sees of the machine may be made up";
        findings.push(Finding::warning(CauseId::EmulatedUnameTraps, machine, detail).evidence(why));
    }
    if machine.contains("64") && facts.place.init.is_some_and(|init| init.class == Class::Bits32) {
        let detail = "the kernel is of 64 bits, but this system's programs are of 32";
        let finding = Finding::note(CauseId::Userland32On64Kernel, machine, detail);
        findings.push(finding.evidence("process 1 is a program of 32 bits"));
    }
    let size = facts.place.page_size;
    if size != 4096 {
        let detail = format!("pages are of {size} bytes: programs and emulators that count on 4096 fail");
        findings.push(Finding::warning(CauseId::PageSize, machine, detail));
    }
    State::of(findings, || format!("{machine}, pages of {size} bytes"))
}
