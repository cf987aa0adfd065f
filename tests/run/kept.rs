//! A table that stays.

use crate::user::user;

#[test]
fn a_kept_table_serves_other_commands_until_it_is_ended() {
    let Some(user) = user() else { return };
    // Its streams are not held open, and it is nobody's child.
    assert_eq!(user.run("run --keep work $BIN/busybox-arm64 echo one | cat"), "one\n");
    let join = "rbinfmt run --join work";
    assert_eq!(
        user.run(&format!("mkdir here; cd here; {join} $BIN/busybox-s390x sh -c 'uname -m; pwd'")),
        format!("s390x\n{}/here\n", user.home().display())
    );
    assert_eq!(
        user.run(&format!("{join} sh -c 'id -u; grep CapEff /proc/self/status'")),
        format!("{}\nCapEff:\t0000000000000000\n", crate::user::UID)
    );
    assert_eq!(user.ends(&format!("{join} no-such-program")).0, 127);
    let listed = user.run("rbinfmt ps; rbinfmt ps --json");
    assert!(
        listed.starts_with("work  root /, 0 processes, kept by ") && listed.contains("\"name\": \"work\""),
        "{listed}"
    );
    let (status, _, err) = user.ends("run --keep work true");
    assert!(status == 125 && err.contains("there is one of this name"), "{err}");
    // What runs there ends with it.
    let out = user.run(&format!("{join} $BIN/busybox-riscv64 sleep 1000 & sleep 1; rbinfmt ps; rbinfmt ps --end work; wait $! || echo ended; rbinfmt ps"));
    assert!(out.contains(", 1 processes,") && out.ends_with("ended work\nended\n"), "{out}");
    assert_eq!(user.ends(&format!("{join} true")).0, 125);
}

#[test]
fn a_kept_root_is_joined_with_what_was_written_in_it() {
    let Some(user) = user() else { return };
    user.run("mkdir -p base/bin; cp $BIN/busybox-arm64 base/bin/busybox; ln -s busybox base/bin/sh; tar -C base -cf base.tar .");
    user.run("run --root base.tar --as-root --keep image /bin/sh -c 'echo written >/file'");
    assert_eq!(user.run("PATH=/bin:$PATH; run --join image busybox cat /file"), "written\n");
    assert_eq!(user.run("run --join image /bin/busybox id -u"), "0\n");
    // A killed keeper is forgotten.
    user.run("kill -9 $(rbinfmt ps --json | sed -n 's/.*\"pid\": \\([0-9]*\\).*/\\1/p'); sleep 0.2; [ -z \"$(rbinfmt ps)\" ]");
}
