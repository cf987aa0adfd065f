//! How far a long piece of work is. Modules that fetch and verify take a [`Progress`] and never print.

/// Where a long piece of work tells how far it is.
pub trait Progress: Sync {
    /// Something starts: "fetching x".
    fn step(&self, what: &str);
    /// Bytes of that are done, of so many where that is known.
    fn bytes(&self, done: u64, total: Option<u64>);
    /// Something that the user should know, though it is not an error.
    fn note(&self, text: &str);
    /// The work is over: what is printed next starts on a line of its own.
    fn done(&self);
}

/// Says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Quiet;

impl Progress for Quiet {
    fn step(&self, _: &str) {}
    fn bytes(&self, _: u64, _: Option<u64>) {}
    fn note(&self, _: &str) {}
    fn done(&self) {}
}
