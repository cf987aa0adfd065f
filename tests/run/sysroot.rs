//! Dynamic programs: the libraries come from Debian's archive into the user's own store.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::common::{Need, skipped};
use crate::user::{User, user};

const PORTS: [&str; 3] = ["arm64", "riscv64", "s390x"];

/// Debian's dynamic programs, one in C and one in C++, as DIR/PORT-hello/usr/bin/hello; they need more than one library.
fn programs() -> Option<&'static Path> {
    static PROGRAMS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let fetched = PROGRAMS.get_or_init(|| {
        let directory = tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir();
        let directory = directory.unwrap().keep();
        let script = format!(
            "set -e; TO=$1; . tests/apt.sh; conf=$(root trixie {}); for port in {}; do for name in hello ninja-build; do \
             package $conf $name:$port $TO/$port-$name; done; done; \
             package $conf db5.3-util:arm64 $TO/arm64-db5.3-util; rm -r $TO/apt; chmod -R a+rX $TO",
            PORTS.join(" "),
            PORTS.join(" "),
        );
        crate::user::remove_at_exit(&directory);
        let status = Command::new("bash").args(["-c", &script, "bash"]).arg(&directory).status().unwrap();
        status.success().then_some(directory)
    });
    fetched.as_deref()
}

fn with_programs() -> Option<(User, String)> {
    let user = user()?;
    match programs() {
        Some(directory) => Some((user, directory.display().to_string())),
        None => skipped(Need::Setup, "dynamic programs could not be fetched"),
    }
}

#[test]
fn dynamic_programs_get_their_libraries_once() {
    let Some((user, programs)) = with_programs() else { return };
    for port in PORTS {
        let out = user.run(&format!("run {programs}/{port}-hello/usr/bin/hello"));
        assert_eq!(out, "Hello, world!\n", "{port}");
        // In C++: another library, added to those that are there.
        let out = user.run(&format!("run {programs}/{port}-ninja-build/usr/bin/ninja --version"));
        assert!(out.starts_with(|c: char| c.is_ascii_digit()), "{port}: {out}");
    }
    // Warm: nothing is asked of the network, and what a native program starts has them too.
    let again = format!(
        "run --offline {programs}/s390x-hello/usr/bin/hello && run --offline sh -c {programs}/arm64-hello/usr/bin/hello"
    );
    assert_eq!(user.ends(&again), (0, "Hello, world!\n".repeat(2), String::new()));
    // The user's own choice goes before.
    let (status, _, err) = user.ends(&format!("run --sysroot none {programs}/arm64-hello/usr/bin/hello"));
    assert!(status != 0 && err.contains("ld-linux-aarch64.so.1"), "{err}");
    let tree = "$HOME/.local/share/rbinfmt/libraries";
    assert_eq!(user.run(&format!("run --sysroot {tree} {programs}/arm64-hello/usr/bin/hello")), "Hello, world!\n");
    let (status, _, err) = user.ends(&format!("QEMU_LD_PREFIX=/nowhere run {programs}/arm64-hello/usr/bin/hello"));
    assert!(status != 0 && err.contains("ld-linux-aarch64.so.1"), "{err}");
}

#[test]
fn a_library_whose_package_no_rule_names_is_found_in_the_archive_s_list() {
    let Some((user, programs)) = with_programs() else { return };
    // libdb-5.3.so has no version at its end.
    let out = user.run(&format!("run {programs}/arm64-db5.3-util/usr/bin/db5.3_dump -V 2>&1"));
    assert!(out.contains("Berkeley DB 5.3") && !out.contains("was not found"), "{out}");
}

#[test]
#[ignore = "fetches some 100 MB: cargo test --test run sysroot -- --ignored"]
fn programs_with_many_libraries_run() {
    let Some((user, _)) = with_programs() else { return };
    for port in PORTS {
        let programs =
            tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir();
        let programs = programs.unwrap();
        let script = format!(
            "set -e; TO=$1; . tests/apt.sh; conf=$(root trixie {port}); \
             for name in git curl python3.13-minimal libpython3.13-minimal; do package $conf $name:{port} $TO/$name; done; \
             cp -a $TO/lib*/usr/lib $TO/python3.13-minimal/usr; chmod -R a+rX $TO"
        );
        let status = Command::new("bash").args(["-c", &script, "bash"]).arg(programs.path()).status().unwrap();
        assert!(status.success(), "{port}");
        let at = programs.path().display();
        let out = user.run(&format!(
            "run {at}/git/usr/bin/git --version; run {at}/curl/usr/bin/curl --version | head -n 1; \
             run {at}/python3.13-minimal/usr/bin/python3.13 -c 'import os; print(os.uname().machine, 6 * 7)'"
        ));
        let lines: Vec<&str> = out.lines().collect();
        assert!(
            lines[0].starts_with("git version") && lines[1].starts_with("curl ") && lines[2].ends_with(" 42"),
            "{out}"
        );
    }
}

#[test]
fn a_package_that_is_not_there_is_named() {
    let Some((user, programs)) = with_programs() else { return };
    let (status, _, err) = user.ends(&format!("run --package no-such-package {programs}/riscv64-hello/usr/bin/hello"));
    assert!(status == 125 && err.contains("no-such-package for riscv64"), "{err}");
    // A static program needs none, and nothing is fetched.
    assert_eq!(
        user.ends("RBINFMT_STORE=$HOME/empty run --offline $BIN/busybox-arm64 echo static"),
        (0, "static\n".into(), String::new())
    );
    assert_eq!(user.ends("ls $HOME/empty").1, "");
}
