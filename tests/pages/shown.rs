//! What shows that a cause is found: which forms of the doctor find it, as their code has it, and which tests make it.
//! docs/doctor-causes.md is written from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use rbinfmt::doctor::catalogue::{self, CauseId, Form};

use crate::files;

/// Causes of files that an image cannot have, and why.
const NOT_IN_IMAGES: [(CauseId, &str); 12] = [
    (CauseId::ArmAttributes, "a note"),
    (CauseId::BinfmtSetuidNoC, "it starts"),
    (CauseId::BinfmtShadowed, "a note"),
    (CauseId::Etxtbsy, "nobody writes to it"),
    (CauseId::ModelWrong, "the kernel is not asked"),
    (CauseId::NoSuchFile, "it is path-lookup-failed there"),
    (CauseId::NoexecMount, "its mounts are not known"),
    (CauseId::Osabi, "a note"),
    (CauseId::PackedProgram, "a note"),
    (CauseId::QemuMissingSysroot, "without its loader it does not start at home either: missing-elf-loader"),
    (CauseId::TableHidden, "a note"),
    (CauseId::Verified, "the kernel is not asked"),
];

/// Causes that no test makes, and why.
const NOT_MADE: [(Form, CauseId, &str); 2] = [
    (Form::File, CauseId::ModelWrong, "it would be a bug of ours"),
    (Form::File, CauseId::PackedProgram, "Debian 12 does not have UPX; tried by hand with that of Debian 11"),
];

/// The causes that are named within these marks.
fn ids<'t>(texts: impl IntoIterator<Item = &'t str>, open: char, close: char) -> BTreeSet<CauseId> {
    let texts: Vec<&str> = texts.into_iter().collect();
    let is_in = |id: &CauseId| texts.iter().any(|text| text.contains(&format!("{open}{id}{close}")));
    catalogue::all().iter().map(|cause| cause.id).filter(is_in).collect()
}

/// The causes that a room of the doctor names, its tests aside.
fn room(name: &str) -> BTreeSet<CauseId> {
    let directory = format!("src/doctor/{name}");
    let (code, data) = (files(&directory, &[".rs"]), files(&directory, &[".toml"]));
    let code: Vec<&str> = code.iter().filter_map(|(_, text)| text.split("#[cfg(test)]").next()).collect();
    let words = |text: &'_ str| text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
    let words: BTreeSet<String> = code.into_iter().flat_map(words).collect();
    let named = catalogue::all().iter().map(|cause| cause.id).filter(|id| words.contains(&format!("{id:?}")));
    named.chain(ids(data.iter().map(|(_, text)| text.as_str()), '"', '"')).collect()
}

/// Which causes each form finds, as the code has it. What is wrong with a file is wrong with it in an image as well.
fn found() -> BTreeMap<Form, BTreeSet<CauseId>> {
    let in_image = |id: &&CauseId| !NOT_IN_IMAGES.iter().any(|(other, _)| other == *id);
    let image = room("file").iter().filter(in_image).copied().chain(room("image")).collect();
    BTreeMap::from([(Form::File, room("file")), (Form::Host, room("host")), (Form::Image, image)])
}

#[test]
fn causes_are_found_by_the_forms_that_the_catalogue_says() {
    for (form, found) in found() {
        let said = catalogue::all().iter().filter(|cause| cause.found_by.contains(&form)).map(|cause| cause.id);
        let said: BTreeSet<CauseId> = said.collect();
        assert_eq!(said, found, "{form}");
    }
}

/// What shows that a cause is found: a word for each form.
#[derive(Default)]
pub(super) struct Shown(BTreeMap<(Form, CauseId), &'static str>);

impl Shown {
    fn by(&mut self, form: Form, word: &'static str, ids: BTreeSet<CauseId>) {
        for id in ids {
            self.0.entry((form, id)).or_insert(word);
        }
    }

    /// The strongest first: what was made for real, what was written down after reports.
    pub(super) fn read() -> Shown {
        let mut shown = Shown::default();
        let named = |name: &str| catalogue::get(name.split('.').next().unwrap()).unwrap().id;
        for (name, text) in files("tests/causes/cases", &[".toml"]) {
            let has = |key: &str| text.lines().any(|line| line.starts_with(key));
            let id = BTreeSet::from([named(&name)]);
            if has("message =") {
                shown.by(Form::Message, "real", id);
            } else if has("args = []") {
                shown.by(Form::Host, "real", id);
            } else if !has("recorded =") {
                if !has("not_in_image =") {
                    shown.by(Form::Image, "real", id.clone());
                }
                shown.by(Form::File, "real", id);
            }
        }
        let texts = |list: &[(String, String)], open, close| ids(list.iter().map(|(_, text)| &**text), open, close);
        let live = files("tests/live", &[".rs"]);
        shown.by(Form::Host, "real", &texts(&live, '"', '"') | &texts(&live, '[', '\\'));
        shown.by(Form::Host, "real", texts(&live, '[', ']'));
        shown.by(Form::Host, "facts", texts(&files("tests/host_facts/snapshots", &[".snap"]), '[', ']'));
        shown.by(Form::Image, "real", texts(&files("tests/images", &[".rs"]), '"', '"'));
        // Where the text decides.
        let alone = files("tests/messages", &[".toml"]);
        let lines = |start: &'static str| move |line: &&str| line.starts_with(start) && !line.contains(',');
        let decided = alone.iter().flat_map(|(_, text)| text.lines().filter(lines("is = [")));
        shown.by(Form::Message, "text", ids(decided, '"', '"'));
        shown
    }

    /// How a form's finding of a cause is shown.
    fn word(&self, form: Form, id: CauseId) -> &'static str {
        self.0.get(&(form, id)).copied().unwrap_or("-")
    }

    /// docs/doctor-causes.md
    pub(super) fn page(&self) -> String {
        let mut page = PAGE.to_owned();
        for cause in catalogue::all() {
            let cell = |form| if cause.found_by.contains(&form) { self.word(form, cause.id) } else { "" };
            let [file, host, image, message] = FORMS.map(cell);
            let _ = writeln!(page, "| [{0}](checks/{0}.md) | {file} | {host} | {image} | {message} |", cause.id);
        }
        page += "\nNot made:\n\n";
        for (form, id, why) in NOT_MADE {
            let _ = writeln!(page, "- {id} ({form}): {why}");
        }
        page
    }
}

const FORMS: [Form; 4] = [Form::File, Form::Host, Form::Image, Form::Message];

const PAGE: &str = "\
# Which causes were seen

Written by `RBINFMT_BLESS=1 cargo test --test pages` from the tests themselves. In each column is how a test shows that this form
of the doctor names the cause first; a column is empty where the form does not find it.

| word | what the test does |
|---|---|
| real | makes the cause on this machine: a file, an entry in a table of its own, an image, a program that fails and its words. tests/causes, tests/live, tests/images. Where a command cures it, that is run, and the doctor finds it no more |
| facts | judges the facts of another machine, made by hand after reports: tests/host_facts |
| text | judges words of others, from measurements and public threads, where they decide: tests/messages |
| - | nothing: for messages, the words alone do not decide on it, and it stands among the candidates |

Some real causes are made with a part that is not: another machine's name or page size by `--facts`, an older CPU or kernel by QEMU.

| cause | FILE | host | IMAGE | message |
|---|---|---|---|---|
";

#[test]
fn each_cause_is_made_in_each_form_that_finds_it() {
    let shown = Shown::read();
    for cause in catalogue::all() {
        for &form in cause.found_by.iter().filter(|form| **form != Form::Message) {
            let left_out = NOT_MADE.iter().any(|(other, id, _)| (*other, *id) == (form, cause.id));
            assert_eq!(shown.word(form, cause.id) == "-", left_out, "{}: {form}", cause.id);
        }
    }
}
