//! Entries that change: never a moment without a handler, strangers, shadows, stale emulators.

use crate::common::{entry, item, lab_of, script};

#[test]
fn no_moment_without_a_handler_while_entries_are_replaced() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/replace/no_moment_without_a_handler_while_entries_are_replaced"));
}

#[test]
fn a_strangers_entry_under_our_name_is_replaced() {
    let Some(lab) = lab_of("arm64") else { return };
    let run = lab.json(&script("live/replace/a_strangers_entry_under_our_name_is_replaced"));
    let row = item(&run, "qemu-aarch64");
    assert_eq!(row["action"], "replaced");
    assert_eq!((&row["works"], &row["argv0"], &row["flags"]), (&true.into(), &true.into(), &"POCF".into()));
}

#[test]
fn a_disabled_entry_is_enabled_and_not_made_anew() {
    let Some(lab) = lab_of("arm64") else { return };
    let run = lab.json(&script("live/replace/a_disabled_entry_is_enabled_and_not_made_anew"));
    assert_eq!(item(&run, "qemu-aarch64")["action"], "enabled");
}

#[test]
fn a_shadowed_entry_comes_to_the_front_again() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/replace/a_shadowed_entry_comes_to_the_front_again"));
    let status: serde_json::Value =
        serde_json::from_slice(&std::fs::read(lab.scratch().join("status.json")).unwrap()).unwrap();
    let problems = entry(&status, "qemu-aarch64")["problems"].to_string();
    assert!(problems.contains("the newer entry other-arm64 matches its files first"), "{problems}");
}

#[test]
fn all_leaves_alone_what_somebody_else_runs_well() {
    let Some(lab) = lab_of("arm64") else { return };
    let run = lab.json(&script("live/replace/all_leaves_alone_what_somebody_else_runs_well"));
    let row = item(&run, "qemu-aarch64");
    assert_eq!(row["action"], "skipped");
    assert!(row["reason"].as_str().unwrap().contains("fex-aarch64"), "{row:#}");
}

#[test]
fn a_stale_emulator_gives_way_to_the_newer_file_at_its_path() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/replace/a_stale_emulator_gives_way_to_the_newer_file_at_its_path"));
}

#[test]
fn the_same_rule_in_fewer_bytes_is_the_same() {
    let Some(lab) = lab_of("arm64") else { return };
    // Our rule for arm64 ends in a zero byte; without mask on it, nineteen bytes are another rule and are replaced.
    lab.run(&script("live/replace/the_same_rule_in_fewer_bytes_is_the_same"));
}
