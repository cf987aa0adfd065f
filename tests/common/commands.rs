//! The commands that the doctor can print, as templates, and which of them a printed one is.

use std::sync::LazyLock;

use rbinfmt::doctor::{Template, commands};
use regex::Regex;

/// The template of a command that was printed for a cause, or for `host` or `next`; the most exact one where several fit.
pub(crate) fn template_of(of: &str, command: &str) -> Option<Template> {
    static ALL: LazyLock<Vec<(Template, Regex)>> =
        LazyLock::new(|| commands().map(|template| (template, pattern(template.command))).collect());
    let command = as_root(command);
    let fits =
        ALL.iter().filter(|(template, pattern)| [of, "file"].contains(&template.of) && pattern.is_match(&command));
    fits.map(|(template, _)| *template).max_by_key(|template| (literal(template.command), template.of == of))
}

/// Whether a command is a template with names in it.
#[allow(dead_code, reason = "each test program uses its part")]
pub(crate) fn is_of(command: &str, template: &str) -> bool {
    pattern(template).is_match(&as_root(command))
}

fn pattern(template: &str) -> Regex {
    let names = Regex::new(r"\\\{([a-z]+)\\\}").unwrap();
    let escaped = regex::escape(&as_root(template));
    let pattern = names.replace_all(&escaped, |name: &regex::Captures| match &name[1] {
        // The one name whose value is part of the command.
        "program" => "(gunzip|unxz|unzstd|bunzip2|unlz4|lzip -d|uncompress)",
        _ => "(.+)",
    });
    Regex::new(&format!("(?s)^{pattern}$")).unwrap()
}

/// Root gets a command without `sudo`.
fn as_root(command: &str) -> String {
    let command = command.strip_prefix("sudo ").unwrap_or(command);
    command.replace("&& sudo ", "&& ").replace("| sudo ", "| ")
}

/// How much of a template is the same in all its commands.
fn literal(template: &str) -> usize {
    Regex::new(r"\{[a-z]+\}").unwrap().replace_all(template, "").len()
}
