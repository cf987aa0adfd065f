//! Another program asked for a few lines, within a time and a length. All that are asked answer at once.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::error::os_text;

/// The answers of engines are some kilobytes.
const MOST: usize = 1 << 20;

/// A program that was started, and has not yet been heard.
#[derive(Debug)]
pub(super) struct Question {
    program: String,
    child: Child,
    output: File,
    deadline: Instant,
}

impl Question {
    /// Starts it; `None` where there is no such program, or it cannot be started.
    pub(super) fn ask(program: &str, arguments: &[&str], patience: Duration) -> Option<Question> {
        let (output, input) = nix::unistd::pipe2(OFlag::O_CLOEXEC).ok()?;
        let child = start(Command::new(program).args(arguments), input).ok()?;
        fcntl(&output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).ok()?;
        let program = format!("{program} {}", arguments.first().unwrap_or(&""));
        Some(Question {
            program: program.trim().to_owned(),
            child,
            output: output.into(),
            deadline: Instant::now() + patience,
        })
    }

    /// What it wrote to standard output and standard error; the error says why there is no answer.
    pub(super) fn answer(mut self) -> Result<String, String> {
        let text = self.listen();
        if text.is_err() {
            // One that has just ended cannot be killed any more, which is fine.
            let _ = self.child.kill();
        }
        let ended = self.end()?;
        let text = text?;
        if ended.success() { Ok(text) } else { Err(self.failure(&text)) }
    }

    fn listen(&mut self) -> Result<String, String> {
        let mut bytes = Vec::new();
        let mut part = [0; 4096];
        loop {
            match self.output.read(&mut part) {
                Ok(0) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
                Ok(len) if bytes.len() + len > MOST => return Err(format!("`{}` prints too much", self.program)),
                Ok(len) => bytes.extend_from_slice(&part[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait()?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(os_text(&error)),
            }
        }
    }

    fn wait(&self) -> Result<(), String> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(format!("`{}` did not answer in time", self.program));
        }
        let mut fds = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
        // A signal that interrupts only makes us look earlier.
        let _ = poll(&mut fds, PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX));
        Ok(())
    }

    /// It has closed its output, or was killed; one that goes on all the same has its time.
    fn end(&mut self) -> Result<ExitStatus, String> {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if Instant::now() < self.deadline => std::thread::sleep(Duration::from_millis(1)),
                Ok(None) => {
                    let _ = self.child.kill();
                    return self.child.wait().map_err(|error| os_text(&error));
                }
                Err(error) => return Err(os_text(&error)),
            }
        }
    }

    fn failure(&self, text: &str) -> String {
        // What failed is first, advice after it; JSON of what could be found out may come before both.
        let why = text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('{') && !line.starts_with("WARNING"));
        let why = why.unwrap_or("it failed without a message");
        format!("`{}`: {}", self.program, why)
    }
}

fn start(command: &mut Command, output: OwnedFd) -> std::io::Result<Child> {
    let errors = output.try_clone()?;
    command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: u64) -> Result<String, String> {
        Question::ask("sh", &["-c", script], Duration::from_millis(patience)).unwrap().answer()
    }

    #[test]
    fn answers_and_failures() {
        assert_eq!(shell("echo a; echo b >&2", 5000).unwrap(), "a\nb\n");
        assert_eq!(shell("echo why >&2; exit 3", 5000).unwrap_err(), "`sh -c`: why");
        assert!(Question::ask("there-is-no-such-program", &[], Duration::from_secs(1)).is_none());
    }

    #[test]
    fn silence_and_noise_are_bounded() {
        let start = Instant::now();
        assert!(shell("exec sleep 60", 100).unwrap_err().contains("did not answer"));
        assert!(shell("exec cat /dev/zero", 60_000).unwrap_err().contains("too much"));
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
