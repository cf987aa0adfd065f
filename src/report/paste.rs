//! A report that can be pasted into an issue: what was found and the facts, without what names its author.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::style::{json, plain};
use crate::doctor::snapshot::Snapshot;
use crate::error::{Error, Result};

/// What must not be told: the directory of a user, credentials in an address, and secrets by how they look.
static SECRETS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    // ASCII classes alone: the tables of Unicode are not built in.
    let secrets = [
        (r"(/home/|/Users/)[^/ \t\r\n:'\x22\\]+", "${1}USER"),
        (r"://[^/@ \t\r\n\x22]+@", "://***@"),
        (
            r"(?-u:\b)(gh[opsur]_|github_pat_|glpat-|xox[abprs]-|dckr_pat_|AKIA|npm_|sk-|hf_)[A-Za-z0-9_-]{8,}",
            "${1}***",
        ),
        (r"(?-u:\b)eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", "***"),
        (r"(?i-u:\b(token|password|passwd|secret|api_?key|authorization)( *[=:] *))[^ \t\r\n\x22',]+", "${1}${2}***"),
    ];
    let compiled = |(pattern, with)| Some((Regex::new(pattern).ok()?, with));
    secrets.into_iter().filter_map(compiled).collect()
});

/// Who wrote it: what is taken out wherever it stands.
#[derive(Debug, Default)]
pub struct Author {
    /// The machine's name.
    pub host: String,
    /// The directory of the user.
    pub home: String,
}

impl Author {
    /// This process's.
    pub fn own() -> Author {
        let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        Author { host: host.unwrap_or_default(), home: std::env::var("HOME").unwrap_or_default() }
    }

    /// `text` without them and without secrets.
    fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // A directory such as / would be everywhere.
        if self.home.len() > 1 && self.home != "/root" {
            text = text.replace(&self.home, "/home/USER");
        }
        // "localhost" says nothing, and very short names are parts of words.
        if self.host.len() > 2 && self.host != "localhost" {
            let name = format!(r"(^|[^A-Za-z0-9_-]){}($|[^A-Za-z0-9_-])", regex::escape(&self.host));
            if let Ok(name) = Regex::new(&name) {
                text = name.replace_all(&text, |c: &Captures| format!("{}HOST{}", &c[1], &c[2])).into_owned();
            }
        }
        for (secret, with) in SECRETS.iter() {
            text = secret.replace_all(&text, *with).into_owned();
        }
        text
    }
}

/// The report: Markdown, as forges render it.
///
/// # Errors
/// The facts cannot be written as JSON.
pub fn report(found: &str, facts: &Snapshot, author: &Author) -> Result<String> {
    let json = serde_json::to_string(facts).map(json).map_err(|e| Error::failed("writing JSON", e))?;
    let kernel = &facts.exec.kernel;
    let found = plain(found);
    let text = format!(
        "### rbinfmt {} on Linux {} ({})\n\n```text\n{}\n```\n\n<details><summary>facts</summary>\n\n```json\n{json}\n```\n\n</details>",
        facts.rbinfmt,
        kernel.release,
        kernel.machine,
        found.trim_end()
    );
    Ok(author.redact(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_counts() {
        assert_eq!(SECRETS.len(), 5);
    }

    #[test]
    fn nothing_names_the_author() {
        let author = Author { host: "bakery".into(), home: "/srv/anna".into() };
        let text =
            "bakery: /srv/anna/x /home/bob/y https://u:p@host/ ghp_0123456789abcdef token=abc PASSWORD: x bakery2";
        assert_eq!(
            author.redact(text),
            "HOST: /home/USER/x /home/USER/y https://***@host/ ghp_*** token=*** PASSWORD: *** bakery2"
        );
    }
}
