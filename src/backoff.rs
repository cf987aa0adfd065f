//! Pauses before something is tried again: each is twice as long as the one before, and they end.

use std::time::{Duration, Instant};

/// When there were enough tries.
#[derive(Debug, Clone, Copy)]
enum Limit {
    Failures(u32),
    Deadline(Instant),
}

/// The pauses before further tries of something that failed.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    failed: u32,
    limit: Limit,
    pause: Duration,
    longest: Duration,
}

impl Backoff {
    /// Ends after so many further tries. The first pause is `pause`, and none is longer than `longest`.
    pub(crate) fn tries(retries: u32, pause: Duration, longest: Duration) -> Self {
        Backoff { failed: 0, limit: Limit::Failures(retries), pause, longest }
    }

    /// Ends at `deadline`.
    pub(crate) fn until(deadline: Instant, pause: Duration, longest: Duration) -> Self {
        Backoff { failed: 0, limit: Limit::Deadline(deadline), pause, longest }
    }

    /// Waits before the next try, as long as a server `asked` for where it did; false, without a pause, where there were
    /// enough.
    pub(crate) fn wait(&mut self, asked: Option<Duration>) -> bool {
        self.failed += 1;
        let pause = asked.unwrap_or(self.pause).min(self.longest);
        match self.limit {
            Limit::Failures(most) if self.failed > most => return false,
            Limit::Failures(_) => std::thread::sleep(pause),
            Limit::Deadline(end) => match end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                Some(left) => std::thread::sleep(pause.min(left)),
                None => return false,
            },
        }
        self.pause = (self.pause * 2).min(self.longest);
        true
    }

    /// How many tries have failed.
    pub(crate) fn failed(&self) -> u32 {
        self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    #[test]
    fn so_many_tries_and_no_pause_is_too_long() {
        let mut backoff = Backoff::tries(3, SHORT, SHORT * 3);
        let began = Instant::now();
        assert!(backoff.wait(None) && backoff.wait(None) && backoff.wait(Some(Duration::from_secs(60))));
        assert!(began.elapsed() >= SHORT * 6, "1, 2 and 3 ms");
        assert!(began.elapsed() < Duration::from_secs(10));
        assert!(!backoff.wait(None));
        assert_eq!(backoff.failed(), 4);
    }

    #[test]
    fn a_deadline_ends_it() {
        let end = Instant::now() + SHORT * 300;
        let mut backoff = Backoff::until(end, SHORT, Duration::from_secs(60));
        while backoff.wait(None) {}
        assert!(Instant::now() >= end && backoff.failed() > 2);
    }
}
