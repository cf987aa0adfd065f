//! The causes that the doctor knows: data, in catalogue.toml.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// All causes, the commonest first.
pub static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    // A test reads it, so what was built is known to parse.
    toml::from_str(include_str!("catalogue.toml")).unwrap_or_default()
});

/// The catalogue.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "cause")]
    causes: Vec<Cause>,
}

/// One cause of a failure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// A stable name in kebab-case.
    pub id: String,
    /// Where it belongs.
    pub group: Group,
    /// One line.
    pub title: String,
    /// What happens, and why.
    pub explanation: String,
    /// How it is told from others.
    pub detection: String,
    /// Which forms of the doctor can find it.
    pub found_by: Vec<Form>,
    /// What else people see of it.
    #[serde(default)]
    pub also: Vec<String>,
    /// What to do.
    #[serde(default, rename = "fix")]
    pub fixes: Vec<Remedy>,
    /// Where to read more.
    #[serde(default)]
    pub links: Vec<String>,
}

/// What a cause is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// The bytes of a file.
    File,
    /// Its loader, its libraries, its CPU.
    Loader,
    /// The kernel's table.
    Binfmt,
    /// The emulator.
    Emulator,
    /// Images, builders, clusters.
    Image,
    /// Rights and rules.
    Policy,
    /// A product or a kind of machine.
    Platform,
    /// Something to know, which is no fault.
    Note,
}

/// A form of the doctor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// `doctor FILE`
    File,
    /// `doctor`
    Host,
    /// `doctor IMAGE`
    Image,
    /// `doctor --message`
    Message,
}

/// What to do about a cause. `{name}` in a text or a command stands for what a finding knows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remedy {
    /// One sentence.
    pub text: String,
    /// The command that does it.
    pub command: Option<String>,
    /// Whose it is to decide.
    pub class: Class,
}

/// Whose it is to decide on a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Reversible, and ours to apply with `--fix`: a command of rbinfmt.
    Safe,
    /// The user's to take.
    Decision,
    /// A change in the user's code, file or image.
    Yours,
}

impl Catalogue {
    /// A cause by its id.
    pub fn get(&self, id: &str) -> Option<&Cause> {
        self.causes.iter().find(|cause| cause.id == id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Cause> {
        self.causes.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_parses_and_no_id_comes_twice() {
        let all: Catalogue = toml::from_str(include_str!("catalogue.toml")).unwrap();
        let mut ids: Vec<&str> = all.iter().map(|c| c.id.as_str()).collect();
        assert!(ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')));
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn safe_fixes_are_commands_of_ours() {
        for fix in CATALOGUE.iter().flat_map(|c| &c.fixes).filter(|f| f.class == Class::Safe) {
            assert!(fix.command.as_ref().is_some_and(|c| c.starts_with("rbinfmt ")), "{fix:?}");
        }
    }
}
