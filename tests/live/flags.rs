//! What the flags are for: argv[0], setuid programs, and an emulator that stays when its file goes.

use crate::common::{Need, entry, fixtures, lab, lab_of, script, skipped};

#[test]
fn argv0_arrives() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/flags/argv0_arrives"));
}

#[test]
fn a_setuid_program_has_its_owners_rights_with_c_and_only_with_it() {
    if !nix::unistd::geteuid().is_root() {
        return skipped(Need::Root, "only root can make a setuid file of another user").unwrap_or(());
    }
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/flags/a_setuid_program_has_its_owners_rights_with_c_and_only_with_it"));
}

#[test]
fn the_emulator_stays_when_its_file_goes() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/flags/the_emulator_stays_when_its_file_goes"));
}

#[test]
fn a_root_directory_without_the_emulator_runs_its_programs() {
    if !nix::unistd::geteuid().is_root() {
        return skipped(Need::Root, "chroot wants more users than one").unwrap_or(());
    }
    let Some(lab) = lab_of("s390x") else { return };
    lab.run(&script("live/flags/a_root_directory_without_the_emulator_runs_its_programs"));
}

/// QEMU before 6.0 knows nothing of AT_FLAGS: with P it takes argv[0] for the program. Trying finds it out.
#[test]
fn an_emulator_that_does_not_know_p_goes_without_it() {
    let Some(lab) = lab_of("arm64") else { return };
    if !fixtures().join("qemu-5.2/qemu-aarch64-static").is_file() {
        return skipped(Need::Setup, "QEMU 5.2 could not be fetched").unwrap_or(());
    }
    let status = lab.json(&script("live/flags/an_emulator_that_does_not_know_p_goes_without_it"));
    assert_eq!(entry(&status, "qemu-aarch64")["flags"], "OCF");
    assert_eq!(entry(&status, "qemu-aarch64")["works"], true);
}

/// Debian's own entries point at a link whose name ends in -binfmt-P, by which its QEMU knows that P is set. The directory
/// of such links is no place for emulators, but a build that always assumes P is: it fails without and works with P.
#[test]
fn no_entry_is_left_where_neither_choice_of_p_works() {
    let Some(lab) = lab() else { return };
    lab.run(&script("live/flags/no_entry_is_left_where_neither_choice_of_p_works"));
}
