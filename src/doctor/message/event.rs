//! Events: who reports which error of execve(2) on which file. All lists are short, however long the text.

use std::collections::{BTreeSet, VecDeque};

use super::clean::Line;
use super::fact::Kind;
use super::script::{Said, line_number};
use super::words::{
    BASIC, CALLERS, Caller, ERRNOS, Errno, ErrorName, INTERPRETERS, LOOKS_LIKE_PROGRAM, LOOKS_LIKE_PROGRAM_END, Means,
    NOT_NAMES, NOT_PROGRAMS, NOT_PROGRAMS_END, Place, WRITERS,
};

/// Different events that are kept of each grade; a log that repeats itself has few.
const MOST: usize = 32;
/// Commands that were typed, and are kept.
const MOST_COMMANDS: usize = 16;
/// Characters of a command.
const MOST_COMMAND: usize = 200;
/// Characters before which a prompt ends.
const MOST_PROMPT: usize = 64;

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

/// Where a caller's shape has the file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// Another word is there, and another caller may know better.
    Another,
    Shape,
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
    /// Where the newest was typed, as the prompt or `cd` tells it.
    pub(super) directory: Option<String>,
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
            Means::Errno(at) => Some(&ERRNOS[usize::from(at)]),
            _ => None,
        });
        let Some(errno) = errno else { return };
        if errno.name == ErrorName::Etxtbsy && WRITERS.iter().any(|writer| line.lower.contains(writer)) {
            return;
        }
        // Nothing displaces what only execve(2) can have said.
        if self.list.len() == MOST && self.list.iter().all(|known| weight(known) == (Grade::Executed, true)) {
            self.cut = true;
            return;
        }
        let mut best: Option<(Event, Name)> = None;
        for means in found {
            let Means::Caller(at) = *means else { continue };
            let at = usize::from(at);
            let caller = &CALLERS[at];
            let Some(named) = Caller::find(at, &line.lower) else { continue };
            let path = named.path.map(|path| as_written(line, path)).filter(|path| !path.is_empty());
            // Programs that report an error of their own have the file in the words before it.
            let unnamed = path.is_none() && errno.alone && caller.context == Place::Program;
            let misnamed = path.as_deref().is_some_and(is_no_name);
            let name = if misnamed { Name::Another } else { Name::Shape };
            let path = if unnamed || misnamed { elsewhere(errno, line) } else { path };
            let Some(grade) = grade(errno, caller, path.as_deref(), line) else { continue };
            let interpreter = named.interpreter.map(|path| as_written(line, path));
            let better = best.as_ref().is_none_or(|(best, known)| (grade, name) > (best.grade, *known));
            if better {
                let (caller, line) = (Some(caller), String::new());
                let event = Event { errno, caller, path, interpreter, platform: None, grade, line, times: 1 };
                best = Some((event, name));
            }
            if (grade, name) == (Grade::Executed, Name::Shape) {
                break;
            }
        }
        let best = best.map(|(event, _)| event);
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
        let starts = found.contains(&Means::Starts) || is_all_of_the_line(errno, line);
        let weak = best.as_ref().is_none_or(|best| best.grade < Grade::Executed);
        let program =
            |event: &Event| event.path.as_deref().is_some_and(|path| errno.alone || !is_rarely_a_program(path));
        let started = (starts && weak).then(bare).filter(program);
        let alone = errno.alone || errno.name == ErrorName::Etxtbsy;
        let Some(event) = started.or(best).or_else(|| alone.then(bare)) else { return };
        self.add(Event { line: line.shown(), platform: platform.map(str::to_owned), ..event });
    }

    /// A shell that reads a file as a script: execve(2) has refused it before.
    pub(super) fn read(&mut self, said: &Said, platform: Option<&str>) {
        let is = |errno: &&Errno| errno.name == ErrorName::Enoexec;
        let Some(errno) = ERRNOS.iter().find(is) else { return };
        self.add(Event {
            errno,
            caller: Some(&Caller::READER),
            path: said.path.clone(),
            interpreter: None,
            platform: platform.map(str::to_owned),
            grade: Grade::Executed,
            line: said.line.clone(),
            times: 1,
        });
    }

    /// Folds what is there already; where there is no room, what says more displaces what says less.
    fn add(&mut self, event: Event) {
        let same = |other: &&mut Event| {
            other.errno.name == event.errno.name
                && other.path == event.path
                && other.platform == event.platform
                && other.caller.map(|c| c.name) == event.caller.map(|c| c.name)
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
        let Some((prompt, command)) = typed(&line.text) else { return };
        let absolute = |path: &str| path.starts_with('/').then(|| path.trim_end_matches(']').to_owned());
        let by_prompt = prompt.rsplit(':').next().and_then(absolute);
        let moved = command.strip_prefix("cd ").and_then(absolute);
        self.directory = moved.or(by_prompt).or(self.directory.take());
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

/// Whether a shape has taken another word for the file's name: the number of a line, an option, what is said of the file.
fn is_no_name(path: &str) -> bool {
    let word = path.split([' ', ':']).next().unwrap_or_default().to_ascii_lowercase();
    NOT_NAMES.contains(&word.as_str())
        || path.starts_with(['-', '('])
        || (path.ends_with(')') && !path.contains('('))
        || line_number(path).is_some()
}

/// The file where it is not where the shape has it; whoever reports the error names itself first.
fn elsewhere(errno: &Errno, line: &Line) -> Option<String> {
    let text = line.body();
    if errno.name == ErrorName::Sigill {
        // A shell fills what it says of a signal up to a column, and the command is after it.
        let (_, command) = text.rsplit_once("  ")?;
        let command =
            command.strip_prefix('(').and_then(|rest| rest.split_once(") ")).map_or(command, |(_, rest)| rest);
        return command.split(' ').next().filter(|word| word.contains('/')).map(str::to_owned);
    }
    let rest = text.split_once(' ').filter(|(reporter, _)| reporter.ends_with(':')).map_or(text, |(_, rest)| rest);
    some_path(rest).filter(|path| !is_rarely_a_program(path))
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

/// `PATH: Permission denied` and no more, as perror(3) prints it; of a file that is not there it may be any.
fn is_all_of_the_line(errno: &Errno, line: &Line) -> bool {
    let Some((path, rest)) = line.body().split_once(": ") else { return false };
    let is_path = path.starts_with(['/', '.']) && path.contains('/') && !path.contains([' ', ':']);
    let lower = rest.to_ascii_lowercase();
    is_path
        && !is_rarely_a_program(path)
        && errno.name != ErrorName::Enoent
        && errno.is_all_of(lower.trim_end_matches('.'))
}

/// Whether a file of that name is rarely started, and often opened.
fn is_rarely_a_program(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let ends = || NOT_PROGRAMS_END.iter().any(|end| lower.ends_with(end));
    NOT_PROGRAMS.iter().any(|start| path.starts_with(start)) || is_hidden(path) || ends()
}

/// What programs keep for themselves in a home directory: ~/.ssh/config, but not ~/.cargo/bin/tool.
fn is_hidden(path: &str) -> bool {
    let hidden = |part: &str| part.len() > 1 && part.starts_with('.') && part != "..";
    path.starts_with(['/', '~']) && path.split('/').any(hidden) && !path.contains("/bin/")
}

/// A relative name with a directory, of a line that speaks of a script.
fn relative_path(text: &str) -> Option<String> {
    let mut words = text.split([' ', '"', '\'']).map(|w| w.trim_end_matches([':', '.', ';', '…', ',']));
    words.find(|word| word.contains('/') && !word.contains("//") && word.len() > 3).map(str::to_owned)
}

/// What was typed, after its prompt at the beginning of the line.
fn typed(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let start = text.char_indices().nth(MOST_PROMPT).map_or(text, |(end, _)| &text[..end]);
    let (at, prompt) = ["$ ", "# ", "% ", "❯ ", "+ "].iter().find_map(|prompt| Some((start.find(prompt)?, *prompt)))?;
    let before = text[..at].trim_end();
    let is_prompt = before.is_empty()
        || (!before.contains(' ') || before.ends_with(['~', ']', ')'])) && before.contains(['@', ':', '~', '/', '-']);
    (is_prompt && !before.contains("://")).then(|| (before, text[at + prompt.len()..].trim()))
}

/// How surely the words are about a program rather than some file that could not be opened; `None` where they are not.
fn grade(errno: &Errno, caller: &Caller, path: Option<&str>, line: &Line) -> Option<Grade> {
    let lower = path.map(str::to_ascii_lowercase).unwrap_or_default();
    let ends = |list: &[&str]| list.iter().any(|end| lower.ends_with(end));
    let Some(path) = path else {
        return Some(if caller.opens && !errno.alone { Grade::Opened } else { Grade::Executed });
    };
    // The shape has taken the error for a name.
    if errno.is_in(&lower) {
        return None;
    }
    if errno.alone {
        return Some(Grade::Executed);
    }
    // A file of that name is hardly meant.
    if errno.name == ErrorName::Eloop && BASIC.contains(&path.rsplit('/').next().unwrap_or(path)) {
        return Some(Grade::Executed);
    }
    if !path.contains('/') {
        // A name that is not found in PATH is a program that is not installed; env's is a script's, by its full name.
        let of_script = || line.lower.contains("bin/env: ") || is_interpreter(&lower);
        let looked_up = errno.name == ErrorName::Enoent && !(caller.name == "env" && of_script());
        return (caller.bare && !looked_up).then_some(Grade::Executed);
    }
    if caller.exec {
        return Some(Grade::Executed);
    }
    if is_rarely_a_program(path) {
        return Some(Grade::Opened);
    }
    let looks = LOOKS_LIKE_PROGRAM.iter().any(|start| path.starts_with(start));
    let looks = looks || ends(LOOKS_LIKE_PROGRAM_END);
    Some(if !caller.opens || looks { Grade::Named } else { Grade::Opened })
}

/// Whether a name is that of an interpreter, perhaps with a version and options: `python3.11 -u`.
fn is_interpreter(lower: &str) -> bool {
    let word = lower.split(' ').next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    INTERPRETERS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_name_is_told_from_one() {
        for (path, is) in [
            ("line 1", true),
            ("Zeile 12", true),
            ("command", true),
            ("child process", true),
            ("--force", true),
            ("/srv/command", false),
            ("./line 1/tool", false),
            ("tool-arm64", false),
            ("commander", false),
        ] {
            assert_eq!(is_no_name(path), is, "{path}");
        }
    }

    #[test]
    fn the_command_is_after_what_a_shell_says_of_its_signal() {
        let command = |text: &str| {
            let sigill = ERRNOS.iter().find(|errno| errno.name == ErrorName::Sigill).unwrap();
            elsewhere(sigill, &Line::new(text))
        };
        let said = "bash: line 1:  4242 Illegal instruction     (core dumped) ./tool --all";
        assert_eq!(command(said).as_deref(), Some("./tool"));
        assert_eq!(command("/srv/lib.sh: line 346:   196 Illegal instruction     \"$@\" > /dev/null"), None);
    }

    #[test]
    fn what_programs_keep_for_themselves_is_rarely_a_program() {
        for (path, is) in [
            ("~/.ssh/config", true),
            ("/home/me/.profile", true),
            ("~/.cargo/bin/tool", false),
            ("/opt/../srv/tool", false),
            ("./.hidden/tool", false),
            ("/srv/tool", false),
        ] {
            assert_eq!(is_rarely_a_program(path), is, "{path}");
        }
    }
}
