//! What goes wrong with a script that the kernel starts: `env` looks its program up by itself, and later.

use bstr::{BString, ByteSlice};

use super::Setting;
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::Finding;
use crate::exec::{Handler, Outcome, Verdict};
use crate::text::to_text;

/// Looks at `#!/usr/bin/env NAME`.
pub(super) fn findings(setting: &Setting, verdict: &Verdict) -> Option<Finding> {
    let step = verdict.steps.first().filter(|s| s.handler == Some(Handler::Script))?;
    let Outcome::Starts(_) = verdict.outcome else { return None };
    let name = step.name.as_ref().filter(|name| name.ends_with(b"/env"))?;
    // argv is: env, what follows it, the script.
    let argument = step.argv.get(1).filter(|a| **a != step.path)?;
    let about = to_text(&step.path);
    let problem = |id, detail: String| Some(Finding::problem(id, &*about, detail).with("path", &*about));
    if let Some(clean) = argument.strip_suffix(b"\r") {
        let detail = format!(
            "the first line ends with a carriage return, so {name} looks for \"{}\" instead of \"{}\"",
            to_text(argument),
            to_text(clean)
        );
        return problem(CauseId::CrlfShebang, detail);
    }
    if argument.starts_with(b"-") {
        return None;
    }
    if argument.contains(&b' ') {
        let detail =
            format!("the kernel gives {name} one argument, {:?}, and no program has that name", argument.as_bstr());
        return problem(CauseId::ShebangEnvArgs, detail);
    }
    match on_path(setting, argument) {
        Some(_) => None,
        None => problem(
            CauseId::ShebangInterpreterMissing,
            format!("{name} looks for {} in PATH, where it is not", to_text(argument)),
        ),
    }
}

/// Where the usual `PATH` of a tree, or ours where it is our own, has a program. One that may be executed counts before one
/// that may not, as for a shell.
pub(super) fn on_path(setting: &Setting, name: &[u8]) -> Option<BString> {
    const PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let directories = setting.variable("PATH").unwrap_or_else(|| PATH.into());
    let paths = directories.split_str(":").map(|directory| BString::from([directory, b"/", name].concat()));
    let mut found = paths.filter_map(|path| setting.root.open(&path).ok().map(|file| (path, file.is_executable())));
    let first = found.next()?;
    if first.1 { Some(first.0) } else { Some(found.find(|(_, is_executable)| *is_executable).unwrap_or(first).0) }
}
