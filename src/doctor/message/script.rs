//! What a shell says of a file that it reads as a script, because execve(2) has refused it: `FILE: line 1: WORDS: not found`, in
//! whatever language. The words are the file's own, and tell what it is.

use std::collections::BTreeSet;

use super::clean::Line;
use super::words::{CONTENTS, Content, ERRNOS, ErrorName, LINE, Means, NOT_FOUND, SUCCESS};

/// Different lines that are kept.
const MOST: usize = 32;
/// A program has its magic in its first lines; a script may have a mistake in any.
const FIRST_LINES: u32 = 3;
/// Web pages begin with empty lines.
const PAGE_LINES: u32 = 10;
/// Names of scripts, which may really have the mistake that a shell complains of.
const SCRIPTS: [&str; 9] = [".sh", ".bash", ".zsh", ".ksh", ".cgi", "configure", "rc", "profile", "hook"];
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "zsh", "ash", "ksh", "mksh", "yash"];
/// Parts of a shell's complaint about bytes that are no script: a mistake that people make names other tokens.
const TOKENS: [&str; 16] = [
    "'('",
    "\"(\"",
    "')'",
    "\")\"",
    "'<'",
    "\"<\"",
    "'&'",
    "\"&\"",
    "newline",
    "word unexpected",
    "unexpected word",
    "redirection",
    "unterminated",
    "eof in",
    "unexpected \"",
    "';;'",
];

/// One line that a shell said.
#[derive(Debug)]
pub(super) struct Said {
    /// The file that it reads; `None` where it names but itself.
    pub(super) path: Option<String>,
    /// Of which line of the file; 0 where it does not say.
    number: u32,
    says: Says,
    /// Bytes that are no text were in it.
    odd: bool,
    pub(super) line: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Says {
    /// It did not find a command of this name.
    NotFound(String),
    /// It does not understand a line.
    Syntax,
    /// The line.
    Source(String),
}

/// What such a line means.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meaning {
    /// The file is this.
    Is(&'static Content),
    /// It is no text.
    Garbage,
    /// It is a page, or has its characters.
    Page,
    /// It is no script, more or less surely: the line is one of the first, or far inside.
    NoScript { first: bool },
}

/// All that a text has of them.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) list: Vec<Said>,
    pub(super) executable: Vec<Executable>,
    /// The line before.
    before: String,
}

/// A file of which a shell says that it may execute it.
#[derive(Debug)]
pub(super) struct Executable {
    pub(super) path: String,
    /// The line before is about the same file: it has the error.
    pub(super) refused: bool,
    pub(super) line: String,
}

impl Script {
    /// Looks at a line in which these words were found; whether a shell says it of a file that is no script.
    pub(super) fn take(&mut self, line: &Line, found: &BTreeSet<Means>) -> Option<&Said> {
        if found.contains(&Means::Success) {
            self.executable(line);
        }
        self.before.clear();
        self.before.push_str(line.body());
        let words = found.contains(&Means::NotFound) || found.contains(&Means::Syntax) || missing(found);
        // A shell prints the line after what it does not understand of it.
        let source = || {
            self.list.last().is_some_and(|last| last.says == Says::Syntax)
                && line.text.contains(":")
                && line.text.contains('\'')
        };
        if !words && !source() {
            return None;
        }
        let said = Said::of(line, found)?;
        let means = said.meaning().is_some();
        if self.list.len() < MOST
            && (means || said.says == Says::Syntax)
            && !self.list.iter().any(|s| s.line == said.line)
        {
            self.list.push(said);
            return self.list.last().filter(|_| means);
        }
        None
    }

    /// `SCRIPT: line 2: FILE: Success`
    fn executable(&mut self, line: &Line) {
        let Some((_, 1.., rest)) = place(line.body()) else { return };
        let Some((path, says)) = rest.rsplit_once(':').map(|(path, says)| (path.trim(), says.trim())) else { return };
        let says = says.to_ascii_lowercase();
        if path.contains('/') && SUCCESS.contains(&says.as_str()) && self.executable.len() < MOST {
            let refused = self.before.contains(&format!("{path}: "));
            self.executable.push(Executable { path: path.to_owned(), refused, line: line.shown() });
        }
    }
}

/// Whether a file was not there.
fn missing(found: &BTreeSet<Means>) -> bool {
    found.iter().any(|means| matches!(*means, Means::Errno(at) if ERRNOS[usize::from(at)].name == ErrorName::Enoent))
}

impl Said {
    fn of(line: &Line, found: &BTreeSet<Means>) -> Option<Said> {
        let text = line.body();
        let (name, number, rest) = place(text)?;
        let path = Some(name).filter(|name| !SHELLS.contains(&name.rsplit('/').next().unwrap_or(name)));
        // dash names the file twice.
        let rest = rest.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(rest);
        let quoted = rest.strip_prefix('\'').and_then(|rest| Some(rest.rsplit_once('\'')?.0));
        let says = match quoted {
            Some(source) => Says::Source(source.to_owned()),
            None if found.contains(&Means::Syntax) && by_another(rest) => return None,
            None if found.contains(&Means::Syntax) => Says::Syntax,
            // Some languages say of a file what others say of a command.
            None if found.contains(&Means::NotFound) && !missing(found) => Says::NotFound(not_found(rest)?),
            // `<` makes the next word the name of a file.
            None => {
                let words = rest.rsplit_once(": ")?.0;
                let words = words.trim_start_matches("cannot open ").trim_start_matches("cannot execute command '");
                Says::NotFound(words.to_owned())
            }
        };
        let (path, line_shown) = (path.map(str::to_owned), line.shown());
        let said = Said { path, number, says, odd: line.odd, line: line_shown };
        // A file that is not there is missing, unless its name cannot be one.
        let opened = quoted.is_none() && !found.contains(&Means::Syntax) && !found.contains(&Means::NotFound);
        let is_content = || matches!(said.meaning(), Some(Meaning::Is(_)));
        // What is piped into a shell has no name: the line that it quotes next may tell.
        let waits = said.says == Says::Syntax;
        (waits || (said.path.is_some() && !opened) || is_content()).then_some(said)
    }

    /// What the line tells of the file; `None` where a script may just have a mistake.
    pub(super) fn meaning(&self) -> Option<Meaning> {
        let words = match &self.says {
            Says::NotFound(words) | Says::Source(words) => words.as_str(),
            Says::Syntax => return self.syntax(),
        };
        let content = CONTENTS.iter().find(|content| content.is(words, self.number, self.odd));
        content.map(Meaning::Is).or_else(|| (self.odd && self.path.is_some()).then_some(Meaning::Garbage))
    }

    fn syntax(&self) -> Option<Meaning> {
        let lower = self.line.to_ascii_lowercase();
        let rest = lower.rsplit_once(": ").map_or(lower.as_str(), |(_, rest)| rest);
        if !TOKENS.iter().any(|token| lower.contains(token)) || self.path.is_none() {
            return None;
        }
        let path = self.path.as_deref().unwrap_or_default();
        let first = self.number <= FIRST_LINES;
        let page = ["newline", "'<'", "\"<\"", "redirection"].iter().any(|token| rest.contains(token));
        let script = SCRIPTS.iter().any(|end| path.ends_with(end)) || !path.contains('/');
        match (first, page) {
            (true, true) => Some(Meaning::Page),
            (true, false) => Some(Meaning::NoScript { first }),
            (false, _) if script => None,
            (false, true) if self.number <= PAGE_LINES => Some(Meaning::Page),
            // What bash says of any token is said of scripts as well.
            (false, _) => (!lower.contains("near unexpected token")).then_some(Meaning::NoScript { first }),
        }
    }
}

/// What Ruby, PHP and Perl say of their own files has a comma, and what databases say begins with its severity.
fn by_another(rest: &str) -> bool {
    let lower = rest.to_ascii_lowercase();
    lower.contains("syntax error,") || lower.contains("syntax error at or near") || lower.starts_with("error: ")
}

/// The file, the number of the line and the rest of `FILE: line 1: REST`, `FILE: 1: REST`, `FILE[1]: REST`, `FILE: REST`.
fn place(text: &str) -> Option<(&str, u32, &str)> {
    let mut start = 0;
    for (colon, _) in text.match_indices(':') {
        let segment = &text[start..colon];
        let rest = text[colon + 1..].trim_start();
        let (name, inside) = segment.strip_suffix(']').and_then(|s| s.rsplit_once('[')).unwrap_or((segment, ""));
        if let Some(number) = Some(inside).filter(|i| !i.is_empty()).and_then(|inside| inside.parse().ok()) {
            return Some((last_word(name)?, number, rest));
        }
        if start > 0
            && let Some(number) = line_number(segment)
        {
            let before = text[..start - 1].trim_end();
            let before = before.trim_end_matches(": -c");
            return Some((last_word(before.rsplit_once(": ").map_or(before, |(_, name)| name))?, number, rest));
        }
        start = colon + 1;
    }
    let (name, rest) = text.split_once(": ")?;
    SHELLS.contains(&name).then_some((name, 0, rest))
}

/// The number in `line 7`, `7`, `Zeile 7`, `行 7` or `第 7 行`.
pub(super) fn line_number(segment: &str) -> Option<u32> {
    let number: String = segment.chars().filter(char::is_ascii_digit).collect();
    let word: String = segment.chars().filter(|c| !c.is_ascii_digit() && !c.is_whitespace()).collect();
    let is_line = word.is_empty() || LINE.contains(&word.to_ascii_lowercase().as_str());
    number.parse().ok().filter(|_| is_line && number.len() < 7 && segment.len() < 40)
}

fn last_word(text: &str) -> Option<&str> {
    let word = text.trim().rsplit([' ', '"', '(', '>']).next()?.trim_matches(['\'', '*']);
    (!word.is_empty() && !word.starts_with('-')).then_some(word)
}

/// The name in `NAME: not found`, `not found: NAME` or `no such command 'NAME'`.
fn not_found(rest: &str) -> Option<String> {
    let lower = rest.to_ascii_lowercase();
    let (at, text) = NOT_FOUND.iter().filter_map(|text| Some((lower.rfind(text)?, text))).min()?;
    let before = rest[..at].trim_end_matches([' ', ':']);
    let words = if before.is_empty() { rest[at + text.len()..].trim_start_matches([' ', ':']) } else { before };
    Some(words.trim_matches(['"', '\'']).to_owned())
}

impl Content {
    /// Whether words of a file begin as those of this kind do.
    fn is(&self, words: &str, number: u32, odd: bool) -> bool {
        if self.first_line && number > 1 {
            return false;
        }
        let words = unquoted(words);
        self.begins.iter().any(|begin| {
            // A shell has a colon after the words, too.
            if begin.strip_suffix(':') == Some(words) {
                return true;
            }
            let rest = words.strip_prefix(begin);
            let part_of_a_word = |next: char| next.is_ascii_alphanumeric() || next == '_' || next == '-';
            let ends = |rest: &str| {
                odd || begin.ends_with(|c: char| !c.is_alphanumeric()) || !rest.starts_with(part_of_a_word)
            };
            rest.is_some_and(ends)
        })
    }
}

/// Without bash's $'...' and the escapes before the first letters: $'\177ELF\002'.
fn unquoted(words: &str) -> &str {
    let mut words = words.trim_start_matches(['$', '\'', '"']);
    while let Some(rest) = words.strip_prefix('\\') {
        words = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == 'x');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::catalogue::CauseId;
    use crate::doctor::message::words;

    fn content(text: &str) -> Option<CauseId> {
        let line = Line::new(text);
        let mut script = Script::default();
        let said = script.take(&line, &words::find(&line.lower))?;
        match said.meaning()? {
            Meaning::Is(content) => Some(content.cause),
            Meaning::Garbage => Some(CauseId::ShFallbackGarbage),
            Meaning::Page => Some(CauseId::NotABinaryDownload),
            Meaning::NoScript { .. } => None,
        }
    }

    #[test]
    fn the_words_of_the_file_tell_what_it_is() {
        for (text, cause) in [
            ("./a: 1: \u{7f}ELF\u{2}\u{1}x@8: not found", CauseId::ShFallbackGarbage),
            ("./a: Zeile 1: $'\\177ELF\\002\\001': Kommando nicht gefunden.", CauseId::ShFallbackGarbage),
            ("/srv/tool: line 1: MZ\u{90}\u{3}: not found", CauseId::WrongOsBinary),
            ("./a[1]: PK\u{3}\u{4}Wk: inaccessible or not found", CauseId::ArchiveNotExtracted),
            ("./a: línea 1: Not: orden no encontrada", CauseId::NotABinaryDownload),
            ("/opt/x: 第 2 行： oid：未找到命令", CauseId::GitLfsPointer),
            ("./a: 1: \u{cf}\u{fffd}\u{fffd}H: not found", CauseId::ShFallbackGarbage),
            ("./run: ligne 2: import : commande introuvable", CauseId::MissingShebang),
            ("./a: line 1: <?xml: No such file or directory", CauseId::NotABinaryDownload),
            ("./a: line 1: error:: command not found", CauseId::NotABinaryDownload),
            ("./a: line 1: syntax error near unexpected token `newline'", CauseId::NotABinaryDownload),
            ("sh: cannot execute command `\u{feff}#!/bin/sh': No such file or directory", CauseId::BomBeforeShebang),
        ] {
            assert_eq!(content(text), Some(cause), "{text}");
        }
    }

    #[test]
    fn a_script_may_have_mistakes() {
        for text in [
            "./build.sh: line 12: foo: command not found",
            "./configure: line 1: PKG_CHECK_MODULES: command not found",
            "./deploy.sh: line 40: syntax error near unexpected token `fi'",
            "main.c:3: error: not found",
            "psql:x.sql:3: ERROR:  syntax error at or near \")\"",
            "bash: line 1: kubectl: command not found",
            "./x.sh: line 3: data.txt: No such file or directory",
        ] {
            assert_eq!(content(text), None, "{text}");
        }
    }
}
