//! A run that is killed, at any moment, does no harm that the next one does not put right.

use crate::common::random::Random;
use crate::common::{lab_of, script};

#[test]
fn kill_9_at_any_moment_is_put_right_by_the_next_run() {
    let Some(lab) = lab_of("arm64") else { return };
    let mut random = Random::new(1);
    // In thousandths of the time that such a run takes.
    let moments: String = (0..48).map(|_| format!("{} ", random.below(1000))).collect();
    let lab = lab.env("MOMENTS", &moments);
    lab.run(&script("live/crash/kill_9_at_any_moment_is_put_right_by_the_next_run"));
}

#[test]
fn a_stand_in_that_a_killed_run_left_goes_with_the_next_run_of_either_kind() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/crash/a_stand_in_that_a_killed_run_left_goes_with_the_next_run_of_either_kind"));
}

#[test]
fn a_lock_dies_with_the_run_that_held_it() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/crash/a_lock_dies_with_the_run_that_held_it"));
}
