//! The modules of the library stand on floors, as docs/architecture.md draws them: each imports only from floors below.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors of the picture, the topmost first.
fn floors() -> Vec<Vec<String>> {
    let text = fs::read_to_string("docs/architecture.md").unwrap();
    let picture = text.split("```floors\n").nth(1).expect("docs/architecture.md has a block `floors`");
    let picture = picture.split("```").next().unwrap();
    picture.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

fn sources(directory: &Path, files: &mut Vec<PathBuf>) {
    for item in fs::read_dir(directory).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

/// The module of the library that a file belongs to.
fn module(file: &Path) -> String {
    let first = file.strip_prefix("src").unwrap().components().next().unwrap();
    Path::new(first.as_os_str()).file_stem().unwrap().to_str().unwrap().to_owned()
}

/// The code of a source file without its comments; what only its tests name does not count.
fn code(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// What code names after `path`: `crate::a::B` and `crate::{a::B, c}`.
fn named<'a>(code: &'a str, path: &str) -> Vec<&'a str> {
    let first = |rest: &'a str| rest.trim_start().split(|c: char| !c.is_ascii_lowercase() && c != '_').next();
    let mut names = Vec::new();
    for rest in code.split(path).skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            names.extend(first(rest));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' | ',' if depth == 0 => {
                    names.extend(first(&group[start..at]));
                    start = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn groups_are_taken_apart() {
    let code = code("use crate::a::B;\nuse crate::{c::{D, E}, f,\n    g::H};\n// crate::not\nlet x = crate::i(1, 2);");
    assert_eq!(named(&code, "crate::"), ["a", "c", "f", "g", "i"]);
}

fn all() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap();
        (file, text)
    };
    files.into_iter().filter(|file| !file.ends_with("tests.rs")).map(read).collect()
}

#[test]
fn every_import_goes_down() {
    let floors = floors();
    let height: BTreeMap<&str, usize> = floors
        .iter()
        .rev()
        .enumerate()
        .flat_map(|(floor, names)| names.iter().map(move |n| (n.as_str(), floor)))
        .collect();
    assert_eq!(height.len(), floors.iter().map(Vec::len).sum::<usize>(), "a module stands on two floors");
    let mut wrong = Vec::new();
    for (file, source) in all() {
        let own = module(&file);
        if own == "lib" {
            continue;
        }
        let at =
            *height.get(own.as_str()).unwrap_or_else(|| panic!("{own} stands on no floor of docs/architecture.md"));
        for other in named(&code(&source), "crate::").into_iter().filter(|other| *other != own) {
            match height.get(other) {
                Some(&below) if below < at => {}
                Some(_) => wrong.push(format!("{}: crate::{other} is not below {own}", file.display())),
                // A macro or an item of the crate's root.
                None => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_verb_imports_another_one() {
    let verbs: Vec<String> = fs::read_dir("src/commands")
        .unwrap()
        .map(|item| item.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "mod")
        .collect();
    let mut wrong = Vec::new();
    for (file, source) in all() {
        let Ok(inside) = file.strip_prefix("src/commands") else { continue };
        let own = Path::new(inside.components().next().unwrap().as_os_str()).file_stem().unwrap().to_str().unwrap();
        if own == "mod" {
            continue;
        }
        let is_top = inside.components().count() == 1 || inside.ends_with("mod.rs");
        let supers = if is_top { "super::" } else { "super::super::" };
        let code = code(&source);
        let other = |name: &&str| *name != own && verbs.iter().any(|verb| verb == name);
        for verb in ["crate::commands::", supers].iter().flat_map(|path| named(&code, path)).filter(other) {
            wrong.push(format!("{} imports the verb {verb}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
