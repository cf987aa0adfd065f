//! What is written for the next boot, into a system's tree, and what is taken away; the running system is the matter of
//! tests/e2e/systemd-vm.sh.

use crate::common::{Need, lab_of, script, skipped};

#[test]
fn what_enable_writes_and_disable_takes_away() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/boot/what_enable_writes_and_disable_takes_away"));
}

#[test]
fn what_somebody_else_wrote_stays() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/boot/what_somebody_else_wrote_stays"));
}

#[test]
fn a_package_s_unit_is_taken() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/boot/a_package_s_unit_is_taken"));
}

#[test]
fn a_tree_that_cannot_be_used_is_left_alone() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/boot/a_tree_that_cannot_be_used_is_left_alone"));
}

#[test]
fn what_is_not_a_file_is_not_read() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/boot/what_is_not_a_file_is_not_read"));
}

#[test]
fn exported_entries_are_what_the_kernel_takes() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/boot/exported_entries_are_what_the_kernel_takes"));
}

#[test]
fn the_label_of_programs_is_given_to_what_lies_elsewhere() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};
    const LABEL: &str = "security.selinux";
    const PROGRAM: &[u8] = b"system_u:object_r:bin_t:s0\0";
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("usr/bin")).unwrap();
    let (model, emulator) = (root.path().join("usr/bin/env"), root.path().join("qemu-arm"));
    std::fs::write(&model, "").unwrap();
    std::fs::write(&emulator, "").unwrap();
    rbinfmt::selinux::label_as_program(&emulator, root.path()).unwrap();
    if setxattr(&model, LABEL, PROGRAM, XattrFlags::empty()).is_err() {
        return skipped(Need::Root, "labels cannot be set here").unwrap_or(());
    }
    rbinfmt::selinux::label_as_program(&emulator, root.path()).unwrap();
    let mut label = [0; 64];
    let length = getxattr(&emulator, LABEL, &mut label).unwrap();
    assert_eq!(&label[..length], PROGRAM);
}
