//! A `docker save` of about 500 MB, made of this machine's own programs, judged beside `tar t`: of the archive, which
//! shows its few members, and of the layer in it, which has the headers that are looked at. Ratios below 1 are faster.
//!
//!     cargo bench --bench image
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use rbinfmt::verify::Digest;

const ROUNDS: usize = 9;
const WANTED: u64 = 500 << 20;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    fill(&path("layer.tar"));
    let size = fs::metadata(path("layer.tar")).unwrap().len();
    let id = Digest::of(&fs::read(path("layer.tar")).unwrap());
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","config":{{"Entrypoint":["/usr/bin/env"]}},"rootfs":{{"diff_ids":["sha256:{id}"]}}}}"#
    );
    let name = format!("{}.json", Digest::of(config.as_bytes()));
    fs::write(path(&name), &config).unwrap();
    let list = format!(r#"[{{"Config":"{name}","RepoTags":["bench:1"],"Layers":["layer.tar"]}}]"#);
    fs::write(path("manifest.json"), list).unwrap();
    let made = ["-cf", &text("image.tar"), "-C", &text("."), "layer.tar", &name, "manifest.json"];
    run(Command::new("tar").args(made));
    let packed = fs::File::create(path("image.tar.gz")).unwrap();
    Command::new("gzip").args(["-1", "-c", &text("image.tar")]).stdout(packed).status().unwrap();

    let doctor = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rbinfmt"));
        command.arg("doctor").args(args);
        command
    };
    let (archive, packed) =
        (format!("docker-archive:{}", text("image.tar")), format!("docker-archive:{}", text("image.tar.gz")));
    let mut rows = [
        ("doctor", doctor(&[&archive]), Vec::new()),
        ("tar t of the archive", Command::new("tar"), Vec::new()),
        ("tar t of its layer", Command::new("tar"), Vec::new()),
        ("doctor --verify", doctor(&["--verify", &archive]), Vec::new()),
        ("sha256sum", Command::new("sha256sum"), Vec::new()),
        ("doctor, gzip", doctor(&[&packed]), Vec::new()),
        ("tar tz, gzip", Command::new("tar"), Vec::new()),
    ];
    rows[1].1.args(["tf", &text("image.tar")]);
    rows[2].1.args(["tf", &text("layer.tar")]);
    rows[4].1.arg(text("image.tar"));
    rows[6].1.args(["tzf", &text("image.tar.gz")]);
    // Turn by turn, so that a noisy machine is noisy for all.
    for _ in 0..ROUNDS {
        for (_, command, times) in &mut rows {
            times.push(run(command));
        }
    }
    println!("a layer of {} MiB", size >> 20);
    for (what, _, times) in &mut rows {
        times.sort();
        println!("{what:22} {:?}", times[ROUNDS / 2]);
    }
}

/// CPU time: what others do on the machine does not count.
fn run(command: &mut Command) -> Duration {
    let children = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        Duration::from_micros((usage.user_time() + usage.system_time()).num_microseconds() as u64)
    };
    let start = children();
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    children() - start
}

/// Packs directories of this machine until there is enough.
fn fill(layer: &Path) {
    for (number, directory) in ["usr/bin", "usr/sbin", "usr/share", "usr/lib"].into_iter().enumerate() {
        let how = if number == 0 { "-cf" } else { "-rf" };
        run(Command::new("tar").arg(how).arg(layer).args(["-C", "/", directory]));
        if fs::metadata(layer).unwrap().len() > WANTED {
            return;
        }
    }
}
