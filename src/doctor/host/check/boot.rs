//! What will be left of the entries: after a restart of the machine, and of the services that make them.

use super::causes::{Causes, arch_list, listed};
use super::{Case, Check, Judged, State};
use crate::binfmt::entry::{Entry, Flags};
use crate::binfmt::register;
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::{Finding, Severity};
use crate::doctor::host::facts::{BootFile, File, Reader, Unit};
use crate::kernel::Kernel;
use crate::text::from_text;

const GROUP: &str = "boot";

pub(super) fn checks(case: &Case) -> Vec<Check> {
    let check = |name, state| Check { group: GROUP, name, state };
    let who = &case.facts.identity;
    let in_container = case.facts.place.container.as_deref();
    if in_container.is_some() || !who.first_user_namespace {
        let kind = in_container.unwrap_or("a user namespace of its own");
        return vec![check(
            "restart",
            State::Unseen(format!("the machine's own files are not seen from here ({kind})")),
        )];
    }
    let mut checks = vec![check("restart", restart(case))];
    if case.facts.boot.files.iter().any(|file| file.reader == Reader::Systemd) {
        checks.push(check("files", State::of(files(case), || "this kernel accepts every line of binfmt.d".into())));
    }
    if let Some(unit) = &case.facts.boot.systemd_binfmt {
        checks.extend(service(case, unit).map(|state| check("systemd-binfmt", state)));
    }
    checks
}

/// What makes an entry again when the machine starts.
enum Origin<'a> {
    /// A line of a file that is in use.
    File(&'a BootFile),
    /// A service that was started with the machine: rbinfmt's own, or OpenRC's for QEMU.
    Service,
    /// Nothing that was found.
    Nobody,
}

fn origin<'a>(case: &Case<'a>, entry: &Judged) -> Origin<'a> {
    let boot = &case.facts.boot;
    let makes = |file: &&BootFile| match file.reader {
        Reader::Systemd => file.lines.iter().any(|line| name_of(line).as_deref() == Some(&entry.entry.name[..])),
        Reader::BinfmtSupport => file.lines.iter().any(|name| name.as_bytes() == &entry.entry.name[..]),
    };
    if let Some(file) = boot.files.iter().find(makes) {
        return Origin::File(file);
    }
    let service = if entry.health.ours { "rbinfmt" } else { "qemu" };
    match boot.services.iter().any(|name| name.starts_with(service)) {
        true => Origin::Service,
        false => Origin::Nobody,
    }
}

/// The name in a register string.
fn name_of(line: &str) -> Option<Vec<u8>> {
    let line = from_text(line)?;
    let (&separator, rest) = line.split_first()?;
    Some(rest.split(|&b| b == separator).next().unwrap_or_default().to_vec())
}

fn restart(case: &Case) -> State {
    let boot = &case.facts.boot;
    if case.enabled().next().is_none() {
        return State::Fine(match boot.files.len() {
            0 => "nothing makes entries".into(),
            1 => "1 file makes entries".into(),
            count => format!("{count} files make entries"),
        });
    }
    let stopped = |unit: &Unit| unit.masked || (unit.not_on_wsl && is_wsl(case));
    let reads_binfmt_d = boot.systemd_binfmt.as_ref().is_some_and(|unit| !stopped(unit));
    let mut causes = Causes::not_by_registering();
    let mut makers: Vec<&str> = Vec::new();
    for entry in case.enabled() {
        let origin = origin(case, entry);
        if let Origin::File(file) = origin
            && !makers.contains(&file.path.as_str())
        {
            makers.push(&file.path);
        }
        let lost = match origin {
            Origin::File(file) if file.reader == Reader::Systemd && !reads_binfmt_d => {
                Some(format!("{} makes it, but nothing reads that file", file.path))
            }
            Origin::File(_) | Origin::Service => None,
            // What others made is theirs to keep; what WSL makes comes with each start.
            Origin::Nobody if !entry.health.counts => None,
            Origin::Nobody if from_container(entry) => Some("a container made it".into()),
            Origin::Nobody => Some("no file of binfmt.d, of update-binfmts, and no service makes it".into()),
        };
        if let Some(why) = lost {
            let detail = "it is gone after the next restart of the machine: nothing makes it again";
            causes.add((Severity::Warning, CauseId::BinfmtNotPersistent), entry, detail, Some(why));
        }
    }
    // What is enabled is all that is made: it takes those that are not lost along.
    let findings = causes.findings().into_iter().map(|finding| registering(finding, case.emulating()));
    State::of(findings.collect(), || match makers.is_empty() {
        true => "every entry is made again".into(),
        false => format!("every entry is made again, by {}", listed(&makers)),
    })
}

/// With what the entries are for, if that is known of any.
fn registering<'a>(finding: Finding, entries: impl Iterator<Item = &'a Judged<'a>>) -> Finding {
    let archs: Vec<String> = entries.filter_map(|e| Some(e.health.profile?.label().to_owned())).collect();
    if archs.is_empty() { finding } else { finding.with("arch", arch_list(archs)) }
}

/// Its interpreter is where only a container has it.
fn from_container(entry: &Judged) -> bool {
    entry.entry.flags.has(Flags::F) && entry.program.is_some_and(|program| program.file == File::Missing)
}

/// Lines that this kernel would refuse: one makes the whole service fail.
fn files(case: &Case) -> Vec<Finding> {
    let newer = Kernel { release: String::new(), machine: String::new() };
    let mut findings = Vec::new();
    for file in case.facts.boot.files.iter().filter(|file| file.reader == Reader::Systemd) {
        for line in &file.lines {
            let string = from_text(line).unwrap_or_default();
            match register::judge(&string, &case.facts.kernel) {
                Err(mistake) if register::judge(&string, &newer).is_ok() => {
                    let detail = format!("this kernel is too old for this line: {mistake}");
                    findings.push(Finding::problem(CauseId::BinfmtFKernelTooOld, &file.path, detail).evidence(line));
                }
                Err(mistake) => {
                    let detail = format!("the kernel refuses this line: {mistake}");
                    findings.push(Finding::problem(CauseId::BinfmtMangledString, &file.path, detail).evidence(line));
                }
                Ok(entry) => findings.extend(missing(case, file, &entry)),
            }
        }
    }
    findings
}

/// A line with flag F whose interpreter is not there is refused too. Only interpreters that were looked at are known.
fn missing(case: &Case, file: &BootFile, entry: &Entry) -> Option<Finding> {
    let path = entry.handler();
    let program = case.facts.programs.get(&path)?;
    let gone = program.file == File::Missing && entry.flags.has(Flags::F);
    let detail = "its interpreter is not there, so the kernel refuses it when the machine starts";
    gone.then(|| {
        let finding = Finding::warning(CauseId::BinfmtEmulatorFailedBoot, &file.path, detail);
        finding.evidence(path).with("entry", entry.name.to_string()).with("path", &file.path)
    })
}

fn service(case: &Case, unit: &Unit) -> Option<State> {
    let said = |key: &str| unit.state.get(key).map(String::as_str).unwrap_or_default();
    let makes = case.facts.boot.files.iter().any(|file| file.reader == Reader::Systemd);
    if said("ActiveState") == "failed" {
        let detail = format!("it failed ({}): the entries of its files are missing or incomplete", said("Result"));
        let finding = Finding::problem(CauseId::BinfmtEmulatorFailedBoot, "systemd-binfmt.service", detail);
        return Some(State::Found(vec![finding.evidence("systemctl: ActiveState=failed")]));
    }
    if unit.not_on_wsl && is_wsl(case) && makes {
        let detail = "it does not run on WSL: a condition in its unit keeps it from that, so binfmt.d is never read";
        let finding = Finding::warning(CauseId::WslBinfmtSkipped, "systemd-binfmt.service", detail);
        return Some(State::Found(vec![finding.evidence(format!("{}: ConditionVirtualization=!wsl", unit.path))]));
    }
    if !case.facts.boot.systemd && unit.state.is_empty() {
        // Installed, but systemd does not run here.
        return None;
    }
    // Each start of the service clears the table, then makes what its files say.
    let lost: Vec<&Judged> = case
        .enabled()
        .filter(|e| !matches!(origin(case, e), Origin::File(BootFile { reader: Reader::Systemd, .. })))
        .collect();
    if !lost.is_empty() && !unit.masked {
        let names: Vec<String> = lost.iter().map(|e| e.entry.name.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let detail = "a restart of systemd-binfmt.service, also by systemd in a privileged container, removes it";
        let finding = Finding::note(CauseId::BinfmtSystemdWipe, listed(&names), detail);
        // Those of other emulators are not ours to make.
        let qemus = lost.into_iter().filter(|e| e.emulates() && e.entry.name.starts_with(b"qemu-"));
        return Some(State::Found(vec![registering(finding, qemus)]));
    }
    Some(State::Fine(match unit.masked {
        true => "masked".into(),
        false if !makes => "it has nothing to make".into(),
        false => "its files make what is in the table".into(),
    }))
}

fn is_wsl(case: &Case) -> bool {
    super::place::wsl(&case.facts.kernel).is_some()
}
