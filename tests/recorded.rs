//! Texts that real programs printed of files made not to start, as `tests/accuracy/run --sample` recorded them, and, where this
//! machine can, the same made again for the callers that are always there.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "common/skip.rs"]
mod skip;

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use rbinfmt::doctor::message;
use serde::Deserialize;

/// Of the texts that decide, in percent: it rises with the rules. docs/doctor-accuracy.md has the whole measurement.
const FLOOR: usize = 90;

#[derive(Deserialize)]
struct Recorded {
    text: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    caller: String,
    version: String,
    kind: String,
    language: String,
    /// Whether one cause can be behind the text; otherwise each of `is` can, and `none` is that nothing is recognised.
    decides: bool,
    is: Vec<String>,
    /// Bytes that are no UTF-8 are written as `\u{fffd}` here.
    text: String,
}

#[test]
fn recorded_texts_are_told() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages/recorded/sample.toml");
    let recorded: Recorded = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let (mut right, mut decided) = (0, 0);
    for text in &recorded.text {
        let diagnosis = message::read(&mut text.text.as_bytes()).unwrap();
        let first = diagnosis.candidates.first().map_or("none".to_owned(), |candidate| candidate.id.to_string());
        let holds = text.is.contains(&first);
        if !holds {
            println!(
                "{} ({}), {}, {}: {first}, not {:?}",
                text.caller, text.version, text.kind, text.language, text.is
            );
        }
        decided += usize::from(text.decides);
        right += usize::from(text.decides && holds);
    }
    println!("{right} of {decided} where the text decides");
    assert!(decided >= 30 && right * 100 >= FLOOR * decided, "{right} of {decided}");
}

#[test]
fn texts_made_now_are_told() {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accuracy/run");
    if !["python3", "gcc", "unshare", "perl"].iter().all(|command| skip::has(command)) {
        return skip::skipped(skip::Need::Setup, "python3, gcc, unshare or perl is not installed").unwrap_or(());
    }
    let status = Command::new(run)
        .args([
            "--program",
            env!("CARGO_BIN_EXE_rbinfmt"),
            "--only-callers",
            "--languages",
            "C",
            "--floor",
            &FLOOR.to_string(),
        ])
        .args(["--callers", "^(bash|dash|env|perl, system|python3, subprocess)$"])
        .status()
        .unwrap();
    assert!(status.success(), "fewer than {FLOOR} % are right");
}
