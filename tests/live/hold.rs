//! A process that stays: what it tells others, and how they ask whether all is as wanted.

use crate::common::{lab_of, script};

#[test]
fn metrics_and_labels_follow_the_table_and_end_with_the_process() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/hold/metrics_and_labels_follow_the_table_and_end_with_the_process"));
}

#[test]
fn files_that_cannot_be_written_are_told_once_and_the_table_is_kept() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/hold/files_that_cannot_be_written_are_told_once_and_the_table_is_kept"));
}

#[test]
fn the_next_process_takes_over_without_a_gap() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/hold/the_next_process_takes_over_without_a_gap"));
}

#[test]
fn status_beside_a_configuration() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/hold/status_beside_a_configuration"));
}
