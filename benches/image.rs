//! A `docker save` of about 500 MB, made of this machine's own programs, judged beside `tar t`: of the archive, which
//! shows its few members, and of the layer in it, which has the headers that are looked at. Ratios below 1 are faster.
//!
//!     cargo bench --bench image
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{save, time_of_children};

const ROUNDS: usize = 9;
const WANTED: u64 = 500 << 20;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    fill(&path("layer.tar"));
    let size = fs::metadata(path("layer.tar")).unwrap().len();
    save(directory.path(), &path("image.tar"));
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

fn run(command: &mut Command) -> Duration {
    time_of_children(|| command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()).0
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
