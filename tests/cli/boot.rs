//! What is written for the next boot, into a system's tree, and what is taken away; the running system is the matter of
//! tests/e2e/systemd-vm.sh.

use crate::common::{Lab, lab_of, skipped};

/// A system with systemd and two emulators; `files` lists it, `rb` has no other emulators.
const SYSTEM: &str = r#"
mkdir -p tree/usr/lib/systemd tree/usr/bin tree/etc
touch tree/usr/lib/systemd/systemd
cp $EMULATORS/qemu-aarch64-static $EMULATORS/qemu-s390x-static tree/usr/bin/
files() { (cd tree && find . -mindepth 1 | sort); }
files >before.txt
conf=tree/etc/binfmt.d/rbinfmt.conf
unit=tree/etc/systemd/system/rbinfmt.service
enable() { rbinfmt enable --offline --root "$PWD/tree" "$@"; }
disable() { rbinfmt disable --root "$PWD/tree" "$@"; }
as_before() { files | diff before.txt - >&2 || fail 'not as before'; }
"#;

fn in_system(lab: &Lab, script: &str) -> String {
    lab.run(&format!("{SYSTEM}{script}"))
}

#[test]
fn what_enable_writes_and_disable_takes_away() {
    let Some(lab) = lab_of("arm64") else { return };
    in_system(
        &lab,
        r#"
        must enable arm64 s390x --dry-run >out.txt
        grep -q 'would write /etc/binfmt.d/rbinfmt.conf' out.txt || fail "$(cat out.txt)"
        as_before
        umask 077
        must enable arm64 s390x >out.txt
        [ "$(grep -c '^wrote ' out.txt)" = 5 ] || fail "$(cat out.txt)"
        grep -qx 'architectures = \["arm64", "s390x"\]' tree/etc/rbinfmt/config.toml || fail 'config.toml'
        grep -q '^:qemu-aarch64:M:.*:/usr/bin/qemu-aarch64-static:P\?OCF$' $conf || fail "$(cat $conf)"
        [ "$(grep -c '^:' $conf)" = 2 ] || fail "$(cat $conf)"
        grep -qx 'ExecStart=/usr/local/bin/rbinfmt install --offline' $unit || fail "$(cat $unit)"
        link=tree/etc/systemd/system/multi-user.target.wants/rbinfmt.service
        [ "$(readlink $link)" = /etc/systemd/system/rbinfmt.service ] || fail "$(readlink $link)"
        [ "$(stat -c %a tree/usr/local/bin/rbinfmt $unit tree/etc/binfmt.d | tr '\n' ' ')" = '755 644 755 ' ] || fail modes
        must enable arm64 s390x >out.txt
        must enable >>out.txt
        grep -q '^wrote' out.txt && fail "a second time: $(cat out.txt)"
        must enable s390x >out.txt
        [ "$(grep '^wrote' out.txt | tr '\n' ' ')" = 'wrote /etc/rbinfmt/config.toml wrote /etc/binfmt.d/rbinfmt.conf ' ] ||
            fail "$(cat out.txt)"
        must disable --dry-run >out.txt
        grep -qx 'would remove /usr/local/bin/rbinfmt' out.txt || fail "$(cat out.txt)"
        rm tree/etc/rbinfmt/config.toml
        must disable >out.txt
        grep -qx 'removed /usr/local/bin/rbinfmt' out.txt || fail "$(cat out.txt)"
        as_before
        must disable
        "#,
    );
}

#[test]
fn what_somebody_else_wrote_stays() {
    let Some(lab) = lab_of("arm64") else { return };
    in_system(
        &lab,
        r#"
        mkdir -p tree/etc/rbinfmt tree/etc/binfmt.d
        printf '# mine\narchitectures = ["arm64"] # and no other\ncredentials = false\n' >tree/etc/rbinfmt/config.toml
        echo ':mine:E::mine::/bin/true:' >$conf
        files >before.txt
        wants 1 enable s390x 2>err.txt
        grep -q 'did not write.*changed since' err.txt && grep -q 'nothing was written' err.txt || fail "$(cat err.txt)"
        as_before
        rm $conf
        files >before.txt
        must enable s390x
        printf '# mine\narchitectures = ["s390x"] # and no other\ncredentials = false\n' | diff - tree/etc/rbinfmt/config.toml ||
            fail 'the configuration'
        grep -q ':P\?OF$' $conf || fail "$(cat $conf)"
        echo '# changed' >>$unit
        wants 1 enable arm64 2>err.txt
        must disable >out.txt
        grep -q '^left /etc/systemd/system/rbinfmt.service' out.txt || fail "$(cat out.txt)"
        rm $unit
        rmdir tree/etc/systemd/system tree/etc/systemd
        as_before
        "#,
    );
}

#[test]
fn a_package_s_unit_is_taken() {
    let Some(lab) = lab_of("arm64") else { return };
    in_system(
        &lab,
        r#"
        mkdir tree/usr/lib/systemd/system
        touch tree/usr/lib/systemd/system/rbinfmt.service
        must enable arm64
        [ ! -e $unit ] && [ ! -e tree/usr/local ] || fail "$(files)"
        link=tree/etc/systemd/system/multi-user.target.wants/rbinfmt.service
        [ "$(readlink $link)" = /usr/lib/systemd/system/rbinfmt.service ] || fail "$(readlink $link)"
        "#,
    );
}

#[test]
fn a_tree_that_cannot_be_used_is_left_alone() {
    let Some(lab) = lab_of("arm64") else { return };
    in_system(
        &lab,
        r#"
        refused() { wants $1 enable $2 2>err.txt; grep -q "$3" err.txt || fail "$(cat err.txt)"; as_before; }
        wants 1 enable hexagon 2>err.txt
        grep -q offline err.txt || fail "$(cat err.txt)"
        # The store was looked for.
        rm -r tree/var
        as_before
        refused 2 arm46 'did you mean arm64'
        refused 2 '' 'name architectures'
        rm tree/usr/lib/systemd/systemd
        files >before.txt
        refused 1 arm64 'no systemd'
        touch tree/usr/lib/systemd/systemd
        mkdir outside
        ln -s $PWD/outside tree/etc/binfmt.d
        wants 1 enable arm64 2>err.txt
        grep -q 'out of' err.txt || fail "$(cat err.txt)"
        [ -z "$(ls outside)" ] || fail 'something was written outside'
        must disable
        rm tree/etc/binfmt.d
        files >before.txt
        mount --bind tree/etc tree/etc && mount -o remount,bind,ro tree/etc
        refused 1 arm64 'its /etc cannot be written'
        umount tree/etc
        mkdir -p tree/usr/local/bin
        mount --bind tree/usr tree/usr && mount -o remount,bind,ro tree/usr
        must enable arm64
        grep -qx 'ExecStart=/var/lib/rbinfmt/bin/rbinfmt install --offline' $unit || fail "$(cat $unit)"
        [ -x tree/var/lib/rbinfmt/bin/rbinfmt ] || fail 'the program'
        "#,
    );
}

#[test]
fn exported_entries_are_what_the_kernel_takes() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        must rb export arm64 --format systemd >line
        cat line >$table/register || fail "$(cat line)"
        [ "$($FIXTURES/arm64/busybox uname -m)" = aarch64 ] || fail 'it does not run'
        must rb install arm64 -v >out.txt
        grep -q kept out.txt || fail "$(cat out.txt)"
        must rb export arm64,s390x --format debian --to debian
        [ "$(ls debian | tr '\n' ' ')" = 'qemu-aarch64 qemu-s390x ' ] || fail "$(ls debian)"
        grep -q '^fix_binary yes' debian/qemu-s390x || fail "$(cat debian/qemu-s390x)"
        must rb export all --format nixos --no-credentials >nix
        grep -q '"qemu-riscv64" = {' nix && ! grep -q 'matchCredentials = true' nix || fail "$(cat nix)"
        grep -q 'qemu-x86_64' nix && fail 'the machine itself'
        wants 1 rbinfmt --emulators . export arm64 --format systemd
        "#,
    );
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
        return skipped("labels cannot be set here").unwrap_or(());
    }
    rbinfmt::selinux::label_as_program(&emulator, root.path()).unwrap();
    let mut label = [0; 64];
    let length = getxattr(&emulator, LABEL, &mut label).unwrap();
    assert_eq!(&label[..length], PROGRAM);
}
