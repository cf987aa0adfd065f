//! Headers that other tools' masks refuse, and those that must be refused.

use crate::common::{lab_of, script};

/// Runs headers/NAME.sh where it can.
fn says(name: &str) {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script(&format!("live/headers/{name}")));
}

#[test]
fn an_appimage_runs() {
    says("an_appimage_runs");
}

#[test]
fn osabi_and_abi_version_do_not_matter() {
    says("osabi_and_abi_version_do_not_matter");
}

#[test]
fn a_position_independent_program_goes_to_the_emulator() {
    // An ET_DYN without segments: the emulator takes it and then complains, where the kernel would have said ENOEXEC.
    says("a_position_independent_program_goes_to_the_emulator");
}

#[test]
fn object_files_and_core_dumps_stay_with_the_kernel() {
    says("object_files_and_core_dumps_stay_with_the_kernel");
}

#[test]
fn another_class_or_machine_is_not_taken() {
    says("another_class_or_machine_is_not_taken");
}

#[test]
fn mips_abis_each_get_their_own_emulator() {
    let Some(lab) = lab_of("mips64el") else { return };
    // o32 and n32 differ in one bit of e_flags.
    let run = lab.json("rb install mipsel mipsn32el mips64el --json");
    let rows = run["items"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "{run:#}");
    for row in rows {
        // The probes of the three are programs of the three ABIs; each ran through its own entry.
        assert_eq!(row["works"], true, "{row:#}");
    }
}
