//! What the system as a whole wants, and a process that sees to it.

use crate::common::{lab_of, script};

#[test]
fn install_without_architectures_converges_on_the_configuration() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.write("config.toml", "architectures = [\"linux/arm64\", \"riscv64\"]\n");
    lab.run(&script("live/config/install_without_architectures_converges_on_the_configuration"));
}

#[test]
fn the_configuration_names_emulators_and_credentials() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/config/the_configuration_names_emulators_and_credentials"));
}

#[test]
fn a_wrong_configuration_changes_nothing() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/config/a_wrong_configuration_changes_nothing"));
}

#[test]
fn hold_registers_again_what_somebody_removes_and_ends_well() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/config/hold_registers_again_what_somebody_removes_and_ends_well"));
}

#[test]
fn hold_keeps_a_table_that_nobody_else_holds() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.without_table().run(&script("live/config/hold_keeps_a_table_that_nobody_else_holds"));
}
