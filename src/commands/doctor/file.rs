//! `rbinfmt doctor FILE...`: facts, model, report.

use std::io::BufRead;

use bstr::BString;

use super::{fix, worse};
use crate::cli::Common;
use crate::cli::doctor::DoctorArgs;
use crate::doctor::file::{Setting, identity_of, root_of};
use crate::error::{Doing, Result, Status};
use crate::exec::facts::ExecFacts;
use crate::exec::root::Root;
use crate::report;

/// Examines each file and prints what was found; the worst of them is the exit status.
pub(super) fn run(common: &Common, args: &DoctorArgs) -> Result<Status> {
    let mut facts = ExecFacts::gather(&common.mount)?;
    let root = root_of(args.root.as_deref())?;
    if let Some(user) = &args.user {
        facts.identity = identity_of(user, &root)?;
    }
    // The kernel's own question knows of writers and security modules; only about this process's own files.
    let root = root.asking_kernel(facts.kernel.behaviour().check && facts.identity.own);
    let argv = args.argv.iter().map(|a| BString::from(a.as_encoded_bytes())).collect();
    let setting = Setting { facts, root, host: Root::own(), argv, verify: args.verify };

    let mut worst = Status::Done;
    let mut findings = Vec::new();
    let mut one = |target: &[u8]| -> Result<()> {
        let exam = setting.examine(target)?;
        let text = if common.json { report::doctor::json(&exam).to_string() } else { report::doctor::text(&exam) };
        report::out(text.trim_end())?;
        worst = worse(worst, exam.status());
        if args.fix {
            findings.extend(exam.findings);
        }
        Ok(())
    };
    let mut input = Some(std::io::stdin().lock());
    for file in &args.files {
        let file = file.as_encoded_bytes();
        match input.take_if(|_| file == b"-") {
            None => one(file)?,
            Some(list) => {
                for name in list.split(b'\n') {
                    let name = name.doing(|| "reading the list of files")?;
                    if !name.is_empty() {
                        one(&name)?;
                    }
                }
            }
        }
    }
    if args.fix { fix::apply(common, &findings, worst) } else { Ok(worst) }
}
