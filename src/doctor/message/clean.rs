//! Lines without what terminals, loggers and quoting add to them.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use serde_json::Value;

/// Longer lines are taken in pieces.
const LONGEST: usize = 16 << 10;
/// JSON that is nested deeper is no log.
const DEEPEST: usize = 6;
/// How many prefixes a line can have: a step of a build, a time, a container's name ...
const PREFIXES: usize = 8;

/// One line: as it is shown, and as it is looked through.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Without colours, with straight quotes and ASCII colons.
    pub(super) text: String,
    /// The same in lower case: bytes are at the same places.
    pub(super) lower: String,
    /// Bytes that are no text were in it.
    pub(super) odd: bool,
}

/// The lines of an input.
pub(super) struct Lines<'i, R> {
    input: &'i mut R,
    /// Lines that were inside one of JSON.
    inner: VecDeque<Line>,
    buffer: Vec<u8>,
    /// A line was longer than is looked at in one piece.
    pub(super) cut: bool,
    /// Something else than white space was in the input.
    pub(super) any: bool,
}

impl<'i, R: BufRead> Lines<'i, R> {
    pub(super) fn new(input: &'i mut R) -> Self {
        Lines { input, inner: VecDeque::new(), buffer: Vec::new(), cut: false, any: false }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.inner.pop_front() {
                return Ok(Some(line));
            }
            self.buffer.clear();
            if self.input.by_ref().take(LONGEST as u64).read_until(b'\n', &mut self.buffer)? == 0 {
                return Ok(None);
            }
            self.cut |= self.buffer.len() == LONGEST;
            self.any |= !self.buffer.trim_ascii().is_empty();
            let text = String::from_utf8_lossy(&self.buffer);
            let text = text.trim_end_matches(['\n', '\r']);
            match json(text) {
                Some(value) => strings(&value, DEEPEST, &mut self.inner),
                None => return Ok(Some(Line::new(text))),
            }
        }
    }
}

/// A line of a log in JSON, perhaps after a prefix.
fn json(text: &str) -> Option<Value> {
    let open = text.find('{').filter(|&at| at < 200 && text.ends_with('}') && text[at..].contains("\":"))?;
    serde_json::from_str(&text[open..]).ok().filter(Value::is_object)
}

/// All texts in a value, line by line; each with its name, which may be what says that it is an architecture.
fn strings(value: &Value, depth: usize, into: &mut VecDeque<Line>) {
    match value {
        Value::String(text) => into.extend(text.lines().map(Line::new)),
        Value::Array(items) if depth > 0 => items.iter().for_each(|item| strings(item, depth - 1, into)),
        Value::Object(items) if depth > 0 => items.iter().for_each(|(name, item)| match item {
            // A container's log has them beside each line; the answer to a question is on the next.
            Value::String(_) if ["stream", "time"].contains(&name.as_str()) => {}
            Value::String(text) if name == "Architecture" => {
                into.push_back(Line::new(&format!("\"{name}\": \"{text}\"")))
            }
            item => strings(item, depth - 1, into),
        }),
        _ => {}
    }
}

impl Line {
    pub(super) fn new(raw: &str) -> Line {
        let plain = |b: u8| (b' '..0x7f).contains(&b) && b != b'`' && b != b'\\';
        if raw.bytes().all(plain) {
            return Line { text: raw.to_owned(), lower: raw.to_ascii_lowercase(), odd: false };
        }
        let (mut text, mut odd) = (String::with_capacity(raw.len()), false);
        let mut rest = raw.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\u{1b}' => skip_escape(&mut rest),
                // ESC [ as one character.
                '\u{9b}' => skip_sequence(&mut rest),
                '‘' | '’' | '`' | '´' | '′' | '‚' => text.push('\''),
                '“' | '”' | '„' | '«' | '»' | '「' | '」' => text.push('"'),
                // Full width, as Chinese and Japanese texts have them.
                '：' => text.push_str(": "),
                '（' => text.push('('),
                '）' => text.push(')'),
                '，' => text.push(','),
                // Quotes in quotes: docker's old messages have them several deep.
                '\\' if rest.peek().is_some_and(|c| matches!(c, '"' | '\\')) => {}
                '\r' => text.push_str("^M"),
                '\t' | '\u{a0}' | '\u{202f}' | '\u{3000}' => text.push(' '),
                // What turns the direction of a line does not go to the terminal either.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
                c if c.is_control() => odd = true,
                '-' | '.' | '/' | '~' | '$' if text.ends_with(is_cjk) && !rest.peek().copied().is_some_and(is_cjk) => {
                    text.push(' ');
                    text.push(c);
                }
                c => {
                    odd |= c == char::REPLACEMENT_CHARACTER;
                    text.push(c);
                }
            }
        }
        let lower = text.to_ascii_lowercase();
        Line { text, lower, odd }
    }

    /// Without the prefixes of builders, loggers and prompts.
    pub(super) fn body(&self) -> &str {
        let mut text = self.text.trim();
        for _ in 0..PREFIXES {
            let Some(shorter) = without_prefix(text) else { break };
            text = shorter.trim_start();
        }
        text
    }

    /// The body, not too long.
    pub(super) fn shown(&self) -> String {
        const MOST: usize = 200;
        let text = self.body();
        match text.char_indices().nth(MOST) {
            Some((end, _)) => format!("{} ...", &text[..end]),
            None => text.to_owned(),
        }
    }
}

/// Chinese and Japanese, which put no space before a command that they quote.
fn is_cjk(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}')
}

/// A terminal's sequence: ESC [ ... letter, ESC ] ... BEL or ESC, or ESC and one character.
fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.next() {
        Some('[') => skip_sequence(rest),
        // ESC ends it, whatever comes then: ESC \ or the next sequence.
        Some(']') => {
            while rest.next_if(|c| !matches!(c, '\u{7}' | '\u{1b}' | '\u{9c}')).is_some() {}
            rest.next_if(|c| *c != '\u{1b}');
        }
        _ => {}
    }
}

/// ... letter
fn skip_sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while rest.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
}

/// The line without one prefix; `None` where it has none.
fn without_prefix(line: &str) -> Option<&str> {
    // The kernel's log: [   12.345678]
    if let Some((time, rest)) = line.strip_prefix('[').and_then(|line| line.split_once(']'))
        && time.bytes().all(|b| b.is_ascii_digit() || b" .".contains(&b))
    {
        return Some(rest);
    }
    let (word, rest) = line.split_once(' ')?;
    let digits = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    let only = |text: &str, more: &str| text.bytes().all(|b| b.is_ascii_digit() || more.as_bytes().contains(&b));
    let is_prefix = match word {
        // Prompts, quoting, the streams of the container runtime interface, compose's bar.
        "$" | "#" | ">" | ">>>" | "|" | "=>" | "stdout" | "stderr" | "F" | "P" => true,
        // BuildKit's step and its seconds.
        _ if word.len() > 1 && word.starts_with('#') && only(&word[1..], "") => true,
        _ if digits(word) && only(word.trim_start_matches('[').trim_end_matches(']'), ".:-/,TZ+") => {
            word.contains(['.', ':', '-'])
        }
        // klog: I1121 12:00:00.000000   1 file.go:1]
        _ if word.len() == 5 && word.starts_with(['I', 'W', 'E', 'F']) && only(&word[1..], "") => true,
        _ if word.ends_with(".go") || (word.contains(".go:") && word.ends_with(']')) => true,
        _ => false,
    };
    if is_prefix {
        return Some(rest);
    }
    // name_1  | text
    let (name, text) = line.split_once(" | ")?;
    let name = name.trim_end();
    (!name.contains(' ') && name.len() < 64).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let mut input = text.as_bytes();
        let mut lines = Lines::new(&mut input);
        std::iter::from_fn(|| lines.next().unwrap()).map(|line| line.shown()).collect()
    }

    #[test]
    fn what_loggers_and_terminals_add_goes() {
        const SAID: &str = "exec /app: exec format error";
        let dressed = [
            "exec /app: exec format error\r\n",
            "\u{1b}[31;1mexec /app: \u{1b}[0mexec format error",
            "#12 0.345 exec /app: exec format error",
            "2026-11-21T12:00:00.123456789Z stderr F exec /app: exec format error",
            "2026-11-21 12:00:00,123 exec /app: exec format error",
            "[   12.345678] exec /app: exec format error",
            "web-1  | exec /app: exec format error",
            ">>> exec /app: exec format error",
            r#"{"log":"exec /app: exec format error\n","stream":"stderr"}"#,
        ];
        for line in dressed {
            assert_eq!(lines(line)[0], SAID, "{line:?}");
        }
    }

    #[test]
    fn quotes_are_straight_and_carriage_returns_are_seen() {
        assert_eq!(lines("env: ‘python3\r’: No such file")[0], "env: 'python3^M': No such file");
        assert_eq!(lines(r#"caused \"exec \\\"/x\\\"\""#)[0], r#"caused "exec "/x"""#);
        assert_eq!(lines("bash：./x：权限不够")[0], "bash: ./x: 权限不够");
        assert_eq!(lines("提示-bash: ./x: 权限不够")[0], "提示 -bash: ./x: 权限不够");
        assert_eq!(lines("env: ./x: 入力/出力エラーです")[0], "env: ./x: 入力/出力エラーです");
    }

    #[test]
    fn long_lines_come_in_pieces() {
        let text = "x".repeat(LONGEST * 2 + 5);
        let mut input = text.as_bytes();
        let mut all = Lines::new(&mut input);
        let mut count = 0;
        while let Some(line) = all.next().unwrap() {
            assert!(line.text.len() <= LONGEST);
            count += 1;
        }
        assert_eq!((count, all.cut), (3, true));
    }
}
