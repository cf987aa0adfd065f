//! How long a body is waited for: a server could otherwise keep us for ever, with a byte now and then, or with a connection
//! that breaks again and again. What a download has so far is kept, and the next run goes on from there.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::Options;

/// Bytes in a second, in the average of a window. The slowest modem was faster.
const LOWEST: u64 = 1000;

/// When all of a file has to be here, whatever is tried again on the way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    began: Instant,
    limit: Duration,
    size: u64,
}

impl Deadline {
    /// For a file of at most `size` bytes: [`Options::grace`], and what it takes at [`Options::average`].
    pub(super) fn new(options: &Options, size: u64) -> Deadline {
        let limit = options.grace.saturating_add(Duration::from_secs(size / options.average.max(1)));
        Deadline { began: Instant::now(), limit, size }
    }

    /// Why the file is given up; `None` as long as there is time.
    pub(super) fn over(&self) -> Option<String> {
        let (seconds, size) = (self.limit.as_secs_f32(), self.size);
        let is_over = self.began.elapsed() >= self.limit;
        is_over.then(|| format!("too slow: not all came in {seconds:.0} s, the time for at most {size} bytes"))
    }
}

/// Watches how fast a body comes.
pub(super) struct Paced<R> {
    inner: R,
    window: Duration,
    deadline: Deadline,
    began: Instant,
    came: u64,
}

impl<R: Read> Paced<R> {
    /// Each `window` has to bring its part, and the whole has to be there at the `deadline`.
    pub(super) fn new(inner: R, window: Duration, deadline: Deadline) -> Self {
        Paced { inner, window, deadline, began: Instant::now(), came: 0 }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let too_slow = |why: String| Err(io::Error::new(io::ErrorKind::InvalidData, why));
        if let Some(why) = self.deadline.over() {
            return too_slow(why);
        }
        let n = self.inner.read(buffer)?;
        self.came += n as u64;
        let elapsed = self.began.elapsed();
        if n > 0 && elapsed >= self.window {
            if u128::from(self.came) * 1000 < u128::from(LOWEST) * elapsed.as_millis() {
                let (came, seconds) = (self.came, elapsed.as_secs_f32());
                return too_slow(format!(
                    "too slow: {came} bytes came in {seconds:.0} s, at least {LOWEST} a second are expected"
                ));
            }
            (self.began, self.came) = (Instant::now(), 0);
        }
        Ok(n)
    }
}
