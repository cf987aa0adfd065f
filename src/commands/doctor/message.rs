//! `rbinfmt doctor --message TEXT`: what a message says of its cause, and what is here of the files that it names.

use std::ffi::OsStr;
use std::io::BufReader;
use std::path::Path;

use super::sink::ReportSink;
use crate::cli::Common;
use crate::doctor::file::{FileVerdict, Setting};
use crate::doctor::message;
use crate::error::{Result, Status};
use crate::exec::facts::ExecFacts;
use crate::exec::root::Root;
use crate::report::answer::Answer;
use crate::report::message::MessageAnswer;

/// Files that are looked at.
const MOST: usize = 4;

/// Names the causes. Needs no rights, and looks at nothing but the files that the text names.
pub(super) fn run(common: &Common, text: &OsStr, sink: &mut ReportSink) -> Result<Status> {
    let diagnosis = match text.as_encoded_bytes() {
        b"-" => message::read(&mut BufReader::with_capacity(1 << 16, std::io::stdin().lock()))?,
        mut bytes => message::read(&mut bytes)?,
    };
    let files = examined(common, &diagnosis.paths)?;
    let answer = MessageAnswer { diagnosis, files };
    let status = answer.status();
    sink.answer(&answer, status)?;
    sink.end()?;
    Ok(status)
}

/// Those of the files that exist here.
fn examined(common: &Common, paths: &[String]) -> Result<Vec<FileVerdict>> {
    let is_here = |path: &&String| Path::new(path).metadata().is_ok_and(|file| file.is_file());
    let here: Vec<&String> = paths.iter().filter(is_here).take(MOST).collect();
    if here.is_empty() {
        return Ok(Vec::new());
    }
    let facts = ExecFacts::gather(&common.mount);
    let setting = Setting {
        facts,
        root: Root::own(),
        host: Root::own(),
        argv: Vec::new(),
        verify: false,
        here: true,
        environment: None,
    };
    here.into_iter().map(|path| setting.examine(path.as_bytes())).collect()
}
