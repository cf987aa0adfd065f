//! The command line, texts and JSON of tonistiigi/binfmt, as scripts and docker/setup-qemu-action use them.

use serde_json::{Value, json};

use crate::common::{Lab, lab, lab_of, script, texts};

/// Runs rbinfmt with the emulators where the image has them.
fn drop_in(lab: &Lab, args: &str) -> (i32, String, String) {
    let output = lab.try_run(&format!("QEMU_BINARY_PATH=$EMULATORS rbinfmt {args}"));
    let (out, err) = texts(&output);
    (output.status.code().unwrap(), out, err)
}

#[test]
fn the_calls_of_setup_qemu_action_in_its_order() {
    let Some(lab) = lab_of("arm64") else { return };
    let state = lab.json(&script("cli/drop_in/the_calls_of_setup_qemu_action_in_its_order"));
    let keys: Vec<_> = state.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["supported", "emulators"]);
    let supported: Vec<&str> = state["supported"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
    assert!(supported.len() >= 12, "{supported:?}");
    for platform in ["linux/arm64", "linux/riscv64", "linux/ppc64le", "linux/s390x", "linux/arm/v7", "linux/arm/v6"] {
        assert!(supported.contains(&platform), "{platform}: {supported:?}");
    }
    if cfg!(target_arch = "x86_64") {
        assert_eq!(supported[0], "linux/amd64");
        let at = |platform| supported.iter().position(|p| *p == platform).unwrap();
        let order = ["linux/arm64", "linux/riscv64", "linux/ppc64le", "linux/s390x", "linux/386", "linux/mips64le"];
        assert!(order.map(at).is_sorted(), "{supported:?}");
    }
    let emulators = state["emulators"].as_array().unwrap();
    assert!(emulators.contains(&json!("qemu-aarch64")), "{emulators:?}");
}

#[test]
fn an_empty_table_has_an_empty_list_and_never_null() {
    let Some(lab) = lab() else { return };
    let (status, out, err) = drop_in(&lab, "");
    let state: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &state["emulators"], err.as_str()), (0, &json!([]), ""));
    assert!(!state["supported"].as_array().unwrap().is_empty());
    // Two blanks of indent, as it has always been.
    assert!(out.starts_with("{\n  \"supported\": [\n    \""), "{out}");
}

#[test]
fn one_dash_is_as_good_as_two() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/drop_in/one_dash_is_as_good_as_two"));
}

#[test]
fn both_lists_at_once_uninstall_first() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/drop_in/both_lists_at_once_uninstall_first"));
}

#[test]
fn the_exit_status_is_true() {
    let Some(lab) = lab_of("arm64") else { return };
    let (status, out, err) = drop_in(&lab, "--install bogus");
    assert_eq!((status, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("unsupported architecture: bogus") && err.contains("nothing was changed"), "{err}");

    let (status, out, err) = drop_in(&lab, "--install arm46");
    assert!(status == 2 && out.is_empty() && err.contains("did you mean arm64?"), "{err}");

    let output = lab.try_run("mkdir -p empty; QEMU_BINARY_PATH=$PWD/empty rbinfmt --install arm64");
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("installing: arm64 there is no qemu-aarch64"), "{err}");
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["emulators"], json!([]));

    let output = lab.try_run("QEMU_BINARY_PATH=$PWD/empty rbinfmt --install all");
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("looking for emulators"), "{err}");
    serde_json::from_str::<Value>(&out).unwrap();

    let (status, out, err) = drop_in(&lab, "--uninstall nothing-of-the-kind");
    assert_eq!(status, 1, "{err}");
    serde_json::from_str::<Value>(&out).unwrap();

    for nothing in ["qemu-*", "arm64", "all", "linux/arm64/v8"] {
        let (status, out, err) = drop_in(&lab, &format!("--uninstall '{nothing}'"));
        assert_eq!(status, 0, "{nothing}: {err}");
        serde_json::from_str::<Value>(&out).unwrap();
    }

    let (status, _, err) = drop_in(&lab, "--install amd64");
    assert_eq!(status, 0, "{err}");
}

#[test]
fn the_version_is_told_on_standard_error_and_mounts_nothing() {
    let Some(lab) = lab_of("arm64") else { return };
    let output =
        lab.without_table().try_run(&script("cli/drop_in/the_version_is_told_on_standard_error_and_mounts_nothing"));
    let (out, err) = texts(&output);
    assert_eq!((output.status.code(), out.as_str()), (Some(0), ""), "{err}");
    let [binfmt, qemu, own] = err.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{err}") };
    assert!(binfmt.starts_with("binfmt/") && qemu.starts_with("qemu/v") && own.starts_with("rbinfmt/"), "{err}");
}

#[test]
fn the_environment_is_heeded() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/drop_in/the_environment_is_heeded"));
}

#[test]
fn it_repairs_where_the_original_says_already_registered() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/drop_in/it_repairs_where_the_original_says_already_registered"));
}
