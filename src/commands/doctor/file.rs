//! `rbinfmt doctor FILE...`: facts, model, report.

use std::ffi::OsString;
use std::io::{self, BufRead, Read};

use bstr::BString;

use super::sink::ReportSink;
use crate::cli::Common;
use crate::cli::doctor::DoctorArgs;
use crate::doctor::file::{Setting, identity_of, root_of};
use crate::doctor::snapshot::Snapshot;
use crate::error::{Doing, Result};
use crate::exec::facts::ExecFacts;
use crate::exec::root::Root;

/// Examines each file, here or as another machine would, and writes what was found.
pub(super) fn run(
    common: &Common,
    args: &DoctorArgs,
    files: &[OsString],
    given: Option<&Snapshot>,
    sink: &mut ReportSink,
) -> Result<()> {
    let mut facts = given.map_or_else(|| ExecFacts::gather(&common.mount), |snapshot| snapshot.exec.clone());
    let root = root_of(args.root.as_deref())?;
    if let Some(user) = &args.user {
        facts.identity = identity_of(user, &root)?;
    }
    // The kernel's own question knows of writers and security modules; only about this process's own files.
    let root = root.asking_kernel(facts.kernel.behaviour().check && facts.identity.own);
    let argv = args.argv.iter().map(|a| BString::from(a.as_encoded_bytes())).collect();
    let setting =
        Setting { facts, root, host: Root::own(), argv, verify: args.verify, here: given.is_none(), environment: None };
    let mut one = |target: &[u8]| -> Result<()> {
        let exam = setting.examine(target)?;
        sink.answer(&exam, exam.status())?;
        // Of a long list only the fixes are wanted later.
        sink.findings.extend(exam.findings.into_iter().filter(|_| args.fix));
        Ok(())
    };
    let mut input = Some(std::io::stdin().lock());
    for file in files {
        let file = file.as_encoded_bytes();
        match input.take_if(|_| file == b"-") {
            None => one(file)?,
            Some(mut list) => {
                while let Some(name) = next_name(&mut list).doing(|| "reading the list of files")? {
                    if !name.is_empty() {
                        one(&name)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// A longer name than PATH_MAX is none: what is beyond the first byte too many is not kept.
const MOST: u64 = 4096 + 1;

/// The next line, without its end.
fn next_name(list: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut name = Vec::new();
    if list.take(MOST).read_until(b'\n', &mut name)? == 0 {
        return Ok(None);
    }
    if name.last() == Some(&b'\n') {
        name.pop();
    } else {
        list.skip_until(b'\n')?;
    }
    Ok(Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_and_do_not_run_into_the_next() {
        let long = vec![b'x'; 10_000];
        let list = [b"a\n\n", &long[..], b"\nb", &long[..4096], b"\nlast"].concat();
        let mut list = &list[..];
        let mut lengths = Vec::new();
        while let Some(name) = next_name(&mut list).unwrap() {
            lengths.push(name.len());
        }
        assert_eq!(lengths, [1, 0, 4097, 4097, 4]);
    }
}
