//! `rbinfmt doctor --message`: messages of many callers, and the cause that has to be named first.
//!
//! Where the text decides, the first candidate has to be right in 95 of 100 cases; where it does not, it has to be one of those
//! that are possible. Failures of ordinary tools have no cause.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use proptest::prelude::*;
use rbinfmt::architecture::Architecture;
use rbinfmt::doctor::message::{self, Diagnosis, Strength};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    from: String,
    text: String,
    is: Vec<String>,
}

#[derive(Deserialize)]
struct Unrelated {
    texts: Vec<String>,
}

fn data(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/messages", name].iter().collect();
    fs::read_to_string(path).unwrap()
}

fn cases(name: &str) -> Vec<Case> {
    toml::from_str::<Cases>(&data(name)).unwrap().case
}

fn read(text: &str) -> Diagnosis {
    message::read(&mut text.as_bytes()).unwrap()
}

#[test]
fn qemu_misses_the_loader_of_any_architecture() {
    for abi in Architecture::ALL.into_iter().flat_map(|arch| arch.row().abis) {
        for loader in abi.glibc.iter().chain(abi.musl) {
            let text = format!("qemu-x: Could not open '{loader}': No such file or directory");
            let first = read(&text).candidates.first().map(|c| (c.id.as_str(), c.strength));
            assert_eq!(first, Some(("qemu-missing-sysroot", Strength::Certain)), "{text}");
        }
    }
}

/// How many of the cases in a file are right, of those where the text decides; all others have to be.
fn check(name: &str) -> (usize, usize) {
    let (mut right, mut decided, mut impossible) = (0, 0, Vec::new());
    for case in cases(name) {
        let diagnosis = read(&case.text);
        let first = diagnosis.candidates.first().map_or("nothing", |c| c.id.as_str());
        let holds = case.is.iter().any(|id| id == first);
        if !holds {
            println!("{name}: {}: {first}, not {:?}: {:?}", case.from, case.is, case.text);
        }
        match case.is.len() {
            1 => {
                decided += 1;
                right += usize::from(holds);
            }
            _ if !holds => impossible.push(case.text),
            _ => {}
        }
    }
    println!("{name}: {right} of {decided} where the text decides");
    assert!(impossible.is_empty(), "{name}: {impossible:#?}");
    (right, decided)
}

#[test]
fn the_cause_is_named_first() {
    let counts = ["measured.toml", "wild.toml", "languages.toml", "threads.toml", "reports.toml"].map(check);
    let (right, decided) = counts.iter().fold((0, 0), |(r, d), (right, decided)| (r + right, d + decided));
    let rate = right as f64 / decided as f64;
    println!("{right} of {decided}, {:.1} %", rate * 100.0);
    assert!(rate >= 0.95, "{rate}");
}

/// Texts of a file that are no such problem.
fn unrelated(name: &str) -> Vec<String> {
    toml::from_str::<Unrelated>(&data(name)).unwrap().texts
}

#[test]
fn what_is_no_such_problem_is_not_made_one() {
    for text in unrelated("unrelated.toml").iter().chain(&unrelated("ordinary.toml")) {
        let diagnosis = read(text);
        let ids: Vec<&str> = diagnosis.candidates.iter().map(|c| c.id.as_str()).collect();
        // That nothing is recognised is no proof that nothing is wrong.
        assert!(ids.is_empty() && !diagnosis.not_exec_format && diagnosis.next.is_some(), "{text:?}: {ids:?}");
    }
}

#[test]
fn ordinary_failures_around_it_change_nothing() {
    let noise = unrelated("ordinary.toml").join("\n");
    let texts =
        ["OSError: [Errno 8] Exec format error: '/opt/tools/solver'", "fork/exec /opt/tools/solver: exec format error"];
    for text in texts {
        let diagnosis = read(&format!("{noise}\n{text}\n{noise}"));
        assert_eq!(diagnosis.candidates[0].id.as_str(), "foreign-arch-no-handler", "{text}");
        assert_eq!(diagnosis.paths, ["/opt/tools/solver"]);
    }
}

#[test]
fn whoever_wraps_it_the_cause_stays() {
    let wrap: [fn(&str) -> String; 6] = [
        |text| format!("\u{1b}[31m{text}\u{1b}[0m"),
        |text| text.lines().map(|line| format!("#12 0.345 {line}\n")).collect(),
        |text| text.lines().map(|line| format!("2026-11-21T12:00:00.123Z stderr F {line}\n")).collect(),
        |text| {
            text.lines().map(|line| serde_json::json!({"log": line, "stream": "stderr"}).to_string() + "\n").collect()
        },
        |text| text.replace('\n', "\r\n"),
        |text| format!("{}{text}", "Get:1 http://example.org/debian bookworm InRelease [151 kB]\n".repeat(100)),
    ];
    for case in cases("wild.toml").iter().chain(&cases("languages.toml")) {
        let plain = read(&case.text).candidates.first().map(|c| c.id);
        for (at, wrap) in wrap.iter().enumerate() {
            // A unit's log may name the container runtime's streams: what matters is that the cause is the same.
            let wrapped = read(&wrap(&case.text)).candidates.first().map(|c| c.id);
            assert_eq!(wrapped, plain, "wrapped in {at}: {}", case.text);
        }
    }
}

#[test]
fn there_are_three_at_most_the_strongest_first_and_what_is_not_certain_says_what_to_run() {
    for case in cases("measured.toml").iter().chain(&cases("wild.toml")).chain(&cases("reports.toml")) {
        let diagnosis = read(&case.text);
        let strengths: Vec<Strength> = diagnosis.candidates.iter().map(|c| c.strength).collect();
        assert!(strengths.len() <= 3 && strengths.windows(2).all(|two| two[0] >= two[1]), "{strengths:?}");
        let proved = strengths.first() == Some(&Strength::Certain);
        assert!(proved != diagnosis.next.is_some(), "{}", case.text);
        assert!(!diagnosis.not_exec_format || proved, "{}", case.text);
    }
}

#[test]
fn a_long_log_is_read_as_a_stream() {
    let line = b"2026-11-21T12:00:00Z INFO nothing to see here, and nothing there either, on and on\n";
    let error = b"exec /app: exec format error\n";
    let mut text = line.repeat(40_000);
    text.extend(error.repeat(1000));
    text.extend(line.repeat(1000));
    let diagnosis = message::read(&mut &text[..]).unwrap();
    assert_eq!(diagnosis.candidates[0].id.as_str(), "foreign-arch-no-handler");
    assert_eq!(diagnosis.paths, ["/app"]);
    assert!(diagnosis.candidates.iter().all(|c| c.evidence.len() <= 4));
}

#[test]
fn many_different_failures_are_cut_and_the_sure_ones_stay() {
    let text: String = (0..10_000).map(|at| format!("exec /app{at}: exec format error\n")).collect();
    let diagnosis = read(&text);
    assert!(diagnosis.cut && diagnosis.paths.len() <= 32);
    let weak: String = (0..500).map(|at| format!("bash: ./case{at}: No such file or directory\n")).collect();
    let diagnosis = read(&format!("{weak}fork/exec /opt/solver: exec format error\n{weak}"));
    assert_eq!((diagnosis.candidates[0].id.as_str(), &*diagnosis.paths[0]), ("foreign-arch-no-handler", "/opt/solver"));
}

#[test]
fn the_file_and_who_reports_it_are_named() {
    for (text, caller, path) in [
        ("execvp: Exec format error", None, None),
        ("ninja: fatal: posix_spawn: Exec format error", None, None),
        ("s6-supervise app: warning: unable to spawn ./run (child failed with error 8)", Some("s6"), Some("./run")),
        (r#"Can't exec "./tool": Exec format error at x.pl line 1."#, Some("Perl"), Some("./tool")),
        ("fatal: cannot exec '.git/hooks/pre-commit': Exec format error", Some("git"), Some(".git/hooks/pre-commit")),
        ("run-parts: failed to exec /etc/cron.daily/x: Exec format error", Some("cron"), Some("/etc/cron.daily/x")),
        (
            r#"docker exec -it web sh: OCI runtime exec failed: exec failed: exec: "/bin/sh": exec format error: unknown"#,
            Some("runc"),
            Some("/bin/sh"),
        ),
        (
            "OCI runtime exec failed: exec failed: container_linux.go:380: starting container process caused: exec /bin/sh: exec format error: unknown",
            Some("runc"),
            Some("/bin/sh"),
        ),
    ] {
        let diagnosis = read(text);
        assert_eq!(diagnosis.paths.first().map(String::as_str), path, "{text}");
        assert!(caller.is_none() || diagnosis.caller == caller, "{text}: {:?}", diagnosis.caller);
    }
}

#[test]
fn commands_have_the_architecture_that_the_text_names() {
    for (text, arch) in [
        ("E: arm64 can neither be executed natively nor via qemu user emulation with binfmt_misc", "arm64"),
        ("armhf: not supported on this machine/kernel", "arm"),
        ("Failed to find binfmt_misc for /usr/bin/qemu-arm-static under /proc/sys/fs/binfmt_misc", "arm"),
        ("qemu-riscv64: ../accel/tcg/cpu-exec.c:532: cpu_exec: Assertion `x' failed", "riscv64"),
        (
            "Running aarch64 tests on the x86_64 builder\nqemu: uncaught target signal 6\nexec /t: exec format error",
            "arm64",
        ),
    ] {
        let diagnosis = read(text);
        let fixes: Vec<_> = diagnosis.candidates.iter().flat_map(|candidate| diagnosis.fixes(candidate)).collect();
        let commands: Vec<&str> = fixes.iter().filter_map(|fix| fix.command.as_deref()).collect();
        assert!(!commands.iter().any(|command| command.contains("ARCH")), "{text}: {commands:?}");
        let install = commands.iter().find(|command| command.starts_with("rbinfmt install"));
        assert!(install.is_none_or(|command| command.ends_with(arch)), "{text}: {install:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd(bytes: Vec<u8>) {
        // Nothing but white space is wrong usage.
        let _ = message::read(&mut &bytes[..]);
    }

    #[test]
    fn no_text_is_too_odd(text in "(exec |/|[a-z ]{0,8}|: |'|\"|exec format error|\\{\"log\":\"|\"\\}|\u{1b}\\[|\\n|é|格){0,30}") {
        let _ = message::read(&mut text.as_bytes());
    }
}

fn rbinfmt(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rbinfmt"));
    command.args(args);
    command
}

fn stdout(args: &[&str], status: i32) -> String {
    String::from_utf8(rbinfmt(args).assert().code(status).get_output().stdout.clone()).unwrap()
}

#[test]
fn what_people_read() {
    insta::assert_snapshot!(
        "crlf",
        stdout(&["doctor", "--message", "exec /entrypoint.sh: no such file or directory"], 0)
    );
    let text = "#9 [linux/arm64 2/3] RUN apt-get update\n#9 0.2 exec /bin/nowhere: exec format error\nERROR: failed to solve: x";
    insta::assert_snapshot!("build", stdout(&["doctor", "--message", text], 0));
    insta::assert_snapshot!(
        "unrelated",
        stdout(&["doctor", "--message", "ls: cannot access 'x': No such file or directory"], 3)
    );
    insta::assert_snapshot!("explain", stdout(&["explain", "missing-elf-loader"], 0));
}

#[test]
fn what_programs_read() {
    let json = stdout(
        &[
            "doctor",
            "--json",
            "--message",
            "qemu-aarch64: Could not open '/lib/ld-linux-aarch64.so.1': No such file or directory",
        ],
        0,
    );
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["schema"], 1);
    assert_eq!(
        (&value["not_exec_format"], &value["candidates"][0]["strength"]),
        (&Value::Bool(false), &"certain".into())
    );
    assert_eq!(value["candidates"][0]["id"], "qemu-missing-sysroot");
    let value: Value = serde_json::from_str(&stdout(&["doctor", "--json", "--message", "all is well"], 3)).unwrap();
    assert_eq!((&value["not_exec_format"], value["candidates"].as_array().unwrap().len()), (&Value::Bool(false), 0));
    let text = r#"docker: Error response from daemon: OCI runtime create failed: exec: "x": executable file not found in $PATH"#;
    let value: Value = serde_json::from_str(&stdout(&["doctor", "--json", "--message", text], 0)).unwrap();
    assert_eq!(value["not_exec_format"], true);
}

#[test]
fn nothing_at_all_is_wrong_usage() {
    for text in ["", " ", "\n\n\t"] {
        rbinfmt(&["doctor", "--message", text]).assert().code(2);
    }
    rbinfmt(&["doctor", "--message", "-"]).write_stdin("").assert().code(2);
}

#[test]
fn nothing_of_the_text_moves_the_terminal() {
    let text = "\u{1b}]0;title\u{7}bash: ./a\u{1b}[2J\u{9b}31m\u{202e}b: cannot execute binary file: Exec format error\0\u{7f}";
    let said = stdout(&["doctor", "--message", text.replace('\0', "").as_str()], 0);
    assert!(said.chars().all(|c| !c.is_control() || c == '\n') && !said.contains('\u{202e}'), "{said:?}");
    let value: Value =
        serde_json::from_str(&stdout(&["doctor", "--json", "--message", &text.replace('\0', "")], 0)).unwrap();
    assert_eq!(value["paths"][0], "./ab");
}

#[test]
fn lines_without_end_are_bounded() {
    let texts = ["exec ", "bash: ./", "'", "[linux/arm64 ", "(os error 8", "{\"a\":"];
    for text in texts {
        let diagnosis = read(&text.repeat((64 << 10) / text.len()));
        assert!(diagnosis.cut && diagnosis.candidates.iter().all(|c| c.evidence.iter().all(|line| line.len() < 1000)));
    }
}

#[test]
fn bytes_that_are_no_text_change_nothing() {
    let texts: [&[u8]; 5] = [
        b"exec /app: exec format error",
        b"\xff\xfe\x80\xc3 exec /app: exec format error\xf0\x28",
        b"\0\0\0\nexec /app: exec\0 format error\0\n\0",
        b"\x1b]8;;\x1b[31mexec /app: exec format error\n",
        b"\x1b[1mexec /app: exec format error\x1b[0m\x1b[",
    ];
    for text in texts {
        let diagnosis = message::read(&mut &text[..]).unwrap();
        let first = diagnosis.candidates.first().map_or("nothing", |first| first.id.as_str());
        assert_eq!(first, "foreign-arch-no-handler", "{text:?}");
    }
}

#[test]
fn a_line_larger_than_the_memory_is_read() {
    let part = b"a log that never ends, and ends never: ".repeat(1 << 10);
    let mut child = Process::new("sh")
        .args(["-c", "ulimit -d 16384 && exec \"$0\" doctor --json --message -", env!("CARGO_BIN_EXE_rbinfmt")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = thread::spawn(move || {
        (0..(24 << 20) / part.len()).for_each(|_| input.write_all(&part).unwrap());
        input.write_all(b"\nfork/exec /opt/solver: exec format error").unwrap();
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["candidates"][0]["id"], "foreign-arch-no-handler", "{value}");
}

#[test]
fn no_text_is_slow() {
    // Everything that is searched for, once and again: what takes time that grows faster than the text would take minutes.
    let parts = [
        "a: 1: ",
        "x[1]: not found: ",
        ": syntax error near unexpected token '",
        "exec ",
        "exec: \"",
        "bad interpreter: ",
        "linux/",
        "exit 1",
        "image a/",
        "[linux/arm64 ",
        "unable to execute /x ",
        "(os error 8",
        "{\"a\":",
        "\u{1b}[",
        "«",
        "行 1: ",
        "avc: ",
        "qemu-",
    ];
    for part in parts {
        let text = part.repeat((128 << 10) / part.len());
        let start = Instant::now();
        let _ = message::read(&mut text.as_bytes());
        assert!(start.elapsed() < Duration::from_secs(10), "{part:?}: {:?}", start.elapsed());
    }
}

#[test]
fn a_file_that_is_here_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("run.sh");
    fs::write(&script, "#!/bin/sh\r\necho\r\n").unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let text = format!("exec {}: no such file or directory", script.display());
    let value: Value = serde_json::from_str(&stdout(&["doctor", "--json", "--message", &text], 0)).unwrap();
    assert_eq!(value["files"][0]["findings"][0]["id"], "crlf-shebang", "{value}");
    let said = stdout(&["doctor", "--message", &text], 0);
    assert!(said.contains("here: this machine's") && said.contains("(crlf-shebang)"), "{said}");
}

#[test]
fn standard_input_is_read() {
    let assert =
        rbinfmt(&["doctor", "--message", "-"]).write_stdin("zsh: exec format error: ./tool\n").assert().code(0);
    let said = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(said.contains("foreign-arch-no-handler") && said.contains("./tool"), "{said}");
}

#[test]
fn an_entry_that_is_not_there_has_neighbours() {
    let assert = rbinfmt(&["explain", "crlf-shebng"]).assert().code(2);
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(said.contains("crlf-shebang"), "{said}");
    let value: Value = serde_json::from_str(&stdout(&["explain", "--json", "crlf-shebang"], 0)).unwrap();
    assert_eq!((&value["id"], &value["group"]), (&"crlf-shebang".into(), &"file".into()));
    let list: Value = serde_json::from_str(&stdout(&["doctor", "--json", "--list-checks"], 0)).unwrap();
    assert!(list.as_array().unwrap().len() > 120);
}
