//! Styles, and what a terminal gets to see. A text carries a style as one character that no script uses (a noncharacter of
//! Unicode); it becomes an escape code only on its way to a terminal. So every escape code that reaches one is ours, and what
//! came from elsewhere cannot steer it.

use std::fmt::{self, Write};

use serde_json::Value;

use crate::text::{is_steering, printable};

/// How some words are shown: `{style}words{style:#}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// The reader's attention.
    Bold,
    /// A pointer to what it is about.
    Blue,
    /// Something fails.
    Red,
    /// Something will fail in some circumstances.
    Yellow,
    /// All is well, or a note.
    Green,
    /// Not seen.
    Cyan,
}

/// The end of a style.
const END: char = '\u{fdd0}';

impl Style {
    const ALL: [(Style, char, &'static str); 6] = [
        (Style::Bold, '\u{fdd1}', "\x1b[1m"),
        (Style::Blue, '\u{fdd2}', "\x1b[1;94m"),
        (Style::Red, '\u{fdd3}', "\x1b[1;91m"),
        (Style::Yellow, '\u{fdd4}', "\x1b[1;93m"),
        (Style::Green, '\u{fdd5}', "\x1b[1;92m"),
        (Style::Cyan, '\u{fdd6}', "\x1b[36m"),
    ];
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = Style::ALL.iter().find(|(style, ..)| style == self).map_or(END, |(_, mark, _)| *mark);
        f.write_char(if f.alternate() { END } else { mark })
    }
}

/// What is written of a text of several lines: styles as escape codes, and nothing else that steers a terminal.
pub(super) fn shown(text: &str) -> String {
    text.split('\n').map(|line| styled(&printable(line))).collect::<Vec<_>>().join("\n")
}

/// A text without its styles.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| *c != END && !Style::ALL.iter().any(|(_, mark, _)| mark == c)).collect()
}

fn styled(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut open = false;
    for c in line.chars() {
        let code = Style::ALL.iter().find(|(_, mark, _)| *mark == c).map(|(.., code)| *code);
        match code.or((c == END).then_some("\x1b[0m")) {
            Some(code) => {
                shown.push_str(code);
                open = c != END;
            }
            None => shown.push(c),
        }
    }
    if open {
        shown.push_str("\x1b[0m");
    }
    shown
}

/// JSON in which every character that steers a terminal is escaped; serde_json leaves those above ASCII as they are.
pub(super) fn json(text: String) -> String {
    if !text.chars().any(|c| c != '\n' && is_steering(c)) {
        return text;
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c != '\n' && is_steering(c) => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}

/// An object on one line.
pub fn json_line(value: &Value) -> String {
    json(value.to_string())
}

/// Adds a line: what is in it cannot begin another.
pub(super) fn add_line(text: &mut String, line: fmt::Arguments) {
    text.push_str(&printable(&line.to_string()));
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codes(text: &str) -> String {
        Style::ALL.iter().fold(text.replace("\x1b[0m", ""), |text, (.., code)| text.replace(code, ""))
    }

    proptest! {
        #[test]
        fn nothing_but_our_own_codes_is_left(text: String, at in 0usize..3, steering in r"[\x00-\x1f\x7f-\u{9f}\u{202a}-\u{202e}\u{2066}-\u{2069}]{1,9}") {
            let text = [&text, &steering, "x"][at % 3..].concat() + &format!("{}{steering}{:#}", Style::Red, Style::Red);
            prop_assert!(!codes(&shown(&text)).chars().any(|c| c != '\n' && is_steering(c)));
            let mut one = String::new();
            add_line(&mut one, format_args!("{text}"));
            prop_assert_eq!(shown(&one).matches('\n').count(), 1);
            let value = json_line(&Value::String(text.clone()));
            prop_assert!(!value.chars().any(is_steering));
            prop_assert_eq!(serde_json::from_str::<Value>(&value).unwrap(), Value::String(text));
        }
    }

    #[test]
    fn styles_become_codes_and_end_with_their_line() {
        let text = format!("{}a{:#} b {}c\nend", Style::Bold, Style::Bold, Style::Red);
        assert_eq!(shown(&text), "\x1b[1ma\x1b[0m b \x1b[1;91mc\x1b[0m\nend");
        assert_eq!(plain(&text), "a b c\nend");
    }
}
