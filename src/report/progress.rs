//! Draws how far a long piece of work is.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::progress::Progress;

/// Writes to standard error: a bar on a terminal, plain lines elsewhere.
#[derive(Debug)]
pub struct Stderr {
    terminal: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    what: String,
    drawn: Option<Instant>,
    bar: bool,
}

const REDRAW: Duration = Duration::from_millis(100);
const BAR: u64 = 24;

impl Default for Stderr {
    fn default() -> Self {
        Stderr { terminal: std::io::stderr().is_terminal(), state: Mutex::default() }
    }
}

impl Stderr {
    fn with(&self, write: impl FnOnce(&mut State, &mut dyn Write) -> std::io::Result<()>) {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // Nobody is told when standard error is gone: the work matters more than its progress.
        let _ = write(&mut state, &mut std::io::stderr().lock());
    }

    fn clear(&self) {
        self.with(|state, err| if std::mem::take(&mut state.bar) { write!(err, "\r\x1b[K") } else { Ok(()) });
    }
}

impl Progress for Stderr {
    fn step(&self, what: &str) {
        self.clear();
        self.with(|state, err| {
            state.what = what.to_owned();
            state.drawn = None;
            state.bar = self.terminal;
            if self.terminal { write!(err, "\r\x1b[K{what}") } else { writeln!(err, "{what}") }
        });
    }

    fn bytes(&self, done: u64, total: Option<u64>) {
        if !self.terminal {
            return;
        }
        self.with(|state, err| {
            if state.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
                return Ok(());
            }
            state.drawn = Some(Instant::now());
            state.bar = true;
            match total.filter(|&total| total > 0) {
                Some(total) => {
                    let full = (BAR * done.min(total) / total) as usize;
                    let bar = format!("{}{}", "=".repeat(full), " ".repeat(BAR as usize - full));
                    write!(err, "\r\x1b[K{} [{bar}] {} of {}", state.what, size(done), size(total))
                }
                None => write!(err, "\r\x1b[K{} {}", state.what, size(done)),
            }
        });
    }

    fn note(&self, text: &str) {
        self.clear();
        self.with(|_, err| writeln!(err, "note: {text}"));
    }

    fn done(&self) {
        self.clear();
    }
}

/// A size for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..1_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
