//! Tables that stay when their program has ended: a process in the namespace keeps it, and a file in the store says which.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, chdir, fork, pause, setsid};
use serde::{Deserialize, Serialize};

use super::plan::Who;
use crate::backoff::Backoff;
use crate::emulators::Store;
use crate::emulators::store::write_whole;
use crate::error::{Doing, Error, Result};
use crate::proc;
use crate::temporary::make_directories;

/// How long processes have to end by themselves.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// A table that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What the user calls it: the name of its file.
    #[serde(skip)]
    pub name: String,
    /// The process that keeps it.
    pub pid: u32,
    /// Which process of that number: when it started, in the kernel's ticks, and after which boot.
    started: String,
    /// The root directory, where it is another.
    pub root: Option<PathBuf>,
    /// Who programs are there.
    pub(super) who: Who,
}

/// The directory of the files.
fn directory(store: &Store) -> PathBuf {
    store.root().join("kept")
}

fn file(store: &Store, name: &str) -> Result<PathBuf> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.bytes().all(plain) {
        return Err(Error::usage(format!("reading the name {name:?}"), "a name is letters, digits, -, _ and .")
            .help("for example --keep arm64"));
    }
    Ok(directory(store).join(name))
}

/// Which process a number means now; `None` where it means none.
fn started(pid: u32) -> Option<String> {
    let stat = proc::text(&proc::of_process(pid, "stat")).ok()?;
    // The name of the program, in parentheses, can hold anything. After it come the state and, 19 fields later, the start
    // (proc_pid_stat(5)).
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let ticks = fields.nth(18)?;
    Some(format!("{ticks} {}", proc::setting("kernel.random.boot_id")?))
}

impl Kept {
    /// Those of a store that are still there. What ended otherwise is forgotten.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn all(store: &Store) -> Result<Vec<Kept>> {
        let directory = directory(store);
        let listing = match fs::read_dir(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            listing => listing.doing(|| format!("listing {}", directory.display()))?,
        };
        let mut all = Vec::new();
        for item in listing.flatten() {
            let name = item.file_name().to_string_lossy().into_owned();
            let bytes = fs::read(item.path()).unwrap_or_default();
            let kept = serde_json::from_slice(&bytes).ok().map(|kept| Kept { name, ..kept });
            match kept.filter(Kept::is_there) {
                Some(kept) => all.push(kept),
                None => drop(fs::remove_file(item.path())),
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// The one of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn find(store: &Store, name: &str) -> Result<Kept> {
        file(store, name)?;
        let all = Kept::all(store)?;
        let names: Vec<&str> = all.iter().map(|kept| kept.name.as_str()).collect();
        let help = if names.is_empty() {
            "none is kept: --keep NAME".to_owned()
        } else {
            format!("there are {}", names.join(", "))
        };
        let found = all.iter().find(|kept| kept.name == name).cloned();
        found.ok_or_else(|| Error::usage(format!("finding {name}"), "nothing of this name is kept").help(help))
    }

    fn is_there(&self) -> bool {
        started(self.pid).as_ref() == Some(&self.started)
    }

    /// Keeps the namespaces that this process is in.
    ///
    /// # Errors
    /// The name is in use; the file cannot be written, or no process be made.
    pub(super) fn keep(store: &Store, name: &str, root: Option<&Path>, who: Who) -> Result<()> {
        let path = file(store, name)?;
        if Kept::all(store)?.iter().any(|kept| kept.name == name) {
            return Err(Error::usage(format!("keeping {name}"), "there is one of this name")
                .help(format!("--join {name}, or `rbinfmt ps --end {name}`")));
        }
        let pid = keeper().map_err(|error| Error::io(format!("keeping {name}"), error))?;
        let started = started(pid).unwrap_or_default();
        let kept = Kept { name: name.to_owned(), pid, started, root: root.map(Path::to_owned), who };
        let doing = || format!("keeping {name}");
        let written = make_directories(&directory(store), 0o700)
            .doing(doing)
            .and_then(|()| serde_json::to_vec(&kept).doing(doing))
            .and_then(|text| write_whole(&path, &text));
        written.inspect_err(|_| {
            // Nobody could end it by its name.
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
        })
    }

    /// Goes to where it is.
    ///
    /// # Errors
    /// What setns(2) says.
    pub(super) fn enter(&self) -> Result<()> {
        let doing = || format!("joining {}", self.name);
        let open = |name: &str| File::open(proc::of_process(self.pid, name));
        let (user, mounts) = (open("ns/user").doing(doing)?, open("ns/mnt").doing(doing)?);
        let here = std::env::current_dir().ok();
        setns(user, CloneFlags::CLONE_NEWUSER).doing(doing)?;
        setns(mounts, CloneFlags::CLONE_NEWNS).doing(doing)?;
        // setns has moved us to the root. The directory may not be there.
        if let (None, Some(here)) = (&self.root, here) {
            let _ = chdir(&here);
        }
        Ok(())
    }

    /// The processes that are there, without the one that keeps it.
    pub fn processes(&self) -> Vec<u32> {
        let mounts = |pid: u32| fs::read_link(proc::of_process(pid, "ns/mnt")).ok();
        let own = mounts(self.pid);
        let numbers = fs::read_dir(proc::DIRECTORY).into_iter().flatten().flatten();
        let pids = numbers.filter_map(|item| item.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|&pid| pid != self.pid && own.is_some() && mounts(pid) == own).collect()
    }

    /// Ends it and all that runs there.
    ///
    /// # Errors
    /// What kill(2) says.
    pub fn end(&self, store: &Store) -> Result<()> {
        let send = |signal: Signal| {
            for pid in self.processes() {
                // It may have ended since.
                let _ = kill(Pid::from_raw(pid as i32), signal);
            }
        };
        send(Signal::SIGTERM);
        let mut backoff = Backoff::until(std::time::Instant::now() + PATIENCE, PAUSE, PAUSE * 8);
        while !self.processes().is_empty() && backoff.wait(None) {}
        send(Signal::SIGKILL);
        kill(Pid::from_raw(self.pid as i32), Signal::SIGKILL).doing(|| format!("ending {}", self.name))?;
        // Its mounts are in use until it is gone.
        let mut backoff = Backoff::until(std::time::Instant::now() + PATIENCE, PAUSE / 20, PAUSE);
        while self.is_there() && backoff.wait(None) {}
        let path = file(store, &self.name)?;
        fs::remove_file(&path).doing(|| format!("removing {}", path.display()))
    }
}

/// Starts a process that does nothing but be where this one is. It is nobody's child: the program must not have one that it
/// does not know.
#[allow(unsafe_code)]
fn keeper() -> std::io::Result<u32> {
    let (mut answer, mut said) = std::io::pipe()?;
    // SAFETY: this process has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // SAFETY: likewise.
            if let Ok(ForkResult::Child) = unsafe { fork() } {
                let _ = setsid().and_then(|_| chdir("/"));
                let _ = said.write_all(std::process::id().to_string().as_bytes());
                let open = fs::read_dir(proc::own("fd")).into_iter().flatten().flatten();
                let numbers: Vec<i32> = open.filter_map(|fd| fd.file_name().to_str()?.parse().ok()).collect();
                // Whoever reads what the program writes waits for all that have it open.
                for fd in numbers {
                    let _ = nix::unistd::close(fd);
                }
                loop {
                    pause();
                }
            }
            // SAFETY: _exit has no preconditions.
            unsafe { nix::libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop(said);
            let mut text = String::new();
            answer.read_to_string(&mut text)?;
            // Where SIGCHLD is ignored the kernel has reaped it.
            let _ = waitpid(child, None);
            text.parse().map_err(std::io::Error::other)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_by_its_start_and_a_zombie_is_none() {
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        assert!(started(child.id()).is_some() && started(child.id()) != started(1));
        child.kill().unwrap();
        while started(child.id()).is_some() {}
        child.wait().unwrap();
    }
}
