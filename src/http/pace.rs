//! A body that comes too slowly is given up: a server could otherwise keep us for ever with a byte now and then.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Bytes in a second, in the average of a window. The slowest modem was faster.
const LOWEST: u64 = 1000;

/// Watches how fast a body comes.
pub(super) struct Paced<R> {
    inner: R,
    window: Duration,
    began: Instant,
    came: u64,
}

impl<R: Read> Paced<R> {
    /// Each `window` has to bring its part.
    pub(super) fn new(inner: R, window: Duration) -> Self {
        Paced { inner, window, began: Instant::now(), came: 0 }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.came += n as u64;
        let elapsed = self.began.elapsed();
        if n > 0 && elapsed >= self.window {
            if u128::from(self.came) * 1000 < u128::from(LOWEST) * elapsed.as_millis() {
                let (came, seconds) = (self.came, elapsed.as_secs_f32());
                let why =
                    format!("too slow: {came} bytes came in {seconds:.0} s, at least {LOWEST} a second are expected");
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
            (self.began, self.came) = (Instant::now(), 0);
        }
        Ok(n)
    }
}
