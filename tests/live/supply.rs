//! From nothing to a foreign program that runs, and from one version to another and back: with the real Debian archive.

use std::path::Path;
use std::time::Duration;

use rbinfmt::emulators::debian::mirror::{self, Wish};
use rbinfmt::http::proxy::Proxies;
use rbinfmt::http::{Client, Options};

use crate::common::{Lab, lab_of, skipped};

/// A lab with an empty store, where the mirror of the host's apt answers.
fn lab() -> Option<Lab> {
    let mirror = mirror::choose(&Wish::default(), Path::new("/")).unwrap();
    if mirror.named_by == "built in" || mirror.keyring.is_some() {
        return skipped("the host's apt names no mirror of Debian");
    }
    let options = Options {
        proxies: Proxies::of_environment(),
        connect: Duration::from_secs(5),
        retries: 1,
        ..Options::default()
    };
    if Client::new(options).small(&format!("{}/dists/stable/InRelease", mirror.url), 8 << 20).is_err() {
        return skipped("the mirror of the host's apt does not answer");
    }
    let lab = lab_of("arm64")?;
    let store = lab.scratch().join("store").display().to_string();
    Some(lab.env("RBINFMT_STORE", &store))
}

#[test]
fn a_bare_machine_needs_one_command() {
    if std::fs::read_dir("/usr/bin").unwrap().flatten().any(|f| f.file_name() == "qemu-aarch64-static") {
        return skipped("this machine has emulators in /usr/bin").unwrap_or(());
    }
    let Some(lab) = lab() else { return };
    lab.run(
        r#"
        must rbinfmt install arm64 --dry-run >dry.txt
        grep -q 'arm64  fetch' dry.txt || fail "$(cat dry.txt)"
        [ ! -e $RBINFMT_STORE/versions ] || fail 'a dry run fetched'
        must rbinfmt install all >out.txt
        for arch in aarch64 arm ppc64le s390x riscv64; do
            grep -q "qemu-$arch -> $RBINFMT_STORE/.* works" out.txt || fail "$arch: $(cat out.txt)"
        done
        for arch in arm64 armhf s390x ppc64el; do
            [ -e $FIXTURES/$arch/busybox ] || continue
            must $FIXTURES/$arch/busybox true
        done
        # All is there now: no network is needed, and nothing is done.
        must rbinfmt install all --offline -v >again.txt
        grep -q 'kept  *qemu-aarch64' again.txt || fail "$(cat again.txt)"
        must rbinfmt uninstall all
        [ -z "$(names)" ] || fail "$(names)"
        "#,
    );
}

#[test]
fn another_version_and_back_while_programs_run() {
    let Some(lab) = lab() else { return };
    lab.run(
        r#"
        must rbinfmt install arm64 --qemu 7.2 2>told.txt
        # A pair that is known to fail is named; what running it has shown is in its manifest.
        grep -q 'warning: arm64: QEMU .*7\.2' told.txt || fail "$(cat told.txt)"
        grep -q '"preserves_argv0": true' $RBINFMT_STORE/versions/debian-7.2*/manifest.json || fail 'no note of P'
        grep -q "interpreter $RBINFMT_STORE/versions/debian-7.2" $table/qemu-aarch64 || fail "$(cat $table/qemu-aarch64)"
        (
            while [ ! -e stop ]; do
                $FIXTURES/arm64/busybox true || echo failed >>failures
                echo >>runs
            done
        ) &
        must rbinfmt upgrade >upgrade.txt
        grep -q 'qemu-aarch64 -> .* works' upgrade.txt || fail "$(cat upgrade.txt)"
        grep -q "interpreter $RBINFMT_STORE/versions/debian-7.2" $table/qemu-aarch64 && fail "$(cat $table/qemu-aarch64)"
        must rbinfmt emulators use 7.2
        grep -q "interpreter $RBINFMT_STORE/versions/debian-7.2" $table/qemu-aarch64 || fail "$(cat $table/qemu-aarch64)"
        touch stop
        wait
        [ ! -e failures ] || fail "$(wc -l <failures) of $(wc -l <runs) runs failed"
        [ $(wc -l <runs) -gt 20 ] || fail "only $(wc -l <runs) runs"
        # The newer one is still there, and may go.
        [ "$(rbinfmt emulators --json | grep -c '"id"')" = 2 ] || fail "$(rbinfmt emulators)"
        must rbinfmt emulators gc
        [ "$(rbinfmt emulators --json | grep -c '"id"')" = 1 ] || fail "$(rbinfmt emulators)"
        must $FIXTURES/arm64/busybox true
        "#,
    );
}

#[test]
fn what_the_doctor_upgrades() {
    let Some(lab) = lab() else { return };
    lab.run(
        r#"
        printf '#!/bin/sh\nkill -SEGV $$\n' >crashes; chmod +x crashes; stranger qemu-aarch64 $PWD/crashes P
        rbinfmt doctor --no-engines --fix >out.txt 2>told.txt || fail "$(cat out.txt told.txt)"
        grep -q 'problem\[qemu-segv-libc-bin\]' out.txt || fail "$(cat out.txt)"
        grep -qx -e '--fix: rbinfmt upgrade arm64' told.txt || fail "$(cat told.txt)"
        must $FIXTURES/arm64/busybox true
        "#,
    );
}
