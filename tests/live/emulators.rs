//! Emulators that cannot serve: said why, and nothing is left behind.

use crate::common::{Need, lab, lab_of, script, skipped, texts};

/// The shell of `make` puts a file in place as $emulator; installing arm64 is refused with `why`.
fn cannot_serve(make: &str, why: &str) {
    let Some(lab) = lab_of("arm64") else { return };
    let output = lab.env("MAKE", make).try_run(&script("live/emulators/cannot_serve"));
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
        return skipped(Need::X86_64, "the broken emulators are x86_64 programs").unwrap_or(());
    }
    // ud2
    cannot_serve(r"handmade '\x0f\x0b'", "the emulator was killed by signal 4");
    // mov edi, 5; mov eax, 60; syscall
    cannot_serve(r"handmade '\xbf\x05\0\0\0\xb8\x3c\0\0\0\x0f\x05'", "the emulator ended with status 5");
    // xor edi, edi; mov eax, 60; syscall: it ends well, and has run nothing
    cannot_serve(r"handmade '\x31\xff\xb8\x3c\0\0\0\x0f\x05'", "failed");
}

#[test]
fn a_broken_one_does_not_keep_the_others_from_being_installed() {
    let Some(lab) = lab_of("s390x") else { return };
    lab.run(&script("live/emulators/a_broken_one_does_not_keep_the_others_from_being_installed"));
}

#[test]
fn a_broken_one_does_not_replace_a_working_one() {
    let Some(lab) = lab_of("arm64") else { return };
    if std::env::consts::ARCH != "x86_64" {
        return skipped(Need::X86_64, "the broken emulators are x86_64 programs").unwrap_or(());
    }
    lab.run(&script("live/emulators/a_broken_one_does_not_replace_a_working_one"));
}

#[test]
fn a_static_one_goes_before_one_that_cannot_serve() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/emulators/a_static_one_goes_before_one_that_cannot_serve"));
}

#[test]
fn all_with_no_emulator_at_all_is_a_failure() {
    let Some(lab) = lab() else { return };
    let output = lab.try_run("mkdir empty; rbinfmt install all --emulators $PWD/empty");
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    assert!(err.contains("looking for emulators") && err.contains("qemu-user-static"), "{err}");
}
