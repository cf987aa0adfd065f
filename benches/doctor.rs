//! The doctor's speed: one file against `readelf -h`, and a message, whole processes; the host with ten entries against
//! `status`; the model alone, files a second.
//!
//!     packaging/static.sh && RBINFMT_PROGRAM=target/x86_64-unknown-linux-gnu/release/rbinfmt cargo bench --bench doctor
//!
//! Without RBINFMT_PROGRAM it is the program that cargo builds, which loads a C library.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

mod common;

use std::fs;
use std::io::{Read, Write, pipe};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use bstr::{BString, ByteVec};
use common::{time_of, time_of_children};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::resource::UsageWho;
use rbinfmt::exec::Model;
use rbinfmt::exec::facts::ExecFacts;
use rbinfmt::exec::root::Root;
use rbinfmt::sandbox::Sandbox;

const FILE: &str = "/usr/bin/readelf";
const PROCESSES: usize = 300;
const ROUNDS: usize = 40;
const HOSTS: usize = 60;

fn main() {
    let program = std::env::var("RBINFMT_PROGRAM");
    let ours = program.as_deref().unwrap_or(env!("CARGO_BIN_EXE_rbinfmt"));
    let ours = &*fs::canonicalize(ours).unwrap().into_os_string().into_string().unwrap();
    // Turn by turn, so that a noisy machine is noisy for both; the median counts.
    let (mut doctor, mut readelf) = (Vec::new(), Vec::new());
    for _ in 0..PROCESSES {
        doctor.push(run(Command::new(ours).args(["doctor", FILE])));
        readelf.push(run(Command::new("readelf").args(["-h", FILE])));
    }
    let (doctor, readelf) = (median(doctor), median(readelf));
    println!(
        "one file: doctor {doctor:?}, readelf -h {readelf:?}, ratio {:.2}",
        doctor.as_secs_f64() / readelf.as_secs_f64()
    );
    println!("its peak memory: {}", peak(Command::new(ours).args(["doctor", FILE])));

    let message = message();
    let mut times = Vec::new();
    for _ in 0..PROCESSES {
        times.push(run(Command::new(ours).args(["doctor", "--message", &message])));
    }
    println!("a message of {} bytes: {:?}", message.len(), median(times));
    let log = message.lines().next().unwrap().to_owned() + "\n";
    let (time, _) = streamed(ours, log.as_bytes(), 3000);
    println!("3,000 lines on standard input: {time:?}");
    let lines = (2 << 30) / log.len();
    let (time, memory) = streamed(ours, log.as_bytes(), lines);
    println!("2 GB on standard input: {time:?}, peak memory {memory}");
    host(ours);
    many(ours);

    let files = programs(Path::new("/usr/bin"));
    let facts = ExecFacts::gather(Path::new("/proc/sys/fs/binfmt_misc"));
    let root = Root::own();
    let model = Model::new(&facts, &root, &root);
    let start = own_time();
    for _ in 0..ROUNDS {
        for file in &files {
            std::hint::black_box(model.judge(file, std::slice::from_ref(file)));
        }
    }
    let count = files.len() * ROUNDS;
    println!("model alone: {count} files, {:.0} a second", count as f64 / (own_time() - start).as_secs_f64());
}

/// The CPU time of reading so many lines, and the peak of memory before the last.
fn streamed(ours: &str, line: &[u8], lines: usize) -> (Duration, String) {
    const AT_ONCE: usize = 500;
    let start = time_of(UsageWho::RUSAGE_CHILDREN);
    let mut command = Command::new(ours);
    command.args(["doctor", "--message", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let chunk = line.repeat(AT_ONCE);
    (0..lines / AT_ONCE).for_each(|_| input.write_all(&chunk).unwrap());
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(input);
    child.wait().unwrap();
    let memory = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().replace('\t', " ");
    (time_of(UsageWho::RUSAGE_CHILDREN) - start, memory)
}

/// The end of a build's log, 10 KB.
fn message() -> String {
    let mut text = String::new();
    for at in 0..130 {
        text += &format!("#12 {at}.345 Get:{at} http://example.org/debian bookworm/main arm64 libfoo{at} [151 kB]\n");
    }
    text + "#12 131.1 exec /bin/nowhere: exec format error\nERROR: failed to solve: exit code: 1\n"
}

/// The host, in a sandbox with ten entries of emulators that are here.
fn host(ours: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.cache/qemu");
    if let Some(why) = Sandbox::missing() {
        return println!("host: skipped: {why}");
    }
    if !directory.is_dir() {
        return println!("host: skipped: tests/fixtures.sh has not fetched emulators");
    }
    let archs = "arm64 arm ppc64le s390x riscv64 mips64el loong64 ppc sparc64 alpha";
    let script = format!(
        "rb() {{ '{ours}' --emulators '{}' \"$@\" >/dev/null; }}; rb install {archs} --no-verify; TIMEFORMAT='%3U %3S'; \
         for i in $(seq {HOSTS}); do \
         {{ time rb doctor --no-verify --no-engines; time rb status --no-verify; }} 2>&1; done",
        directory.display()
    );
    let mut command = Command::new("bash");
    Sandbox { table: true }.enclose(command.args(["-c", &script]));
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let seconds = |line: &str| line.split(' ').map(|number| number.parse::<f64>().unwrap()).sum::<f64>();
    let times: Vec<Duration> = text.lines().map(|line| Duration::from_secs_f64(seconds(line))).collect();
    let (doctor, status) = times.chunks_exact(2).map(|pair| (pair[0], pair[1])).unzip();
    println!(
        "host, ten entries: doctor --no-verify --no-engines {:?}, status --no-verify {:?}",
        median(doctor),
        median(status)
    );
}

/// The host, in a sandbox with entries of somebody who wants it to be slow: four times as many are to take four times as long.
fn many(ours: &str) {
    if let Some(why) = Sandbox::missing() {
        return println!("many entries: skipped: {why}");
    }
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/host/many.sh");
    let script = format!(
        "cd \"$(mktemp -d)\"; . '{}'; for shape in short long masks; do last=0; for count in 1250 5000; do \
         many $shape $((last + 1)) $count; last=$count; \
         for verb in 'doctor --no-engines' status; do echo \"$shape, $count entries: $verb $(cpu '{ours}' $verb) ms\"; done; \
         done; '{ours}' uninstall '*' --force >out.txt; done; rm -r \"$PWD\"",
        functions.display()
    );
    let mut command = Command::new("bash");
    Sandbox { table: true }.enclose(command.args(["-c", &script]));
    print!("{}", String::from_utf8(command.output().unwrap().stdout).unwrap());
}

fn run(command: &mut Command) -> Duration {
    time_of_children(|| command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()).0
}

/// VmHWM and its parts. What wait4(2) tells of a child counts the parent's memory at its execve(2) too.
fn peak(command: &mut Command) -> String {
    // Into a pipe that is full, so that it is still there when its last work is done.
    let (mut reader, mut writer) = pipe().unwrap();
    let size = fcntl(&writer, FcntlArg::F_GETPIPE_SZ).unwrap();
    writer.write_all(&vec![b' '; size as usize]).unwrap();
    let mut child = command.stdout(writer).spawn().unwrap();
    // Its end of the pipe is closed with that.
    command.stdout(Stdio::null());
    let directory = PathBuf::from(format!("/proc/{}", child.id()));
    while !fs::read_to_string(directory.join("wchan")).unwrap().contains("pipe") {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it wrote anything");
        thread::sleep(Duration::from_millis(1));
    }
    let status = fs::read_to_string(directory.join("status")).unwrap();
    let wanted = |line: &&str| ["VmHWM", "RssAnon", "RssFile"].iter().any(|key| line.starts_with(key));
    let lines: Vec<String> = status.lines().filter(wanted).map(|line| line.replace('\t', " ")).collect();
    reader.read_to_end(&mut Vec::new()).unwrap();
    child.wait().unwrap();
    lines.join(", ")
}

fn own_time() -> Duration {
    time_of(UsageWho::RUSAGE_SELF)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn programs(directory: &Path) -> Vec<BString> {
    let listing = fs::read_dir(directory).unwrap().flatten();
    let executable = |path: &Path| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    listing
        .map(|f| f.path())
        .filter(|p| executable(p))
        .map(|p| BString::from(Vec::from_path_lossy(&p).into_owned()))
        .collect()
}
