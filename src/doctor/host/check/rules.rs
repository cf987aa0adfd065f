//! The rules of entries: too narrow, too broad, or in each other's way.

use super::causes::Causes;
use super::{Case, Check, Judged, State, entries};
use crate::binfmt::rule::{Magic, Refusal, Rule};
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::Severity;
use crate::elf;
use crate::profile::Profiles;

/// EI_OSABI, and ELFOSABI_GNU, which static programs of glibc have.
const OSABI: (usize, u8) = (7, 3);
/// Where AppImages write "AI" and their type.
const APPIMAGE: [(usize, u8); 3] = [(8, b'A'), (9, b'I'), (10, 2)];

/// Fewer bits than these in all are in too many files.
const FEW_BITS: u32 = 16;

pub(super) fn checks(case: &Case, profiles: &Profiles) -> Vec<Check> {
    if case.enabled().next().is_none() {
        return Vec::new();
    }
    let mut causes = Causes::default();
    for entry in case.enabled() {
        narrow(entry, &mut causes);
        broad(entry, profiles, &mut causes);
    }
    let state = State::of(causes.findings(), || "no magic or mask matches too little or too much".into());
    vec![Check { group: entries::GROUP, name: "masks", state }]
}

/// Files of the architecture that the mask refuses.
fn narrow(entry: &Judged, causes: &mut Causes) {
    let Some(program) = entry.named.and_then(|rule| rule.probe.as_ref()).filter(|p| entry.entry.takes(p, b"")) else {
        return;
    };
    let Rule::Magic(magic) = &entry.entry.rule else { return };
    let refused = |bytes: &[(usize, u8)]| {
        let mut program = program.clone();
        bytes.iter().for_each(|&(at, byte)| program[at] = byte);
        magic.refuses(&program)
    };
    let seen = |r: Refusal| format!("byte {}: wanted {:02x}, mask {:02x}", r.byte, r.wanted, r.mask);
    if let Some(refusal) = refused(&[OSABI]) {
        let detail = "its mask refuses programs that name an OSABI, as static ones of glibc do: Exec format error";
        causes.add((Severity::Warning, CauseId::BinfmtStrictMask), entry, detail, Some(seen(refusal)));
    } else if let Some(refusal) = refused(&APPIMAGE) {
        let detail = "its mask refuses AppImages: Exec format error";
        causes.add((Severity::Note, CauseId::BinfmtStrictMask), entry, detail, Some(seen(refusal)));
    }
}

/// Rules that match more than their maker can have meant.
fn broad(entry: &Judged, profiles: &Profiles, causes: &mut Causes) {
    let Rule::Magic(magic) = &entry.entry.rule else { return };
    if profiles.of_rule(&entry.entry.rule).is_some() {
        return;
    }
    let bits: u32 = magic.mask.iter().map(|byte| byte.count_ones()).sum();
    let mangled = (Severity::Warning, CauseId::BinfmtMangledString);
    let path = entry.path();
    if is_for_any_machine(&entry.entry.rule) {
        let detail = "it matches ELF files of any machine: was its magic truncated?";
        causes.add(mangled, entry, detail, Some(format!("{} bytes of magic", magic.magic.len())));
    } else if bits < FEW_BITS {
        let detail = "its magic is so short that other files have it too";
        causes.add(mangled, entry, detail, Some(format!("{bits} bits count")));
    } else if !path.starts_with('/') {
        let detail =
            "its interpreter is not an absolute path: it is looked up in the directory in which a program is started";
        causes.add(mangled, entry, detail, Some(path));
    } else if is_only(magic, b"MZ") && !entry.entry.name.starts_with(b"WSLInterop") {
        let detail =
            "it matches every file that starts with MZ: Windows programs, and programs of Cosmopolitan (APE) too";
        causes.add((Severity::Note, CauseId::ApeMzClash), entry, detail, Some(path));
    } else if is_only(magic, b"PK\x03\x04") {
        let detail = "it matches every file that starts with PK: jar files, and other zip files that are executed too";
        causes.add((Severity::Note, CauseId::PkJarHandler), entry, detail, Some(path));
    }
}

/// Whether a rule matches ELF files of any e_machine.
pub(super) fn is_for_any_machine(rule: &Rule) -> bool {
    let (low, high) = (18, 19);
    matches!(rule, Rule::Magic(magic) if starts(magic, elf::MAGIC) && magic.at(low).1 != 0xff && magic.at(high).1 != 0xff)
}

/// Whether the first bytes of every file that it matches are these.
fn starts(magic: &Magic, bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(at, &byte)| magic.at(at) == (byte, 0xff))
}

/// Whether it matches every file that starts with these.
fn is_only(magic: &Magic, bytes: &[u8]) -> bool {
    starts(magic, bytes) && magic.magic.len() == bytes.len()
}
