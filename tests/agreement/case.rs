//! A case: files, entries, a call. What model and kernel say to it, and the smallest case in which they still differ.

use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bstr::{BString, ByteSlice};
use rbinfmt::exec::{Handler, Outcome, Verdict};
use rbinfmt::oracle::{Answer, Process};

use crate::Tally;
use crate::world::World;

#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    pub(crate) files: Vec<(BString, Item)>,
    /// Register strings.
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) path: BString,
    pub(crate) argv: Vec<BString>,
}

/// Something in a directory.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// With mode 755.
    File(Vec<u8>),
    Mode(Vec<u8>, u32),
    Sparse(Vec<u8>, u64),
    Link(Vec<u8>),
    Directory(u32),
    Fifo,
}

pub(crate) enum Agreement {
    Agree { loaded: bool, starts: bool },
    Undecided,
    Differ(String),
}

impl Case {
    pub(crate) fn one(name: &str, bytes: Vec<u8>) -> Case {
        Case {
            files: vec![(name.into(), Item::File(bytes))],
            path: name.into(),
            argv: vec!["zero".into(), "one".into()],
            ..Case::default()
        }
    }

    /// Asks both.
    pub(crate) fn ask(&self, world: &mut World) -> Agreement {
        world.set(self);
        let model = world.model(self);
        if let Outcome::Undecided(why) = &model.outcome {
            if std::env::var_os("RBINFMT_UNDECIDED").is_some() {
                println!("undecided: {why}");
            }
            return Agreement::Undecided;
        }
        let kernel = world.kernel(self);
        match differ(&model, &kernel) {
            None => Agreement::Agree {
                loaded: model.steps.iter().any(|s| matches!(s.handler, Some(Handler::Elf | Handler::Compat))),
                starts: matches!(kernel, Answer::Starts(_)),
            },
            Some(what) => Agreement::Differ(what),
        }
    }

    /// Asks both, counts, and reduces what differs.
    pub(crate) fn count(self, world: &mut World, tally: &mut Tally) {
        tally.cases += 1;
        match self.ask(world) {
            Agreement::Agree { loaded, starts } => {
                tally.loaded += usize::from(loaded);
                tally.starts += usize::from(starts);
            }
            Agreement::Undecided => tally.undecided += 1,
            Agreement::Differ(_) if tally.wrong.len() >= 10 => tally.wrong.push(String::new()),
            Agreement::Differ(what) => {
                let small = self.reduce(world);
                let what = match small.ask(world) {
                    Agreement::Differ(what) => what,
                    _ => format!("{what} (not every time)"),
                };
                tally.wrong.push(small.print(&what));
            }
        }
    }

    fn differs(&self, world: &mut World) -> bool {
        matches!(self.ask(world), Agreement::Differ(_))
    }

    /// Leaves out what can be left out: entries, files, and bytes of files, ever smaller pieces.
    fn reduce(&self, world: &mut World) -> Case {
        let mut best = self.clone();
        let attempt = |best: &mut Case, change: &dyn Fn(&mut Case), world: &mut World| {
            let mut next = best.clone();
            change(&mut next);
            let works = next.differs(world);
            if works {
                *best = next;
            }
            works
        };
        for i in (0..best.entries.len()).rev() {
            attempt(&mut best, &|c| drop(c.entries.remove(i)), world);
        }
        for i in (0..best.files.len()).rev() {
            attempt(&mut best, &|c| drop(c.files.remove(i)), world);
        }
        for i in 0..best.files.len() {
            let Item::File(bytes) = &best.files[i].1 else { continue };
            let mut step = bytes.len().next_power_of_two();
            while step > 0 {
                let Item::File(bytes) = &best.files[i].1 else { break };
                for at in (0..bytes.len()).step_by(step).rev() {
                    let cut = |c: &mut Case| {
                        if let Item::File(bytes) = &mut c.files[i].1 {
                            bytes.truncate(at);
                        }
                    };
                    let clear = |c: &mut Case| {
                        if let Item::File(bytes) = &mut c.files[i].1 {
                            bytes.iter_mut().skip(at).take(step).for_each(|b| *b = 0);
                        }
                    };
                    let Item::File(now) = &best.files[i].1 else { break };
                    if now.len() > at && !attempt(&mut best, &cut, world) {
                        let Item::File(now) = &best.files[i].1 else { break };
                        if now.iter().skip(at).take(step).any(|b| *b != 0) {
                            attempt(&mut best, &clear, world);
                        }
                    }
                }
                step /= 2;
            }
        }
        best
    }

    /// The case as Rust, for rows.rs.
    fn print(&self, what: &str) -> String {
        let literal = |bytes: &[u8]| format!("b\"{}\"", bytes.escape_ascii());
        let mut text = format!("// {what}\nCase {{\n    files: vec![\n");
        for (name, item) in &self.files {
            let item = match item {
                Item::File(bytes) => format!("File({}.to_vec())", literal(bytes)),
                other => format!("{other:?}"),
            };
            let _ = writeln!(text, "        ({}.into(), Item::{item}),", literal(name));
        }
        let _ = writeln!(text, "    ],\n    entries: vec![");
        for entry in &self.entries {
            let _ = writeln!(text, "        {}.to_vec(),", literal(entry));
        }
        let argv: Vec<String> = self.argv.iter().map(|a| format!("{}.into()", literal(a))).collect();
        let _ =
            write!(text, "    ],\n    path: {}.into(),\n    argv: vec![{}],\n}}", literal(&self.path), argv.join(", "));
        text
    }
}

/// What is different, if anything is.
pub(crate) fn differ(model: &Verdict, kernel: &Answer) -> Option<String> {
    let same = match (&model.outcome, kernel) {
        (Outcome::Fails { errno, .. }, Answer::Fails(kernel)) => errno == kernel,
        (Outcome::Killed(_), Answer::Killed(_)) => true,
        (Outcome::Starts(model), Answer::Starts(process)) => return processes_differ(model, process),
        _ => false,
    };
    (!same).then(|| format!("the model says {:?}, the kernel {kernel:?}", model.outcome))
}

fn processes_differ(model: &rbinfmt::exec::Started, kernel: &Process) -> Option<String> {
    let inode = |path: &Path| path.metadata().ok().map(|m| (m.dev(), m.ino()));
    let same_file =
        |ours: &BString, theirs: &Path| inode(&ours.to_path_lossy()).is_some_and(|i| inode(theirs) == Some(i));
    let execfd = match (&model.execfd, &kernel.execfd) {
        (None, None) => true,
        (Some(ours), Some(theirs)) => same_file(ours, theirs),
        _ => false,
    };
    let same =
        model.argv == kernel.argv && model.at_flags == kernel.at_flags && execfd && same_file(&model.exe, &kernel.exe);
    (!same).then(|| format!("the model says {model:?}, the kernel {kernel:?}"))
}
