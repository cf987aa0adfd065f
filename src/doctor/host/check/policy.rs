//! Who forbids what: SELinux, AppArmor, namespaces, this process's own bonds.

use super::causes::Causes;
use super::{Case, Check, State};
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::{Finding, Severity};

const GROUP: &str = "policy";

/// SELinux types that containers may execute.
const EXECUTABLE: [&str; 5] = ["bin_t", "lib_t", "usr_t", "container_ro_file_t", "container_share_t"];

pub(super) fn checks(case: &Case) -> Vec<Check> {
    let check = |name, state| Check { group: GROUP, name, state };
    vec![
        check("security modules", modules(case)),
        check("user namespaces", namespaces(case)),
        check("this process", process(case)),
    ]
}

fn modules(case: &Case) -> State {
    let policy = &case.facts.policy;
    let mut causes = Causes::default();
    if policy.selinux_enforcing == Some(true) {
        for entry in case.emulating() {
            let Some(label) = entry.program.and_then(|p| p.label.as_deref()) else { continue };
            let kind = label.split(':').nth(2).unwrap_or(label);
            if !EXECUTABLE.contains(&kind) && !kind.ends_with("_exec_t") {
                let detail = "SELinux enforces, and this label of the emulator is none that containers may execute";
                causes.add(
                    (Severity::Warning, CauseId::SelinuxEmulator),
                    entry,
                    detail,
                    Some(format!("{}: {label}", entry.path())),
                );
            }
        }
    }
    State::of(causes.findings(), || match (policy.selinux_enforcing, policy.apparmor) {
        (Some(true), _) => "SELinux enforces".into(),
        (Some(false), _) => "SELinux is permissive".into(),
        (None, true) => "AppArmor is on".into(),
        (None, false) => "neither SELinux nor AppArmor".into(),
    })
}

fn namespaces(case: &Case) -> State {
    let setting = |name: &str| case.facts.settings.get(name).map(String::as_str);
    let mut findings = Vec::new();
    if setting("kernel.apparmor_restrict_unprivileged_userns") == Some("1") {
        let detail = "AppArmor lets only programs with a profile make user namespaces: rootless containers need one";
        let finding = Finding::note(CauseId::UsernsApparmorUbuntu, "user namespaces", detail);
        findings.push(finding.evidence("kernel.apparmor_restrict_unprivileged_userns = 1"));
    }
    let off = [("user.max_user_namespaces", "0"), ("kernel.unprivileged_userns_clone", "0")];
    for (name, value) in off.iter().filter(|(name, value)| setting(name) == Some(value)) {
        let detail = match *name {
            "user.max_user_namespaces" => {
                "nobody can make one: no rootless containers, and no entries that keep their own table"
            }
            _ => "only root can make one: no rootless containers",
        };
        findings.push(
            Finding::note(CauseId::UsernsDisabled, "user namespaces", detail).evidence(format!("{name} = {value}")),
        );
    }
    State::of(findings, || "can be made".into())
}

/// What binds this process binds what it starts; nothing of it is a fault by itself.
fn process(case: &Case) -> State {
    let policy = &case.facts.policy;
    State::Fine(match (policy.no_new_privs, policy.seccomp_filter) {
        (true, true) => "NoNewPrivs (set-uid programs gain nothing), and a seccomp filter".into(),
        (true, false) => "NoNewPrivs: set-uid programs gain nothing".into(),
        (false, true) => "a seccomp filter watches it".into(),
        (false, false) => "no filter".into(),
    })
}
