//! The table as it is: what others left in it, what is shown of it, what may be removed from it.

use serde_json::{Value, json};

use crate::common::{entry, lab, lab_of, texts};

#[test]
fn a_table_that_is_switched_off_is_said_and_left_so() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        echo 0 >$table/status
        wants 1 rb install arm64 2>err.txt
        grep -q 'it is switched off' err.txt && grep -q "echo 1 > $table/status" err.txt || fail "$(cat err.txt)"
        [ -z "$(names)" ] && grep -qx disabled $table/status || fail changed
        must rb install arm64 --force
        grep -qx enabled $table/status || fail 'still off'
        must $FIXTURES/arm64/busybox true
        echo 0 >$table/status
        wants 1 rb status >out.txt
        grep -q 'switched off' out.txt || fail "$(cat out.txt)"
        must rb uninstall all
        grep -qx disabled $table/status || fail 'switched on by uninstall'
        "#,
    );
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
    let status = lab.json(
        r#"
        printf ':raw:M:3:\\xff\\x00:\\xf0\\x0f:/opt/\xff\xfe run:P' >$table/register
        printf ':\xe9t\xe9:M::never-there::/bin/true:' >$table/register
        printf ':jar:E::jar::/usr/bin/jexec:' >$table/register
        printf ':odd:E::j\xff::/usr/bin/jexec:C' >$table/register
        rb status --json
        "#,
    );
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
    let output = lab.try_run(
        r#"
        must rb install arm64 s390x >/dev/null
        stranger qemu-riscv64 /bin/false OC '\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x00'
        echo 0 >$table/qemu-s390x
        rb status --json
        "#,
    );
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    let status: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(entry(&status, "qemu-aarch64")["works"], true);
    assert_eq!(entry(&status, "qemu-riscv64")["works"], false);
    assert_eq!(entry(&status, "qemu-riscv64")["ours"], false);
    let problems = &entry(&status, "qemu-s390x")["problems"];
    assert!(problems.to_string().contains("switched off"), "{problems}");
}

#[test]
fn wsl_interop_is_removed_by_no_pattern() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        stranger WSLInterop /init P MZ ''
        stranger WSLInterop-late /init P MZ ''
        for force in '' --force; do
            for pattern in '*' 'WSL*' 'W*p' '*Interop*' all; do
                must rb install arm64 >/dev/null
                rb uninstall "$pattern" $force >out.txt 2>&1
                [ -e $table/WSLInterop ] && [ -e $table/WSLInterop-late ] || fail "'$pattern' $force: $(cat out.txt)"
            done
        done
        must rb --uninstall '*' >/dev/null
        [ -e $table/WSLInterop ] || fail 'the drop-in'
        wants 1 rb uninstall WSLInterop
        [ -e $table/WSLInterop ] || fail 'its name without --force'
        must rb uninstall WSLInterop --force
        [ ! -e $table/WSLInterop ] || fail 'its name with --force'
        "#,
    );
}

#[test]
fn a_pattern_removes_every_qemu_entry_and_no_other() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        must rb install arm64
        stranger qemu-mine /opt/qemu-mine '' QM ''
        stranger python3 /bin/true '' PY ''
        stranger qemulator /bin/true '' QL ''
        must rb uninstall 'qemu-*' >out.txt
        [ "$(names | tr '\n' ' ')" = 'python3 qemulator ' ] || fail "$(names): $(cat out.txt)"
        must rb uninstall '*' >out.txt
        grep -q "python3 *skipped *it is not QEMU's" out.txt || fail "$(cat out.txt)"
        [ "$(names | tr '\n' ' ')" = 'python3 qemulator ' ] || fail "$(names): $(cat out.txt)"
        wants 1 rb uninstall python3
        must rb uninstall python3 --force
        must rb uninstall '*' --force
        [ -z "$(names)" ] || fail "$(names)"
        "#,
    );
}

#[test]
fn uninstall_all_leaves_strangers() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        must rb install arm64 s390x
        # Another tool's entry with another rule, and one of our names in a directory that is not ours.
        stranger qemu-riscv64 /opt/qemu-riscv64 '' '\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x00'
        stranger theirs /bin/true '' THEM ''
        must rb uninstall all
        [ "$(names | tr '\n' ' ')" = 'qemu-riscv64 theirs ' ] || fail "$(names)"
        # An architecture by name is leave to remove it, whoever made it.
        must rb uninstall riscv64
        [ "$(names)" = theirs ] || fail "$(names)"
        # What is neither an architecture nor an entry is probably a slip of the pen.
        wants 1 rb uninstall theris 2>/dev/null
        must rb uninstall arm64 >out.txt
        grep -q 'not found' out.txt || fail "$(cat out.txt)"
        "#,
    );
}
