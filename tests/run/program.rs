//! What a program is and gets: the one that was named, in the place of rbinfmt.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use crate::common::foreign;
use crate::user::user;

#[test]
fn programs_of_every_architecture_run_and_get_their_own_argv0() {
    let Some(user) = user() else { return };
    for (port, _, machine) in foreign() {
        let machine = if port == "i386" { "x86_64" } else { machine };
        let machine = if port == "mips64el" { "mips64" } else { machine };
        assert_eq!(user.run(&format!("run $BIN/busybox-{port} uname -m")), format!("{machine}\n"), "{port}");
        let shown = user.run(&format!("run $BIN/bash-{port} -c 'echo \"$BASH_VERSION $0 $*\"' zero one 'two three'"));
        assert!(shown.ends_with(" zero one two three\n"), "{port}: {shown}");
    }
    // Found in PATH, by the name that was typed.
    user.write("path/busybox", std::fs::read(crate::common::fixtures().join("arm64/busybox")).unwrap());
    assert_eq!(user.run("PATH=$HOME/path:$PATH; run busybox uname -m"), "aarch64\n");
}

#[test]
fn the_exit_status_is_the_program_s_and_that_of_rbinfmt_is_another() {
    let Some(user) = user() else { return };
    for status in [0, 1, 2, 3, 77, 255] {
        assert_eq!(user.ends(&format!("run $BIN/busybox-s390x sh -c 'exit {status}'")).0, status);
    }
    user.write("data", "not a program");
    user.write("text", "echo without a first line: $1");
    for (script, status, text) in [
        ("run no-such-program", 127, "No such file or directory"),
        ("run ./no-such-program", 127, "No such file or directory"),
        ("chmod 644 data; run ./data", 126, "Permission denied"),
        ("run $HOME", 126, "Permission denied"),
        ("run --no-such-option", 125, "--no-such-option"),
        ("run --arch no-such-arch true", 125, "no-such-arch"),
        ("run --root $HOME/no-such-root true", 125, "no-such-root"),
        ("run", 125, "none is named"),
        ("printf '\\177ELF\\2\\1\\1' >broken; chmod 755 broken; run ./broken", 126, "doctor"),
    ] {
        let (ended, out, err) = user.ends(script);
        assert_eq!((ended, out.as_str()), (status, ""), "{script}: {err}");
        assert!(err.contains(text), "{script}: {err}");
    }
    // As execvp(3): the shell gets what is neither ELF nor has #!.
    assert_eq!(user.run("run ./text yes"), "without a first line: yes\n");
}

#[test]
fn process_streams_directory_and_environment_are_the_caller_s() {
    let Some(user) = user() else { return };
    let out = user.run(
        "mkdir here; cd here; exec 3>&1; (echo $BASHPID; exec rbinfmt --emulators $EMULATORS run \
                        $BIN/busybox-riscv64 sh -c 'echo $$; pwd; echo to three >&3; echo \"$A\"') 2>err; cat err",
    );
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], lines[1], "{out}");
    assert_eq!(lines[2], user.home().join("here").to_str().unwrap());
    assert_eq!(lines[3], "to three");
    assert_eq!(user.run("A=1 run --env B=2 --env A -- $BIN/busybox-arm64 sh -c 'echo $A$B'"), "12\n");
    assert_eq!(user.run("seq 100000 | run $BIN/busybox-armhf cat | run $BIN/busybox-ppc64el wc -l").trim(), "100000");
    // Whoever reads no further ends the writer, as without rbinfmt.
    let (_, out, err) = user.ends("set -o pipefail; run $BIN/busybox-arm64 yes | head -n 1; echo ${PIPESTATUS[0]}");
    assert_eq!((out.as_str(), err.as_str()), ("y\n141\n", ""));
}

#[test]
fn signals_reach_the_program_itself() {
    let Some(user) = user() else { return };
    for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("USR1", 10)] {
        let mut command = user
            .command("exec rbinfmt --emulators $EMULATORS run $BIN/bash-arm64 -c 'echo ready; while :; do :; done'");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        user.run(&format!("kill -{signal} {}", child.id()));
        assert_eq!(child.wait().unwrap().signal(), Some(number), "{signal}");
    }
    // One that handles it.
    let mut command = user.command(
        "exec rbinfmt --emulators $EMULATORS run $BIN/bash-riscv64 -c \
         'trap \"echo caught; exit 3\" TERM; echo ready; while :; do :; done'",
    );
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "ready");
    user.run(&format!("kill {}", child.id()));
    assert_eq!((lines.next().unwrap().as_str(), child.wait().unwrap().code()), ("caught", Some(3)));
}

#[test]
fn what_it_starts_is_emulated_too_whatever_its_architecture() {
    let Some(user) = user() else { return };
    // A script whose interpreter is foreign, which starts others.
    let bin = user.run("printf %s $BIN");
    user.write(
        "script",
        format!("#!{bin}/bash-arm64\n$BIN/busybox-s390x uname -m; $BIN/busybox-arm uname -m\nuname -m"),
    );
    let out = user.run(
        "ln -s $BIN/busybox-armhf busybox-arm; BIN2=$BIN; sed -i \"s,.BIN/busybox-arm ,$HOME/busybox-arm ,\" script; \
                        run ./script",
    );
    let native = std::env::consts::ARCH;
    assert_eq!(out, format!("s390x\narmv7l\n{native}\n"));
    // make and a compiler of another architecture that calls an assembler of a third one: scripts in their places.
    user.write("cc", format!("#!{bin}/busybox-riscv64 sh\n{bin}/bash-mips64el ./as \"$1\" >\"$2\"\n"));
    user.write("as", "echo assembled $1 by $MACHTYPE\n");
    user.write("Makefile", "all: a.o b.o\n%.o: %.c\n\t./cc $< $@\n");
    let out = user.run("touch a.c b.c; run make -s -j2; cat a.o b.o");
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].starts_with("assembled a.c by mips64el") && lines[1].starts_with("assembled b.c by mips64el"),
        "{out}"
    );
    // One that clears the environment.
    assert_eq!(user.run("run env -i $BIN/busybox-arm64 uname -m"), "aarch64\n");
}

#[test]
fn variables_that_an_emulator_would_take_for_another_command_are_left_out() {
    let Some(user) = user() else { return };
    for set in ["QEMU_VERSION=", "QEMU_VERSION=9.2", "QEMU_ARGV0=x"] {
        let (status, out, err) = user.ends(&format!("{set} run $BIN/bash-arm64 -c 'echo $0; exit 4' name"));
        assert_eq!((status, out.as_str()), (4, "name\n"), "{set}: {err}");
        assert!(err.contains("is not passed on"), "{err}");
    }
    let (_, _, err) = user.ends("run --strace $BIN/busybox-arm64 true");
    assert!(err.contains("exit_group(0)") || err.contains("exit(0)"), "{err}");
}

#[test]
fn options_of_an_architecture_s_emulator_are_configured() {
    let Some(user) = user() else { return };
    let traced = |script: &str| user.ends(script).2.contains("exit_group(0)");
    user.write(
        ".config/rbinfmt/config.toml",
        "[emulation.s390x]\nstrace = true\n[emulation.arm64]\ncpu = \"no-such-cpu\"\n",
    );
    assert!(traced("run $BIN/busybox-s390x true") && !traced("run $BIN/busybox-riscv64 true"));
    let (status, _, err) = user.ends("run $BIN/busybox-arm64 true");
    assert!(status != 0 && err.contains("no-such-cpu"), "{err}");
    // What is said now goes before.
    assert_eq!(
        user.run("run --cpu max $BIN/busybox-arm64 uname -m; QEMU_CPU=max run $BIN/busybox-arm64 uname -m"),
        "aarch64\naarch64\n"
    );
    user.write(".config/rbinfmt/config.toml", "\n[emulation.arm64]\nmodel = 1\n");
    let (status, _, err) = user.ends("run $BIN/busybox-arm64 true");
    assert!(status == 125 && err.contains("config.toml:3: "), "{err}");
}

#[test]
fn a_terminal_keeps_its_job_control() {
    let Some(user) = user() else { return };
    // script(1) makes the terminal; what is typed there reaches the program through the line discipline.
    let mut child = user
        .command("script -qec \"rbinfmt --emulators $EMULATORS run $BIN/bash-arm64 --norc -i\" /dev/null")
        .env("TERM", "dumb")
        .env("PS1", "> ")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut typed = child.stdin.take().unwrap();
    let mut shown = BufReader::new(child.stdout.take().unwrap());
    let mut all = String::new();
    let mut until = |text: &str| {
        while !all.contains(text) {
            assert_ne!(shown.read_line(&mut all).unwrap(), 0, "no {text:?} in {all}");
        }
    };
    typed.write_all(b"tty -s && echo is-a-$((1+1))nd-terminal\n").unwrap();
    until("is-a-2nd-terminal");
    // Ctrl-C ends what runs in the foreground, not the shell.
    typed.write_all(b"sleep 1000; echo interrupted-$?\necho started\n").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    typed.write_all(b"\x03").unwrap();
    typed.write_all(b"echo went-on-$((2*2))\n").unwrap();
    until("went-on-4");
    // Ctrl-Z stops it, and it is a job.
    typed.write_all(b"sleep 1000\n").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    typed.write_all(b"\x1a").unwrap();
    typed.write_all(b"jobs; kill %1; fg; exit 5\n").unwrap();
    until("Stopped");
    drop(typed);
    assert_eq!(child.wait().unwrap().code(), Some(5));
}
