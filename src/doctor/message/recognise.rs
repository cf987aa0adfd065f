//! What is recognised in the lines of a message. All lists are short, however long the message.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::clean::Line;
use super::patterns::{Caller, Errno, Means, PATTERNS, Strength};

/// Failures that are kept; a log that repeats itself has few different ones.
const MOST_FAILURES: usize = 32;
/// Other names that are kept of a kind.
const MOST_NAMES: usize = 16;

/// What was recognised.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Programs that could not be started.
    pub(super) failures: Vec<Failure>,
    /// Words of causes: how many different lines have them, at each strength, and the first such line.
    pub(super) signs: BTreeMap<(&'static str, Strength), Seen>,
    /// Where the message comes from.
    pub(super) contexts: BTreeSet<&'static str>,
    /// Exit statuses, with their line.
    pub(super) exits: BTreeMap<u8, String>,
    pub(super) platforms: Vec<String>,
    pub(super) image: Option<String>,
    pub(super) cut: bool,
}

/// One failure of execve(2), as somebody reports it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) errno: &'static Errno,
    pub(super) caller: Option<&'static Caller>,
    pub(super) path: Option<String>,
    /// The words may be about a file that was only opened.
    pub(super) doubtful: bool,
    pub(super) line: String,
}

/// Lines with words of a cause.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) lines: Vec<String>,
}

impl Marks {
    /// Looks through a line.
    pub(super) fn take(&mut self, line: Line) {
        let found = PATTERNS.find(&line.lower);
        self.names(&line);
        if found.is_empty() {
            return;
        }
        for means in &found {
            match *means {
                Means::Context(at) => {
                    self.contexts.insert(&PATTERNS.callers.context_names[at]);
                }
                Means::Sign(at) => {
                    let sign = PATTERNS.sign(at);
                    let seen = self.signs.entry((&sign.cause, sign.strength)).or_default();
                    if seen.lines.len() < 3 {
                        let shown = line.shown();
                        if !seen.lines.contains(&shown) {
                            seen.lines.push(shown);
                        }
                    }
                }
                Means::Errno(_) | Means::Caller(_) => {}
            }
        }
        let errno = found.iter().find_map(|means| match *means {
            Means::Errno(at) => Some(&PATTERNS.errnos[at]),
            _ => None,
        });
        let callers = found.iter().filter_map(|means| match *means {
            Means::Caller(at) => Some(&PATTERNS.callers.list[at]),
            _ => None,
        });
        let Some(errno) = errno else { return };
        let mut failure = None;
        for caller in callers {
            let Some(path) = caller.find(&line.lower) else { continue };
            // The same bytes, as they were written.
            let path = path.map(|path| {
                let start = path.as_ptr() as usize - line.lower.as_ptr() as usize;
                line.text[start..start + path.len()].trim().to_owned()
            });
            let doubtful = !errno.alone && !about_a_program(caller, path.as_deref());
            failure = Some((Some(caller), path, doubtful));
            if !doubtful || caller.not_scripts {
                break;
            }
        }
        if failure.is_none() && errno.alone {
            failure = Some((None, some_path(&line.text), false));
        }
        let Some((caller, path, doubtful)) = failure else { return };
        self.fail(Failure { errno, caller, path, doubtful, line: line.shown() });
    }

    fn fail(&mut self, failure: Failure) {
        let same = |other: &Failure| {
            other.errno.name == failure.errno.name
                && other.path == failure.path
                && other.caller.map(|c| &c.name) == failure.caller.map(|c| &c.name)
        };
        if self.failures.iter().any(same) {
            return;
        }
        if self.failures.len() < MOST_FAILURES {
            self.failures.push(failure);
        } else {
            self.cut = true;
        }
    }

    /// Platforms, images and exit statuses.
    fn names(&mut self, line: &Line) {
        static PLATFORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
            const ARCHS: &str = "amd64|arm64|arm|386|riscv64|s390x|ppc64le|mips64le|mips64|loong64";
            Regex::new(&format!("linux/(?:{ARCHS})(?:/v[0-9])?|qemu-(?:aarch64|arm|riscv64|s390x|ppc64le|x86_64|i386)"))
                .ok()
        });
        static EXIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new("(?:exit(?:ed|s)?(?: with)?(?: status| code)?[:=]? ?[(]?|status=|code[:=]? ?|rc=|[]] error )([0-9]{3})(?:[^0-9.]|$)").ok()
        });
        static IMAGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new("(?:image with reference |manifest for )([^ ,:\"']+(?::[^ ,:\"']+)?)|((?:docker[.]io|ghcr[.]io|quay[.]io|registry[.]k8s[.]io|gcr[.]io|mcr[.]microsoft[.]com|public[.]ecr[.]aws)/[^ ,\"')]+)").ok()
        });
        let lower = &line.lower;
        if lower.contains("linux/") || lower.contains("qemu-") {
            for found in PLATFORM.iter().flat_map(|shape| shape.find_iter(lower)) {
                let name = found.as_str().trim_start_matches("qemu-");
                if self.platforms.len() < MOST_NAMES && !self.platforms.iter().any(|p| p == name) {
                    self.platforms.push(name.to_owned());
                }
            }
        }
        if ["exit", "status=", "rc=", "code", "error 12"].iter().any(|word| lower.contains(word)) {
            for found in EXIT.iter().flat_map(|shape| shape.captures_iter(lower)) {
                if let Ok(status) = found[1].parse() {
                    self.exits.entry(status).or_insert_with(|| line.shown());
                }
            }
        }
        if self.image.is_none() && (lower.contains("image") || lower.contains("manifest") || lower.contains("pull")) {
            let found = IMAGE.as_ref().and_then(|shape| shape.captures(lower));
            let name = found.and_then(|found| found.get(1).or(found.get(2)));
            self.image = name.map(|name| line.text[name.range()].trim_end_matches([':', '.']).to_owned());
        }
    }
}

/// A word of the line that is a path.
fn some_path(text: &str) -> Option<String> {
    let word = |word: &&str| word.starts_with(['/', '.']) && word.contains('/') && word.len() > 2;
    let mut words = text.split([' ', '"', '\'', '(', ')', ',', '[', ']']).map(|w| w.trim_end_matches([':', '.', ';']));
    words.find(word).map(str::to_owned)
}

/// Whether the words are about a program rather than some file that could not be opened.
fn about_a_program(caller: &Caller, path: Option<&str>) -> bool {
    let callers = &PATTERNS.callers;
    let Some(path) = path else { return true };
    if !path.contains('/') {
        return caller.bare && (!path.contains(' ') || caller.name == "env");
    }
    if callers.not_programs.iter().any(|start| path.starts_with(start.as_str()))
        || callers.not_programs_end.iter().any(|end| path.ends_with(end.as_str()))
    {
        return false;
    }
    if caller.not_scripts && callers.script_ends.iter().any(|end| path.to_ascii_lowercase().ends_with(end.as_str())) {
        return false;
    }
    !caller.opens
        || callers.looks_like_program.iter().any(|start| path.starts_with(start.as_str()))
        || callers.looks_like_program_end.iter().any(|end| path.to_ascii_lowercase().ends_with(end.as_str()))
}
