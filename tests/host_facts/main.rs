//! The doctor on other machines: facts that were made by hand after what users report, not recorded there. Each case is
//! a JSON merge patch (RFC 7396) on base.json, a healthy Debian 13.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;

use rbinfmt::doctor::catalogue::{CauseId, Form};
use rbinfmt::doctor::finding::Finding;
use rbinfmt::doctor::host::Look;
use rbinfmt::doctor::host::check::{self, Check};
use rbinfmt::doctor::host::facts::HostFacts;
use rbinfmt::emulators::find::Places;
use rbinfmt::error::Status;
use rbinfmt::host::Host;
use rbinfmt::profile::Profiles;
use rbinfmt::report;
use serde_json::{Map, Value, json};

/// The case, the worst finding, and the exit status.
const CASES: [(&str, CauseId, Status); 29] = [
    ("debian-13", CauseId::BinfmtStrictMask, Status::Done),
    ("wsl-2", CauseId::BinfmtStrictMask, Status::Done),
    ("wsl-2-interop-gone", CauseId::WslInteropBroken, Status::Failed),
    ("wsl-2-skipped", CauseId::WslBinfmtSkipped, Status::Done),
    ("wsl-2-cleared-by-another", CauseId::WslInteropBroken, Status::Failed),
    ("wsl-1", CauseId::Wsl1, Status::Failed),
    ("centos-7", CauseId::BinfmtFKernelTooOld, Status::Failed),
    ("lxc", CauseId::BinfmtLxcDenied, Status::Unknown),
    ("rootless", CauseId::TableHidden, Status::Unknown),
    ("container", CauseId::BinfmtMountDenied, Status::Unknown),
    ("docker-builder", CauseId::BinfmtStrictMask, Status::Done),
    ("automount", CauseId::BinfmtAutomountUntriggered, Status::Done),
    ("automount-not-root", CauseId::BinfmtAutomountUntriggered, Status::Unknown),
    ("not-mounted", CauseId::BinfmtNotMounted, Status::Done),
    ("module-not-loaded", CauseId::BinfmtKernelMissing, Status::Done),
    ("modules-gone", CauseId::BinfmtKernelMissing, Status::Failed),
    ("kernel-without", CauseId::BinfmtKernelMissing, Status::Failed),
    ("made-by-a-container", CauseId::BinfmtNotPersistent, Status::Done),
    ("boot-file-broken", CauseId::BinfmtMangledString, Status::Failed),
    ("selinux", CauseId::SelinuxEmulator, Status::Done),
    ("ubuntu-userns", CauseId::BinfmtStrictMask, Status::Done),
    ("docker-desktop", CauseId::BinfmtStrictMask, Status::Done),
    ("stale-builder", CauseId::BuildxPlatformsStale, Status::Done),
    ("old-docker-from-a-snap", CauseId::LibseccompOld, Status::Done),
    ("settings", CauseId::QemuSegvLibcBin, Status::Done),
    ("raspberry-pi-os-32", CauseId::Userland32On64Kernel, Status::Done),
    ("asahi-16k", CauseId::PageSize, Status::Done),
    ("talos", CauseId::VmHostWithoutBinfmt, Status::Done),
    ("rosetta", CauseId::BinfmtStrictMask, Status::Done),
];

fn read(name: &str) -> Value {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host_facts");
    serde_json::from_slice(&fs::read(directory.join(name)).unwrap()).unwrap()
}

fn patched(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut object = if let Value::Object(object) = target { object } else { Map::new() };
    for (key, value) in patch {
        let old = object.remove(key).unwrap_or_default();
        if !value.is_null() {
            object.insert(key.clone(), patched(old, value));
        }
    }
    Value::Object(object)
}

fn facts(case: &str) -> HostFacts {
    serde_json::from_value(patched(read("base.json"), &read(&format!("cases/{case}.json")))).unwrap()
}

/// The worst first, in the order of the checks.
fn findings(checks: &[Check]) -> Vec<&Finding> {
    let mut findings: Vec<&Finding> = checks.iter().flat_map(Check::findings).collect();
    findings.sort_by_key(|finding| finding.severity);
    findings
}

#[test]
fn other_machines() {
    let profiles = Profiles::load(&[]).unwrap();
    for (case, worst, status) in CASES {
        let checks = check::checks(&facts(case), &profiles);
        let text = report::host::text(&checks, true);
        let text = report::plain(&text);
        let findings = findings(&checks);
        assert_eq!(findings.first().map(|f| f.id), Some(worst), "{case}\n{text}");
        assert_eq!(check::status(&checks), status, "{case}\n{text}");
        for finding in findings {
            assert!(finding.id.cause().found_by.contains(&Form::Host), "{}", finding.id);
        }
        insta::assert_snapshot!(case, text);
    }
}

#[test]
fn what_rbinfmt_has_fetched_itself_is_of_no_package() {
    let idle = patched(read("base.json"), &read("cases/not-mounted.json"));
    for (path, of_package) in
        [("/usr/bin/qemu-aarch64", true), ("/var/lib/rbinfmt/versions/10.2.0/qemu-aarch64", false)]
    {
        let fetched = json!({"table": {"seen": {"emulators": {"aarch64": {"path": path}}}}});
        let facts: HostFacts = serde_json::from_value(patched(idle.clone(), &fetched)).unwrap();
        let checks = check::checks(&facts, &Profiles::load(&[]).unwrap());
        let split = findings(&checks).iter().any(|finding| finding.id == CauseId::DistroPackageSplit);
        assert_eq!(split, of_package, "{path}");
    }
}

#[test]
fn facts_of_this_machine_are_judged_alike_when_they_come_back() {
    let (host, profiles) = (Host::default(), Profiles::load(&[]).unwrap());
    let places = Places::usual(None);
    let look = Look { host: &host, profiles: &profiles, places: &places, private: false, probe: false, engines: true };
    let facts = HostFacts::gather(look).unwrap();
    let json = serde_json::to_string(&facts).unwrap();
    let back: HostFacts = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
    assert_eq!(check::checks(&back, &profiles), check::checks(&facts, &profiles));
}
