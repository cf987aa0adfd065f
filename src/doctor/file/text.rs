//! What a text is that does not begin with `#!`.

use super::command;
use super::content::{Content, Sample, TextKind, texts};
use crate::doctor::catalogue::{Advice, CauseId};

/// Lines among which a `#!` is looked for that is not on the first one.
const LINES: usize = 20;

/// How much of a text is looked at.
const PREFIX: usize = 4096;

/// Names of texts that come along with programs.
const COMPANIONS: [&str; 4] = ["NOTICE", "LICENSE", "README", "COPYING"];

/// Says what a text is; `None` for what is not one.
pub(super) fn of(sample: &Sample) -> Option<Content> {
    let text = as_text(&sample.head[..sample.head.len().min(PREFIX)])?;
    let upper = sample.name().to_ascii_uppercase();
    let content = |cause, what: String, advice| Content { cause, what, advice };
    let start = text.trim_start().to_ascii_lowercase();
    let begins = |t: &&TextKind| t.begins.iter().any(|begin| start.starts_with(begin.as_str()));
    let known = texts().iter().find(begins);
    if known.is_none() && COMPANIONS.iter().any(|word| upper.contains(word)) {
        return Some(content(CauseId::WrongFilePicked, "a text without a #! line".into(), Vec::new()));
    }
    if let Some(found) = misplaced(text, sample) {
        return Some(found);
    }
    let lower = sample.name().to_ascii_lowercase();
    let extension = sample.extension();
    let called = |t: &&TextKind| {
        t.named.iter().any(|name| **name == *lower) || t.extensions.iter().any(|known| **known == *extension)
    };
    let mut found = match known.or_else(|| texts().iter().find(called)) {
        Some(row) => {
            let mut found = row.what.content(sample);
            if let Some(interpreter) = row.interpreter {
                found.what = format!("{} without a #! line", found.what);
                let command = sample.fill(&command::fill(command::NAME_INTERPRETER, &[("interpreter", &interpreter)]));
                found.advice.push((Advice::NameInterpreter, Some(command)));
            }
            found
        }
        None if is_checksum(text) => content(
            CauseId::NotABinaryDownload,
            "a list of checksums, not the file that they are of".into(),
            Vec::new(),
        ),
        None if is_dockerfile(text) => content(
            CauseId::NotAProgram,
            "a Dockerfile".into(),
            vec![(Advice::BuildImage, Some(sample.fill(command::BUILD_IMAGE)))],
        ),
        None => content(CauseId::MissingShebang, "a text without a #! line".into(), Vec::new()),
    };
    if found.cause == CauseId::MissingShebang && text.lines().next().is_some_and(|_| text.contains("\r\n")) {
        found.what.push_str(", and its lines end as on Windows");
    }
    Some(found)
}

/// The whole characters of a text; `None` where it is none.
fn as_text(head: &[u8]) -> Option<&str> {
    let text = match str::from_utf8(head) {
        Ok(text) => text,
        // A character that is cut off by our own bound.
        Err(error) if error.error_len().is_none() => str::from_utf8(&head[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let odd = |c: char| c.is_control() && !c.is_ascii_whitespace() && c != '\x1b';
    (!text.contains(odd)).then_some(text.trim_start_matches('\u{feff}'))
}

/// A `#!` that is there, and not as the first two bytes.
fn misplaced(text: &str, sample: &Sample) -> Option<Content> {
    let found = |what: String, advice, command: &str| {
        let advice = vec![(advice, Some(sample.fill(command)))];
        Some(Content { cause: CauseId::MissingShebang, what, advice })
    };
    let first = text.lines().next().unwrap_or_default();
    if first.trim_start().starts_with("#!") {
        return found("a script with blanks before its #!".into(), Advice::CutToShebang, command::CUT_BLANKS);
    }
    let typo = ["# !", "!#", "#/", "# /"].into_iter().find(|typo| first.starts_with(typo));
    if let Some(line) = text.lines().take(LINES).position(|line| line.starts_with("#!")) {
        let what = format!("a script with its #! on line {}, and only line 1 counts", line + 1);
        return found(what, Advice::CutToShebang, &command::fill(command::CUT_LINES, &[("line", &line.to_string())]));
    }
    let typo = typo?;
    let slash = if typo.ends_with('/') { "/" } else { "" };
    let pattern = typo.replace('/', r"\/");
    let right = command::fill(command::CORRECT_SHEBANG, &[("typo", &pattern), ("slash", &slash.replace('/', r"\/"))]);
    let what = format!("a script that begins with {typo:?} instead of \"#!\"");
    found(what, Advice::CorrectShebang, &right)
}

/// `<digest>  <name>` on each line, as sha256sum prints it.
fn is_checksum(text: &str) -> bool {
    let is_line = |line: &str| {
        let digest = line.split_ascii_whitespace().next().unwrap_or_default();
        [32, 40, 64, 96, 128].contains(&digest.len()) && digest.bytes().all(|b| b.is_ascii_hexdigit())
    };
    text.lines().take(2).all(is_line) && !text.trim().is_empty()
}

/// The first instruction of a Dockerfile is FROM, after comments and ARG.
fn is_dockerfile(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.find(|line| !line.starts_with("ARG ")).is_some_and(|line| line.starts_with("FROM "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> (String, String) {
        let content = of(&Sample { path, head: text.as_bytes(), len: text.len() as u64 }).unwrap();
        let command = content.advice.first().and_then(|(_, command)| command.clone());
        (content.what, command.unwrap_or_default())
    }

    #[test]
    fn how_a_shebang_is_lacking() {
        for (text, what, command) in [
            ("\n#!/bin/sh\n", "line 2", "sed -i '1,1d' x"),
            (" #!/bin/sh\n", "blanks", "sed -i '1s/^[[:space:]]*//' x"),
            ("# !/bin/sh\n", "instead of", "sed -i '1s/^# !/#!/' x"),
            ("#/bin/sh\n", "instead of", r"sed -i '1s/^#\//#!\//' x"),
        ] {
            let (said, fix) = found("x", text);
            assert!(said.contains(what) && fix == command, "{text:?}: {said} {fix}");
        }
    }

    #[test]
    fn what_runs_a_text() {
        for (path, text, command) in [
            ("./a.py", "print(1)\n", "python3 ./a.py"),
            ("tool", "import os\nprint(1)\n", "python3 tool"),
            ("a.js", "console.log(1)\r\n", "node a.js"),
            ("prog.c", "int main(void) {}\n", "cc -o prog prog.c"),
            ("Dockerfile", "# base\nFROM scratch\n", "docker build -f Dockerfile ."),
            ("x", "ARG V=1\nFROM a:$V\n", "docker build -f x ."),
            ("notes.txt", "hello\n", ""),
            ("SUMS", "d41d8cd98f00b204e9800998ecf8427e  file\n", ""),
        ] {
            assert_eq!(found(path, text).1, command, "{path}");
        }
        assert!(found("a.js", "x\r\n").0.contains("Windows"));
    }
}
