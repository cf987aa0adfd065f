//! Draws how far a long piece of work is.

use std::fmt;
use std::io::Write;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::progress::Progress;
use crate::text::printable;

/// The name of the work is cut to what the rest of the line leaves of the terminal.
const UNKNOWN_TOTAL: &str = "{wide_msg} {amount}";
const KNOWN_TOTAL: &str = "{wide_msg} [{bar:10}] {amount}";

/// How often the line is drawn, at most, in a second.
const HZ: u8 = 10;

/// Writes to standard error: one line with a bar on a terminal, plain lines elsewhere, and where TERM is "dumb".
#[derive(Debug)]
pub struct Stderr(ProgressBar);

impl Default for Stderr {
    fn default() -> Self {
        // Hidden where there is no terminal, or one without escape codes.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(HZ));
        // Any call may draw, so it never has indicatif's own style.
        Stderr(bar.with_style(style(UNKNOWN_TOTAL)))
    }
}

impl Stderr {
    fn line(&self, text: fmt::Arguments) {
        // Nobody is told when standard error is gone: the work matters more than its progress.
        self.0.suspend(|| drop(writeln!(std::io::stderr().lock(), "{}", printable(&text.to_string()))));
    }
}

impl Progress for Stderr {
    fn step(&self, what: &str) {
        if self.0.is_hidden() {
            return self.line(format_args!("{what}"));
        }
        self.0.update(|state| state.set_pos(0));
        self.0.unset_length();
        self.0.set_style(style(UNKNOWN_TOTAL));
        self.0.set_message(printable(what).into_owned());
        self.0.reset();
        self.0.force_draw();
    }

    fn bytes(&self, done: u64, total: Option<u64>) {
        if let Some(total) = total.filter(|&total| total > 0 && self.0.length() != Some(total)) {
            self.0.set_length(total);
            self.0.set_style(style(KNOWN_TOTAL));
        }
        self.0.set_position(done);
    }

    fn note(&self, text: &str) {
        self.line(format_args!("note: {text}"));
    }

    fn done(&self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
        .with_key("amount", |state: &ProgressState, line: &mut dyn fmt::Write| {
            // An error of a String.
            let _ = match (state.pos(), state.len()) {
                (done, Some(total)) => write!(line, "{} of {}", size(done), size(total)),
                (0, None) => Ok(()),
                (done, None) => line.write_str(&size(done)),
            };
        })
}

/// A size for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..1_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_valid() {
        for template in [UNKNOWN_TOTAL, KNOWN_TOTAL] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
