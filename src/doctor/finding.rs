//! A cause that was found, with what was seen of it here.

use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use super::catalogue::{Advice, CauseId, FixClass, Label, Language, Remedy, Wording};
use crate::exec::root::Root;
pub(super) use crate::text::quoted;
use crate::text::{fill_in, printable};

/// The name of rbinfmt's image, which its builder sets.
fn own_image() -> Option<&'static str> {
    option_env!("RBINFMT_IMAGE").filter(|name| !name.is_empty())
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The cause.
    pub id: CauseId,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is: what was looked at is certain, a text often leaves a choice.
    pub strength: Strength,
    /// What it is about: a path, an entry, an image.
    pub about: String,
    /// One sentence on this case.
    pub detail: String,
    /// What was seen.
    pub evidence: Vec<String>,
    /// What the placeholders of the catalogue's fixes stand for.
    values: Vec<(&'static str, String)>,
    /// Fixes of this case alone.
    own_fixes: Vec<Fix>,
    /// What the catalogue says of any case does not fit this one.
    alone: bool,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something fails.
    Problem,
    /// Something will fail in circumstances that are named.
    Warning,
    /// Worth knowing.
    Note,
}

/// How sure a cause is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// One among several.
    #[default]
    Possible,
    /// More often the cause than all others together.
    Likely,
    /// What was seen proves it.
    Certain,
}

/// What to do, with this case's names in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// One sentence.
    pub text: String,
    /// The command that does it.
    pub command: Option<String>,
    /// Whose it is to decide.
    pub class: FixClass,
}

impl Strength {
    /// Its name for people.
    pub fn label(self) -> Label {
        match self {
            Strength::Possible => Label::Possible,
            Strength::Likely => Label::Likely,
            Strength::Certain => Label::Certain,
        }
    }
}

impl Fix {
    /// The command as this user has to type it: with `sudo` where root is needed, and without where one is root.
    pub fn shown(&self) -> Option<String> {
        let show = if nix::unistd::geteuid().is_root() { as_root } else { as_user };
        self.command.as_deref().map(show)
    }
}

/// What only root can do, by how the command begins.
const OF_ROOT: [&str; 5] =
    ["rbinfmt install ", "rbinfmt uninstall ", "rbinfmt enable ", "rbinfmt disable", "rbinfmt upgrade"];

/// A command for a user who is not root. The catalogue has `sudo` where root is needed, but not before our own commands, which
/// `--fix` runs, and not on Alpine, which has none.
fn as_user(command: &str) -> String {
    each_part(command, |part| {
        let needs_root = OF_ROOT.iter().any(|start| part.starts_with(start)) && !part.contains(" --dry-run");
        match part {
            _ if part.starts_with("apk ") => format!("su -c {}", quoted(part)),
            _ if needs_root => format!("sudo {part}"),
            _ => part.to_owned(),
        }
    })
}

/// A command for root, who needs no `sudo` and may not have it.
pub(super) fn as_root(command: &str) -> String {
    each_part(command, |part| part.strip_prefix("sudo ").unwrap_or(part).to_owned())
}

/// Each part of `a && b | c` by itself.
fn each_part(command: &str, show: impl Fn(&str) -> String) -> String {
    let pipe = |pipe: &str| pipe.split(" | ").map(&show).collect::<Vec<_>>().join(" | ");
    command.split(" && ").map(pipe).collect::<Vec<_>>().join(" && ")
}

impl Serialize for Fix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Fix", 3)?;
        object.serialize_field("text", &self.text)?;
        object.serialize_field("command", &self.shown())?;
        object.serialize_field("class", &self.class)?;
        object.end()
    }
}

impl Finding {
    /// Something that fails because of `id`.
    pub fn problem(id: CauseId, about: impl Into<String>, detail: impl Into<String>) -> Finding {
        Finding {
            id,
            severity: Severity::Problem,
            strength: Strength::Certain,
            about: one_line(about),
            detail: one_line(detail),
            evidence: Vec::new(),
            values: Vec::new(),
            own_fixes: Vec::new(),
            alone: false,
        }
    }

    /// Something that will fail in some circumstances.
    pub fn warning(id: CauseId, about: impl Into<String>, detail: impl Into<String>) -> Finding {
        Finding { severity: Severity::Warning, ..Finding::problem(id, about, detail) }
    }

    /// Something worth knowing.
    pub fn note(id: CauseId, about: impl Into<String>, detail: impl Into<String>) -> Finding {
        Finding { severity: Severity::Note, ..Finding::problem(id, about, detail) }
    }

    /// Adds something that was seen.
    #[must_use]
    pub fn evidence(mut self, seen: impl Into<String>) -> Finding {
        self.evidence.push(one_line(seen));
        self
    }

    /// Says what `{name}` stands for in the fixes.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Finding {
        self.values.push((name, value.into()));
        self
    }

    /// Says where the files that the fixes are about are, for somebody outside of their tree.
    #[must_use]
    pub(super) fn outside(mut self, root: &Root) -> Finding {
        let paths = self.values.iter_mut().filter(|(name, _)| ["path", "interpreter"].contains(name));
        paths.for_each(|(_, path)| *path = root.outside(path));
        self
    }

    /// Adds a fix that only this case has: it takes the place of the catalogue's commands, which are for any case.
    #[must_use]
    pub fn fix(mut self, advice: Advice, command: impl Into<Option<String>>, class: FixClass) -> Finding {
        self.own_fixes.push(Fix { text: advice.text(Language::current()).into(), command: command.into(), class });
        self
    }

    /// Leaves out all that the catalogue says is to be done in any case.
    #[must_use]
    pub(super) fn alone(mut self) -> Finding {
        self.alone = true;
        self
    }

    /// The catalogue's title.
    pub fn title(&self) -> &'static str {
        self.id.cause().title()
    }

    /// What to do: its own fixes and those of the catalogue, in its words for any case where a name is not known here.
    pub fn fixes(&self) -> Vec<Fix> {
        let fixes = self.id.cause().fixes().filter(|_| !self.alone);
        let fixes = fixes.filter(|(fix, _)| self.own_fixes.is_empty() || fix.command.is_none());
        let fixes = fixes.filter_map(|(fix, said)| self.filled(fix, said).or_else(|| in_words(fix, said)));
        self.own_fixes.iter().cloned().chain(fixes).collect()
    }

    /// With this case's names; `None` where one is not known.
    fn filled(&self, fix: &Remedy, said: Wording) -> Option<Fix> {
        let mut text = self.fill(&said.text, |value| printable(value).into_owned())?;
        if own_image().is_none() && fix.command.is_some_and(|command| command.contains("{rbinfmt}")) {
            text = format!("{text} {}", Label::OwnImage);
        }
        let command = match &fix.command {
            Some(command) => Some(self.fill(command, quoted)?),
            None => None,
        };
        Some(Fix { text, command, class: fix.class })
    }

    /// The template with the names filled in; `None` where one is not known.
    fn fill(&self, template: &str, form: impl Fn(&str) -> String) -> Option<String> {
        fill_in(template, |name| match self.values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => Some(form(value)),
            None => (name == "rbinfmt").then(|| form(own_image().unwrap_or("IMAGE"))),
        })
    }
}

/// What is said of a case has names from elsewhere in it.
fn one_line(text: impl Into<String>) -> String {
    printable(&text.into()).into_owned()
}

/// What is said of a fix where not all names are known: what is left to the reader is not ours to apply.
fn in_words(fix: &Remedy, said: Wording) -> Option<Fix> {
    let class = if fix.class == FixClass::Safe { FixClass::Decision } else { fix.class };
    Some(Fix { text: said.otherwise?.as_str().to_owned(), command: None, class })
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Finding", 8)?;
        object.serialize_field("id", &self.id)?;
        object.serialize_field("severity", &self.severity)?;
        object.serialize_field("strength", &self.strength)?;
        object.serialize_field("title", self.title())?;
        object.serialize_field("about", &self.about)?;
        object.serialize_field("detail", &self.detail)?;
        object.serialize_field("evidence", &self.evidence)?;
        object.serialize_field("fixes", &self.fixes())?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_and_quoted() {
        let finding = Finding::problem(CauseId::CrlfShebang, "a b.sh", "").with("path", "a b.sh");
        let fix = &finding.fixes()[0];
        assert_eq!(fix.command.as_deref(), Some(r"sed -i 's/\r$//' 'a b.sh'"));
        assert!(Finding::problem(CauseId::CrlfShebang, "", "").fixes().iter().all(|f| !f.text.contains('{')));
    }

    #[test]
    fn root_needs_no_sudo_and_others_do() {
        for (command, root, other) in [
            ("rbinfmt install arm64", "rbinfmt install arm64", "sudo rbinfmt install arm64"),
            ("apk add musl", "apk add musl", "su -c 'apk add musl'"),
            ("sudo insmod x.ko && ls", "insmod x.ko && ls", "sudo insmod x.ko && ls"),
            ("echo 1 | sudo tee x", "echo 1 | tee x", "echo 1 | sudo tee x"),
            ("rbinfmt install --dry-run arm64", "rbinfmt install --dry-run arm64", "rbinfmt install --dry-run arm64"),
        ] {
            assert_eq!((as_root(command), as_user(command)), (root.into(), other.into()));
        }
    }

    #[test]
    fn what_is_known_of_the_case_takes_the_place_of_what_is_said_of_any() {
        let texts = |finding: Finding| finding.fixes().into_iter().map(|f| f.text).collect::<Vec<_>>().join(" ");
        let general = || Finding::problem(CauseId::ArchiveNotExtracted, "x.gz", "");
        assert!(texts(general()).contains("as its format asks"));
        let named = general().with("path", "x.gz");
        assert!(!texts(named.clone()).contains("as its format asks"));
        let own = named.fix(Advice::Unpack, "gzip -d x.gz".to_owned(), FixClass::Yours).fixes();
        assert_eq!(own.iter().filter(|f| f.command.is_some()).count(), 1, "{own:?}");
        let fixes = Finding::problem(CauseId::BinfmtNoFFlag, "", "").fixes();
        assert!(fixes.iter().all(|f| f.class != FixClass::Safe && f.command.is_none()), "{fixes:?}");
    }
}
