//! Somebody without the rights is told so, and what to run; nothing is half done.

use crate::common::{Lab, RBINFMT, lab, lab_of, skipped, texts};

/// Another user than root, who can reach rbinfmt and the emulators; `None` where only root can make one.
fn with_nobody(arch: &str) -> Option<Lab> {
    if !nix::unistd::geteuid().is_root() {
        return skipped("only root can become somebody else");
    }
    let lab = lab_of(arch)?;
    // Where the project lies may be closed to others.
    std::fs::copy(RBINFMT, lab.scratch().join("rbinfmt")).unwrap();
    Some(lab)
}

const NOBODY: &str = r#"
chmod 755 . rbinfmt
mkdir emulators
cp $EMULATORS/qemu-aarch64-static emulators/
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups ./rbinfmt --emulators $PWD/emulators "$@"; }
"#;

#[test]
fn a_user_who_may_only_look_is_told_what_to_run() {
    let Some(lab) = with_nobody("arm64") else { return };
    lab.run(&format!(
        "{NOBODY}{}",
        r#"
        for verb in 'install arm64' 'install all' '--install arm64'; do
            wants 1 nobody $verb >out.txt 2>err.txt
            grep -q 'only root may do that; nothing was changed' err.txt || fail "$verb: $(cat err.txt)"
            grep -q 'help: .*sudo.*--privileged' err.txt || fail "$verb: $(cat err.txt)"
            [ -z "$(names)" ] || fail "$(names)"
        done
        must ./rbinfmt --emulators $PWD/emulators install arm64
        # What is as wanted already needs no rights; neither does looking.
        must nobody install arm64 -v >out.txt
        grep -q kept out.txt || fail "$(cat out.txt)"
        must nobody status --json >out.txt
        grep -q '"works": true' out.txt || fail "$(cat out.txt)"
        must nobody install arm64 --no-credentials --dry-run >out.txt
        grep -q replace out.txt || fail "$(cat out.txt)"
        for verb in 'uninstall all' 'uninstall arm64' 'install arm64 --no-credentials'; do
            wants 1 nobody $verb >out.txt 2>err.txt
            grep -q 'only root may do that; nothing was changed' err.txt || fail "$verb: $(cat err.txt)"
            grep -qx 'flags: POCF' $table/qemu-aarch64 || fail "$verb: $(names)"
        done
        "#
    ));
}

#[test]
fn a_user_who_sees_no_table_gets_3_and_what_to_run() {
    let Some(lab) = with_nobody("arm64") else { return };
    let lab = lab.without_table();
    lab.run(&format!(
        "{NOBODY}{}",
        r#"
        for verb in status 'status --json' 'install arm64' 'uninstall all' '' '--install arm64'; do
            for private in '' --private; do
                wants 3 nobody $verb $private >out.txt 2>err.txt
                [ ! -s out.txt ] || fail "$verb: $(cat out.txt)"
                grep -q '^error: ' err.txt && grep -q ' help: ' err.txt || fail "$verb $private: $(cat err.txt)"
            done
            grep -q 'only root may mount it' err.txt && grep -q 'sudo' err.txt || fail "$verb: $(cat err.txt)"
        done
        "#
    ));
}

/// In the machine's own namespaces, where a user without rights can do no harm.
#[test]
fn a_user_on_a_machine_without_the_table_gets_3_and_what_to_run() {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    if mounts.contains(" - binfmt_misc ") || mounts.contains(" /proc/sys/fs/binfmt_misc ") {
        return skipped("this machine has the table mounted").unwrap_or(());
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
    lab.run(
        r#"
        must rb install s390x
        mount -o remount,ro,bind $table
        wants 1 rb uninstall all 2>err.txt
        grep -q 'it is mounted read-only here; nothing was changed' err.txt || fail "$(cat err.txt)"
        # For an installation another table of this namespace would have to be made, or the machine's is meant.
        wants 3 rb install arm64 2>err.txt
        wants 1 rb install arm64 --private 2>err.txt
        grep -q 'read-only' err.txt || fail "$(cat err.txt)"
        [ "$(names)" = qemu-s390x ] && grep -qx 'flags: POCF' $table/qemu-s390x || fail "$(names)"
        must rb status >out.txt
        "#,
    );
}

#[test]
fn a_container_that_may_not_mount_is_told_about_privileged() {
    let Some(lab) = lab() else { return };
    lab.without_table().run(
        r#"
        # A root without CAP_SYS_ADMIN, as docker run makes it without --privileged.
        for verb in 'install arm64' status; do
            wants 3 setpriv --bounding-set -sys_admin --inh-caps -sys_admin rbinfmt --private $verb --emulators "$EMULATORS" 2>err.txt
            grep -q 'this container may not mount it' err.txt && grep -q -- '--privileged' err.txt || fail "$verb: $(cat err.txt)"
        done
        ! grep ' - binfmt_misc ' /proc/self/mountinfo || fail mounted
        "#,
    );
}

#[test]
fn in_a_pod_the_advice_is_for_a_pod() {
    let Some(lab) = lab() else { return };
    lab.without_table().run(
        r#"
        export KUBERNETES_SERVICE_HOST=192.0.2.1
        for verb in 'install arm64' '--install arm64' 'uninstall all' status ''; do
            wants 3 setpriv --bounding-set -sys_admin --inh-caps -sys_admin rbinfmt --private $verb --emulators "$EMULATORS" 2>err.txt
            grep -q 'help: set `securityContext.privileged: true`' err.txt || fail "$verb: $(cat err.txt)"
            ! grep -q docker err.txt || fail "$verb: $(cat err.txt)"
        done
        mkdir empty
        wants 1 rbinfmt --private install arm64 --emulators "$EMULATORS" --persist="$PWD/empty" 2>err.txt
        grep -q 'help: .*hostPath: {path: /}' err.txt || fail "$(cat err.txt)"
        "#,
    );
}
