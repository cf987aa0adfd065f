//! The scripts of these tests can fail: what they end with, wherever `fail` was called.

use crate::common::{lab, texts};

#[test]
fn a_failure_ends_the_script_wherever_it_is() {
    let Some(lab) = lab() else { return };
    for line in [
        "must false",
        "must false | cat",
        "must false 2>/dev/null | cat >/dev/null",
        "x=$(must false)",
        "[ -z \"$(must false)\" ]",
        "(must false)",
        "must false & wait",
        "wants 1 false | cat; wants 0 false | cat",
    ] {
        let output = lab.try_run(&format!("{line}\nsleep 1; touch went-on; true"));
        let (out, err) = texts(&output);
        assert_eq!(output.status.code(), Some(99), "{line}: {out}{err}");
        assert!(err.contains("FAILED: false -> 1"), "{line}: {err}");
        assert!(!lab.scratch().join("went-on").exists(), "{line}");
    }
}
