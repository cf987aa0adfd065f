//! `rbinfmt install --hold`: a process that keeps the table, and puts back what somebody removes.

use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::Context;
use super::install::{Request, install};
use crate::apply::State;
use crate::error::{Doing, Result, Status};

/// Looks at the table every `interval` seconds until SIGTERM, SIGINT or SIGHUP; then `status` is the result.
pub fn stay(context: &Context, request: &Request, interval: u16, status: Status) -> Result<Status> {
    let mut ends = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        ends.add(signal);
    }
    let doing = || "waiting for the end";
    ends.thread_block().doing(doing)?;
    let signals = SignalFd::with_flags(&ends, SfdFlags::SFD_CLOEXEC).doing(doing)?;
    let pause = Duration::from_secs(interval.max(1).into());
    let timeout = PollTimeout::try_from(pause).unwrap_or(PollTimeout::MAX);
    context.printer.note("holding the table; SIGTERM ends this process");
    let mut status = status;
    let mut said = Vec::new();
    loop {
        use std::os::fd::AsFd;
        let mut fds = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Ok(_) => return Ok(status),
            Err(error) => return Err(error).doing(doing),
        }
        status = look(context, request, &mut said);
    }
}

/// One look. A failure is said once, and the next look may find it mended.
fn look(context: &Context, request: &Request, said: &mut Vec<String>) -> Status {
    let installed = match install(context, request) {
        Ok(installed) => installed,
        Err(error) => {
            if !said.contains(&error.to_string()) {
                context.printer.error(&error);
            }
            *said = vec![error.to_string()];
            return error.status();
        }
    };
    let mut failures = Vec::new();
    for row in &installed.rows {
        let done = match &row.state {
            State::Added => "somebody had removed it; registered again",
            State::Replaced => "somebody had changed it; registered again",
            State::Enabled => "somebody had switched it off; switched on again",
            State::Failed(why) => {
                failures.push(format!("{}: {why}", row.item.label));
                continue;
            }
            State::Kept | State::Removed | State::Skipped(_) => continue,
        };
        context.printer.note(format!("{}: {done}", row.item.name));
    }
    for failure in failures.iter().filter(|f| !said.contains(f)) {
        context.printer.warn(failure);
    }
    *said = failures;
    if said.is_empty() { Status::Done } else { Status::Failed }
}
