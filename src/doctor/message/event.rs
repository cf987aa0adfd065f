//! Events: who reports which error of execve(2) on which file. All lists are short, however long the text.

use std::collections::{BTreeSet, VecDeque};

use super::clean::Line;
use super::fact::Kind;
use super::words::{Caller, Errno, Means, WORDS};

/// Different events that are kept of each grade; a log that repeats itself has few.
const MOST: usize = 32;
/// Commands that were typed, and are kept.
const MOST_COMMANDS: usize = 16;
/// Characters of a command.
const MOST_COMMAND: usize = 200;
/// Characters before which a prompt ends.
const MOST_PROMPT: usize = 64;

/// The caller that reads a program as a script.
pub(super) const READS: &str = "a shell that reads it";

/// How surely the words are about a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// Perhaps a file that could not be opened.
    Opened,
    /// The name looks like a program's.
    Named,
    /// Only a program can be meant.
    Executed,
}

/// One failure of execve(2), as somebody reports it.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) errno: &'static Errno,
    pub(super) caller: Option<&'static Caller>,
    pub(super) path: Option<String>,
    /// What a script's first line names, where the words quote it.
    pub(super) interpreter: Option<String>,
    /// The platform of the build step that failed.
    pub(super) platform: Option<String>,
    pub(super) grade: Grade,
    pub(super) line: String,
    /// How often it was reported.
    pub(super) times: u32,
}

/// All of a text.
#[derive(Debug, Default)]
pub(super) struct Events {
    list: Vec<Event>,
    /// What was typed at a prompt, the newest last.
    pub(super) commands: VecDeque<String>,
    /// A file that is spoken of near an error that names none.
    pub(super) subject: Option<String>,
    pub(super) cut: bool,
}

impl Events {
    /// Looks at a line in which these words were found.
    pub(super) fn take(&mut self, line: &Line, found: &BTreeSet<Means>, platform: Option<&str>) {
        if found.contains(&Means::Fact(Kind::Subject)) {
            self.spoken_of(line);
        }
        if found.contains(&Means::NoEvent) {
            return;
        }
        let errno = found.iter().find_map(|means| match *means {
            Means::Errno(at) => Some(&WORDS.errnos[at]),
            _ => None,
        });
        let Some(errno) = errno else { return };
        let mut best: Option<Event> = None;
        for means in found {
            let Means::Caller(at) = *means else { continue };
            let caller = &WORDS.callers.list[at];
            // A syntax error is one of a program only where a shell reads it from its beginning.
            if !errno.alone && errno.name == "ENOEXEC" && caller.name != READS {
                continue;
            }
            let Some(named) = caller.find(&line.lower) else { continue };
            let path = named.path.map(|path| as_written(line, path)).filter(|path| !path.is_empty());
            let Some(grade) = grade(errno, caller, path.as_deref(), line) else { continue };
            let interpreter = named.interpreter.map(|path| as_written(line, path));
            let better = best.as_ref().is_none_or(|best| grade > best.grade);
            if better {
                let (caller, line) = (Some(caller), String::new());
                best = Some(Event { errno, caller, path, interpreter, platform: None, grade, line, times: 1 });
            }
            if grade == Grade::Executed || caller.not_scripts {
                break;
            }
        }
        let bare = || Event {
            errno,
            caller: None,
            path: some_path(&line.text),
            interpreter: None,
            platform: None,
            grade: Grade::Executed,
            line: String::new(),
            times: 1,
        };
        let Some(event) = best.or_else(|| errno.alone.then(bare)) else { return };
        self.add(Event { line: line.shown(), platform: platform.map(str::to_owned), ..event });
    }

    /// Folds what is there already; where there is no room, what says more displaces what says less.
    fn add(&mut self, event: Event) {
        let same = |other: &&mut Event| {
            other.errno.name == event.errno.name
                && other.path == event.path
                && other.platform == event.platform
                && other.caller.map(|c| &c.name) == event.caller.map(|c| &c.name)
        };
        if let Some(known) = self.list.iter_mut().find(same) {
            known.times = known.times.saturating_add(1);
            known.grade = known.grade.max(event.grade);
            return;
        }
        if self.list.len() < MOST {
            return self.list.push(event);
        }
        self.cut = true;
        let least = self.list.iter().enumerate().min_by_key(|(_, known)| weight(known)).map(|(at, _)| at);
        if let Some(at) = least.filter(|&at| weight(&self.list[at]) < weight(&event)) {
            self.list.remove(at);
            self.list.push(event);
        }
    }

    /// A command at a prompt.
    pub(super) fn typed(&mut self, line: &Line) {
        let Some(command) = typed(&line.text) else { return };
        if self.commands.len() == MOST_COMMANDS {
            self.commands.pop_front();
        }
        self.commands.push_back(command.chars().take(MOST_COMMAND).collect());
    }

    /// A file that the line speaks of.
    fn spoken_of(&mut self, line: &Line) {
        if self.subject.is_none() {
            self.subject = some_path(&line.text).or_else(|| relative_path(&line.text));
        }
    }

    /// The events that are about programs, the strongest first.
    pub(super) fn judged(&self, spawns: bool) -> Vec<&Event> {
        let least = if spawns { Grade::Opened } else { Grade::Named };
        let mut events: Vec<&Event> = self.list.iter().filter(|event| event.grade >= least).collect();
        events.sort_by_key(|event| std::cmp::Reverse(weight(event)));
        // Beside a program that could not be started, files that were not found are noise.
        let sure = events.iter().any(|event| event.grade == Grade::Executed && event.errno.alone);
        events.retain(|event| !sure || event.grade == Grade::Executed);
        events
    }
}

/// What displaces what.
fn weight(event: &Event) -> (Grade, bool) {
    (event.grade, event.errno.alone)
}

/// The same bytes of a line, as they were written.
fn as_written(line: &Line, part: &str) -> String {
    let start = part.as_ptr() as usize - line.lower.as_ptr() as usize;
    line.text[start..start + part.len()].trim().trim_matches('*').to_owned()
}

/// A word of the line that is a path.
fn some_path(text: &str) -> Option<String> {
    let word =
        |word: &&str| word.starts_with(['/', '.']) && word.contains('/') && word.len() > 2 && !word.contains("//");
    let mut words = text
        .split([' ', '"', '\'', '(', ')', ',', '[', ']', '*', '='])
        .map(|w| w.trim_end_matches([':', '.', ';', '…']));
    words.find(word).map(str::to_owned)
}

/// A relative name with a directory, of a line that speaks of a script.
fn relative_path(text: &str) -> Option<String> {
    let mut words = text.split([' ', '"', '\'']).map(|w| w.trim_end_matches([':', '.', ';', '…', ',']));
    words.find(|word| word.contains('/') && !word.contains("//") && word.len() > 3).map(str::to_owned)
}

/// What was typed: after a prompt at the beginning of the line.
fn typed(text: &str) -> Option<&str> {
    let text = text.trim();
    let start = text.char_indices().nth(MOST_PROMPT).map_or(text, |(end, _)| &text[..end]);
    let (at, prompt) = ["$ ", "# ", "% ", "❯ ", "+ "].iter().find_map(|prompt| Some((start.find(prompt)?, *prompt)))?;
    let before = text[..at].trim_end();
    let is_prompt = before.is_empty()
        || (!before.contains(' ') || before.ends_with(['~', ']', ')'])) && before.contains(['@', ':', '~', '/', '-']);
    (is_prompt && !before.contains("://")).then(|| text[at + prompt.len()..].trim())
}

/// How surely the words are about a program rather than some file that could not be opened; `None` where they are not.
fn grade(errno: &Errno, caller: &Caller, path: Option<&str>, line: &Line) -> Option<Grade> {
    let callers = &WORDS.callers;
    let lower = path.map(str::to_ascii_lowercase).unwrap_or_default();
    let ends = |list: &[String]| list.iter().any(|end| lower.ends_with(end.as_str()));
    let Some(path) = path else {
        return Some(if caller.opens && !errno.alone { Grade::Opened } else { Grade::Executed });
    };
    // The shape has taken the error for a name.
    if errno.is_in(&lower) || caller.not_scripts && ends(&callers.script_ends) {
        return None;
    }
    if errno.alone {
        return Some(Grade::Executed);
    }
    if !path.contains('/') {
        // A name that is not found in PATH is a program that is not installed; env's is a script's, by its full name.
        let looked_up = errno.name == "ENOENT" && !(caller.name == "env" && line.lower.contains("bin/env: "));
        return (caller.bare && !looked_up).then_some(Grade::Executed);
    }
    if caller.exec {
        return Some(Grade::Executed);
    }
    if callers.not_programs.iter().any(|start| path.starts_with(start.as_str())) || ends(&callers.not_programs_end) {
        return Some(Grade::Opened);
    }
    let looks = callers.looks_like_program.iter().any(|start| path.starts_with(start.as_str()));
    let looks = looks || ends(&callers.looks_like_program_end);
    Some(if !caller.opens || looks { Grade::Named } else { Grade::Opened })
}
