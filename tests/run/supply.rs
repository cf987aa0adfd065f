//! Emulators that are not there yet: from the real archive into the user's own store.

use std::path::Path;

use rbinfmt::emulators::debian::mirror::{self, Wish};

use crate::common::{Need, skipped};
use crate::user::user;

#[test]
fn what_the_program_needs_is_fetched_once_and_what_is_named_too() {
    let Some(user) = user() else { return };
    let mirror = mirror::choose(&Wish::default(), Path::new("/"));
    if mirror.named_by == "built in" {
        return skipped(Need::Setup, "the host's apt names no mirror of Debian").unwrap_or(());
    }
    if Path::new("/usr/bin/qemu-s390x-static").exists() || Path::new("/usr/bin/qemu-s390x").exists() {
        return skipped(Need::Setup, "this machine has emulators in /usr/bin").unwrap_or(());
    }
    let (status, out, err) = user.ends("rbinfmt run $BIN/busybox-s390x uname -m");
    if err.contains("error: fetching") || err.contains("error: reading the index") {
        return skipped(Need::Setup, "the mirror of the host's apt does not answer").unwrap_or(());
    }
    assert_eq!((status, out.as_str()), (0, "s390x\n"), "{err}");
    assert!(err.contains("qemu-user"), "{err}");
    // Warm: nothing is said, nothing is asked of the network. A native program needs none.
    let again = "rbinfmt run --offline $BIN/busybox-s390x uname -m && rbinfmt run --offline true";
    assert_eq!(user.ends(again), (0, "s390x\n".into(), String::new()));
    // Another architecture is not there until it is named.
    let script = "rbinfmt run --offline sh -c '$BIN/busybox-riscv64 true'";
    assert_eq!(user.ends(&format!("export BIN; {script}")).0, 126);
    let script = "rbinfmt run --arch riscv64 sh -c '$BIN/busybox-riscv64 uname -m; $BIN/busybox-s390x uname -m'";
    assert_eq!(user.run(&format!("export BIN; {script}")), "riscv64\ns390x\n");
    // One that cannot be had: rbinfmt's failure, not the program's.
    let (status, _, err) = user.ends("RBINFMT_STORE=$HOME/empty rbinfmt run --offline $BIN/busybox-arm64 true");
    assert_eq!(status, 125, "{err}");
}
