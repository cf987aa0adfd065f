//! Another root directory.

use crate::common::foreign;
use crate::user::{UID, User, user};

/// A root with a busybox of each architecture in it, arm64's as its own programs.
fn with_root() -> Option<User> {
    let user = user()?;
    user.run(
        "mkdir -p root/bin root/etc root/usr/bin root/home/user
         cp $BIN/busybox-* root/bin; cp $BIN/busybox-arm64 root/bin/busybox
         for name in sh ls cat env id mount uname stat tty; do ln -s busybox root/bin/$name; done",
    );
    Some(user)
}

#[test]
fn programs_run_in_another_root_with_what_every_root_has() {
    let Some(user) = with_root() else { return };
    for (port, _, _) in foreign() {
        assert_eq!(user.run(&format!("run --root root /bin/busybox-{port} pwd")), "/\n", "{port}");
    }
    assert_eq!(user.run("PATH=/bin:$PATH; run --root root sh -c 'uname -m; id -u'"), format!("aarch64\n{UID}\n"));
    let out =
        user.run("PATH=/bin:$PATH; run --root root sh -c 'ls -a /; ls /dev; cat /proc/self/comm; ls /sys | head -n 1'");
    for there in ["proc", "sys", "dev", "tmp", "null", "urandom", "pts", "shm", "stdin"] {
        assert!(out.lines().any(|line| line == there), "{there}: {out}");
    }
    // Nothing of the machine's own tree.
    let (status, _, err) = user.ends(&format!("run --root root /bin/ls {}", user.home().display()));
    assert_ne!(status, 0, "{err}");
    user.run("run --root root /bin/sh -c 'echo x >/dev/null; echo y >/tmp/z; cat /dev/urandom | busybox head -c 9 >/dev/zero'");
    // A terminal can be made.
    assert_eq!(user.run("run --root root /bin/sh -c 'exec 3<>/dev/ptmx; ls /dev/pts'"), "0\nptmx\n");
    // The working directory: the one that is inside, or the one that is named.
    assert_eq!(user.run("cd root/home/user; run --root ../.. /bin/sh -c pwd"), "/home/user\n");
    assert_eq!(user.run("run --root root --workdir /usr /bin/sh -c pwd"), "/usr\n");
    let (status, _, err) = user.ends("run --root root --workdir /no/such /bin/sh -c pwd");
    assert_eq!(status, 125, "{err}");
    assert_eq!(user.ends("run --root root /bin/no-such").0, 127);
}

#[test]
fn root_in_it_is_root_there_alone() {
    let Some(user) = with_root() else { return };
    assert_eq!(user.run("run --as-root --root root /bin/sh -c 'id -u; echo >/made; busybox mkdir /m; mount -t tmpfs none /m && echo mounted'"), "0\nmounted\n");
    user.run("[ $(stat -c %u root/made) = $(id -u) ]; [ -z \"$(ls root/m)\" ]");
    let (status, _, err) = user.ends("run --as-root sh -c 'echo x >/etc/rbinfmt-test'");
    assert_ne!(status, 0, "{err}");
}

#[test]
fn binds_are_seen_and_read_only_ones_cannot_be_written() {
    let Some(user) = with_root() else { return };
    user.write("data/file", "content");
    assert_eq!(user.run("run --root root --bind data:/a/b /bin/cat /a/b/file"), "content");
    assert_eq!(user.run("run --root root --bind data/file:/one /bin/cat /one"), "content");
    let (status, _, err) = user.ends("run --root root --bind data:/ro:ro /bin/sh -c 'cat /ro/file; echo x >/ro/new'");
    assert!(status != 0 && err.contains("Read-only"), "{err}");
    user.run("run --root root --bind data:/rw /bin/sh -c 'echo x >/rw/new'; [ -e data/new ]");
    assert_eq!(user.run("mkdir target; run --bind data:$HOME/target cat target/file; ls target"), "content");
}

#[test]
fn a_hostile_root_leads_nowhere() {
    let Some(user) = with_root() else { return };
    // The places on which the kernel's file systems are mounted are links out of the root, or into each other.
    user.run(
        "mkdir outside; rm -rf root/etc
         ln -s $HOME/outside root/etc; ln -s /../../../../../$HOME/outside/proc root/proc; ln -s ../../../../sys root/sys
         ln -s $HOME/outside/dev root/dev; ln -s $HOME/outside/tmp root/tmp",
    );
    let (_, out, err) = user.ends("run --root root /bin/sh -c 'cat /proc/self/comm'; find outside | sort");
    assert!(out.ends_with("outside\n") && out.matches("outside").count() == 1, "{out}{err}");
}
