//! What is wrong, by name: the catalogue of causes, the findings about a file, and what a message says.

pub mod catalogue;
pub mod file;
pub mod finding;
pub mod host;
pub mod image;
pub mod message;
pub mod snapshot;

/// A command that can be printed, as a template: `{name}` stands for what a finding knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Template {
    /// The cause that it is a fix of; `file` for what depends on the file, `next` for what tells causes apart, `host` for
    /// a machine without entries.
    pub of: &'static str,
    /// The command.
    pub command: &'static str,
}

/// Every command that the doctor can print. None is made elsewhere.
pub fn commands() -> impl Iterator<Item = Template> {
    let fixes = catalogue::all().iter().flat_map(|cause| {
        cause.fixes.iter().filter_map(|fix| Some(Template { of: cause.id.as_str(), command: fix.command?.as_str() }))
    });
    let of = |of| move |command| Template { of, command };
    let host = [host::REGISTER_ALL].into_iter().map(of("host"));
    fixes.chain(file::commands().map(of("file"))).chain(message::next_commands().map(of("next"))).chain(host)
}
