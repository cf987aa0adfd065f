//! The kernel's settings and limits that emulators do not get along with.

use super::{Case, Check, State};
use crate::architecture::Architecture;
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::Finding;
use crate::doctor::host::facts::HostFacts;
use crate::emulators::known_bad::{VARIABLES, older_than};

const GROUP: &str = "settings";

/// What x86_64 kernels had before distributions raised it.
const USUAL_RANDOM_BITS: u64 = 28;
/// Some programs close every number up to the limit.
const MANY_FILES: u64 = 100_000_000;

pub(super) fn checks(case: &Case) -> Vec<Check> {
    let facts = case.facts;
    let check = |name, state| Check { group: GROUP, name, state };
    let memory = random_bits(case).into_iter().collect();
    vec![
        check("memory", State::of(memory, || "as emulators want it".into())),
        check("limits", State::of(limits(facts), || "none in the way".into())),
    ]
}

fn number(facts: &HostFacts, name: &str) -> Option<u64> {
    facts.settings.get(name)?.parse().ok()
}

/// Old emulators, and sanitizers, cannot do with much randomness.
fn random_bits(case: &Case) -> Option<Finding> {
    let name = "vm.mmap_rnd_bits";
    let bits = number(case.facts, name).filter(|&bits| bits > USUAL_RANDOM_BITS)?;
    if Architecture::of_machine(&case.facts.kernel.machine) != Some(Architecture::X86_64)
        || number(case.facts, "kernel.randomize_va_space") == Some(0)
    {
        return None;
    }
    let versions = case.emulating().filter_map(|e| e.program?.version.as_deref());
    let old = { versions }.find(|version| older_than(version, "8.1"));
    let finding = match old {
        Some(version) => {
            let detail =
                "so much randomness of addresses is more than this old emulator can do with: it crashes at times";
            Finding::warning(CauseId::AslrMmapRndBits, name, detail).evidence(format!("QEMU {version}"))
        }
        None => {
            let detail =
                "emulators before QEMU 8.1, and old sanitizers, crash at times with so much randomness of addresses";
            Finding::note(CauseId::AslrMmapRndBits, name, detail)
        }
    };
    Some(finding.evidence(format!("{name} = {bits}")))
}

fn limits(facts: &HostFacts) -> Vec<Finding> {
    let set = VARIABLES.iter().filter(|variable| facts.environment.contains_key(variable.name));
    let told = set.map(|variable| Finding::warning(CauseId::QemuEnvironment, variable.name, variable.effect));
    let mut findings: Vec<Finding> = told.collect();
    let limits = &facts.policy.limits;
    if let Some(bytes) = limits.get("RLIMIT_AS") {
        let detail = "this process may not reserve the addresses that an emulator wants for its guest";
        let finding = Finding::warning(CauseId::QemuGuestBase, "ulimit -v", detail);
        findings.push(finding.evidence(format!("RLIMIT_AS = {bytes} bytes")));
    }
    if let Some(files) = limits.get("RLIMIT_NOFILE").filter(|&&files| files >= MANY_FILES) {
        let detail = "so many open files are allowed that programs which keep a table of them use up the memory";
        findings.push(
            Finding::note(CauseId::QemuOomArmv7, "ulimit -n", detail).evidence(format!("RLIMIT_NOFILE = {files}")),
        );
    }
    findings
}
