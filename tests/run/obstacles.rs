//! Where the kernel gives no namespace: what is printed, and what still runs.

use crate::user::user;

#[test]
fn without_namespaces_a_single_program_runs_and_the_setting_is_named() {
    let Some(user) = user() else { return };
    let without = |script: &str| {
        user.ends(&format!(
            "export EMULATORS BIN; unshare --user --map-root-user --map-current-user sh -c true 2>/dev/null
             unshare --user --map-root-user bash -c 'echo 0 >/proc/sys/user/max_user_namespaces
             run() {{ rbinfmt --emulators \"$EMULATORS\" run \"$@\"; }}
             {script}'"
        ))
    };
    let (status, out, err) = without("run $BIN/bash-arm64 -c \"exit 9\"");
    assert_eq!((status, out.as_str()), (9, ""), "{err}");
    assert!(err.contains("user.max_user_namespaces is 0") && err.contains("sysctl"), "{err}");
    assert!(err.contains("only the program itself is emulated"), "{err}");
    // A script of a foreign interpreter, its argv[0] and arguments.
    let bin = user.run("printf %s $BIN");
    user.write("script", format!("#!{bin}/bash-s390x -e\necho $0 $* $MACHTYPE\n"));
    let (status, out, err) = without("run ./script 1 2");
    assert_eq!((status, out.as_str()), (0, "./script 1 2 s390x-ibm-linux-gnu\n"), "{err}");
    // What needs mounts cannot be had without them.
    let (status, _, err) = without("run --root / --bind /etc:/mnt true");
    assert_eq!(status, 125, "{err}");
}

#[test]
fn where_the_kernel_refuses_unforeseen_a_single_program_runs_too() {
    let Some(user) = user() else { return };
    // In a chroot unshare(2) says EPERM, as under a container's seccomp rules.
    let in_chroot = |script: &str| {
        user.ends(&format!(
            "export EMULATORS BIN; mkdir -p r; unshare --user --map-root-user --mount bash -c \
             'mount --rbind / r && run() {{ chroot r rbinfmt --emulators $EMULATORS run \"$@\"; }}; {script}'"
        ))
    };
    let (status, out, err) = in_chroot("run $BIN/bash-s390x -c \"echo \\$MACHTYPE; exit 7\"");
    assert_eq!((status, out.as_str()), (7, "s390x-ibm-linux-gnu\n"), "{err}");
    assert!(err.contains("only the program itself is emulated") && err.contains("seccomp"), "{err}");
    // What needs a namespace cannot be had.
    let (status, _, err) = in_chroot("run --bind /etc:/mnt $BIN/busybox-arm64 true");
    assert!(status == 125 && err.contains("chroot"), "{err}");
}

#[test]
fn without_proc_it_says_so() {
    let Some(user) = user() else { return };
    let (status, _, err) = user.ends(
        "export EMULATORS BIN; unshare --user --map-root-user --mount bash -c \
         'mount -t tmpfs none /proc; rbinfmt --emulators $EMULATORS run $BIN/busybox-arm64 true'",
    );
    assert_eq!(status, 125, "{err}");
    assert!(err.contains("no proc(5) is mounted"), "{err}");
}
