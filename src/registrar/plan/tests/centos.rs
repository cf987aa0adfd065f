//! What `install all` would do on CentOS, told from each kernel's facts. None of these kernels runs here: docs/centos.md.

use super::*;

/// Where fetched emulators are: the longest path that we make.
const STORE: &str = "/var/lib/rbinfmt/versions/debian-10.0.13+ds-0+deb13u1";

/// The entries that `install all` adds to an empty table, by name, and what it passes over or refuses, and why.
fn all(release: &str) -> (BTreeMap<String, Entry>, Vec<(String, String)>) {
    let profiles = profiles();
    let mut facts = facts(&profiles);
    facts.kernel.release = release.into();
    for emulator in facts.emulators.values_mut() {
        let name = emulator.path.file_name().unwrap();
        emulator.path = std::path::Path::new(STORE).join(name);
    }
    let (mut added, mut others) = (BTreeMap::new(), Vec::new());
    for item in plan(ALL, &[], &profiles, &facts).items {
        match item.step {
            Step::Add(change) => drop(added.insert(item.name, change.entry)),
            Step::Skip(Skip::Native) => {}
            step => others.push((item.name, format!("{step:?}"))),
        }
    }
    (added, others)
}

fn flags_of(added: &BTreeMap<String, Entry>) -> Vec<String> {
    let mut flags: Vec<String> = added.values().map(|entry| entry.flags.to_string()).collect();
    flags.sort();
    flags.dedup();
    flags
}

#[test]
fn centos_7_has_neither_f_nor_room_for_the_forty_bytes_of_32_bit_mips() {
    let (added, others) = all("3.10.0-1160.119.1.el7.x86_64");
    assert_eq!((added.len(), flags_of(&added)), (29, vec!["OC".to_owned()]));
    let names: Vec<&str> = others.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["qemu-mips", "qemu-mipsel", "qemu-mipsn32", "qemu-mipsn32el"]);
    assert!(others.iter().all(|(_, why)| why.contains("this kernel accepts 11 to 256")), "{others:?}");
    let arm64 = added["qemu-aarch64"].interpreter.as_ref().unwrap();
    assert_eq!(arm64, &format!("{STORE}/qemu-aarch64"));
}

#[test]
fn centos_8_opens_the_emulator_and_tells_it_nothing_of_p() {
    let (added, others) = all("4.18.0-553.el8_10.x86_64");
    assert_eq!((added.len(), flags_of(&added), others), (33, vec!["OCF".to_owned()], Vec::new()));
}

#[test]
fn centos_stream_9_and_10_do_all_of_it() {
    for release in ["5.14.0-570.el9.x86_64", "6.12.0-124.el10.x86_64"] {
        let (added, others) = all(release);
        assert_eq!((added.len(), flags_of(&added), others), (33, vec!["POCF".to_owned()], Vec::new()), "{release}");
    }
}

#[test]
fn what_keeps_the_table_on_each() {
    let survives = |release: &str| {
        let kernel = Kernel { release: release.into(), machine: "x86_64".into() };
        kernel.behaviour().survives_umount
    };
    let releases =
        ["3.10.0-1160.el7.x86_64", "4.18.0-553.el8_10.x86_64", "5.14.0-570.el9.x86_64", "6.12.0-124.el10.x86_64"];
    assert_eq!(releases.map(survives), [true, true, true, false]);
}
