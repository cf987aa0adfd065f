//! `rbinfmt install --hold`: a process that keeps the table, registers again what somebody removes, and reports what it sees.

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::cli::hold::HoldArgs;
use crate::commands::Context;
use crate::emulators::store::write_whole;
use crate::error::{Doing, Result, Status};
use crate::registrar::apply::{Row, State};
use crate::registrar::{Installed, Request};
use crate::report::features;
use crate::report::metrics::Metrics;
use crate::time::{self, SignedDuration};

/// The feature file's name.
const FEATURES: &str = "rbinfmt";
/// How long after a look that did not come its labels count.
const GRACE: SignedDuration = SignedDuration::from_mins(10);

/// Looks at the table every `interval` seconds until SIGTERM, SIGINT or SIGHUP; then `status` is the result.
pub(super) fn stay(
    context: &Context,
    request: &Request,
    args: &HoldArgs,
    installed: &Installed,
    status: Status,
) -> Result<Status> {
    let mut ends = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        ends.add(signal);
    }
    let doing = || "waiting for the end";
    ends.thread_block().doing(doing)?;
    let signals = SignalFd::with_flags(&ends, SfdFlags::SFD_CLOEXEC).doing(doing)?;
    let interval = args.interval.max(1);
    let timeout = PollTimeout::try_from(Duration::from_secs(interval.into())).unwrap_or(PollTimeout::MAX);
    let mut holder = Holder::new(context, request, args);
    let failures = failures(&installed.rows);
    holder.metrics.see(&installed.rows, time::now());
    holder.metrics.errors = i64::from(!failures.is_empty());
    // They were printed as the result of the run.
    holder.said.clone_from(&failures);
    let mut status = status.max(holder.end_look(failures));
    context.printer.note("holding the table; SIGTERM ends this process");
    loop {
        let mut fds = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) => {}
            Err(Errno::EINTR) => continue,
            Ok(_) => break,
            Err(error) => return Err(error).doing(doing),
        }
        status = holder.look();
    }
    holder.leave();
    Ok(status)
}

struct Holder<'a> {
    context: &'a Context,
    request: &'a Request<'a>,
    metrics_file: Option<PathBuf>,
    features_file: Option<PathBuf>,
    interval: SignedDuration,
    metrics: Metrics,
    /// Failures that were said and have not ended.
    said: Vec<String>,
}

impl<'a> Holder<'a> {
    fn new(context: &'a Context, request: &'a Request, args: &HoldArgs) -> Self {
        Holder {
            context,
            request,
            metrics_file: args.metrics_file.clone(),
            features_file: args.nfd_dir.as_ref().map(|dir| dir.join(FEATURES)),
            interval: SignedDuration::from_secs(args.interval.into()),
            metrics: Metrics::default(),
            said: Vec::new(),
        }
    }

    /// One check. A failure is said once, and the next check may succeed.
    fn look(&mut self) -> Status {
        let printer = &self.context.printer;
        let now = time::now();
        let failures = match self.context.registrar.install(self.request) {
            Ok(installed) => {
                self.metrics.see(&installed.rows, now);
                for (row, done) in installed.rows.iter().filter_map(|row| Some((row, repaired(row)?))) {
                    self.metrics.repairs += 1;
                    self.metrics.last_repair = Some(now);
                    printer.note(format!("{}: {done}", row.item.name));
                }
                failures(&installed.rows)
            }
            Err(error) => {
                let text = error.to_string();
                if !self.said.contains(&text) {
                    printer.error(&error);
                }
                self.metrics.see(&[], now);
                self.metrics.errors += 1;
                self.said = vec![text.clone()];
                let written = self.end_look(vec![text]);
                return error.status().max(written);
            }
        };
        self.metrics.errors += i64::from(!failures.is_empty());
        self.end_look(failures)
    }

    /// Prints the failures that are new, and updates the published files.
    fn end_look(&mut self, mut failures: Vec<String>) -> Status {
        failures.extend(self.publish());
        for failure in failures.iter().filter(|f| !self.said.contains(f)) {
            self.context.printer.warn(failure);
        }
        self.said = failures;
        if self.said.is_empty() { Status::Done } else { Status::Failed }
    }

    /// Writes the files that were asked for; what could not be written.
    fn publish(&self) -> Vec<String> {
        let expiry = self.metrics.last_check + self.interval * 3 + GRACE;
        let metrics = self.metrics_file.as_ref().map(|file| (file, self.metrics.exposition()));
        let labels = self.features_file.as_ref().map(|file| (file, features::file(&self.metrics.platforms, expiry)));
        let files = metrics.into_iter().chain(labels);
        files.filter_map(|(file, text)| Some(write_whole(file, text.as_bytes()).err()?.to_string())).collect()
    }

    /// Nobody watches any more: files that say so would grow old.
    fn leave(self) {
        for file in self.metrics_file.iter().chain(&self.features_file) {
            // One that never could be written was told.
            let _ = std::fs::remove_file(file);
        }
    }
}

fn failures(rows: &[Row]) -> Vec<String> {
    let failed = |row: &Row| match &row.state {
        State::Failed(why) => Some(format!("{}: {why}", row.item.label)),
        _ => None,
    };
    rows.iter().filter_map(failed).collect()
}

fn repaired(row: &Row) -> Option<&'static str> {
    match &row.state {
        State::Added => Some("somebody had removed it; registered again"),
        State::Replaced => Some("somebody had changed it; registered again"),
        State::Enabled => Some("somebody had disabled it; enabled again"),
        State::Kept | State::Removed | State::Skipped(_) | State::Failed(_) => None,
    }
}
