//! `#!` lines, as load_script in fs/binfmt_script.c reads them. Pure.

use crate::kernel::ScriptParser;

/// What a `#!` line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The interpreter; may be empty.
    pub name: &'a [u8],
    /// Everything after it, as one argument.
    pub argument: Option<&'a [u8]>,
    /// Where the name begins in the file.
    pub at: usize,
}

/// Why a `#!` line is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The file does not begin with `#!`.
    NoScript,
    /// Nothing but blanks after `#!`.
    NoName,
    /// The name is longer than what the kernel reads of the file.
    CutOff,
}

/// Reads the first line of a file. `head` is all that the kernel reads of it, padded with zero bytes.
///
/// # Errors
/// Why this is not a script that the kernel runs.
pub fn parse(head: &[u8], parser: ScriptParser) -> Result<Line<'_>, Refusal> {
    if !head.starts_with(b"#!") {
        return Err(Refusal::NoScript);
    }
    match parser {
        ScriptParser::New => new(head),
        ScriptParser::Whole => old(head, true),
        ScriptParser::Old => old(head, false),
    }
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The first byte of `head[from..=to]` that satisfies `wanted`.
fn find(head: &[u8], from: usize, to: usize, wanted: impl Fn(u8) -> bool) -> Option<usize> {
    (from..=to).find(|&at| head.get(at).is_some_and(|&byte| wanted(byte)))
}

fn text_at(head: &[u8], from: usize, end: usize) -> &[u8] {
    let text = &head[from..end.max(from)];
    &text[..text.iter().position(|&b| b == 0).unwrap_or(text.len())]
}

/// 5.8 and later.
fn new(head: &[u8]) -> Result<Line<'_>, Refusal> {
    let last = head.len() - 1;
    let mut end = match head.iter().position(|&b| b == b'\n') {
        Some(newline) => newline,
        None => {
            whole_name(head)?;
            last
        }
    };
    while is_blank(head[end - 1]) {
        end -= 1;
    }
    let name = find(head, 2, end, |b| !is_blank(b)).filter(|&at| at != end).ok_or(Refusal::NoName)?;
    let gap = find(head, name, end, |b| is_blank(b) || b == 0);
    // A blank at the very end still begins an argument, an empty one.
    let argument = gap.filter(|&at| head[at] != 0).and_then(|at| find(head, at, end, |b| !is_blank(b)));
    Ok(Line {
        name: text_at(head, name, argument.and(gap).unwrap_or(end)),
        argument: argument.map(|at| text_at(head, at, end)),
        at: name,
    })
}

/// Without a newline the name must end within what was read.
fn whole_name(head: &[u8]) -> Result<(), Refusal> {
    let last = head.len() - 1;
    let name = find(head, 2, last, |b| !is_blank(b)).ok_or(Refusal::NoName)?;
    find(head, name, last, |b| is_blank(b) || b == 0).map(|_| ()).ok_or(Refusal::CutOff)
}

/// Up to 5.7. `whole` refuses a name that was cut off.
fn old(head: &[u8], whole: bool) -> Result<Line<'_>, Refusal> {
    let last = head.len() - 1;
    // The first newline, looked for with strchr before 5.0: a NUL byte ends the search.
    let newline = head[..last].iter().position(|&b| b == b'\n' || (!whole && b == 0)).filter(|&at| head[at] == b'\n');
    if whole && newline.is_none() {
        whole_name(head)?;
    }
    let line = &head[..newline.unwrap_or(last)];
    let trimmed = line.iter().rposition(|&b| !is_blank(b)).map_or(0, |at| at + 1);
    // What follows a NUL byte is another string.
    let end = line[..trimmed].iter().position(|&b| b == 0).unwrap_or(trimmed);
    let name = find(head, 2, end, |b| !is_blank(b)).filter(|&at| at < end).ok_or(Refusal::NoName)?;
    let gap = find(head, name, end, is_blank).filter(|&at| at < end).unwrap_or(end);
    let argument = find(head, gap, end, |b| !is_blank(b)).filter(|&at| at < end);
    Ok(Line { name: &head[name..gap], argument: argument.map(|at| &head[at..end]), at: name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &[u8], len: usize) -> Vec<u8> {
        let mut head = text.to_vec();
        head.resize(len, 0);
        head
    }

    fn read(text: &[u8], parser: ScriptParser) -> Result<(Vec<u8>, Option<Vec<u8>>), Refusal> {
        parse(&head(text, 256), parser).map(|l| (l.name.to_vec(), l.argument.map(<[u8]>::to_vec)))
    }

    fn line(name: &[u8], argument: Option<&[u8]>) -> Result<(Vec<u8>, Option<Vec<u8>>), Refusal> {
        Ok((name.to_vec(), argument.map(<[u8]>::to_vec)))
    }

    #[test]
    fn names_arguments_and_blanks() {
        for parser in [ScriptParser::New, ScriptParser::Whole, ScriptParser::Old] {
            assert_eq!(read(b"#!/bin/sh\n", parser), line(b"/bin/sh", None));
            assert_eq!(read(b"#! \t/bin/sh  -e -x \nmore", parser), line(b"/bin/sh", Some(b"-e -x")));
            assert_eq!(read(b"#!/bin/sh\r\n", parser), line(b"/bin/sh\r", None));
            assert_eq!(read(b"#!/bin/sh", parser), line(b"/bin/sh", None));
            assert_eq!(read(b"#!\n", parser), Err(Refusal::NoName));
            assert_eq!(read(b" #!/bin/sh\n", parser), Err(Refusal::NoScript));
        }
    }

    #[test]
    fn what_5_8_changed() {
        assert_eq!(read(b"#!/bin/sh ", ScriptParser::New), line(b"/bin/sh", Some(b"")));
        assert_eq!(read(b"#!/bin/sh ", ScriptParser::Whole), line(b"/bin/sh", None));
        assert_eq!(read(b"#!", ScriptParser::New), line(b"", None));
        assert_eq!(read(b"#!   ", ScriptParser::Old), Err(Refusal::NoName));
    }

    #[test]
    fn a_name_that_is_cut_off() {
        let long = [b"#!".as_slice(), &[b'a'; 300]].concat();
        assert_eq!(parse(&long[..256], ScriptParser::New), Err(Refusal::CutOff));
        assert_eq!(parse(&long[..128], ScriptParser::Whole), Err(Refusal::CutOff));
        assert_eq!(parse(&long[..128], ScriptParser::Old).unwrap().name.len(), 125);
        assert_eq!(parse(&long[..256], ScriptParser::Old).unwrap().name.len(), 253);
    }
}
