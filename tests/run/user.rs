//! A user without rights, and a directory with rbinfmt, emulators and foreign programs that this user can read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use rbinfmt::kernel::Kernel;

use crate::common::{Need, RBINFMT, ended_well, fixtures, foreign, skipped, texts};

/// A number that belongs to nobody, and has no name.
pub(crate) const UID: u32 = 64_321;

/// The user, with a home of its own.
pub(crate) struct User {
    home: tempfile::TempDir,
}

/// rbinfmt, emulators/qemu-ARCH-static and bin/busybox-ARCH, bin/bash-ARCH: where the project lies may be closed to others.
pub(crate) fn shared() -> Option<&'static Path> {
    static SHARED: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = SHARED.get_or_init(|| {
        let directory = open_directory().keep();
        let copy = |from: &Path, to: &str| {
            let to = directory.join(to);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, &to).ok()?;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).ok()
        };
        copy(Path::new(RBINFMT), "rbinfmt")?;
        for (port, arch, _) in foreign() {
            copy(&fixtures().join(format!("qemu/qemu-{arch}-static")), &format!("emulators/qemu-{arch}-static"))?;
            copy(&fixtures().join(format!("{port}/busybox")), &format!("bin/busybox-{port}"))?;
            copy(&fixtures().join(format!("{port}/bash")), &format!("bin/bash-{port}"))?;
        }
        remove_at_exit(&directory);
        Some(directory)
    });
    made.as_deref()
}

fn open_directory() -> tempfile::TempDir {
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap()
}

/// A test program has no end of its own: what it started outlives it, and removes the directory.
pub(crate) fn remove_at_exit(directory: &Path) {
    let script = "(while kill -0 $1 2>/dev/null; do sleep 1; done; rm -r \"$2\") >/dev/null 2>&1 &";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(std::process::id().to_string()).arg(directory).stdin(Stdio::null());
    assert!(command.status().unwrap().success());
}

/// The user; `None`, said aloud, where this machine cannot have it or its namespaces.
pub(crate) fn user() -> Option<User> {
    if !nix::unistd::geteuid().is_root() {
        return skipped(Need::Root, "only root can become somebody else");
    }
    if Kernel::running().version() < (6, 7) {
        return skipped(Need::Namespaces, "this kernel has one table for all user namespaces");
    }
    if shared().is_none() {
        return skipped(Need::Setup, "not all foreign programs could be fetched");
    }
    let home = open_directory();
    std::os::unix::fs::chown(home.path(), Some(UID), Some(UID)).unwrap();
    let user = User { home };
    // A container may forbid it, which is the machine's and not rbinfmt's doing.
    match user.command("unshare --user --map-root-user --mount true").status().unwrap().success() {
        true => Some(user),
        false => skipped(Need::Namespaces, "a user without rights gets no user namespace here"),
    }
}

impl User {
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A file of the user's.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let whole = self.home().join(Path::new(name).components().next().unwrap());
        assert!(Command::new("chown").arg("-R").arg(format!("{UID}:{UID}")).arg(whole).status().unwrap().success());
        path
    }

    /// A bash script of the user's, in its home: `run` is `rbinfmt run`, and $BIN has the programs.
    pub(crate) fn command(&self, script: &str) -> Command {
        let shared = shared().unwrap();
        let numbers = ["--reuid", "--regid"].map(|option| format!("{option}={UID}"));
        let mut command = Command::new("setpriv");
        command.args(numbers).args(["--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--"]);
        // They are ignored where the tests were started in the background, and a shell cannot change that for its children.
        command.args(["env", "--default-signal=INT,QUIT", "bash", "-c"]);
        let run = "run() { rbinfmt --emulators \"$EMULATORS\" run \"$@\"; }; set -u";
        command.arg(format!("{run}\n{script}")).current_dir(self.home()).stdin(Stdio::null());
        let path = std::env::var("PATH").unwrap_or_default();
        command.env_clear().env("PATH", format!("{}:{path}", shared.display())).env("HOME", self.home());
        command.env("EMULATORS", shared.join("emulators")).env("BIN", shared.join("bin"));
        command
    }

    pub(crate) fn try_run(&self, script: &str) -> Output {
        self.command(script).output().unwrap()
    }

    /// Runs it; it has to end well. Its standard output.
    pub(crate) fn run(&self, script: &str) -> String {
        ended_well(&self.try_run(script))
    }

    /// Runs it: its exit status, standard output and standard error.
    pub(crate) fn ends(&self, script: &str) -> (i32, String, String) {
        let output = self.try_run(script);
        let (out, err) = texts(&output);
        (output.status.code().unwrap_or(-1), out, err)
    }
}
