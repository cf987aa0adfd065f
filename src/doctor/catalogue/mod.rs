//! The causes that the doctor knows: data, a file for each group next to this one.

mod language;

use std::fmt;

pub use language::Language;

use serde::{Serialize, Serializer};

use crate::built_in::{List, Text};

// CauseId and CAUSES.
include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));
// Advice: what a fix of one case says. Label: what comes before a text.
include!(concat!(env!("OUT_DIR"), "/advice.rs"));
include!(concat!(env!("OUT_DIR"), "/labels.rs"));

/// All causes, the commonest first, then what is not a fault.
pub fn all() -> &'static [Cause] {
    &CAUSES
}

/// A cause by its id.
pub fn get(id: &str) -> Option<&'static Cause> {
    CAUSES.iter().find(|cause| cause.id.as_str() == id)
}

impl CauseId {
    /// Its entry in the catalogue.
    pub fn cause(self) -> &'static Cause {
        &CAUSES[self as usize]
    }
}

impl fmt::Display for CauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for CauseId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One cause of a failure.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// A stable name.
    pub id: CauseId,
    /// Where it belongs: the file it is in.
    pub group: Group,
    /// Its place in the order of commonness, from 1; what is not a fault has none.
    pub rank: Option<u16>,
    /// One line.
    pub title: Text,
    /// What happens, and why.
    pub explanation: Text,
    /// How to recognise it.
    pub detection: Text,
    /// Which forms of the doctor can find it.
    pub found_by: List<Form>,
    /// What else people see of it.
    pub also: List<Text>,
    /// What to do.
    pub fixes: List<Remedy>,
    /// Where to read more.
    pub links: List<Text>,
    /// The same in Chinese, where it was translated.
    #[serde(skip)]
    chinese: Option<Translation>,
}

/// A cause in another language.
#[derive(Debug, PartialEq, Eq)]
struct Translation {
    title: Text,
    explanation: Text,
    detection: Text,
    /// For each fix, in order.
    fixes: List<Wording>,
}

/// What is said of a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wording {
    /// One sentence.
    pub text: Text,
    /// The sentence where a name is not known; without one the fix is left out.
    pub otherwise: Option<Text>,
}

impl Cause {
    /// The title in the language of this process, as all that follow.
    pub fn title(&self) -> &'static str {
        self.translation().map_or(self.title, |texts| texts.title).as_str()
    }

    /// What happens, and why.
    pub fn explanation(&self) -> &'static str {
        self.translation().map_or(self.explanation, |texts| texts.explanation).as_str()
    }

    /// How to recognise it.
    pub fn detection(&self) -> &'static str {
        self.translation().map_or(self.detection, |texts| texts.detection).as_str()
    }

    /// What to do, and what is said of it.
    pub fn fixes(&self) -> impl Iterator<Item = (&'static Remedy, Wording)> {
        let translated = self.translation().map_or(&[][..], |texts| texts.fixes.as_slice());
        self.fixes.as_slice().iter().enumerate().map(|(at, fix)| {
            let english = Wording { text: fix.text, otherwise: fix.otherwise };
            (fix, translated.get(at).copied().unwrap_or(english))
        })
    }

    fn translation(&self) -> Option<&Translation> {
        match Language::current() {
            Language::English => None,
            Language::Chinese => self.chinese.as_ref(),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text(Language::current()))
    }
}

/// What a cause is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
    /// Something to know, which is not a fault.
    Note,
}

/// A form of the doctor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// One sentence.
    pub text: Text,
    /// The command that does it.
    pub command: Option<Text>,
    /// Whose it is to decide.
    pub class: FixClass,
    /// The sentence where a name is not known; without one the fix is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Text>,
}

/// Whose it is to decide on a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FixClass {
    /// Reversible, and ours to apply with `--fix`: a command of rbinfmt.
    Safe,
    /// The user's to take.
    Decision,
    /// A change in the user's code, file or image.
    Yours,
}

impl Group {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Group::File => "file",
            Group::Loader => "loader",
            Group::Binfmt => "binfmt",
            Group::Emulator => "emulator",
            Group::Image => "image",
            Group::Policy => "policy",
            Group::Platform => "platform",
            Group::Note => "note",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Form::File => "file",
            Form::Host => "host",
            Form::Image => "image",
            Form::Message => "message",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_to_its_cause() {
        assert!(all().iter().all(|cause| cause.id.cause() == cause && get(cause.id.as_str()) == Some(cause)));
        assert_eq!(get("no-such-cause"), None);
    }
}
