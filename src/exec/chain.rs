//! The walk from the file to the program: admission, then level by level (do_execveat_common, exec_binprm and
//! search_binary_handler in fs/exec.c).

use bstr::{BStr, BString};
use nix::errno::Errno;

use super::args::Arguments;
use super::caps::FileCaps;
use super::facts::TableState;
use super::file::{Content, FileKind, Found, Refused};
use super::misc::{self, Taken};
use super::outcome::{Decided, Handler, Outcome, Started, Step, Verdict};
use super::root::{PATH_MAX, Root};
use super::script;
use super::{Admission, Model, program};
use crate::binfmt::entry::{Entry, Flags};
use crate::elf;
use crate::kernel::Opens;

/// Rewrites that are allowed, counted as the kernel counts them.
const MOST_REWRITES: usize = 5;

/// AT_FLAGS_PRESERVE_ARGV0, and what 7.3 sets for a transparent interpreter.
const PRESERVE_ARGV0: u64 = 1;
const TRANSPARENT: u64 = 2;

pub(super) type Stop<T> = Result<T, Outcome>;

/// What is known on the way.
pub(super) struct Walk<'a> {
    pub(super) model: &'a Model<'a>,
    pub(super) arguments: Arguments,
    pub(super) steps: Vec<Step>,
    execfd: Execfd,
    at_flags: u64,
    /// The capabilities of the file that an entry with flag C took: they count, not the interpreter's.
    pub(super) credentials: Option<Option<FileCaps>>,
}

/// AT_EXECFD: wanted from an entry with O or C on, and held from the next rewrite on.
#[derive(Default)]
struct Execfd {
    wanted: bool,
    held: Option<BString>,
}

/// A file that may be executed.
pub(super) struct Admitted {
    pub(super) path: BString,
    pub(super) content: Content,
}

/// What a format makes of a file.
enum Next {
    Interpreter(Admitted),
    Program(Started),
}

pub(super) fn walk(model: &Model, path: &[u8], argv: &[BString]) -> Verdict {
    let mut steps = Vec::new();
    model.root.fell_short();
    let mut outcome = match begin(model, path, argv) {
        Err(outcome) => outcome,
        Ok((arguments, first)) => {
            let mut walk = Walk { model, arguments, steps, execfd: Execfd::default(), at_flags: 0, credentials: None };
            let outcome = walk.levels(first);
            steps = walk.steps;
            outcome.map_or_else(|stop| stop, Outcome::Starts)
        }
    };
    if model.root.fell_short() && !matches!(outcome, Outcome::Starts(_)) {
        let last = steps.last().map_or(BStr::new(path), |step| BStr::new(&step.path));
        outcome = Outcome::Unknown(format!("the part of {last} that decides was not kept"));
    }
    Verdict { outcome, steps }
}

/// Everything before the first byte of content is looked at.
fn begin(model: &Model, path: &[u8], argv: &[BString]) -> Stop<(Arguments, Admitted)> {
    if path.is_empty() {
        return Err(Outcome::fails(Errno::ENOENT, "the path is empty"));
    }
    if path.len() >= PATH_MAX {
        return Err(Outcome::fails(Errno::ENAMETOOLONG, "the path is longer than 4095 bytes"));
    }
    let arguments = || {
        Arguments::new(path, argv, model.facts, model.behaviour.fills_empty_argv)
            .map_err(|why| Outcome::fails(Errno::E2BIG, why))
    };
    match model.behaviour.opens {
        Opens::First => {
            let first = admit_first(model, path)?;
            Ok((arguments()?, first))
        }
        Opens::AfterArguments => Ok((arguments()?, admit_first(model, path)?)),
    }
}

/// Admits the file that is executed, under the conditions of the model.
fn admit_first(model: &Model, path: &[u8]) -> Stop<Admitted> {
    match admit(model, path) {
        Err(Outcome::Fails { refused: Some(Refused::Bits | Refused::Mount), .. })
            if model.admission == Admission::ContentOnly =>
        {
            let found = model.root.find(path, &model.facts.identity);
            let found = found.map_err(|errno| Outcome::fails(errno, walk_failed(BStr::new(path), errno)))?;
            content(&found, path)
        }
        admitted => admitted,
    }
}

/// Walks to a file and asks everything but its content (do_open_execat).
pub(super) fn admit(model: &Model, path: &[u8]) -> Stop<Admitted> {
    let name = BStr::new(path);
    // The empty name is the working directory, for every file but the first.
    if path.is_empty() {
        return Err(Outcome::fails(
            Errno::EACCES,
            "the interpreter's name is empty, which means the working directory",
        ));
    }
    let who = &model.facts.identity;
    let found = model.root.find(path, who).map_err(|errno| Outcome::fails(errno, walk_failed(name, errno)))?;
    if model.behaviour.opens_specials && matches!(found.special(), Some(FileKind::Fifo)) {
        return Err(Outcome::Unknown(format!("{name} is a FIFO, and this kernel waits for a writer")));
    }
    if let Some(refused) = found.refuses(who, model.root.asks_kernel()) {
        let errno = match refused {
            Refused::Kernel(errno) => errno,
            _ => Errno::EACCES,
        };
        let why = match refused {
            Refused::Kind(kind) => format!("{name} is {kind}"),
            Refused::Mount => format!("{name} is on a mount with the option noexec"),
            Refused::Bits if found.mode() & 0o111 == 0 => format!("{name} has no x bit"),
            Refused::Bits => format!("{name} has no x bit for user {}", who.uid),
            Refused::Kernel(Errno::ETXTBSY) => format!("{name} is open for writing"),
            Refused::Kernel(errno) => format!("the kernel refuses {name}: {}", errno.desc()),
        };
        return Err(Outcome::Fails { errno, why, refused: Some(refused) });
    }
    if !who.own && on_noexec(model, path) {
        let why = format!("{name} is on a mount with the option noexec");
        return Err(Outcome::Fails { errno: Errno::EACCES, why, refused: Some(Refused::Mount) });
    }
    content(&found, path)
}

/// Mounts that the facts tell of, for a tree whose own say nothing.
fn on_noexec(model: &Model, path: &[u8]) -> bool {
    let below = |mount: &String| path.strip_prefix(mount.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'/'));
    !model.root.is_own() && model.facts.noexec.iter().any(below)
}

fn content(found: &Found, path: &[u8]) -> Stop<Admitted> {
    match found.content() {
        Ok(content) => Ok(Admitted { path: path.into(), content }),
        Err(errno) => Err(Outcome::Unknown(format!("{} cannot be read: {}", BStr::new(path), errno.desc()))),
    }
}

fn walk_failed(name: &BStr, errno: Errno) -> String {
    match errno {
        Errno::ENOENT if name.ends_with(b"\r") => {
            format!("{name:?} does not exist: the line ends with a carriage return (a Windows line end)")
        }
        Errno::ENOENT => format!("{name} does not exist"),
        Errno::ENOTDIR => format!("a part of {name} is not a directory"),
        Errno::EACCES => format!("a directory on the way to {name} may not be searched"),
        Errno::ELOOP => format!("{name} leads through more than 40 links"),
        Errno::ENAMETOOLONG => format!("{name} or a part of it is too long"),
        errno => format!("{name}: {}", errno.desc()),
    }
}

impl Walk<'_> {
    fn levels(&mut self, first: Admitted) -> Stop<Started> {
        let mut file = first;
        for _ in 0..=MOST_REWRITES {
            let path = file.path.clone();
            match self.level(file)? {
                Next::Program(mut started) => {
                    started.execfd = self.execfd.held.take();
                    started.at_flags = self.at_flags;
                    return Ok(started);
                }
                Next::Interpreter(next) => file = next,
            }
            if self.execfd.wanted {
                if self.execfd.held.is_some() && self.model.behaviour.execfd_once {
                    let why = "the interpreter of an entry with flag O or C needs another interpreter itself";
                    return Err(Outcome::fails(Errno::ENOEXEC, why));
                }
                self.execfd.held = Some(path);
            }
        }
        let why = "each interpreter needs another one: more than 5 in a row";
        Err(Outcome::fails(Errno::ELOOP, why))
    }

    /// One file: the first format that does not answer ENOEXEC decides.
    fn level(&mut self, file: Admitted) -> Stop<Next> {
        let window = self.model.behaviour.window;
        let mut head = vec![0; window];
        file.content.read(&mut head, 0).map_err(|error| {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
            Outcome::fails(errno, format_args!("{} cannot be read: {}", file.path, errno.desc()))
        })?;
        self.steps.push(Step {
            path: file.path.clone(),
            handler: None,
            name: None,
            argv: Vec::new(),
            head: head.clone(),
            marked: (0, 0),
            decided: Decided::Nothing,
        });
        self.formats(&file, &head)
    }

    fn formats(&mut self, file: &Admitted, head: &[u8]) -> Stop<Next> {
        match misc::find(&self.model.facts.table, head, &file.path) {
            Taken::By(entry) => return self.entry(entry, file),
            Taken::Perhaps(entry) => {
                self.mark(None, Some(entry.name.clone()), (0, 0), Decided::Bpf);
                return Err(Outcome::Unknown(format!("the entry {} asks a BPF program", entry.name)));
            }
            Taken::Nobody => {}
        }
        let script_says = match script::parse(head, self.model.behaviour.script) {
            Ok(line) => return self.script(line, &file.path),
            Err(refusal) => refusal,
        };
        if let Some(started) = program::load(self, file, head)? {
            return Ok(Next::Program(started));
        }
        let why = self.nobody(script_says, head, &file.path);
        let table = &self.model.facts.table;
        match (table.state, table.unreadable.first()) {
            (TableState::Hidden, _) => {
                Err(Outcome::Unknown(format!("{why}, but the table of entries cannot be seen from here")))
            }
            (TableState::Enabled, Some(unreadable)) => {
                let entry = &unreadable.entry;
                Err(Outcome::Unknown(format!("{why}, but the entry {entry}, which could not be read, may match it")))
            }
            _ => Err(Outcome::fails(Errno::ENOEXEC, why)),
        }
    }

    /// No format accepts the file.
    fn nobody(&mut self, refusal: script::Refusal, head: &[u8], path: &[u8]) -> String {
        let (marked, decided) = match refusal {
            script::Refusal::NoName => ((0, 2), Decided::ScriptWithoutName),
            script::Refusal::CutOff => ((0, 2), Decided::ScriptCutOff),
            // The ELF loader left its own words.
            script::Refusal::NoScript if elf::is_elf(head) => {
                return format!("{}: {}", BStr::new(path), self.step().decided.words());
            }
            script::Refusal::NoScript => ((0, 4), Decided::NoFormat),
        };
        self.mark(None, None, marked, decided);
        format!("{}: {}", BStr::new(path), decided.words())
    }

    fn script(&mut self, line: script::Line, path: &[u8]) -> Stop<Next> {
        self.arguments.shift();
        self.push(path.into())?;
        if let Some(argument) = line.argument {
            self.push(argument.into())?;
        }
        self.push(line.name.into())?;
        self.mark(Some(Handler::Script), Some(line.name.into()), (0, line.at + line.name.len()), Decided::Script);
        admit(self.model, line.name).map(Next::Interpreter)
    }

    fn entry(&mut self, entry: &Entry, file: &Admitted) -> Stop<Next> {
        let marked = match &entry.rule {
            crate::binfmt::rule::Rule::Magic(magic) => (magic.offset, magic.magic.len()),
            _ => (0, 0),
        };
        let mut interpreter = entry.interpreter.clone().unwrap_or_default();
        if self.model.behaviour.interpreter_path_max > 0 {
            interpreter.truncate(self.model.behaviour.interpreter_path_max);
        }
        if entry.flags.has(Flags::L) {
            return Err(Outcome::Unknown(format!(
                "the entry {} replaces PT_INTERP (flag L), which is not modelled",
                entry.name
            )));
        }
        if entry.flags.has(Flags::T) {
            self.at_flags |= TRANSPARENT;
        } else {
            if entry.flags.has(Flags::P) {
                if self.model.behaviour.tells_preserve_argv0 {
                    self.at_flags |= PRESERVE_ARGV0;
                }
            } else {
                self.arguments.shift();
            }
            self.push(file.path.clone())?;
            self.push(interpreter.clone())?;
        }
        if entry.flags.has(Flags::C) {
            self.credentials = Some(file.content.capabilities());
        }
        if entry.flags.has(Flags::O) || entry.flags.has(Flags::C) || entry.flags.has(Flags::T) {
            self.execfd.wanted = true;
        }
        self.mark(Some(Handler::Entry), Some(entry.name.clone()), marked, Decided::Entry);
        let next = if entry.flags.has(Flags::F) {
            kept_open(self.model.host, self.model, &interpreter, entry)
        } else {
            admit(self.model, &interpreter)
        };
        next.map(Next::Interpreter)
    }

    fn push(&mut self, argument: BString) -> Stop<()> {
        self.arguments.push(argument).map_err(|why| Outcome::fails(Errno::E2BIG, why))
    }

    pub(super) fn step(&mut self) -> &mut Step {
        if self.steps.is_empty() {
            self.steps.push(Step {
                path: BString::default(),
                handler: None,
                name: None,
                argv: Vec::new(),
                head: Vec::new(),
                marked: (0, 0),
                decided: Decided::Nothing,
            });
        }
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    /// Writes down what decided about the file that is looked at.
    pub(super) fn mark(
        &mut self,
        handler: Option<Handler>,
        name: Option<BString>,
        marked: (usize, usize),
        decided: Decided,
    ) {
        let argv = self.arguments.list();
        let step = self.step();
        (step.handler, step.name, step.marked, step.decided, step.argv) = (handler, name, marked, decided, argv);
    }
}

/// The interpreter of an entry with flag F: the kernel holds the file that was there when the entry was made, and asks
/// nothing any more. What is there now is taken for it.
fn kept_open(host: &Root, model: &Model, path: &[u8], entry: &Entry) -> Stop<Admitted> {
    let gone = |why: &str| Outcome::Unknown(format!("the entry {} holds a file open that {why}", entry.name));
    let found =
        host.find(path, &model.facts.identity).map_err(|errno| gone(&format!("cannot be found: {}", errno.desc())))?;
    match found.special() {
        None => content(&found, path),
        Some(_) => Err(gone("does not exist any more")),
    }
}
