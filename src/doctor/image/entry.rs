//! What an image starts: its command, found as a runtime finds it, and what that starts in turn.

use bstr::BString;
use nix::errno::Errno;

use super::named;
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::Finding;
use crate::exec::root::Root;
use crate::oci::config::Config;
use crate::text::to_text;

/// A program that the image names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// As it is written.
    pub(super) word: String,
    /// Where it is.
    pub(super) path: BString,
    /// Its arguments, itself first.
    pub(super) argv: Vec<BString>,
    /// Whether it is started for certain: an entrypoint may make of the command what it likes.
    pub(super) certain: bool,
}

/// How a look-up ends.
pub(super) enum Found {
    /// There it is; whether it starts is another question.
    At(BString),
    /// The runtime will not find it.
    Nowhere(Box<Finding>),
}

/// Looks a command up as runc and crun do, before anything is executed.
pub(super) fn look_up(word: &str, config: &Config, root: &Root, image: &str) -> Found {
    let failed = |detail: String| {
        let finding = named(Finding::problem(CauseId::PathLookupFailed, word, detail), image);
        match word.trim().contains(' ') {
            true => finding.evidence("the name contains a blank: command and arguments were given as one word"),
            false => finding,
        }
    };
    if word.contains('/') {
        let path = absolute(word, config);
        return match root.open(&path) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {
                Found::Nowhere(Box::new(failed(format!("{} is not in the image", to_text(&path)))))
            }
            _ => Found::At(path),
        };
    }
    let mut passed_over = None;
    for directory in config.path().split(':') {
        let path = absolute(&format!("{directory}/{word}"), config);
        match root.open(&path) {
            Ok(file) if file.is_executable() => return Found::At(path),
            Ok(_) => passed_over = Some(path),
            Err(_) => {}
        }
    }
    let finding = failed(format!("none of the directories of PATH has a program {word:?}: {}", config.path()));
    Found::Nowhere(Box::new(match passed_over {
        Some(path) => finding.evidence(format!("{} has no x bit", to_text(&path))),
        None => finding,
    }))
}

/// A path from the directory in which the image starts.
fn absolute(path: &str, config: &Config) -> BString {
    if path.starts_with('/') {
        path.into()
    } else {
        format!("{}/{path}", config.directory.trim_end_matches('/')).into()
    }
}

/// What a command starts in turn, as far as its words tell: after `sh -c`, after `--`, and the command that an
/// entrypoint is given.
pub(super) fn inner(config: &Config, root: &Root) -> Option<Word> {
    let argv = config.argv();
    let (word, at, certain) = match argv.as_slice() {
        [shell, flag, line, ..] if is_shell(shell) && flag.starts_with('-') && flag.ends_with('c') => {
            (first_word(line)?, None, true)
        }
        _ => match argv.iter().position(|word| word == "--") {
            Some(dashes) => (argv.get(dashes + 1)?.as_str(), Some(dashes + 1), true),
            None => {
                let first = config.entrypoint.len();
                (argv.get(first).filter(|_| first > 0)?.as_str(), Some(first), false)
            }
        },
    };
    let Found::At(path) = look_up(word, config, root, "") else { return None };
    // A file that an entrypoint is given may be anything but a program.
    let file = root.open(&path).ok()?;
    if !certain && !file.is_executable() {
        return None;
    }
    let argv = at.map_or_else(|| vec![word.into()], |at| argv[at..].iter().map(|a| a.as_str().into()).collect());
    Some(Word { word: word.to_owned(), path, argv, certain })
}

fn is_shell(word: &str) -> bool {
    matches!(word.rsplit('/').next(), Some("sh" | "bash" | "ash" | "dash"))
}

/// The program at the start of a shell's line; `None` where that takes a shell to tell.
fn first_word(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace();
    let word = words.find(|word| *word != "exec" && !is_assignment(word))?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./+@".contains(&b);
    word.bytes().all(plain).then_some(word)
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_a_shells_line() {
        for (line, word) in [
            ("/app --x", Some("/app")),
            ("exec node server.js", Some("node")),
            ("A=1 B_2=$x exec ./run", Some("./run")),
            ("$JAVA -jar x", None),
            ("(cd /x && y)", None),
            ("  ", None),
        ] {
            assert_eq!(first_word(line), word, "{line}");
        }
    }
}
