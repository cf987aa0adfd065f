//! What the benchmarks share: CPU time, and an image to be examined.
#![allow(dead_code, clippy::print_stdout, clippy::unwrap_used, reason = "each benchmark uses its part")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use rbinfmt::verify::Digest;

/// CPU time: what others do on the machine does not count.
pub(crate) fn time_of(who: UsageWho) -> Duration {
    let usage = getrusage(who).unwrap();
    Duration::from_micros((usage.user_time() + usage.system_time()).num_microseconds() as u64)
}

/// That of the processes started by some work, which have ended with it.
pub(crate) fn time_of_children<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = time_of(UsageWho::RUSAGE_CHILDREN);
    let result = work();
    (time_of(UsageWho::RUSAGE_CHILDREN) - start, result)
}

/// Runs a command that has to succeed.
pub(crate) fn must(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// Packs layer.tar of this directory as `docker save` would, into `image`.
pub(crate) fn save(directory: &Path, image: &Path) {
    let path = |name: &str| directory.join(name);
    let id = Digest::of(&fs::read(path("layer.tar")).unwrap());
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","config":{{"Entrypoint":["/usr/bin/env"]}},"rootfs":{{"diff_ids":["sha256:{id}"]}}}}"#
    );
    let name = format!("{}.json", Digest::of(config.as_bytes()));
    fs::write(path(&name), &config).unwrap();
    let list = format!(r#"[{{"Config":"{name}","RepoTags":["bench:1"],"Layers":["layer.tar"]}}]"#);
    fs::write(path("manifest.json"), list).unwrap();
    let files = ["layer.tar", &name, "manifest.json"];
    must(Command::new("tar").arg("-cf").arg(image).arg("-C").arg(directory).args(files));
}

const ROUNDS: usize = 41;

/// A thing to time: its name, what goes before it untimed, and itself.
pub(crate) struct Contender<'a> {
    name: String,
    before: Box<dyn Fn() + 'a>,
    work: Box<dyn Fn() + 'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: impl Into<String>, before: impl Fn() + 'a, work: impl Fn() + 'a) -> Self {
        Contender { name: name.into(), before: Box::new(before), work: Box::new(work) }
    }
}

/// Times all of them in turn, round after round, so that a busy machine is unfair to none; the first is what the others
/// are compared with.
pub(crate) fn compare(contenders: &[Contender]) {
    let mut times: Vec<Vec<f64>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (contender, times) in contenders.iter().zip(&mut times) {
            (contender.before)();
            let start = Instant::now();
            (contender.work)();
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    println!("{:46} {:>8} {:>9} {:>8}", "median of whole processes", "ms", "more than", "least");
    let mut first = 0.0;
    for (contender, times) in contenders.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let median = times[ROUNDS / 2];
        first = if first == 0.0 { median } else { first };
        println!("{:46} {median:8.2} {:+9.2} {:8.2}", contender.name, median - first, times[0]);
    }
    println!();
}

/// Runs a command that has to succeed, whatever it prints.
pub(crate) fn quietly(command: &mut Command) {
    must(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
}
