//! Emulators that cannot serve: said why, and nothing is left behind.

use crate::common::{lab, lab_of, texts};

/// Puts a file in place by `script` (its name is $emulator); installing arm64 is refused with `why`.
fn cannot_serve(script: &str, why: &str) {
    let Some(lab) = lab_of("arm64") else { return };
    let output = lab.try_run(&format!(
        r#"
        mkdir here
        emulator=here/qemu-aarch64
        {script}
        rbinfmt install arm64 --emulators $PWD/here; got=$?
        [ -z "$(names)" ] || fail "$(names)"
        # The same in JSON is JSON.
        rbinfmt install arm64 --emulators $PWD/here --json >json.txt; again=$?
        grep -q '"ok": false' json.txt || fail "$(cat json.txt)"
        [ $got = $again ] || fail "$got, then $again"
        exit $got
        "#
    ));
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    assert!(out.contains("arm64") && out.contains("failed") && out.contains(why), "{why}\n{out}{err}");
}

#[test]
fn one_that_is_not_there() {
    cannot_serve("", "there is no qemu-aarch64 or qemu-aarch64-static in");
    cannot_serve("ln -s nowhere $emulator", "there is no qemu-aarch64");
}

#[test]
fn one_that_is_not_static() {
    cannot_serve("cp /bin/ls $emulator", "it is not static: it needs /");
}

#[test]
fn one_for_another_machine() {
    cannot_serve("cp $FIXTURES/arm64/busybox $emulator", "it is itself a program for another machine");
}

#[test]
fn one_that_may_not_be_executed() {
    cannot_serve("cp $EMULATORS/qemu-aarch64-static $emulator; chmod 644 $emulator", "it may not be executed");
}

#[test]
fn one_that_is_no_elf_file() {
    cannot_serve("printf '#!/bin/sh\\n' >$emulator; chmod +x $emulator", "it is not an ELF file");
    cannot_serve(
        "head -c 40 $EMULATORS/qemu-aarch64-static >$emulator; chmod +x $emulator",
        "its ELF header is broken",
    );
    cannot_serve(": >$emulator; chmod +x $emulator", "it is not an ELF file");
    cannot_serve("mkdir $emulator", "it is not a file");
}

#[test]
fn one_that_crashes_or_gives_up() {
    if std::env::consts::ARCH != "x86_64" {
        return crate::common::skipped("the broken emulators are x86_64 programs").unwrap_or(());
    }
    // ud2
    cannot_serve(&handmade(r"\x0f\x0b"), "the emulator was killed by signal 4");
    // mov edi, 5; mov eax, 60; syscall
    cannot_serve(&handmade(r"\xbf\x05\0\0\0\xb8\x3c\0\0\0\x0f\x05"), "the emulator ended with status 5");
    // xor edi, edi; mov eax, 60; syscall: it ends well, and has run nothing
    cannot_serve(&handmade(r"\x31\xff\xb8\x3c\0\0\0\x0f\x05"), "failed");
}

/// Writes a static x86_64 program with this code.
fn handmade(code: &str) -> String {
    format!(
        r#"
        {{
            printf '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0\x78\0\x40\0\0\0\0\0\x40\0\0\0\0\0\0\0'
            printf '\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\x38\0\x01\0\0\0\0\0\0\0'
            printf '\x01\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x40\0\0\0\0\0'
            printf '\x00\x01\0\0\0\0\0\0\x00\x01\0\0\0\0\0\0\0\x10\0\0\0\0\0\0'
            printf '{code}'
            head -c 256 /dev/zero
        }} >$emulator
        chmod +x $emulator
        "#
    )
}

#[test]
fn a_broken_one_does_not_keep_the_others_from_being_installed() {
    let Some(lab) = lab_of("s390x") else { return };
    lab.run(
        r#"
        mkdir here
        cp $EMULATORS/qemu-s390x-static here/
        cp /bin/ls here/qemu-aarch64
        wants 1 rbinfmt install arm64 s390x --emulators $PWD/here >out.txt
        [ "$(names)" = qemu-s390x ] || fail "$(names)"
        must $FIXTURES/s390x/busybox true
        "#,
    );
}

#[test]
fn a_broken_one_does_not_replace_a_working_one() {
    let Some(lab) = lab_of("arm64") else { return };
    if std::env::consts::ARCH != "x86_64" {
        return crate::common::skipped("the broken emulators are x86_64 programs").unwrap_or(());
    }
    let crashing = handmade(r"\x0f\x0b");
    lab.run(&format!(
        r#"
        mkdir here
        must rb install arm64
        before=$(cat $table/qemu-aarch64)
        emulator=here/qemu-aarch64
        {crashing}
        wants 1 rbinfmt install arm64 --emulators $PWD/here >out.txt
        [ "$(cat $table/qemu-aarch64)" = "$before" ] || fail "$(cat $table/qemu-aarch64)"
        [ "$(names)" = qemu-aarch64 ] || fail "$(names)"
        must $FIXTURES/arm64/busybox true
        "#
    ));
}

#[test]
fn a_static_one_goes_before_one_that_cannot_serve() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        mkdir first second
        cp /bin/ls first/qemu-aarch64
        cp $EMULATORS/qemu-aarch64-static second/qemu-aarch64
        must rbinfmt install arm64 --emulators $PWD/first --emulators $PWD/second
        grep -qx "interpreter $PWD/second/qemu-aarch64" $table/qemu-aarch64 || fail "$(cat $table/qemu-aarch64)"
        "#,
    );
}

#[test]
fn all_with_no_emulator_at_all_is_a_failure() {
    let Some(lab) = lab() else { return };
    let output = lab.try_run("mkdir empty; rbinfmt install all --emulators $PWD/empty");
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    assert!(err.contains("looking for emulators") && err.contains("qemu-user-static"), "{err}");
}
