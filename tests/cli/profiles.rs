//! Profiles from a directory: every one that is refused, and the list.

use serde_json::Value;

use crate::common::{lab, lab_of, script, texts};
use crate::said;

#[test]
fn every_refused_profile_is_named_with_file_line_and_field_before_anything_is_changed() {
    let Some(lab) = lab_of("arm64") else { return };
    let with = |rest: &str| format!("[[profile]]\nname = \"x\"\n{rest}");
    let elf = |rest: &str| with(&format!("elf = {{ class = 64, data = \"little\", machine = [9] }}\n{rest}"));
    let raw = |magic: &str| with(&format!("interpreter = \"/x\"\nmagic = {{ {magic} }}"));
    let cases = [
        (raw("bytes = \"4d5\""), 4, "bytes"),
        (raw("bytes = \"zz\""), 4, "bytes"),
        (raw("bytes = \"\""), 4, "bytes"),
        (raw("bytes = \"4d5a\", mask = \"ff\""), 4, "mask"),
        (raw("bytes = \"4d5a\", mask = \"zz\""), 4, "mask"),
        (raw("bytes = \"4d\", mask = \"00\""), 4, "mask"),
        (raw("offset = 255, bytes = \"4d5a\""), 4, "offset"),
        (with("interpreter = \"x\"\nextension = \"jar\""), 3, "interpreter"),
        (with("extension = \"jar\""), 3, "interpreter"),
        (with("interpreter = \"/x\"\nextension = \"a/b\""), 4, "extension"),
        (with("interpreter = \"/x\"\nextension = \"\""), 4, "extension"),
        (with("interpreter = \"/x\"\nextension = \"j\"\nflags = \"PX\""), 5, "flags"),
        (with("interpreter = \"/x\"\nextension = \"j\"\nflags = \"p\""), 5, "flags"),
        (with("interpreter = \"/x\""), 2, "name"),
        (elf("extension = \"j\""), 2, "name"),
        (elf("interpreter = \"/x\""), 4, "interpreter"),
        (elf("flags = \"P\""), 4, "flags"),
        (elf("emulator = \"/x\""), 4, "emulator"),
        (elf("emulator = \"\""), 4, "emulator"),
        (elf("probe = { code = \"zz\" }"), 4, "code"),
        (elf("probe = { code = \"\" }"), 4, "code"),
        (with("extension = \"j\"\ninterpreter = \"/x\"\nprobe = { code = \"00\" }"), 5, "probe"),
        (with("extension = \"j\"\ninterpreter = \"/x\"\nemulator = \"q\""), 5, "emulator"),
        (with("elf = { class = 16, data = \"little\", machine = [9] }"), 3, "elf"),
        (with("elf = { class = 64, data = \"middle\", machine = [9] }"), 3, "elf"),
        (with("elf = { class = 64, data = \"big\", machine = [9], types = [\"rel\"] }"), 3, "types"),
        (with("elf = { class = 64, data = \"big\", machine = [] }"), 3, "machine"),
        (with("elf = { class = 64, data = \"big\", machine = [9], flags = { value = 1, mask = 1 } }"), 3, "flags"),
        (with("platforms = [\"arm64\"]\nextension = \"j\"\ninterpreter = \"/x\""), 3, "platforms"),
        (with("colour = \"red\""), 3, "colour"),
        ("[[profile]]\nname = \"a/b\"\ninterpreter = \"/x\"\nextension = \"j\"".into(), 2, "name"),
        ("[[profile]]\nname = \"\"\ninterpreter = \"/x\"\nextension = \"j\"".into(), 2, "name"),
        (format!("[[profile]]\nname = \"{}\"\ninterpreter = \"/x\"\nextension = \"j\"", "n".repeat(256)), 2, "name"),
        ("[[profile]]\nname = \"status\"\ninterpreter = \"/x\"\nextension = \"j\"".into(), 2, "name"),
        (with("interpreter = \"/x\"\nextension = \"j\"\n").repeat(2), 6, "name"),
        ("\n\nnonsense".into(), 3, "nonsense"),
    ];
    let lab = lab.env("CASES", &cases.len().to_string());
    for (number, (text, line, field)) in cases.iter().enumerate() {
        lab.write(&format!("{number}/ok.toml"), with("interpreter = \"/bin/cat\"\nextension = \"ok\""));
        lab.write(&format!("{number}/p.toml"), text);
        lab.write(&format!("{number}/wanted"), format!("{number}/p.toml:{line}: field `{field}`"));
    }
    // One sandbox for all of them: what one would have changed, the next one shows.
    lab.run(&script("cli/profiles/every_refused_profile_is_named_with_file_line_and_field_before_anything_is_changed"));
}

#[test]
fn a_spelling_that_two_profiles_claim_is_refused() {
    let Some(lab) = lab() else { return };
    let profile = "[[profile]]\nname = \"x\"\naliases = [\"arm64\"]\ninterpreter = \"/x\"\nextension = \"x\"\n";
    lab.write("profiles/x.toml", profile);
    let output = lab.try_run("rbinfmt install arm64 --profiles profiles");
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(2), "{out}{err}");
    assert!(err.contains("\"arm64\"") && err.contains("both claim it"), "{err}");
}

#[test]
fn a_directory_of_profiles_that_cannot_be_read_is_refused() {
    let Some(lab) = lab() else { return };
    lab.write("file", "");
    lab.write("binary/x.toml", b"\xff\xfe");
    std::fs::File::create(lab.write("large/x.toml", "")).unwrap().set_len(2 << 20).unwrap();
    for directory in ["/nonexistent", "file", "binary", "large"] {
        let output = lab.try_run(&format!("rbinfmt profiles --profiles {directory}"));
        let (out, err) = texts(&output);
        assert_eq!(output.status.code(), Some(2), "{directory}: {out}{err}");
        assert!(err.contains(directory), "{err}");
    }
}

#[test]
fn a_profile_of_the_users_runs_its_files() {
    let Some(lab) = lab() else { return };
    lab.write("handler", "#!/bin/sh\necho \"handled $*\"\n");
    lab.write("a.greeting", "hello");
    lab.write("b", "....GREETING");
    let profile = |rule: &str, name: &str| {
        format!("[[profile]]\nname = \"{name}\"\ninterpreter = \"{}/handler\"\n{rule}\n", lab.scratch().display())
    };
    let text = profile("extension = \"greeting\"", "by-name")
        + &profile("magic = { offset = 4, bytes = \"4752ff\", mask = \"ffff00\" }", "by-bytes");
    lab.write("profiles/x.toml", text);
    lab.run(&script("cli/profiles/a_profile_of_the_users_runs_its_files"));
}

#[test]
fn a_profile_of_the_users_replaces_a_built_in_one() {
    let Some(lab) = lab_of("arm64") else { return };
    let profile = "[[profile]]\nname = \"aarch64\"\nplatforms = [\"linux/arm64\"]\nemulator = \"mine\"\n\
                   elf = { class = 64, data = \"little\", machine = [183], types = [\"exec\"] }\n";
    lab.write("profiles/x.toml", profile);
    lab.run(&script("cli/profiles/a_profile_of_the_users_replaces_a_built_in_one"));
}

#[test]
fn the_list_in_json() {
    let (out, err) = said(&["profiles", "--json"], 0);
    assert!(err.is_empty(), "{err}");
    let rows: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert_eq!(rows.len(), 33);
    for row in &rows {
        assert!(row["name"].is_string() && row["platforms"].is_array(), "{row:#}");
        for rule in row["rules"].as_array().unwrap() {
            let [magic, mask] = ["magic", "mask"].map(|key| rule[key].as_str().unwrap());
            assert_eq!((rule["offset"].as_u64(), magic.len()), (Some(0), mask.len()), "{row:#}");
            assert!(magic.starts_with("7f454c46") && mask.starts_with("ffffffffffffff000000000000000000"), "{row:#}");
            assert!([40, 80].contains(&magic.len()), "{row:#}");
        }
    }
    let named = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(named("aarch64")["rules"][0]["magic"], "7f454c460201010000000000000000000200b700");
    assert_eq!(named("aarch64")["rules"][0]["mask"], "ffffffffffffff000000000000000000feffffff");
    assert_eq!(named("aarch64")["platforms"], serde_json::json!(["linux/arm64"]));
    assert_eq!(named("microblaze")["rules"].as_array().unwrap().len(), 2);
    // 32-bit MIPS looks as far as e_flags, to tell o32 and n32 apart.
    assert_eq!(named("mipsel")["rules"][0]["magic"].as_str().unwrap().len(), 80);
    assert_ne!(named("mipsel")["rules"], named("mipsn32el")["rules"]);
    let (text, _) = said(&["profiles"], 0);
    assert_eq!(text.lines().count(), rows.len());
    assert!(text.contains("aarch64") && text.contains("linux/arm64"));
}
