//! The table that dies with its last mount, and what keeps it.

use crate::common::{lab, lab_of, script};

#[test]
fn without_help_the_table_dies_with_its_mount_and_a_self_holding_entry_keeps_it() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.without_table()
        .run(&script("live/keep/without_help_the_table_dies_with_its_mount_and_a_self_holding_entry_keeps_it"));
}

#[test]
fn removing_the_last_self_holding_entry_releases_everything() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.without_table().run(&script("live/keep/removing_the_last_self_holding_entry_releases_everything"));
}

#[test]
fn replacing_self_holding_entries_keeps_them() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.without_table().run(&script("live/keep/replacing_self_holding_entries_keeps_them"));
}

#[test]
fn a_user_namespace_without_a_table_is_refused_and_gets_none() {
    let Some(lab) = lab() else { return };
    let lab = lab.without_table();
    for verb in
        ["install all", "install arm64", "install arm64 --dry-run", "uninstall all", "status", "", "--install all"]
    {
        let name = "live/keep/a_user_namespace_without_a_table_is_refused_and_gets_none";
        let output = lab.try_run(&format!("{} {verb}", script(name)));
        let (out, err) = crate::common::texts(&output);
        assert_eq!(output.status.code(), Some(3), "{verb}: {out}{err}");
        assert!(err.contains("namespace") && err.contains("--private"), "{verb}: {err}");
    }
}

#[test]
fn the_plain_table_of_a_namespace_stays_mounted_and_says_how_long() {
    let Some(lab) = lab_of("arm64") else { return };
    let run =
        lab.without_table().json(&script("live/keep/the_plain_table_of_a_namespace_stays_mounted_and_says_how_long"));
    assert_eq!(run["held_by"], "namespace");
}

#[test]
fn another_directory_for_the_table() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.without_table().run(&script("live/keep/another_directory_for_the_table"));
}
