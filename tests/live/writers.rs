//! Who may write an emulator may not become root by it.

use crate::common::{Need, lab_of, script, skipped};

#[test]
fn an_emulator_that_others_may_write_is_refused() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/writers/an_emulator_that_others_may_write_is_refused"));
}

#[test]
fn another_owner_is_refused_also_in_a_sticky_directory() {
    let Some(lab) = lab_of("arm64") else { return };
    if !nix::unistd::geteuid().is_root() {
        return skipped(Need::Root, "only root can give files away").unwrap_or(());
    }
    lab.run(&script("live/writers/another_owner_is_refused_also_in_a_sticky_directory"));
}

#[test]
fn what_works_stays_and_is_not_taken_up_again() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/writers/what_works_stays_and_is_not_taken_up_again"));
}

#[test]
fn a_read_only_mount_spares_directories() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/writers/a_read_only_mount_spares_directories"));
}

#[test]
fn a_store_that_others_may_write_is_not_used() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/writers/a_store_that_others_may_write_is_not_used"));
}

#[test]
fn the_umask_counts_for_nothing() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/writers/the_umask_counts_for_nothing"));
}

#[test]
fn flag_c_is_said_in_words() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/writers/flag_c_is_said_in_words"));
}
