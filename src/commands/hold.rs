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
    loop {
        use std::os::fd::AsFd;
        let mut fds = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Ok(_) => return Ok(status),
            Err(error) => return Err(error).doing(doing),
        }
        status = look(context, request);
    }
}

/// One look. A failure is said, and the next look may find it mended.
fn look(context: &Context, request: &Request) -> Status {
    match install(context, request) {
        Ok(installed) => {
            let mut status = Status::Done;
            for row in &installed.rows {
                let done = match &row.state {
                    State::Added => "somebody had removed it; registered again",
                    State::Replaced => "somebody had changed it; registered again",
                    State::Enabled => "somebody had switched it off; switched on again",
                    State::Failed(why) => {
                        context.printer.warn(format!("{}: {why}", row.item.label));
                        status = Status::Failed;
                        continue;
                    }
                    _ => continue,
                };
                context.printer.note(format!("{}: {done}", row.item.name));
            }
            status
        }
        Err(error) => context.printer.error(&error),
    }
}
