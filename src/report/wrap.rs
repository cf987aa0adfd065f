//! Lines of a terminal's width.

use std::io::IsTerminal;

use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter};

use crate::text::printable;

/// Lines longer than this are hard to read, however wide the terminal is.
const WIDEST: usize = 110;

/// The width of the terminal that standard output is; `None` where it is none: what reads it wants whole sentences.
fn terminal() -> Option<usize> {
    let output = std::io::stdout();
    let size = output.is_terminal().then(|| rustix::termios::tcgetwinsize(output).ok())??;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// A text for the terminal, its first line after `first` and the others after `then`.
pub(super) fn for_terminal(text: &str, first: &str, then: &str) -> String {
    let text = &printable(text);
    match terminal() {
        Some(columns) => fill(text, first, then, columns.min(WIDEST)),
        None => format!("{first}{text}\n"),
    }
}

/// A text in lines of a width.
pub(super) fn fill(text: &str, first: &str, then: &str, width: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let options = Options::new(width).initial_indent(first).subsequent_indent(then).break_words(false);
    let options = options.word_splitter(WordSplitter::NoHyphenation).word_separator(WordSeparator::Custom(words_of));
    textwrap::fill(&words, options) + "\n"
}

/// Words end at blanks, and after each character of Chinese.
fn words_of(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut start = 0;
    let mut words = Vec::new();
    let mut characters = line.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let end = at + character.len_utf8();
        let next = characters.peek().map(|(_, next)| *next);
        let is_end = match next {
            None => true,
            Some(' ') => false,
            // No line begins with what closes a clause.
            Some('，' | '。' | '、' | '：' | '；' | '）' | '”') => false,
            Some(next) => character == ' ' || is_wide(character) || is_wide(next),
        };
        if is_end {
            words.push(Word::from(&line[start..end]));
            start = end;
        }
    }
    Box::new(words.into_iter())
}

/// Characters of Chinese, and its punctuation.
fn is_wide(character: char) -> bool {
    matches!(character, '\u{3000}'..='\u{303f}' | '\u{3400}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_longer_than_the_width() {
        assert_eq!(fill("one two  three\nfour", "- ", "  ", 11), "- one two\n  three\n  four\n");
        assert_eq!(fill("内核不认识这种格式。", "", " ", 10), "内核不认识\n 这种格\n 式。\n");
        assert_eq!(fill("运行 rbinfmt 即可", "", "", 14), "运行 rbinfmt\n即可\n");
    }
}
