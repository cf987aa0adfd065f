//! The store under duress: kills at any moment, a full disk, a read-only one, two fetches at once.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::common::archive::{Key, Suite};
use crate::common::server::Server;
use crate::common::{Need, emulator, rbinfmt, skipped, tar, text, valid};
use rbinfmt::emulators::Store;

const KILLS: u32 = 200;

fn copy(from: &Path, to: &Path) {
    drop(std::fs::remove_dir_all(to));
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_state_or_the_new_one() {
    let server = Server::start();
    let key = Key::new(&[], "never");
    let (old, new) = (emulator("arm", "7.2", 60_000), emulator("arm", "10.0", 400_000));
    let more = emulator("s390x", "10.0", 300_000);
    Suite::new("trixie", "stable", "1:10.0.3", &[("arm", &new), ("s390x", &more)]).publish(&server, &key);
    // In memory where that can be: a kill does not lose what was written, so syncing would only cost time.
    let memory = Path::new("/dev/shm");
    let directory =
        tempfile::tempdir_in(if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }).unwrap();
    let (template, place) = (directory.path().join("template"), directory.path().join("store"));
    std::fs::write(directory.path().join("old.tar"), tar(&[("qemu-arm", &old)])).unwrap();
    let ok = rbinfmt(&template).args(["fetch", "-q", "--from"]).arg(directory.path().join("old.tar")).status().unwrap();
    assert!(ok.success());
    let old_id = Store::open(&template).versions().unwrap()[0].id.clone();

    let fetch = || {
        let mut command = rbinfmt(&place);
        command
            .args(["fetch", "-q", "--use", "--mirror", &format!("{}/debian", server.url), "--keyring"])
            .arg(&key.keyring);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    copy(&template, &place);
    let start = Instant::now();
    assert!(fetch().status().unwrap().success());
    let whole = start.elapsed();

    let mut random = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    eprintln!("seed {random}, a fetch takes {whole:?}");
    let (mut was_old, mut was_new) = (0, 0);
    for round in 0..KILLS {
        copy(&template, &place);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut child = fetch().spawn().unwrap();
        std::thread::sleep(whole.mul_f64((random % 1000) as f64 / 900.0));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = Store::open(&place);
        let versions = valid(&store);
        assert!(versions.contains_key(&old_id));
        let arm = store.current("arm").unwrap().expect("arm is always in use");
        match arm.id == old_id {
            true => was_old += 1,
            false => was_new += 1,
        }
        if round % 20 == 0 {
            assert!(fetch().status().unwrap().success(), "the next fetch goes on");
            assert_eq!(store.current("arm").unwrap().unwrap().version, "1:10.0.3");
            assert_eq!(std::fs::read_dir(place.join("tmp")).unwrap().count(), 0);
            valid(&store);
        }
    }
    eprintln!("{was_old} times the old state, {was_new} times the new one");
    assert!(was_old > 0 && was_new > 0);
}

#[test]
fn two_fetches_at_once_do_the_work_once() {
    let server = Server::start();
    let key = Key::new(&[], "never");
    let arm = emulator("arm", "10.0", 900_000);
    Suite::new("trixie", "stable", "1:10.0.3", &[("arm", &arm)]).publish(&server, &key);
    let store = tempfile::tempdir().unwrap();
    let spawn = || {
        let mut command = rbinfmt(store.path());
        command.args([
            "fetch",
            "arm",
            "--qemu",
            "10.0",
            "--suite",
            "stable",
            "--mirror",
            &format!("{}/debian", server.url),
            "--keyring",
        ]);
        command.arg(&key.keyring).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both: Vec<_> = (0..4).map(|_| spawn()).collect();
    for child in both {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    let packages = server.requests().iter().filter(|r| r.contains(".deb")).count();
    assert_eq!(packages, 1);
    valid(&Store::open(store.path()));
}

/// Runs a shell script in a mount namespace of its own, with $S on a tmpfs of two megabytes.
fn on_small_disk(script: &str) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let (small, large) = (emulator("arm", "7.2", 200_000), emulator("arm", "10.0", 4_000_000));
    std::fs::write(directory.path().join("small.tar"), tar(&[("qemu-arm", &small)])).unwrap();
    std::fs::write(directory.path().join("large.tar"), tar(&[("qemu-arm", &large)])).unwrap();
    std::fs::create_dir(directory.path().join("s")).unwrap();
    let full = format!(
        "set -e; cd {}; mount -t tmpfs -o size=2m none s; echo MOUNTED; set +e; {script}",
        directory.path().display()
    );
    let store = directory.path().join("s");
    let output = Command::new("unshare")
        .args(["-Urm", "sh", "-c", &full])
        .env("RBINFMT_STORE", &store)
        .env("R", env!("CARGO_BIN_EXE_rbinfmt"))
        .env("HOME", directory.path())
        .output()
        .unwrap();
    let text = text(&output);
    if text.contains("MOUNTED") {
        return Some(text);
    }
    skipped(Need::Namespaces, &format!("no mount namespace here: {text}"))
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let script =
        "$R fetch -q --from small.tar; $R fetch -q --use --from large.tar; echo status $?; $R emulators; ls s/tmp";
    let Some(text) = on_small_disk(script) else { return };
    assert!(text.contains("No space left on device") && text.contains("status 1"), "{text}");
    assert!(text.contains("help: ") && text.contains("untouched"), "{text}");
    assert!(text.contains("QEMU 7.2, 1 emulators") && text.contains("in use"), "{text}");
}

#[test]
fn a_read_only_store_is_told_and_can_be_read() {
    let script = "$R fetch -q --from small.tar; mount -o remount,ro s; $R fetch -q --from large.tar; echo status $?; $R emulators; $R emulators gc; echo gc $?";
    let Some(text) = on_small_disk(script) else { return };
    assert!(
        text.contains("Read-only file system") && text.contains("status 1") && text.contains("RBINFMT_STORE"),
        "{text}"
    );
    assert!(text.contains("QEMU 7.2, 1 emulators") && text.contains("gc 1"), "{text}");
}

#[test]
fn the_verbs_list_choose_and_remove() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    let run = |args: &[&str]| {
        let output = rbinfmt(&store).args(args).current_dir(&directory).output().unwrap();
        (output.status.code().unwrap(), text(&output))
    };
    assert!(run(&["emulators"]).1.contains("no emulators"));
    for version in ["7.2.22", "10.0.13"] {
        let bytes = tar(&[
            ("qemu-aarch64", &emulator("aarch64", version, 3000)),
            ("qemu-s390x", &emulator("s390x", version, 3000)),
        ]);
        std::fs::write(directory.path().join("p.tar"), bytes).unwrap();
        assert_eq!(run(&["fetch", "arm64", "s390x", "--from", "p.tar"]).0, 0);
    }
    assert!(run(&["emulators"]).1.contains("in use\n"));
    let (code, text) = run(&["emulators", "use", "10.0", "arm64"]);
    assert!(code == 0 && text.contains("in use for aarch64"), "{text}");
    let (code, text) = run(&["emulators", "remove", "10.0"]);
    assert!(code == 1 && text.contains("in use for aarch64"), "{text}");
    assert_eq!(run(&["emulators", "use", "7.2"]).0, 0);
    assert_eq!(run(&["emulators", "remove", "10.0.13"]).0, 0);
    let (code, text) = run(&["emulators", "use", "10.0"]);
    assert!(code == 2 && text.contains("no such version") && text.contains("help: "), "{text}");
    let (_, json) = run(&["emulators", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["versions"][0]["in_use"], serde_json::json!(["aarch64", "s390x"]));
    assert_eq!(run(&["fetch", "--qemu", "nonsense"]).0, 2);
    assert_eq!(run(&["emulators", "use", "../../x"]).0, 2);
}

#[test]
fn looking_up_what_is_in_use_costs_little() {
    let world = common::World::default();
    let archs = ["aarch64", "arm", "riscv64", "s390x", "ppc64le", "mips64el", "loongarch64", "i386"];
    let files: Vec<(String, Vec<u8>)> = archs.iter().map(|a| (format!("qemu-{a}"), emulator(a, "1.0", 400))).collect();
    let members: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    world.write("p.tar", &tar(&members));
    let from = rbinfmt::emulators::From::Path(world.path().join("p.tar"));
    world.ensure(&common::these(&archs), Some(&from)).unwrap();
    let best = (0..20)
        .map(|_| {
            let start = Instant::now();
            for arch in archs {
                assert!(world.store.current(arch).unwrap().is_some());
            }
            start.elapsed()
        })
        .min()
        .unwrap();
    eprintln!("8 look-ups: {best:?}");
    // Unoptimised and on a busy machine; the registrar has 3 ms for all it does.
    assert!(best < Duration::from_millis(10), "{best:?}");
}
