//! Paths and names by which other programs find emulators.

use std::path::Path;

use crate::common::{Need, skipped};
use crate::user::user;

#[test]
fn a_path_follows_the_version_in_use_and_links_come_and_go() {
    let Some(user) = user() else { return };
    user.run("rbinfmt fetch -q --from $EMULATORS; mkdir names second");
    let path = user.run("rbinfmt emulators path linux/arm64").trim_end().to_owned();
    let first = user.run(&format!("{path} $BIN/busybox-arm64 uname -m; readlink -f {path}"));
    assert!(first.starts_with("aarch64\n"), "{first}");
    // Another version with the same emulator in it.
    user.run("cp $EMULATORS/qemu-aarch64-static second; rbinfmt fetch -q --use --from second");
    let second = user.run(&format!("{path} $BIN/busybox-arm64 uname -m; readlink -f {path}"));
    assert!(second.starts_with("aarch64\n") && first != second, "{first}{second}");
    // The old version can go.
    let id = first.lines().nth(1).unwrap().split('/').rev().nth(1).unwrap().to_owned();
    user.run(&format!(
        "for arch in armhf s390x; do rbinfmt emulators path $arch; done; ! rbinfmt emulators remove {id}"
    ));

    let made = user.run("rbinfmt emulators link names arm64 s390x; ls names");
    assert!(made.ends_with("\nqemu-aarch64\nqemu-aarch64-static\nqemu-s390x\nqemu-s390x-static\n"), "{made}");
    user.run("names/qemu-s390x-static $BIN/busybox-s390x true; names/qemu-aarch64 $BIN/busybox-arm64 true");
    // What somebody has put in the place of one stays, and so does what was there before.
    user.run("rm names/qemu-s390x; echo theirs >names/qemu-s390x; rbinfmt emulators unlink names");
    assert_eq!(user.run("ls names; cat names/qemu-s390x"), "qemu-s390x\ntheirs\n");
    let (status, _, err) = user.ends("rbinfmt emulators link names arm64 s390x");
    assert!(status == 1 && err.contains("names/qemu-s390x is there"), "{err}");
    assert_eq!(user.run("ls names; cat names/qemu-s390x"), "qemu-s390x\ntheirs\n");
}

#[test]
fn a_program_of_debian_s_finds_them_in_path() {
    let Some(user) = user() else { return };
    if !Path::new("/usr/bin/proot").exists() {
        return skipped(Need::Setup, "proot is not installed").unwrap_or(());
    }
    user.run("rbinfmt fetch -q --from $EMULATORS; mkdir names; rbinfmt emulators link names");
    let proot = "PATH=$PWD/names:$PATH proot -q qemu-s390x";
    assert_eq!(user.run(&format!("{proot} $BIN/busybox-s390x uname -m")), "s390x\n");
    let (status, _, _) = user.ends(&format!("rbinfmt emulators unlink names; {proot} $BIN/busybox-s390x uname -m"));
    assert_ne!(status, 0);
}
