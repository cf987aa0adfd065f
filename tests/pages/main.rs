//! docs/checks/ is what the catalogue says; docs/doctor-causes.md is what the tests show of it, docs/doctor-commands.md which of its
//! commands they run.
//!
//!     RBINFMT_BLESS=1 cargo test --test pages      writes the pages anew

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../common/commands.rs"]
mod commands;
mod ledger;
mod shown;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rbinfmt::doctor::catalogue;
use rbinfmt::report::explain;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_pages_are_those_of_the_catalogue() {
    let directory = root().join("docs/checks");
    let mut wanted: BTreeMap<String, String> =
        catalogue::all().iter().map(|cause| (format!("{}.md", cause.id), explain::page(cause))).collect();
    wanted.insert("README.md".into(), explain::index());
    if std::env::var_os("RBINFMT_BLESS").is_some() {
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        for (name, text) in &wanted {
            fs::write(directory.join(name), text).unwrap();
        }
    }
    let files = fs::read_dir(&directory).into_iter().flatten().map(|file| file.unwrap().path());
    let there: BTreeMap<String, String> = files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
        .collect();
    let differ = wanted.iter().filter(|(name, text)| there.get(*name) != Some(text)).map(|(name, _)| name);
    let differ: Vec<&String> = differ.chain(there.keys().filter(|name| !wanted.contains_key(*name))).collect();
    assert!(differ.is_empty(), "docs/checks differs in {differ:?}: RBINFMT_BLESS=1 cargo test --test pages");
}

#[test]
fn what_is_shown_is_written_down() {
    is_written("docs/doctor-causes.md", &shown::Shown::read().page());
    is_written("docs/doctor-commands.md", &ledger::Ledger::read().page());
}

/// What stands in blocks of code.
fn code(page: &str) -> impl Iterator<Item = &str> {
    page.split("```").skip(1).step_by(2).flat_map(|block| block.lines().skip(1))
}

#[test]
fn the_chinese_readme_shows_nothing_else() {
    let page = |name| fs::read_to_string(root().join(name)).unwrap();
    let (english, chinese) = (page("README.md"), page("README.zh-CN.md"));
    // A command that asks for the language is the other page's without that.
    let other = chinese.replace(" --lang zh", "");
    let lacks: Vec<&str> = code(&other).filter(|line| !code(&english).any(|other| other == *line)).collect();
    assert!(lacks.is_empty() && code(&other).count() > 10, "README.md does not show {lacks:#?}");
}

/// A page is what it would be written as.
fn is_written(name: &str, page: &str) {
    let path = root().join(name);
    if std::env::var_os("RBINFMT_BLESS").is_some() {
        fs::write(&path, page).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "{name} differs: RBINFMT_BLESS=1 cargo test --test pages");
}

/// All files below a directory whose names end so.
fn files(directory: &str, ends: &[&str]) -> Vec<(String, String)> {
    let mut directories = vec![root().join(directory)];
    let mut files = Vec::new();
    while let Some(directory) = directories.pop() {
        for path in fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                directories.push(path);
            } else if ends.iter().any(|end| name.ends_with(end)) {
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}
