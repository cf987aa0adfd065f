//! A process that keeps the table (`install --hold`), for as long as is asked, while others remove, replace and disable its
//! entries. After each of their deeds foreign programs run again, and the process neither ends nor grows.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::extent::{Extent, Report};
use crate::other::{self, Deed, MOUNT};
use crate::random::Random;
use crate::world::{ARCHS, rbinfmt, works};

const LOG: &str = "/root/hold.txt";
/// How long at most until a foreign program runs again; the process looks every second.
const PATIENCE: Duration = Duration::from_secs(60);
/// From one deed to the next, in a long campaign.
const PAUSE: Duration = Duration::from_millis(500);
/// It has to be seen to grow beyond what its first minutes take.
const MOST_GROWTH_KIB: u64 = 4096;

/// What others do.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Through a mount of their own.
    Table(&'static str, &'static str),
    Deed(Deed),
    Rbinfmt(&'static str),
}

const FEW: usize = 3;
const ACTS: [Act; 10] = [
    Act::Deed(Deed::Removes),
    Act::Rbinfmt("uninstall arm64"),
    Act::Table("status", "-1"),
    Act::Table("qemu-riscv64", "0"),
    Act::Rbinfmt("uninstall all"),
    Act::Rbinfmt("--emulators /given/two install arm64 riscv64"),
    Act::Rbinfmt("--emulators /given/one install --keep entries arm64 riscv64"),
    Act::Rbinfmt("--emulators /given/one install arm64 riscv64"),
    Act::Deed(Deed::Replaces),
    Act::Deed(Deed::Adds),
];

pub(crate) fn run(extent: &Extent) -> Report {
    let mut report = Report::default();
    let (mut random, log) = (Random::new(extent.seed), File::create(LOG).unwrap());
    let mut hold = rbinfmt("--emulators /given/one install arm64 riscv64 --hold --interval 1");
    let mut hold = hold.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let (mut done, mut longest, mut first) = (0, Duration::ZERO, None);
    if back().is_none() {
        report.wrong(format!("nothing runs at first: {}", said()));
    }
    while extent.goes_on(done, FEW) {
        let act = if done < ACTS.len() { ACTS[done] } else { *random.pick(&ACTS) };
        perform(act);
        done += 1;
        match back() {
            Some(gap) => longest = longest.max(gap),
            None => {
                report.wrong(format!("after {act:?} no foreign program runs for {} s: {}", PATIENCE.as_secs(), said()))
            }
        }
        if hold.try_wait().unwrap().is_some() {
            report.wrong(format!("it ended after {act:?}: {}", said()));
            return report;
        }
        if done >= ACTS.len() * 3 && first.is_none() {
            first = Some(Size::of(&hold));
        }
        if !extent.is_few() {
            sleep(PAUSE);
        }
    }
    let last = Size::of(&hold);
    let first = first.unwrap_or(last);
    if last.kib > first.kib + MOST_GROWTH_KIB || last.descriptors > first.descriptors {
        report.wrong(format!("it grows: {first:?}, at the end {last:?}"));
    }
    end(&mut hold, &mut report);
    report.count("deeds of others", done);
    report.count("longest until programs ran again", format!("{:.1} s", longest.as_secs_f64()));
    report.count("resident", format!("{} KiB at first and {} KiB at the end", first.kib, last.kib));
    report.count("descriptors", format!("{} and {}", first.descriptors, last.descriptors));
    report
}

fn perform(act: Act) {
    match act {
        // What was done before may have taken the entry away.
        Act::Table(file, text) => drop(fs::write(PathBuf::from(MOUNT).join(file), text)),
        Act::Deed(deed) => drop(deed.act()),
        // Whether that is status 0 depends on who is quicker: the process registers again what is removed.
        Act::Rbinfmt(words) => drop(rbinfmt(words).output().unwrap()),
    }
}

/// How long it takes until programs of both architectures run.
fn back() -> Option<Duration> {
    let since = Instant::now();
    while !ARCHS.into_iter().all(works) {
        if since.elapsed() > PATIENCE {
            return None;
        }
        sleep(Duration::from_millis(20));
    }
    Some(since.elapsed())
}

/// SIGTERM ends it with status 0, and the entries remain.
fn end(hold: &mut Child, report: &mut Report) {
    kill(Pid::from_raw(hold.id() as i32), Signal::SIGTERM).unwrap();
    let status = hold.wait().unwrap();
    if !status.success() {
        report.wrong(format!("SIGTERM: {status}: {}", said()));
    }
    if !ARCHS.into_iter().all(works) {
        report.wrong("after its end programs do not run");
    }
    let strange: Vec<String> = names().into_iter().filter(|name| !is_wanted(name)).collect();
    if !strange.is_empty() {
        report.wrong(format!("left in the table: {strange:?}"));
    }
}

/// The entries of the table.
pub(crate) fn names() -> Vec<String> {
    let items = fs::read_dir(MOUNT).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap());
    items.filter(|name| name != "register" && name != "status").collect()
}

pub(crate) fn is_wanted(name: &str) -> bool {
    name == other::ENTRY || ARCHS.iter().any(|arch| name == format!("qemu-{arch}"))
}

fn said() -> String {
    fs::read_to_string(LOG).unwrap()
}

/// What the process takes.
#[derive(Debug, Clone, Copy)]
struct Size {
    kib: u64,
    descriptors: usize,
}

impl Size {
    fn of(process: &Child) -> Size {
        let directory = PathBuf::from(format!("/proc/{}", process.id()));
        let status = fs::read_to_string(directory.join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib = line.trim().trim_end_matches(" kB").parse().unwrap();
        Size { kib, descriptors: fs::read_dir(directory.join("fd")).unwrap().count() }
    }
}
