//! What the flags are for: argv[0], setuid programs, and an emulator that stays when its file goes.

use crate::common::{entry, fixtures, lab, lab_of, skipped};

#[test]
fn argv0_arrives() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        must rb install arm64
        said=$(exec -a another-name $FIXTURES/arm64/bash -c 'echo $0 $BASH_ARGV0')
        [ "$said" = 'another-name another-name' ] || fail "$said"
        # A login shell is known by the dash of its argv[0].
        said=$(exec -a -bash $FIXTURES/arm64/bash --norc --noprofile -c 'shopt -q login_shell && echo login')
        [ "$said" = login ] || fail "$said"
        # A busybox does what its argv[0] says.
        said=$(exec -a uname $FIXTURES/arm64/busybox -m)
        [ "$said" = aarch64 ] || fail "$said"
        "#,
    );
}

#[test]
fn a_setuid_program_has_its_owners_rights_with_c_and_only_with_it() {
    if !nix::unistd::geteuid().is_root() {
        return skipped("only root can make a setuid file of another user").unwrap_or(());
    }
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        chmod 755 .
        cp $FIXTURES/arm64/bash rootbash
        chmod 4755 rootbash
        as_user() { setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
        must rb install arm64
        said=$(as_user ./rootbash -p -c 'echo $EUID of $UID')
        [ "$said" = '0 of 1000' ] || fail "with C: $said"
        must rb install arm64 --no-credentials
        said=$(as_user ./rootbash -p -c 'echo $EUID of $UID')
        [ "$said" = '1000 of 1000' ] || fail "without C: $said"
        must rb install arm64
        said=$(as_user ./rootbash -p -c 'echo $EUID of $UID')
        [ "$said" = '0 of 1000' ] || fail "with C again: $said"
        "#,
    );
}

#[test]
fn the_emulator_stays_when_its_file_goes() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        mkdir here
        cp $EMULATORS/qemu-aarch64-static here/
        must rbinfmt install arm64 --emulators here
        rm here/qemu-aarch64-static
        [ "$($FIXTURES/arm64/busybox uname -m)" = aarch64 ] || fail 'flag F'
        "#,
    );
}

#[test]
fn a_root_directory_without_the_emulator_runs_its_programs() {
    if !nix::unistd::geteuid().is_root() {
        return skipped("chroot wants more users than one").unwrap_or(());
    }
    let Some(lab) = lab_of("s390x") else { return };
    lab.run(
        r#"
        must rb install s390x
        mkdir -p root/bin
        cp $FIXTURES/s390x/busybox root/bin/busybox
        [ "$(chroot root /bin/busybox uname -m)" = s390x ] || fail chroot
        "#,
    );
}

/// QEMU before 6.0 knows nothing of AT_FLAGS: with P it takes argv[0] for the program. Trying finds it out.
#[test]
fn an_emulator_that_does_not_know_p_goes_without_it() {
    let Some(lab) = lab_of("arm64") else { return };
    if !fixtures().join("qemu-5.2/qemu-aarch64-static").is_file() {
        return skipped("QEMU 5.2 could not be fetched").unwrap_or(());
    }
    let status = lab.json(
        r#"
        must rbinfmt install arm64 --emulators $FIXTURES/qemu-5.2 >&2
        [ "$($FIXTURES/arm64/busybox uname -m)" = aarch64 ] || fail run
        [ "$(names)" = qemu-aarch64 ] || fail "$(names)"
        # A second run changes nothing.
        inode=$(stat -c %i $table/qemu-aarch64)
        must rbinfmt install arm64 --emulators $FIXTURES/qemu-5.2 -v | tee -a /dev/stderr | grep -q kept || fail kept
        [ "$(names)" = qemu-aarch64 ] || fail "$(names)"
        [ "$(stat -c %i $table/qemu-aarch64)" = $inode ] || fail 'another entry'
        # The newer one gets P.
        must rb install arm64 >&2
        grep -qx 'flags: POCF' $table/qemu-aarch64 || fail "$(cat $table/qemu-aarch64)"
        must rbinfmt install arm64 --emulators $FIXTURES/qemu-5.2 >&2
        rbinfmt status --json --emulators $FIXTURES/qemu-5.2 || true
        "#,
    );
    assert_eq!(entry(&status, "qemu-aarch64")["flags"], "OCF");
    assert_eq!(entry(&status, "qemu-aarch64")["works"], true);
}

/// Debian's own entries point at a link whose name ends in -binfmt-P, by which its QEMU knows that P is set. The directory
/// of such links is no place for emulators, but a build that always assumes P is: it fails without and works with P.
#[test]
fn no_entry_is_left_where_neither_choice_of_p_works() {
    let Some(lab) = lab() else { return };
    lab.run(
        r#"
        mkdir here
        # A native static program that is no emulator.
        cp "$(command -v ldconfig || echo /sbin/ldconfig)" here/qemu-aarch64
        wants 1 rbinfmt install arm64 --emulators here >out.txt 2>&1
        grep -q failed out.txt || fail "$(cat out.txt)"
        [ -z "$(names)" ] || fail "$(names)"
        "#,
    );
}
