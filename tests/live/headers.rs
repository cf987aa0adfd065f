//! Headers that other tools' masks refuse, and those that must be refused.

use crate::common::lab_of;

/// `patch FILE OFFSET BYTES`: a copy of arm64's busybox with other bytes in its header.
const PATCH: &str = r#"
patch() {
    cp $FIXTURES/arm64/busybox $1
    printf "$3" | dd of=$1 bs=1 seek=$2 conv=notrunc status=none
    chmod +x $1
}
must rb install arm64 >/dev/null
"#;

fn says(script: &str) {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&format!("{PATCH}{script}"));
}

#[test]
fn an_appimage_runs() {
    says(
        r#"patch busybox.app 8 'AI\x02'; [ "$(./busybox.app uname -m)" = aarch64 ] || fail "$(head -c 20 busybox.app | od -tx1)""#,
    );
}

#[test]
fn osabi_and_abi_version_do_not_matter() {
    says(
        r#"
        for osabi in 03 09 41 61; do
            patch busybox.$osabi 7 "\\x$osabi"
            [ "$(./busybox.$osabi uname -m)" = aarch64 ] || fail osabi $osabi
        done
        patch busybox.abi 8 '\x05'
        [ "$(./busybox.abi uname -m)" = aarch64 ] || fail 'ABI version 5'
        "#,
    );
}

#[test]
fn a_position_independent_program_goes_to_the_emulator() {
    // An ET_DYN without segments: the emulator takes it and then complains, where the kernel would have said ENOEXEC.
    says(
        r#"
        patch dyn 16 '\x03'
        ./dyn true >dyn.txt 2>&1; got=$?
        grep -q 'Exec format error' dyn.txt && fail "$(cat dyn.txt)"
        [ $got != 126 ] || fail "$got"
        "#,
    );
}

#[test]
fn object_files_and_core_dumps_stay_with_the_kernel() {
    says(
        r#"
        for kind in 00 01 04; do
            patch kind.$kind 16 "\\x$kind"
            wants 126 ./kind.$kind true 2>kind.txt
            grep -q 'Exec format error' kind.txt || fail "$(cat kind.txt)"
        done
        "#,
    );
}

#[test]
fn another_class_or_machine_is_not_taken() {
    says(
        r#"
        patch class 4 '\x01'; wants 126 ./class true 2>/dev/null
        patch data 5 '\x02'; wants 126 ./data true 2>/dev/null
        patch machine 18 '\xb8'; wants 126 ./machine true 2>/dev/null
        patch version 6 '\x00'; wants 126 ./version true 2>/dev/null
        "#,
    );
}

#[test]
fn mips_abis_each_get_their_own_emulator() {
    let Some(lab) = lab_of("mips64el") else { return };
    // o32 and n32 differ in one bit of e_flags.
    lab.run(
        r#"
        must rb install mipsel mipsn32el mips64el
        head() { printf '\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x08\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'"$1"'\0\0\x50' ; }
        { head '\x00'; head -c 64 /dev/zero; } >o32 2>/dev/null
        "#,
    );
    let run = lab.json("rb install mipsel mipsn32el mips64el --json");
    for row in run["items"].as_array().unwrap() {
        // The probes of the three are programs of the three ABIs; each ran through its own entry.
        assert_eq!(row["works"], true, "{row:#}");
    }
}
