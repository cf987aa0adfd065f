//! A step that fails takes back the ones before it.

use crate::common::{Lab, lab_of, script, texts};

/// With flag F the kernel opens the interpreter when an entry is registered, and refuses what is not there.
const REFUSED: &str =
    "[[profile]]\nname = \"zz\"\ninterpreter = \"/nonexistent/zz\"\nextension = \"zz\"\nflags = \"F\"\n";

fn fails(lab: &Lab, script: &str) {
    lab.write("profiles/zz.toml", REFUSED);
    let output = lab.try_run(script);
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    assert!(err.contains("error: registering zz: its interpreter /nonexistent/zz is not there"), "{out}{err}");
}

#[test]
fn entries_that_were_added_go_again() {
    let Some(lab) = lab_of("arm64") else { return };
    fails(&lab, &script("live/undo/entries_that_were_added_go_again"));
}

#[test]
fn entries_that_were_enabled_are_disabled_and_replaced_ones_stand_as_before() {
    let Some(lab) = lab_of("arm64") else { return };
    fails(&lab, &script("live/undo/entries_that_were_enabled_are_disabled_and_replaced_ones_stand_as_before"));
}

#[test]
fn self_holding_entries_go_again_too() {
    let Some(lab) = lab_of("arm64") else { return };
    fails(&lab.without_table(), &script("live/undo/self_holding_entries_go_again_too"));
}

#[test]
fn an_emulator_that_vanishes_in_the_middle_leaves_nothing_or_everything() {
    let Some(lab) = lab_of("arm64") else { return };
    // The file comes and goes while runs go on: each run either works or leaves the table as it was.
    lab.run(&script("live/undo/an_emulator_that_vanishes_in_the_middle_leaves_nothing_or_everything"));
}
