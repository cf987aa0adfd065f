//! Rules that would take away what the machine lives on.

use std::fs;
use std::path::Path;

use crate::common::{Lab, Need, RBINFMT, lab, lab_of, script, skipped, texts};

#[test]
fn the_machines_own_architecture_is_skipped_and_never_forced() {
    let Some(lab) = lab_of("arm64") else { return };
    if std::env::consts::ARCH != "x86_64" {
        return skipped(Need::X86_64, "the guard's tests are written for x86_64").unwrap_or(());
    }
    lab.run(&script("live/guard/the_machines_own_architecture_is_skipped_and_never_forced"));
}

#[test]
fn i386_is_skipped_and_can_be_forced() {
    let Some(lab) = lab_of("i386") else { return };
    if std::env::consts::ARCH != "x86_64" {
        return skipped(Need::X86_64, "the guard's tests are written for x86_64").unwrap_or(());
    }
    lab.run(&script("live/guard/i386_is_skipped_and_can_be_forced"));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Installs the profile "x" with and without --force; both are refused with `why`, and nothing is registered.
fn refused(lab: &Lab, profile: &str, why: &str) {
    lab.write("profiles/x.toml", profile);
    for force in ["", "--force"] {
        let output = lab.try_run(&format!("{} {force}", script("live/guard/refused")));
        let (out, err) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{profile}\n{out}{err}");
        assert!(out.contains("failed") && out.contains(why), "{profile}\n{out}{err}");
    }
}

fn raw(offset: usize, bytes: &[u8]) -> String {
    let bytes = hex(bytes);
    format!(
        "[[profile]]\nname = \"x\"\ninterpreter = \"/bin/cat\"\nmagic = {{ offset = {offset}, bytes = \"{bytes}\" }}\n"
    )
}

#[test]
fn a_rule_for_every_elf_file_is_refused() {
    let Some(lab) = lab() else { return };
    refused(&lab, &raw(0, b"\x7fELF"), "the rule would match");
    refused(&lab, &raw(1, b"ELF"), "the rule would match");
}

#[test]
fn a_rule_for_the_shell_is_refused() {
    let Some(lab) = lab() else { return };
    let shell = fs::read("/bin/sh").unwrap();
    refused(&lab, &raw(0, &shell[..64]), "the shell");
    refused(&lab, &raw(16, &shell[16..80]), "the shell");
}

#[test]
fn a_rule_for_rbinfmt_itself_is_refused() {
    let Some(lab) = lab() else { return };
    let own = fs::read(RBINFMT).unwrap();
    refused(&lab, &raw(0, &own[..64]), "rbinfmt itself");
    refused(&lab, &raw(24, &own[24..64]), "rbinfmt itself");
}

#[test]
fn a_rule_for_the_loader_is_refused() {
    let Some(lab) = lab() else { return };
    let loader = rbinfmt::elf::read(Path::new("/bin/sh")).unwrap().interpreter.unwrap();
    let loader = fs::read(loader).unwrap();
    // Its header may differ from other programs' only in where its sections lie.
    refused(&lab, &raw(16, &loader[16..64]), "loader");
}

#[test]
fn a_rule_for_all_scripts_is_refused() {
    let Some(lab) = lab() else { return };
    for start in [&b"#!"[..], b"#!/bin/sh", b"#!/usr/bin/env "] {
        refused(&lab, &raw(0, start), "this machine's scripts");
    }
}

#[test]
fn a_rule_by_name_is_refused_where_an_entry_is_run_by_such_a_file() {
    let Some(lab) = lab() else { return };
    lab.write("handler.run", "#!/bin/sh\nexit 7\n");
    lab.write("profiles/x.toml", "[[profile]]\nname = \"x\"\ninterpreter = \"/bin/cat\"\nextension = \"run\"\n");
    lab.run(&script("live/guard/a_rule_by_name_is_refused_where_an_entry_is_run_by_such_a_file"));
}

/// Rules for what the machine lives on, as others register them.
const HIJACKERS: [&str; 5] = [
    r":hijacker:M::\x7fELF::/bin/cat:",
    r":hijacker:M:1:ELF::/bin/cat:F",
    r":hijacker:M:0:\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/bin/true:OC",
    r":hijacker:M:18:\x3e\x00::/etc/passwd:",
    ":hijacker:M::#!::/bin/cat:",
];

#[test]
fn a_table_with_a_hijacker_is_never_switched_on() {
    if std::env::consts::ARCH != "x86_64" {
        return skipped(Need::X86_64, "the guard's tests are written for x86_64").unwrap_or(());
    }
    for rule in HIJACKERS {
        let Some(lab) = lab_of("arm64") else { return };
        lab.env("RULE", rule).run(&script("live/guard/a_table_with_a_hijacker_is_never_switched_on"));
    }
}

#[test]
fn a_hijacker_that_is_off_is_not_switched_on() {
    if std::env::consts::ARCH != "x86_64" {
        return skipped(Need::X86_64, "the guard's tests are written for x86_64").unwrap_or(());
    }
    for rule in HIJACKERS {
        let Some(lab) = lab_of("arm64") else { return };
        lab.env("RULE", rule).run(&script("live/guard/a_hijacker_that_is_off_is_not_switched_on"));
    }
}

#[test]
fn a_rule_that_takes_its_own_interpreter_is_refused() {
    let Some(lab) = lab() else { return };
    let handler = lab.write("handler.run", "#!/bin/sh\n");
    let profile = format!("[[profile]]\nname = \"x\"\ninterpreter = {handler:?}\nextension = \"run\"\n");
    refused(&lab, &profile, "the interpreter of x");
}

#[test]
fn a_profile_for_the_machines_own_programs_is_judged_by_its_rule_and_not_by_its_name() {
    let Some(lab) = lab_of("arm64") else { return };
    let own = rbinfmt::elf::read(Path::new(RBINFMT)).unwrap().target;
    let (class, data) = (u8::from(own.class), format!("{:?}", own.data).to_lowercase());
    let elf = format!("class = {class}, data = \"{data}\", machine = [{}]", own.machine);
    lab.write(
        "profiles/x.toml",
        format!("[[profile]]\nname = \"x\"\nemulator = \"qemu-aarch64\"\nelf = {{ {elf} }}\n"),
    );
    lab.run(&script("live/guard/a_profile_for_the_machines_own_programs_is_judged_by_its_rule_and_not_by_its_name"));
}

#[test]
fn what_shells_print_when_every_program_is_taken_is_recognised() {
    let Some(lab) = lab() else { return };
    lab.run(&script("live/guard/what_shells_print_when_every_program_is_taken_is_recognised"));
}
