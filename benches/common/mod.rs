//! What the benchmarks share: CPU time, and an image to be examined.
#![allow(dead_code, clippy::unwrap_used, reason = "each benchmark uses its part")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

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
