//! Images in the stores of real engines: a dockerd of the test's own, and Podman with a store of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Need, has, skipped};
use crate::make::{Image, Layer, OTHER, OWN, image, program};
use crate::{World, ids, runs};

fn lies() -> Image {
    image(
        "linux/s390x",
        &["/run"],
        vec![
            Layer::new().file("bin/sh", 0o755, program(OWN)),
            Layer::new().file("run", 0o755, "#!/bin/sh\n").file("lib/other", 0o644, program(OTHER)),
        ],
    )
}

/// A daemon without a network, on a socket and in directories of its own.
struct Docker {
    process: Child,
    socket: String,
}

impl Docker {
    fn start(directory: &Path) -> Option<Self> {
        if !nix::unistd::Uid::effective().is_root() {
            return skipped(Need::Root, "only root can start dockerd");
        }
        if !has("dockerd") {
            return skipped(Need::Setup, "dockerd is not installed");
        }
        let path = |name: &str| directory.join(name).display().to_string();
        let socket = format!("unix://{}", path("docker.sock"));
        let mut process = Command::new("dockerd")
            .args(["--host", &socket, "--data-root", &path("data"), "--exec-root", &path("exec")])
            .args(["--pidfile", &path("pid"), "--bridge", "none", "--iptables=false", "--ip6tables=false"])
            .args(["--storage-driver", "vfs"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(directory.join("log")).unwrap())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while !Command::new("docker").args(["--host", &socket, "version"]).output().unwrap().status.success() {
            if start.elapsed() > Duration::from_secs(60) || process.try_wait().unwrap().is_some() {
                let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
                let _ = process.kill();
                process.wait().unwrap();
                let last = log.lines().last().unwrap_or_default();
                return skipped(Need::Setup, &format!("dockerd does not start: {last}"));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Some(Docker { process, socket })
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // It takes its containerd along when it is asked to end.
        let pid = nix::unistd::Pid::from_raw(self.process.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn what_docker_has() {
    let world = World::new();
    let Some(docker) = Docker::start(world.dir.path()) else { return };
    let file = world.write("image.tar", &lies().docker_archive("lies:1"));
    let load = Command::new("docker").args(["--host", &docker.socket, "load", "-i", &file]).output().unwrap();
    assert!(load.status.success(), "{}", String::from_utf8_lossy(&load.stderr));
    for target in ["docker-daemon:lies:1", "lies:1"] {
        let output = world.command(&["--json", target]).env("DOCKER_HOST", &docker.socket).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let exam =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!((output.status.code(), runs(&exam)), (Some(1), vec![("linux/s390x", "native")]), "{exam}");
        assert_eq!(ids(&exam["platforms"][0]), ["image-lies-about-arch"]);
        assert_eq!(exam["platforms"][0]["foreign"][0]["count"], 1);
    }
    let wanted = ["--json", "--platform", "linux/arm/v7", "lies:1"];
    let output = world.command(&wanted).env("DOCKER_HOST", &docker.socket).output().unwrap();
    let exam: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let (code, finding) = (output.status.code(), &exam["findings"][0]);
    assert_eq!((code, finding["id"].as_str()), (Some(1), Some("cached-wrong-platform")), "{exam}");
    assert_eq!(finding["fixes"][0]["command"], "docker pull --platform linux/arm/v7 lies:1");
    let output = world.command(&["docker-daemon:none:1"]).env("DOCKER_HOST", &docker.socket).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(3) && errors.contains("none:1"), "{errors}");
}

#[test]
fn what_podman_has() {
    if !has("podman") {
        return skipped(Need::Setup, "podman is not installed").unwrap_or(());
    }
    let world = World::new();
    let file = world.write("image.tar", &lies().docker_archive("localhost/lies:1"));
    let store = world.path("storage.conf");
    let directory = |name: &str| world.path(name).display().to_string();
    let text =
        format!("[storage]\ndriver=\"vfs\"\ngraphroot=\"{}\"\nrunroot=\"{}\"\n", directory("graph"), directory("run"));
    std::fs::write(&store, text).unwrap();
    let load =
        Command::new("podman").args(["load", "-i", &file]).env("CONTAINERS_STORAGE_CONF", &store).output().unwrap();
    if !load.status.success() {
        let errors = String::from_utf8_lossy(&load.stderr);
        return skipped(Need::Setup, &format!("podman does not load: {errors}")).unwrap_or(());
    }
    for target in ["containers-storage:localhost/lies:1", "localhost/lies:1"] {
        let output = world.command(&["--json", target]).env("CONTAINERS_STORAGE_CONF", &store).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let exam =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!((output.status.code(), runs(&exam)), (Some(1), vec![("linux/s390x", "native")]), "{exam}");
        assert_eq!(ids(&exam["platforms"][0]), ["image-lies-about-arch"]);
    }
    let output = world.command(&["containers-storage:none:1"]).env("CONTAINERS_STORAGE_CONF", &store).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}
