//! Nobody gets a right, and the machine stays as it is.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use crate::user::{UID, user};

/// What a run could change of the machine.
fn machine() -> (String, BTreeSet<String>) {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let table = std::fs::read_dir("/proc/sys/fs/binfmt_misc").into_iter().flatten().flatten();
    (mounts, table.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

#[test]
fn the_program_has_the_caller_s_rights_and_no_others() {
    let Some(user) = user() else { return };
    let status = user.run("run $BIN/busybox-arm64 cat /proc/self/status");
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!(field("Uid:"), [UID.to_string(), UID.to_string(), UID.to_string(), UID.to_string()].join("\t"));
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(set).trim_start_matches('0'), "", "{set}");
    }
    // Files are made as the caller's; the mounts are not the program's to change.
    user.run("run $BIN/busybox-riscv64 touch made; [ $(stat -c %u made) = $(id -u) ]");
    let (status, _, err) = user.ends("run umount /proc/sys/fs/binfmt_misc");
    assert_ne!(status, 0, "{err}");
}

#[test]
fn the_machine_is_as_before_also_after_a_kill() {
    let Some(user) = user() else { return };
    let before = machine();
    user.run("run $BIN/busybox-arm64 true");
    let mut command = user.command("exec rbinfmt --emulators $EMULATORS run $BIN/bash-s390x -c 'while :; do :; done'");
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    // At any moment of its start.
    std::thread::sleep(Duration::from_millis(u64::from(child.id() % 40)));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(machine(), before);
}

#[test]
fn fifty_at_once_all_run() {
    let Some(user) = user() else { return };
    let out = user.run("for i in {1..50}; do run $BIN/busybox-arm64 expr $i + 0 & done; wait");
    let numbers: BTreeSet<u32> = out.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(numbers, (1..=50).collect());
}
