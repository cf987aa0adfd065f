//! What src/doctor/message/words/*.toml holds.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::super::literal::literal;

pub(crate) type Text = Spanned<String>;
pub(crate) type Weights = BTreeMap<Text, f64>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Errnos {
    pub(crate) errno: Vec<Errno>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Errno {
    pub(crate) name: Text,
    pub(crate) number: Option<i32>,
    #[serde(default)]
    pub(crate) alone: bool,
    #[serde(default)]
    pub(crate) exists: bool,
    pub(crate) text: Vec<Text>,
    #[serde(default)]
    pub(crate) translated: Vec<Text>,
    #[serde(default)]
    pub(crate) other: BTreeMap<String, Vec<Text>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Callers {
    pub(crate) no_event: Vec<Text>,
    pub(crate) starts: Translated,
    pub(crate) writers: Vec<String>,
    pub(crate) mentions: Vec<String>,
    pub(crate) not_names: Vec<String>,
    pub(crate) not_programs: Vec<String>,
    pub(crate) not_programs_end: Vec<String>,
    pub(crate) looks_like_program: Vec<String>,
    pub(crate) looks_like_program_end: Vec<String>,
    pub(crate) interpreters: Vec<String>,
    pub(crate) caller: Vec<Caller>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Caller {
    pub(crate) name: Text,
    pub(crate) context: Text,
    #[serde(default)]
    pub(crate) exec: bool,
    #[serde(default)]
    pub(crate) bare: bool,
    #[serde(default)]
    pub(crate) opens: bool,
    #[serde(default)]
    pub(crate) exists: bool,
    pub(crate) needle: Vec<Text>,
    pub(crate) shape: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Uname,
    Machine,
    File,
    Readelf,
    Listing,
    Image,
    ImageName,
    Platforms,
    Entry,
    PageSize,
    Subject,
    Exit,
    Loading,
    Mount,
    Named,
}
literal!(enum Kind);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Strength {
    Possible,
    Likely,
    Certain,
}
literal!(enum Strength);

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Sign {
    pub(crate) certain: Vec<Text>,
    pub(crate) likely: Vec<Text>,
    pub(crate) possible: Vec<Text>,
    pub(crate) hints: Vec<Text>,
    pub(crate) when: Vec<When>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct When {
    pub(crate) strength: Strength,
    pub(crate) words: Vec<Text>,
    #[serde(default)]
    pub(crate) with: Vec<Text>,
    #[serde(default)]
    pub(crate) without: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Defaults {
    pub(crate) class: Vec<Class>,
    pub(crate) name: Vec<NameClass>,
    pub(crate) exit: Vec<Exit>,
    pub(crate) instead: BTreeMap<Text, Vec<Text>>,
    pub(crate) not_exec_format: Vec<Text>,
    pub(crate) basic: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Class {
    pub(crate) errno: Text,
    #[serde(default)]
    pub(crate) context: Vec<Text>,
    pub(crate) causes: Weights,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NameClass {
    pub(crate) errno: Text,
    #[serde(default)]
    pub(crate) context: Vec<Text>,
    #[serde(default)]
    pub(crate) caller: Vec<Text>,
    #[serde(default)]
    pub(crate) bare: bool,
    #[serde(default)]
    pub(crate) starts: Vec<String>,
    #[serde(default)]
    pub(crate) ends: Vec<String>,
    #[serde(default)]
    pub(crate) has: Vec<String>,
    pub(crate) causes: Weights,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exit {
    pub(crate) status: u8,
    #[serde(default)]
    pub(crate) context: Vec<Text>,
    pub(crate) causes: Weights,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tells {
    pub(crate) tell: Vec<Tell>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tell {
    pub(crate) among: Vec<Text>,
    #[serde(default)]
    pub(crate) in_image: bool,
    pub(crate) command: String,
    pub(crate) says: String,
}

/// What a shell says of a script that it reads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    pub(crate) not_found: Translated,
    pub(crate) syntax: Translated,
    pub(crate) success: Translated,
    pub(crate) line: Translated,
    pub(crate) content: Vec<Content>,
}

/// What a dynamic loader says of a program.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Loading {
    pub(crate) refusal: Vec<Refusal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    pub(crate) says: String,
    pub(crate) strength: Strength,
    pub(crate) causes: Weights,
}

/// What is said of something, and the messages of which translations.toml has the same in other languages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Translated {
    pub(crate) text: Vec<Text>,
    #[serde(default)]
    pub(crate) translated: Vec<Text>,
}

/// What words of a file say of what it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    pub(crate) cause: Text,
    pub(crate) strength: Strength,
    #[serde(default)]
    pub(crate) first_line: bool,
    pub(crate) begins: Vec<Text>,
}

pub(crate) type Translations = BTreeMap<String, BTreeMap<String, String>>;
