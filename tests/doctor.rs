//! `rbinfmt doctor FILE...` as its users see it.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[path = "doctor/contents.rs"]
mod contents;
#[path = "doctor/formats.rs"]
mod formats;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// A table as a directory: what the kernel shows of one entry.
fn table(dir: &Path) {
    let table = dir.join("table");
    fs::create_dir(&table).unwrap();
    fs::write(table.join("status"), "enabled\n").unwrap();
    let magic = "7f454c460201010000000000000000000200b700";
    let mask = "ffffffffffffffffffffffffffffffffffffffff";
    let text = format!("enabled\ninterpreter /bin/sh\nflags: P\noffset 0\nmagic {magic}\nmask {mask}\n");
    fs::write(table.join("qemu-aarch64"), text).unwrap();
}

fn directory() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    table(dir.path());
    let write = |name: &str, bytes: &[u8], mode| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let mut arm64 = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0\x01\0\0\0".to_vec();
    arm64.resize(120, 0);
    write("arm64", &arm64, 0o755);
    arm64[8] = b'A';
    write("appimage", &arm64, 0o755);
    write("script", b"#!/bin/sh -e\n", 0o755);
    write("windows", b"#!/bin/sh\r\n", 0o755);
    write("plain", b"#!/bin/sh\n", 0o644);
    dir
}

fn doctor(dir: &TempDir, args: &[&str]) -> (i32, String) {
    let mut command = Command::cargo_bin("rbinfmt").unwrap();
    let output = command.current_dir(dir).args(["doctor", "--mount", "table"]).args(args).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn what_is_cut_off_within_its_header_is_a_truncated_program() {
    let dir = directory();
    for len in [20, 40] {
        let whole = fs::read(env!("CARGO_BIN_EXE_rbinfmt")).unwrap();
        let path = dir.path().join("cut");
        fs::write(&path, &whole[..len]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let (status, text) = doctor(&dir, &["cut"]);
        assert!(status == 1 && text.contains("problem[truncated-elf]"), "{len}: {text}");
    }
}

#[test]
fn a_name_that_begins_like_an_option_is_not_one_in_a_command() {
    let dir = directory();
    for (name, bytes, command) in [
        ("-tool.gz", &b"\x1f\x8b\x08\0"[..], "gunzip ./-tool.gz"),
        ("-run.sh", b"#!/bin/sh\r\n", r"sed -i 's/\r$//' ./-run.sh"),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let (_, text) = doctor(&dir, &["--", name]);
        assert!(text.contains(command), "{name}: {text}");
    }
}

#[test]
fn what_is_not_a_module_is_not_called_one() {
    let dir = directory();
    fs::write(dir.path().join("app.war"), b"PK\x03\x04\x14\0\0\0\0\0").unwrap();
    let (_, text) = doctor(&dir, &["app.war"]);
    assert!(text.contains("problem[not-a-program]") && !text.contains("module"), "{text}");
}

#[test]
fn an_entry_that_cannot_be_read_is_told_and_passed_over() {
    let dir = directory();
    fs::write(dir.path().join("table/stray"), "weighs 7\n").unwrap();
    let (status, text) = doctor(&dir, &["arm64"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.starts_with("arm64: starts: /bin/sh runs it\n"), "{text}");
    assert!(text.contains("  note: the entry stray could not be read, and may match this file: "), "{text}");
    let (_, json) = doctor(&dir, &["--json", "arm64"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["unreadable_entries"][0]["entry"], "stray");
}

#[test]
fn statuses_and_first_lines() {
    let dir = directory();
    for (args, status, line) in [
        (&["script"][..], 0, "script: starts: /bin/sh runs it"),
        (&["arm64"], 0, "arm64: starts: /bin/sh runs it"),
        (&["plain"], 1, "plain: does not start: EACCES (Permission denied), because plain has no x bit"),
        (
            &["missing"],
            1,
            "missing: does not start: ENOENT (No such file or directory), because missing does not exist",
        ),
    ] {
        let (code, text) = doctor(&dir, args);
        assert_eq!((code, text.lines().next().unwrap_or("")), (status, line), "{args:?}");
    }
    let (_, windows) = doctor(&dir, &["windows"]);
    assert!(windows.contains("carriage return"));
}

#[test]
fn the_byte_at_which_an_entry_refused() {
    let (code, text) = doctor(&directory(), &["appimage"]);
    assert_eq!(code, 1);
    assert!(text.contains("qemu-aarch64 refused at byte 8: file 41, wanted 00"), "{text}");
    assert!(text.contains("              ^^ ^^"), "{text}");
}

#[test]
fn json_of_several_files_and_of_a_list() {
    let dir = directory();
    let (code, text) = doctor(&dir, &["--json", "script", "appimage"]);
    assert_eq!(code, 1);
    let objects: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(objects[0]["outcome"]["kind"], "starts");
    assert_eq!(objects[0]["chain"][0]["handler"], "script");
    assert_eq!(objects[0]["chain"][0]["argv"], serde_json::json!(["/bin/sh", "-e", "script"]));
    assert_eq!(objects[1]["outcome"]["errno"], "ENOEXEC");
    assert_eq!(objects[1]["outcome"]["number"], 8);
    assert_eq!(objects[1]["near_misses"][0]["byte"], 8);
    let list = Command::cargo_bin("rbinfmt")
        .unwrap()
        .current_dir(&dir)
        .args(["doctor", "--mount", "table", "--json", "-"])
        .write_stdin("script\nappimage\n")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(list.stdout).unwrap(), text);
}

#[test]
fn an_argument_list_of_ones_own() {
    let dir = directory();
    let (_, text) = doctor(&dir, &["--json", "--argv", "zero", "--argv", "-x", "arm64"]);
    let object: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(object["chain"][0]["argv"], serde_json::json!(["/bin/sh", "arm64", "zero", "-x"]));
    assert_eq!(object["chain"][0]["name"], "qemu-aarch64");
}

#[test]
fn inside_a_root_and_as_another_user() {
    let dir = directory();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/passwd"), "me:x:1234:1234::/:/bin/sh\n").unwrap();
    fs::write(root.join("etc/group"), "").unwrap();
    fs::write(root.join("s"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(root.join("s"), fs::Permissions::from_mode(0o700)).unwrap();
    let root = root.to_str().unwrap();
    let (code, text) = doctor(&dir, &["--root", root, "/s"]);
    assert_eq!(code, 1);
    assert!(text.contains("/bin/sh does not exist"), "{text}");
    let (code, text) = doctor(&dir, &["--root", root, "--as", "me", "/s"]);
    assert_eq!(code, 1);
    assert!(text.contains("no x bit for user 1234"), "{text}");
    assert_eq!(doctor(&dir, &["--root", root, "--as", "you", "/s"]).0, 2);
}

#[test]
fn the_kernel_agrees() {
    let dir = directory();
    // A table that the kernel does not have: its answer differs, and that is told as a bug of ours.
    let (code, text) = doctor(&dir, &["--verify", "arm64"]);
    assert_eq!(code, 1);
    assert!(text.contains("which is a bug of rbinfmt's"), "{text}");
    let (code, text) = doctor(&dir, &["--verify", "script", "windows"]);
    assert_eq!(code, 1);
    assert!(text.contains("note: the kernel starts") && text.contains("note: the kernel answers ENOENT"), "{text}");
}

#[test]
fn a_report_names_nobody_and_is_judged_elsewhere() {
    let dir = directory();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::copy(dir.path().join("arm64"), home.join("arm64")).unwrap();
    let output = Command::cargo_bin("rbinfmt")
        .unwrap()
        .current_dir(&dir)
        .env("HOME", &home)
        .args(["doctor", "--mount", "table", "--report", "--no-verify", "--no-engines"])
        .arg(home.join("arm64"))
        .output()
        .unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.starts_with("### rbinfmt ") && report.contains("/home/USER/arm64: starts"), "{report}");
    assert!(!report.contains(home.to_str().unwrap()), "{report}");
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let host = host.trim();
    assert!(host.len() < 3 || host == "localhost" || !report.contains(host), "{report}");

    // The other machine has no such entry, and says what this one does.
    fs::write(dir.path().join("report.md"), &report).unwrap();
    fs::remove_file(dir.path().join("table/qemu-aarch64")).unwrap();
    assert_eq!(doctor(&dir, &["arm64"]).0, 1);
    let (code, text) = doctor(&dir, &["--facts", "report.md", "arm64"]);
    assert_eq!((code, text.lines().next()), (0, Some("arm64: starts: /bin/sh runs it")));
    let (code, _) = doctor(&dir, &["--facts", "script", "arm64"]);
    assert_eq!(code, 2);
}

/// What people read: a diagnostic each, without styles.
#[test]
fn rendered() {
    let dir = directory();
    for file in ["windows", "appimage", "plain", "missing"] {
        let (_, text) = doctor(&dir, &[file]);
        insta::assert_snapshot!(format!("file-{file}"), text);
    }
}
