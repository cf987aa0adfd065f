//! What kind of machine it is: WSL, a container, a system on which nothing can be installed.

use super::{Check, State};
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::Finding;
use crate::doctor::host::facts::HostFacts;
use crate::kernel::Kernel;

const GROUP: &str = "machine";

/// Systems that are images: nothing is installed on them by hand.
const IMAGES: [&str; 5] = ["bottlerocket", "talos", "chromeos", "cos", "flatcar"];

/// The generations of WSL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wsl {
    /// The one without a Linux kernel.
    One,
    /// The one in a virtual machine.
    Two,
}

/// Whether this is WSL, as the kernel's release says: "4.4.0-19041-Microsoft", "5.15.90.1-microsoft-standard-WSL2".
pub(super) fn wsl(kernel: &Kernel) -> Option<Wsl> {
    match () {
        () if kernel.release.contains("-Microsoft") => Some(Wsl::One),
        () if kernel.release.contains("microsoft") => Some(Wsl::Two),
        () => None,
    }
}

pub(super) fn checks(facts: &HostFacts) -> Vec<Check> {
    let check = |name, state| Check { group: GROUP, name, state };
    let mut checks = vec![check("system", system(facts))];
    checks.extend(wsl(&facts.kernel).map(|wsl| check("WSL", interop(facts, wsl))));
    checks
}

fn system(facts: &HostFacts) -> State {
    let place = &facts.place;
    let name = if place.os_name.is_empty() { "Linux" } else { &place.os_name };
    let entries = facts.table.get().map_or(0, |table| table.table.entries.len());
    if (IMAGES.contains(&place.os.as_str())) && entries == 0 {
        let detail = "this system is an image: what is registered by hand is gone with the next start, and packages do not install";
        let finding = Finding::warning(CauseId::VmHostWithoutBinfmt, name, detail);
        return State::Found(vec![finding.evidence(format!("os-release: ID={}", place.os))]);
    }
    State::Fine(match (&place.container, &place.container_sign) {
        (Some(kind), Some(sign)) => format!("{name}, in a {kind} container ({sign})"),
        (Some(kind), None) => format!("{name}, in a {kind} container"),
        _ if !facts.identity.first_user_namespace => format!("{name}, in a user namespace"),
        _ => name.to_owned(),
    })
}

/// Windows' own programs run through an entry that is WSL's.
fn interop(facts: &HostFacts, wsl: Wsl) -> State {
    if wsl == Wsl::One {
        let detail = "WSL 1 has no Linux kernel: there is no binfmt_misc, and QEMU's user emulators do not run";
        return State::Found(vec![Finding::problem(CauseId::Wsl1, &facts.kernel.release, detail)]);
    }
    let Some(table) = facts.table.get().map(|facts| &facts.table) else {
        return State::Unseen("the table is not seen".into());
    };
    let interop = table.entries.iter().any(|e| e.enabled && e.takes(b"MZ", b""));
    match () {
        () if interop => State::Fine("Windows programs run".into()),
        () if table.entries.is_empty() => {
            let detail = "the table is empty, WSL's own entry is gone too: another distribution that stopped has cleared it, for all";
            let finding = Finding::warning(CauseId::WslPeerDistroWipe, "WSLInterop", detail);
            State::Found(vec![broken(), finding])
        }
        () => State::Found(vec![broken()]),
    }
}

fn broken() -> Finding {
    let detail = "the entry that runs Windows programs is gone: they fail with Exec format error";
    Finding::problem(CauseId::WslInteropBroken, "WSLInterop", detail)
}
