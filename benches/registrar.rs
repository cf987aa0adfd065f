//! How long whole runs of the registrar take, beside other programs in the same run: a program that does nothing,
//! systemd-binfmt over the same rules, and the emulators started directly on the same probe programs.
//!
//! `RBINFMT_EMULATORS=DIR cargo bench --bench registrar`; DIR holds static emulators (default: /usr/bin). All of it
//! happens in a sandbox with a table of its own. Times are medians in milliseconds.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod common;

use std::cell::RefCell;
use std::env;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Contender, compare, quietly as run};
use rbinfmt::binfmt::rule::Rule;
use rbinfmt::profile::{Kind, Profile, Profiles};
use rbinfmt::sandbox::Sandbox;
use rbinfmt::text::to_hex;

const RBINFMT: &str = env!("CARGO_BIN_EXE_rbinfmt");
const INSIDE: &str = "RBINFMT_BENCH_INSIDE";
/// The platforms that people emulate, and that the common image registers on amd64.
const EIGHT: [&str; 8] = ["aarch64", "arm", "loongarch64", "mips64", "mips64el", "ppc64le", "riscv64", "s390x"];

fn main() {
    if env::var_os(INSIDE).is_some() {
        return measure();
    }
    if let Some(why) = Sandbox::missing() {
        println!("SKIPPED: {why}");
        return;
    }
    let mut command = Command::new(env::current_exe().unwrap());
    Sandbox { table: true }.enclose(&mut command);
    let status = command.env(INSIDE, "1").status().unwrap();
    assert!(status.success());
}

struct Bench {
    emulators: PathBuf,
    profiles: Profiles,
    work: PathBuf,
}

fn measure() {
    let emulators = PathBuf::from(env::var_os("RBINFMT_EMULATORS").unwrap_or("/usr/bin".into()));
    let work = env::temp_dir().join(format!("rbinfmt-bench-{}", std::process::id()));
    fs::create_dir_all(&work).unwrap();
    let bench = Bench { emulators, profiles: Profiles::load(&[]).unwrap(), work };
    let eight: Vec<&Profile> = EIGHT.iter().map(|name| bench.profiles.named(name).unwrap()).collect();
    let all: Vec<&Profile> = bench.profiles.iter().filter(|p| bench.emulator(p).is_some()).collect();
    if eight.iter().any(|p| bench.emulator(p).is_none()) {
        println!("SKIPPED: {} has not all of {}", bench.emulators.display(), EIGHT.join(" "));
        return;
    }
    bench.registering(&eight);
    bench.registering(&all);
    bench.verifying(&eight);
    bench.memory();
    fs::remove_dir_all(&bench.work).unwrap();
}

impl Bench {
    fn emulator(&self, profile: &Profile) -> Option<PathBuf> {
        let Kind::Elf { emulator, .. } = &profile.kind else { return None };
        let paths = [format!("{emulator}-static"), emulator.clone()].map(|name| self.emulators.join(name));
        paths.into_iter().find(|path| path.exists())
    }

    fn rbinfmt(&self, verb: &str, profiles: &[&Profile]) -> Command {
        let mut command = Command::new(RBINFMT);
        command.arg(verb).arg("--emulators").arg(&self.emulators).args(profiles.iter().map(|p| &p.name));
        command
    }

    /// Empties the table.
    fn wipe(&self) {
        run(Command::new(RBINFMT).args(["uninstall", "qemu-*"]));
    }

    fn registering(&self, profiles: &[&Profile]) {
        let n = profiles.len();
        let rules = self.work.join(format!("rules-{n}.conf"));
        fs::write(&rules, self.binfmt_d(profiles)).unwrap();
        let neighbour = Path::new("/usr/lib/systemd/systemd-binfmt");
        let mut contenders = vec![
            Contender::new("a program that does nothing", || {}, || run(&mut Command::new("/bin/true"))),
            Contender::new(
                format!("rbinfmt registers {n}, without verifying"),
                || self.wipe(),
                || run(self.rbinfmt("install", profiles).arg("--no-verify")),
            ),
        ];
        if neighbour.exists() {
            let work = || run(Command::new(neighbour).arg(&rules));
            contenders.push(Contender::new(format!("systemd-binfmt registers the same {n}"), || self.wipe(), work));
        } else {
            println!("SKIPPED: systemd-binfmt is not installed");
        }
        compare(&contenders);
    }

    /// The same rules in the syntax of binfmt.d.
    fn binfmt_d(&self, profiles: &[&Profile]) -> String {
        let escaped = |bytes: &[u8]| {
            to_hex(bytes)
                .as_bytes()
                .chunks(2)
                .fold(String::new(), |text, byte| text + "\\x" + std::str::from_utf8(byte).unwrap())
        };
        let lines = profiles.iter().filter(|p| p.name != "x86_64" && p.name != "i386").flat_map(|profile| {
            let path = self.emulator(profile).unwrap();
            profile.rules.iter().filter_map(move |rule| match &rule.rule {
                Rule::Magic(m) => Some(format!(
                    ":{}:M:{}:{}:{}:{}:POCF\n",
                    rule.entry,
                    m.offset,
                    escaped(&m.magic),
                    escaped(&m.mask),
                    path.display()
                )),
                _ => None,
            })
        });
        lines.collect()
    }

    fn verifying(&self, profiles: &[&Profile]) {
        let probes: Vec<(PathBuf, PathBuf)> = profiles
            .iter()
            .map(|profile| {
                let path = self.work.join(&profile.name);
                fs::write(&path, profile.rules[0].probe.as_ref().unwrap()).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
                (self.emulator(profile).unwrap(), path)
            })
            .collect();
        let install = || run(&mut self.rbinfmt("install", profiles));
        let through_kernel: Vec<_> =
            probes.iter().map(|(_, program)| Command::new(program)).map(RefCell::new).collect();
        compare(&[
            Contender::new("the 8 emulators started directly", install, || run_all(&probes)),
            Contender::new("the 8 probes through the kernel", install, || run_all_commands(&through_kernel)),
            Contender::new("rbinfmt installs and verifies 8", || self.wipe(), install),
            Contender::new("rbinfmt installs 8, nothing to do", install, install),
            Contender::new("rbinfmt status", install, || run(Command::new(RBINFMT).arg("status"))),
        ]);
    }

    /// The peak of our process alone: that of a finished one would count the emulators too.
    fn memory(&self) {
        self.wipe();
        let mut command = self.rbinfmt("install", &[]);
        let mut held = command.args(["all", "--hold"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut first = [0];
        held.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let status = fs::read_to_string(format!("/proc/{}/status", held.id())).unwrap();
        let peak = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
        println!("peak memory of installing and verifying all: {}", peak.trim_start_matches("VmHWM:").trim());
        end(&mut held);
    }
}

fn end(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn run_all(programs: &[(PathBuf, PathBuf)]) {
    let command = |(emulator, program): &(PathBuf, PathBuf)| {
        let mut command = Command::new(emulator);
        command.arg(program);
        RefCell::new(command)
    };
    run_all_commands(&programs.iter().map(command).collect::<Vec<_>>());
}

/// As many at once as there are cores.
fn run_all_commands(commands: &[RefCell<Command>]) {
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let mut running: Vec<Child> = Vec::new();
    let wait = |running: &mut Vec<Child>| {
        let ended = nix::sys::wait::wait().unwrap().pid().unwrap();
        running.retain(|child| child.id() != ended.as_raw() as u32);
    };
    for command in commands {
        if running.len() == at_once {
            wait(&mut running);
        }
        running.push(command.borrow_mut().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }
    while !running.is_empty() {
        wait(&mut running);
    }
}
