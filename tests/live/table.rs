//! The table as it is: what others left in it, what is shown of it, what may be removed from it.

use serde_json::{Value, json};

use crate::common::{Need, entry, lab, lab_of, script, skipped, texts};

#[test]
fn a_table_that_is_switched_off_is_said_and_left_so() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/table/a_table_that_is_switched_off_is_said_and_left_so"));
}

#[test]
fn a_chroot_that_is_not_a_mount_can_be_looked_at() {
    if !nix::unistd::geteuid().is_root() {
        return skipped(Need::Root, "chroot wants more users than one").unwrap_or(());
    }
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/table/a_chroot_that_is_not_a_mount_can_be_looked_at"));
}

#[test]
fn status_json_is_exactly_as_documented() {
    let Some(lab) = lab_of("arm64") else { return };
    let status = lab.json("must rb install arm64 >/dev/null; rb status --json");
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&status), ["schema", "table", "entries", "platforms"]);
    assert_eq!(keys(&status["table"]), ["mounted", "path", "enabled", "namespace", "held_by"]);
    assert_eq!(
        keys(&status["entries"][0]),
        [
            "name",
            "enabled",
            "kind",
            "interpreter",
            "flags",
            "offset",
            "magic",
            "mask",
            "extension",
            "ours",
            "profile",
            "platforms",
            "works",
            "problems"
        ]
    );
    let emulator = crate::common::fixtures().join("qemu/qemu-aarch64-static");
    assert_eq!(
        status["entries"],
        json!([{
            "name": "qemu-aarch64", "enabled": true, "kind": "magic", "interpreter": emulator, "flags": "POCF",
            "offset": 0, "magic": "7f454c460201010000000000000000000200b700",
            "mask": "ffffffffffffff000000000000000000feffffff", "extension": null, "ours": true,
            "profile": "aarch64", "platforms": ["linux/arm64"], "works": true, "problems": []
        }])
    );
    let path = "/proc/sys/fs/binfmt_misc";
    let table = json!({"mounted": true, "path": path, "enabled": true, "namespace": "user", "held_by": "mount"});
    assert_eq!((&status["schema"], &status["table"]), (&json!(1), &table));
    assert!(status["platforms"].as_array().unwrap().contains(&json!("linux/arm64")));
    let untried = lab.json("must rb install arm64 >/dev/null; rb status --json --no-verify");
    assert_eq!(entry(&untried, "qemu-aarch64")["works"], Value::Null);
}

#[test]
fn names_that_are_not_utf8_and_extensions_are_listed() {
    let Some(lab) = lab() else { return };
    let status = lab.json(&script("live/table/names_that_are_not_utf8_and_extensions_are_listed"));
    let raw = entry(&status, "raw");
    assert_eq!(raw["interpreter"], r"/opt/\xff\xfe run");
    let rule = [&raw["offset"], &raw["magic"], &raw["mask"], &raw["kind"], &raw["ours"], &raw["profile"]];
    assert_eq!(rule, [&json!(3), &json!("ff00"), &json!("f00f"), &json!("magic"), &json!(false), &Value::Null]);
    entry(&status, r"\xe9t\xe9");
    let jar = entry(&status, "jar");
    let rule = [&jar["kind"], &jar["extension"], &jar["magic"], &jar["mask"], &jar["offset"], &jar["works"]];
    assert_eq!(rule, [&json!("extension"), &json!("jar"), &Value::Null, &Value::Null, &Value::Null, &Value::Null]);
    assert_eq!(
        (&entry(&status, "odd")["extension"], &entry(&status, "odd")["flags"]),
        (&json!(r"j\xff"), &json!("OC"))
    );
}

#[test]
fn status_tells_what_does_not_work() {
    let Some(lab) = lab_of("arm64") else { return };
    let output = lab.try_run(&script("live/table/status_tells_what_does_not_work"));
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    let status: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(entry(&status, "qemu-aarch64")["works"], true);
    assert_eq!(entry(&status, "qemu-riscv64")["works"], false);
    assert_eq!(entry(&status, "qemu-riscv64")["ours"], false);
    let problems = &entry(&status, "qemu-s390x")["problems"];
    assert!(problems.to_string().contains("disabled"), "{problems}");
}

#[test]
fn wsl_interop_is_removed_by_no_pattern() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/table/wsl_interop_is_removed_by_no_pattern"));
}

#[test]
fn a_pattern_removes_every_qemu_entry_and_no_other() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/table/a_pattern_removes_every_qemu_entry_and_no_other"));
}

#[test]
fn uninstall_all_leaves_strangers() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/table/uninstall_all_leaves_strangers"));
}
