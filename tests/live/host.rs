//! `rbinfmt doctor` on tables that are broken for real, one cause each: it is named first, and what is printed cures it.

use rbinfmt::doctor::catalogue;
use serde_json::Value;

use crate::common::{Lab, Need, lab, lab_of, script, skipped, texts};

/// What the doctor says of a table that `script` makes.
struct Said {
    /// The findings about the table and its entries, the worst first.
    findings: Vec<Value>,
    status: i64,
}

impl Said {
    fn of(lab: &Lab, script: &str, options: &str) -> Said {
        let doctor = format!("rb doctor --json --no-engines {options}; echo \"status $?\"");
        let output = lab.try_run(&format!("{script}\n{doctor}"));
        let (out, err) = texts(&output);
        assert!(output.status.success(), "{script}\n{out}\n{err}");
        let (json, status) = out.rsplit_once("status ").unwrap();
        let value: Value = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}\n{out}\n{err}"));
        // The rest is about this machine, whatever the script did.
        let about = |check: &&Value| ["table", "entries"].contains(&check["group"].as_str().unwrap());
        let checks = value["checks"].as_array().unwrap().iter().filter(about);
        let mut findings: Vec<Value> = checks.flat_map(|c| c["findings"].as_array().unwrap().clone()).collect();
        findings.sort_by_key(|f| ["problem", "warning", "note"].iter().position(|s| f["severity"] == *s));
        Said { findings, status: status.trim().parse().unwrap() }
    }

    fn ids(&self) -> Vec<&str> {
        self.findings.iter().map(|f| f["id"].as_str().unwrap()).collect()
    }

    /// The first finding is this one.
    fn names(&self, id: &str, severity: &str, about: &str) -> &Value {
        let first = self.findings.first().unwrap_or_else(|| panic!("nothing was found, not {id}"));
        let got = (first["id"].as_str(), first["severity"].as_str(), first["about"].as_str());
        assert_eq!(got, (Some(id), Some(severity), Some(about)), "{:#?}", self.findings);
        assert_eq!(self.status, i64::from(severity == "problem"));
        first
    }
}

/// The command of the first fix of these classes, as this machine's emulators want it.
fn command(finding: &Value, classes: &[&str]) -> String {
    let fixes = finding["fixes"].as_array().unwrap();
    let fix = fixes.iter().find(|f| classes.contains(&f["class"].as_str().unwrap()) && !f["command"].is_null());
    let command = fix.unwrap_or_else(|| panic!("no such fix: {finding:#}"))["command"].as_str().unwrap();
    match command.strip_prefix("rbinfmt ") {
        Some(arguments) => format!("rb {arguments}"),
        None => command.to_owned(),
    }
}

/// The cause is named first, and gone when the first safe fix was run.
fn cured(lab: &Lab, script: &str, id: &str, severity: &str, about: &str) {
    cured_by(lab, script, [id, severity, about], &["safe"]);
}

/// `finding` is its id, its severity and what it is about.
fn cured_by(lab: &Lab, script: &str, finding: [&str; 3], classes: &[&str]) {
    let [id, severity, about] = finding;
    let said = Said::of(lab, script, "");
    let command = command(said.names(id, severity, about), classes);
    let healthy = Said::of(lab, &format!("{script}\n({command}) >fix.txt 2>&1 || fail \"$(cat fix.txt)\""), "");
    assert!(!healthy.ids().contains(&id), "{command} did not cure it: {:#?}", healthy.findings);
    assert_eq!(healthy.status, 0, "{command}: {:#?}", healthy.findings);
}

const EMULATOR: &str = "$EMULATORS/qemu-aarch64-static";

#[test]
fn all_is_well() {
    let Some(lab) = lab_of("arm64") else { return };
    let said = Said::of(&lab, "must rb install arm64 s390x >/dev/null; names >before", "");
    assert_eq!((said.ids(), said.status), (Vec::new(), 0));
    lab.run(&script("live/host/all_is_well"));
}

#[test]
fn an_empty_table() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/host/an_empty_table"));
}

#[test]
fn no_flag_f() {
    let Some(lab) = lab_of("arm64") else { return };
    cured(&lab, &format!("stranger qemu-aarch64 {EMULATOR} POC"), "binfmt-no-f-flag", "warning", "qemu-aarch64");
}

#[test]
fn the_fix_is_applied_on_demand() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/host/the_fix_is_applied_on_demand"));
}

#[test]
fn no_flag_c() {
    let Some(lab) = lab_of("arm64") else { return };
    let script = format!("stranger qemu-aarch64 {EMULATOR} POF");
    cured_by(&lab, &script, ["binfmt-setuid-no-c", "note", "qemu-aarch64"], &["decision"]);
}

#[test]
fn no_flag_p_where_the_emulator_knows_it() {
    let Some(lab) = lab_of("arm64") else { return };
    cured(&lab, &format!("stranger qemu-aarch64 {EMULATOR} OCF"), "binfmt-argv0-p", "warning", "qemu-aarch64");
}

#[test]
fn flag_p_that_the_emulator_does_not_know() {
    let Some(lab) = lab_of("arm64") else { return };
    let script = "stranger qemu-aarch64 $FIXTURES/qemu-5.2/qemu-aarch64-static POCF";
    cured(&lab, script, "binfmt-argv0-p", "problem", "qemu-aarch64");
}

#[test]
fn an_entry_that_is_off() {
    let Some(lab) = lab_of("arm64") else { return };
    let script = "must rb install arm64 >/dev/null; echo 0 >$TABLE/qemu-aarch64";
    cured_by(&lab, script, ["binfmt-entry-disabled", "problem", "qemu-aarch64"], &["decision"]);
}

#[test]
fn a_table_that_is_off() {
    let Some(lab) = lab_of("arm64") else { return };
    let script = "must rb install arm64 >/dev/null; echo 0 >$TABLE/status";
    cured_by(&lab, script, ["binfmt-entry-disabled", "problem", "status"], &["decision"]);
}

#[test]
fn an_entry_behind_a_newer_one() {
    let Some(lab) = lab_of("arm64") else { return };
    let script = format!(
        "must rb install arm64 >/dev/null; cp {EMULATOR} other; stranger later $PWD/other POCF $ARM64 $ARM64_MASK"
    );
    cured_by(&lab, &script, ["binfmt-shadowed", "warning", "qemu-aarch64"], &["decision"]);
}

#[test]
fn two_entries_that_do_the_same() {
    let Some(lab) = lab_of("arm64") else { return };
    let script = format!("stranger qemu-aarch64 {EMULATOR} POCF; stranger again {EMULATOR} POCF");
    let said = Said::of(&lab, &script, "");
    said.names("binfmt-conflict-existing", "note", "qemu-aarch64");
}

#[test]
fn an_entry_that_takes_the_shell() {
    let Some(lab) = lab() else { return };
    // A shell with a mark in its padding, so that the entry takes nothing else.
    let script = script("live/host/an_entry_that_takes_the_shell");
    cured_by(&lab, &script, ["binfmt-native-hijack", "problem", "hijacker"], &["decision"]);
}

#[test]
fn an_emulator_that_others_may_write() {
    let Some(lab) = lab_of("arm64") else { return };
    for mode in ["o+w", "g+w"] {
        let script = format!(
            "rm -rf here; mkdir here; cp {EMULATOR} here/; must rbinfmt install arm64 --emulators $PWD/here >/dev/null; \
             chmod {mode} here"
        );
        let about = lab.scratch().join("here").display().to_string();
        cured_by(&lab, &script, ["emulator-writable", "problem", &about], &["decision"]);
    }
}

#[test]
fn five_thousand_entries() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/host/five_thousand_entries"));
}

#[test]
fn an_interpreter_that_is_gone() {
    let Some(lab) = lab_of("arm64") else { return };
    let id = "binfmt-interpreter-missing";
    cured(&lab, "stranger qemu-aarch64 /nowhere/qemu-aarch64-static POC", id, "problem", "qemu-aarch64");
    let link = "ln -sf /nowhere/else link; stranger qemu-aarch64 $PWD/link POC";
    let said = Said::of(&lab, link, "");
    let finding = said.names(id, "problem", "qemu-aarch64");
    assert!(finding["evidence"].to_string().contains("symbolic link to /nowhere/else"), "{finding:#}");
    // With F the kernel has it open.
    let kept = format!("cp {EMULATOR} kept; stranger qemu-aarch64 $PWD/kept POCF; rm kept");
    Said::of(&lab, &kept, "").names(id, "note", "qemu-aarch64");
}

#[test]
fn an_interpreter_that_may_not_be_executed() {
    let Some(lab) = lab_of("arm64") else { return };
    let script = format!("cp {EMULATOR} plain; chmod 644 plain; stranger qemu-aarch64 $PWD/plain POC");
    cured_by(&lab, &script, ["no-exec-bit", "problem", "qemu-aarch64"], &["yours"]);
    let script = format!(
        "mkdir -p t; must mount -t tmpfs -o noexec none t; cp {EMULATOR} t/q; stranger qemu-aarch64 $PWD/t/q POC"
    );
    Said::of(&lab, &script, "").names("noexec-mount", "problem", "qemu-aarch64");
    let script = "mkdir -p directory; stranger qemu-aarch64 $PWD/directory POC";
    Said::of(&lab, script, "").names("is-a-directory", "problem", "qemu-aarch64");
}

#[test]
fn an_interpreter_for_another_cpu() {
    let Some(lab) = lab_of("arm64") else { return };
    let script = "stranger qemu-aarch64 $FIXTURES/arm64/busybox POCF";
    cured(&lab, script, "binfmt-interpreter-foreign", "problem", "qemu-aarch64");
}

#[test]
fn an_emulator_that_is_not_static() {
    let Some(lab) = lab_of("arm64") else { return };
    // It is no emulator, so nothing is run; the fix that is printed fetches one, which a test does not.
    let script = "cp /bin/cat qemu-aarch64; stranger qemu-aarch64 $PWD/qemu-aarch64 POCF";
    Said::of(&lab, script, "--no-verify").names("binfmt-dynamic-interpreter", "warning", "qemu-aarch64");
    let healthy = Said::of(&lab, &format!("{script}; must rb install arm64 >/dev/null"), "");
    assert_eq!(healthy.ids(), [""; 0]);
}

#[test]
fn an_emulator_that_fails() {
    let Some(lab) = lab_of("arm64") else { return };
    let script = "printf '#!/bin/sh\necho no sysroot >&2; exit 9\n' >q; chmod +x q; stranger qemu-aarch64 $PWD/q";
    let said = Said::of(&lab, &format!("{script} POC"), "");
    let finding = said.names("emulator-fails", "problem", "qemu-aarch64");
    assert!(finding["detail"].to_string().contains("a script is not started"), "{finding:#}");
    let said = Said::of(&lab, &format!("{script} P"), "");
    let finding = said.names("emulator-fails", "problem", "qemu-aarch64");
    assert!(finding["evidence"].to_string().contains("status 9: no sysroot"), "{finding:#}");
}

#[test]
fn an_emulator_that_crashes() {
    let Some(lab) = lab_of("arm64") else { return };
    for (signal, id) in [("SEGV", "qemu-segv-libc-bin"), ("ILL", "qemu-sigill")] {
        let script = format!("printf '#!/bin/sh\nkill -{signal} $$\n' >q; chmod +x q; stranger qemu-aarch64 $PWD/q P");
        Said::of(&lab, &script, "").names(id, "problem", "qemu-aarch64");
    }
    let script = "stranger qemu-aarch64 $EMULATORS/qemu-s390x-static POCF";
    cured(&lab, script, "qemu-invalid-elf", "problem", "qemu-aarch64");
}

#[test]
fn a_doctor_that_is_emulated_itself() {
    let Some(lab) = lab_of("arm64") else { return };
    if !cfg!(target_arch = "x86_64") {
        return skipped(Need::X86_64, "this machine's QEMU is for x86_64").unwrap_or(());
    }
    // A mark in the padding of a copy, so that the entry takes nothing else.
    let script = script("live/host/a_doctor_that_is_emulated_itself");
    let (out, err) = texts(&lab.try_run(&script));
    assert!(out.contains("warning[emulated-uname-traps]"), "{out}{err}");
}

#[test]
fn masks_that_refuse_too_much() {
    let Some(lab) = lab_of("arm64") else { return };
    // Alpine's looks at the OSABI; Debian's at the padding, where AppImages have their mark.
    let all = r"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff";
    let alpine = format!("stranger qemu-aarch64 {EMULATOR} POCF \"$ARM64\" '{all}'");
    cured(&lab, &alpine, "binfmt-strict-mask", "warning", "qemu-aarch64");
    let debian = format!("stranger qemu-aarch64 {EMULATOR} POCF");
    cured(&lab, &debian, "binfmt-strict-mask", "note", "qemu-aarch64");
}

#[test]
fn magics_that_take_too_much() {
    let Some(lab) = lab() else { return };
    let cut = r"stranger cut /bin/cat '' '\x7f\x45\x4c\x46\x01\x02' '\xff\xff\xff\xff\xff\xff'";
    Said::of(&lab, cut, "").names("binfmt-mangled-string", "warning", "cut");
    let windows = "printf '%s' ':DOSWin:M::MZ::/bin/cat:' >$TABLE/register";
    Said::of(&lab, windows, "").names("ape-mz-clash", "note", "DOSWin");
    let jar = r"printf '%s' ':jar:M::PK\x03\x04::/bin/cat:' >$TABLE/register";
    Said::of(&lab, jar, "").names("pk-jar-handler", "note", "jar");
    let both = format!("{windows}; printf '%s' ':mono:M::MZ::/bin/sh:' >$TABLE/register");
    Said::of(&lab, &both, "").names("binfmt-shadowed", "warning", "DOSWin");
}

#[test]
fn an_emulator_that_nothing_registers() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/host/an_emulator_that_nothing_registers"));
}

/// As systemd-binfmt does when it stops.
#[test]
fn a_table_that_was_cleared() {
    let Some(lab) = lab_of("arm64") else { return };
    let fix = catalogue::get("binfmt-systemd-wipe").unwrap().fixes[0].command.unwrap();
    lab.env("FIX", &fix.replace("rbinfmt", "rb").replace("{arch}", "arm64"))
        .run(&script("live/host/a_table_that_was_cleared"));
}

#[test]
fn a_table_that_is_not_mounted() {
    let Some(lab) = lab() else { return };
    let said = Said::of(&lab.without_table(), "", "");
    assert_eq!((said.ids(), said.status), (vec!["table-hidden"], 3));
}

/// Only the machine's own root may mount an automount, in a mount namespace of its own.
#[test]
fn an_automount_is_told_of_and_not_triggered() {
    let Some(lab) = lab_of("arm64") else { return };
    if !nix::unistd::geteuid().is_root() {
        return skipped(Need::Root, "only root can mount an automount").unwrap_or(());
    }
    if !std::fs::read_to_string("/proc/filesystems").unwrap().contains("autofs") {
        return skipped(Need::Autofs, "this kernel has no autofs").unwrap_or(());
    }
    let script = script("live/host/an_automount_is_told_of_and_not_triggered");
    let output = std::process::Command::new("unshare")
        .args(["-m", "bash", "-c", &format!("mkfifo pipe; {script}")])
        .current_dir(lab.scratch())
        .env("PATH", lab.path())
        .output()
        .unwrap();
    let (out, err) = texts(&output);
    if output.status.code() == Some(77) {
        return skipped(Need::Root, &format!("mounting an automount: {err}")).unwrap_or(());
    }
    assert!(out.contains("binfmt-automount-untriggered") && out.contains("status 0"), "{out}{err}");
    assert!(!out.contains("it was triggered"), "{out}");
}
