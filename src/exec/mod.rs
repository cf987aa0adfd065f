//! What execve(2) will do with a file: the kernel's own steps in the kernel's own order, over files that are only read.
//! Nothing is executed. Held against the kernel itself by tests/agreement.rs; see docs/execve.md.

mod acl;
mod arch;
mod args;
mod ask;
mod caps;
mod chain;
mod elf;
pub mod facts;
mod file;
mod gather;
pub mod identity;
mod misc;
mod outcome;
mod program;
mod property;
pub mod root;
pub mod script;
mod segments;
mod space;
pub mod tree;
mod walk;

use bstr::BString;

pub use arch::is_modelled;
use facts::ExecFacts;
pub use file::{FileKind, Refused};
pub use misc::{NearMiss, near_misses};
pub use outcome::{Death, Decided, Handler, Outcome, Started, Step, Verdict};
use root::Root;

use crate::kernel::Behaviour;

/// The model of one machine's execve(2) over one tree of files.
#[derive(Debug)]
pub struct Model<'a> {
    facts: &'a ExecFacts,
    root: &'a Root,
    /// Where entries with flag F got their interpreters from.
    host: &'a Root,
    behaviour: Behaviour,
    loaders: Vec<arch::Loader>,
    admission: Admission,
}

/// What is asked of the file that is executed, before its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    /// All that the kernel asks.
    Whole,
    /// Neither its x bits nor the options of its mount.
    ContentOnly,
}

impl<'a> Model<'a> {
    /// `root` holds the files that are executed; `host` is the machine's own tree, from which the interpreters of
    /// entries with flag F were taken when they were registered.
    pub fn new(facts: &'a ExecFacts, root: &'a Root, host: &'a Root) -> Self {
        let (behaviour, loaders) = (facts.kernel.behaviour(), arch::loaders(facts));
        Model { facts, root, host, behaviour, loaders, admission: Admission::Whole }
    }

    /// Judges the content of the file as if its x bits and its mount allowed it to be executed.
    #[must_use]
    pub fn content_only(mut self) -> Self {
        self.admission = Admission::ContentOnly;
        self
    }

    /// What `execve(path, argv, environment)` would do.
    pub fn judge(&self, path: &[u8], argv: &[BString]) -> Verdict {
        chain::walk(self, path, argv)
    }
}
