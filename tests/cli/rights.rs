//! Somebody without the rights is told so, and what to run; nothing is half done.

use crate::common::{Lab, Need, RBINFMT, lab, lab_of, script, skipped, texts};

/// Another user than root, who can reach rbinfmt and the emulators; `None` where only root can make one.
fn with_nobody(arch: &str) -> Option<Lab> {
    if !nix::unistd::geteuid().is_root() {
        return skipped(Need::Root, "only root can become somebody else");
    }
    let lab = lab_of(arch)?;
    // Where the project lies may be closed to others.
    std::fs::copy(RBINFMT, lab.scratch().join("rbinfmt")).unwrap();
    Some(lab)
}

#[test]
fn a_user_who_may_only_look_is_told_what_to_run() {
    let Some(lab) = with_nobody("arm64") else { return };
    lab.run(&script("cli/rights/a_user_who_may_only_look_is_told_what_to_run"));
}

#[test]
fn a_user_who_sees_no_table_gets_3_and_what_to_run() {
    let Some(lab) = with_nobody("arm64") else { return };
    let lab = lab.without_table();
    lab.run(&script("cli/rights/a_user_who_sees_no_table_gets_3_and_what_to_run"));
}

/// A lock that users can take is not waited for, and they cannot take those that are.
#[test]
fn the_locks_of_users_keep_nobody_waiting() {
    let Some(lab) = with_nobody("arm64") else { return };
    lab.run(&script("cli/rights/the_locks_of_users_keep_nobody_waiting"));
}

/// In the machine's own namespaces, where a user without rights can do no harm.
#[test]
fn a_user_on_a_machine_without_the_table_gets_3_and_what_to_run() {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    if mounts.contains(" - binfmt_misc ") || mounts.contains(" /proc/sys/fs/binfmt_misc ") {
        return skipped(Need::Setup, "this machine has the table mounted").unwrap_or(());
    }
    let Some(lab) = with_nobody("arm64") else { return };
    std::process::Command::new("chmod").arg("755").arg(lab.scratch()).status().unwrap();
    for args in
        [&["status"][..], &["uninstall", "all"], &["install", "arm64"], &["install", "arm64", "--keep", "entries"]]
    {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(lab.scratch().join("rbinfmt"));
        let output = command.args(args).arg("--emulators").arg(crate::common::fixtures()).output().unwrap();
        let (out, err) = texts(&output);
        assert_eq!((output.status.code(), out.as_str()), (Some(3), ""), "{args:?}: {err}");
        assert!(err.contains("nothing is mounted on") && err.contains("only root may mount it"), "{args:?}: {err}");
        assert!(err.contains("sudo"), "{args:?}: {err}");
    }
}

#[test]
fn a_read_only_table_is_left_alone() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/rights/a_read_only_table_is_left_alone"));
}

#[test]
fn a_container_that_may_not_mount_is_told_about_privileged() {
    let Some(lab) = lab() else { return };
    lab.without_table().run(&script("cli/rights/a_container_that_may_not_mount_is_told_about_privileged"));
}

#[test]
fn in_a_pod_the_advice_is_for_a_pod() {
    let Some(lab) = lab() else { return };
    lab.without_table().run(&script("cli/rights/in_a_pod_the_advice_is_for_a_pod"));
}
