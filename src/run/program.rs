//! Which file is meant, what execve(2) will do with it, and that execve(2).

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};
use nix::errno::Errno;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{AccessFlags, access, execve};

use super::environment::terminated;
use super::plan::Plan;
use super::{Never, not_started};
use crate::binfmt::entry::{Entry, Flags};
use crate::elf;
use crate::error::{Error, Result};
use crate::exec::facts::{ExecFacts, TableFacts};
use crate::exec::root::Root;
use crate::exec::{Handler, Model, Outcome, Verdict};
use crate::host::Host;
use crate::profile::{Profile, Profiles};

/// Where programs are looked for if PATH is not set; execvp(3) does so too.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The path of the program that a command names: as execvp(3) finds it.
///
/// # Errors
/// There is none, or none that may be executed: exit status 127 or 126.
pub(super) fn find(name: &OsStr, path: Option<&OsStr>, root: &Root) -> Result<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        return Ok(name.into());
    }
    let doing = || format!("starting {}", name.display());
    if name.is_empty() {
        return Err(not_started(doing(), Errno::ENOENT));
    }
    let mut found = Errno::ENOENT;
    for directory in path.unwrap_or(PATH.as_ref()).as_bytes().split(|&byte| byte == b':') {
        // An empty name is the working directory.
        let directory = if directory.is_empty() { &b"."[..] } else { directory };
        let candidate = Path::new(OsStr::from_bytes(directory)).join(name);
        match is_program(&candidate, root) {
            Ok(()) => return Ok(candidate),
            Err(Errno::EACCES) => found = Errno::EACCES,
            Err(_) => {}
        }
    }
    Err(not_started(doing(), found).help("a path with a slash, or a directory in PATH, leads to it"))
}

/// Whether a file can be executed, as far as its bits say. A directory of PATH that is closed to us has none.
fn is_program(path: &Path, root: &Root) -> Result<(), Errno> {
    if root.is_own() {
        access(path, AccessFlags::F_OK).map_err(|_| Errno::ENOENT)?;
        access(path, AccessFlags::X_OK)?;
        return if path.is_dir() { Err(Errno::EACCES) } else { Ok(()) };
    }
    // What the model opens it can read, which an interpreter needs anyway.
    root.open(path.as_os_str().as_bytes()).map(drop)
}

/// What execve(2) will do with the program in a table of these entries.
pub(super) fn judge(facts: &ExecFacts, entries: &[Entry], root: &Root, command: &[OsString], path: &Path) -> Verdict {
    // The kernel asks the newest first.
    let table = TableFacts::with(entries.iter().rev().cloned().collect());
    let facts = ExecFacts { table, ..facts.clone() };
    let argv: Vec<BString> = command.iter().map(|arg| arg.as_bytes().into()).collect();
    Model::new(&facts, root, &Root::own()).judge(path.as_os_str().as_bytes(), &argv)
}

/// The profile whose emulator the chain lacks.
pub(super) fn lacking<'p>(verdict: &Verdict, profiles: &'p Profiles) -> Option<&'p Profile> {
    if verdict.outcome.errno() != Some(Errno::ENOEXEC) {
        return None;
    }
    let step = verdict.steps.last()?;
    let matches = |profile: &&Profile| profile.rules.iter().any(|named| named.rule.takes(&step.head, &step.path));
    profiles.iter().filter(|profile| profile.is_emulated()).find(matches)
}

/// The entries that match a file of the chain.
pub(super) fn used(verdict: &Verdict) -> Vec<BString> {
    let matched = verdict.steps.iter().filter(|step| step.handler == Some(Handler::Entry));
    matched.filter_map(|step| step.name.clone()).collect()
}

/// The command that starts the emulator of the chain without the kernel's help; `None` where the chain has none.
pub(super) fn directly(verdict: &Verdict, entries: &[Entry]) -> Option<Vec<OsString>> {
    let Outcome::Starts(started) = &verdict.outcome else { return None };
    let used = used(verdict);
    let entry = entries.iter().find(|entry| Some(&entry.name) == used.first())?;
    // With flag P the kernel passes: emulator, path, argv[0], the other arguments; without it, no argv[0].
    let (emulator, path, rest) = match &started.argv[..] {
        [emulator, path, rest @ ..] => (emulator, path, rest),
        _ => return None,
    };
    let (name, rest) = if entry.flags.has(Flags::P) { rest.split_first()? } else { (path, rest) };
    let option = "-0".into();
    let words = [emulator, &option, name, path].into_iter().chain(rest).map(|text| OsString::from_vec(text.to_vec()));
    Some(words.collect())
}

/// Becomes the program.
///
/// # Errors
/// What execve(2) says, with the exit status of env(1).
pub(super) fn execute(plan: &Plan) -> Never {
    let words = |words: &[OsString]| -> Result<Vec<CString>> {
        words.iter().map(|word| terminated(word.as_bytes().to_vec())).collect()
    };
    let path = terminated(plan.path.as_os_str().as_bytes().to_vec())?;
    let (argv, environment) = (words(&plan.command)?, plan.environment.strings()?);
    // The standard library ignores it for us, and the program would inherit that.
    #[allow(unsafe_code)]
    // SAFETY: no handler is installed.
    let restored = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
    restored.map_err(|errno| Error::io("restoring SIGPIPE", errno.into()))?;
    let Err(errno) = execve(&path, &argv, &environment);
    if errno == Errno::ENOEXEC && plan.is_text {
        // A script without #!, which execvp(3) gives to the shell.
        let shell = terminated(Host::SHELL.into())?;
        let argv: Vec<CString> = [shell.clone(), path].into_iter().chain(argv.into_iter().skip(1)).collect();
        let Err(errno) = execve(&shell, &argv, &environment);
        return Err(not_started(format!("starting {}", Host::SHELL), errno));
    }
    let error = not_started(format!("starting {}", plan.path.display()), errno);
    let file = plan.path.display();
    Err(match errno {
        Errno::ENOEXEC | Errno::EACCES | Errno::ELIBBAD => error.help(format!("`rbinfmt doctor {file}` explains it")),
        Errno::ENOENT if access(&plan.path, AccessFlags::F_OK).is_ok() => {
            error.help(format!("its interpreter or loader is missing: `rbinfmt doctor {file}`"))
        }
        _ => error,
    })
}

/// Whether the last file of a chain that ends with ENOEXEC can be a script without `#!`: as bash judges it, its first line
/// has no NUL.
pub(super) fn is_text(verdict: &Verdict) -> bool {
    verdict.outcome.errno() == Some(Errno::ENOEXEC)
        && verdict.steps.len() == 1
        && verdict.steps.iter().all(|step| {
            let head = step.head.trim_end_with(|c| c == '\0');
            let line = head.lines().next().unwrap_or_default();
            !elf::is_elf(&step.head) && !line.contains(&0)
        })
}
