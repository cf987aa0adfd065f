//! What programs read of the doctor: JSON as docs/doctor.schema.json has it, from each door; GitHub's annotations; SARIF.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use super::contents::skip::{Need, skipped};
use super::directory;

fn doctor(directory: &TempDir, args: &[&str]) -> (i32, String) {
    let mut command = Command::cargo_bin("rbinfmt").unwrap();
    command.env("LANG", "zh_CN.UTF-8").env_remove("LC_ALL").env_remove("LC_MESSAGES");
    let output = command.current_dir(directory).args(["doctor", "--mount", "table"]).args(args).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// Holds each document against a schema, with Debian's python3-jsonschema; what is wrong, a line each. `None` where it is not here.
fn mistakes(schema: &Path, documents: &[Value]) -> Option<Vec<String>> {
    const VALIDATE: &str = r#"
import json, sys
try:
    from jsonschema.validators import validator_for
except ImportError:
    sys.exit(9)
schema = json.load(open(sys.argv[1]))
validator = validator_for(schema)
validator.check_schema(schema)
for document in json.load(sys.stdin):
    for wrong in validator(schema).iter_errors(document):
        print(list(wrong.absolute_path), wrong.message.replace("\n", " "))
"#;
    let mut command = Command::new("python3");
    let output =
        command.args(["-c", VALIDATE]).arg(schema).write_stdin(Value::from(documents).to_string()).output().ok();
    let Some(output) = output.filter(|output| output.status.code() != Some(9)) else {
        return skipped(Need::Setup, "python3-jsonschema is not here");
    };
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn each_door_answers_as_the_schema_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.schema.json");
    let directory = directory();
    image(&directory);
    let message = "exec ./script: exec format error\n./arm64: cannot execute binary file: Exec format error";
    for (door, args) in [
        ("file", &["script", "appimage", "plain", "missing", "windows", "sh"][..]),
        ("image", &["docker-archive:image.tar"]),
        ("host", &["--no-engines", "--no-verify"]),
        ("message", &["--message", message]),
        ("message", &["--message", "nothing of that kind"]),
    ] {
        let (_, text) = doctor(&directory, &[&["--format", "json"], args].concat());
        let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers.len(), if door == "file" { args.len() } else { 1 }, "{text}");
        assert!(answers.iter().all(|answer| answer["door"] == door));
        // The one of this door, which says more of what is wrong.
        let of_door = directory.path().join("door.json");
        let mut schema: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        schema.as_object_mut().unwrap().remove("anyOf");
        schema["$ref"] = format!("#/$defs/{door}").into();
        fs::write(&of_door, schema.to_string()).unwrap();
        let Some(wrong) = mistakes(&of_door, &answers) else { return };
        assert_eq!(wrong, Vec::<String>::new(), "{text}");
        assert_eq!(mistakes(&path, &answers).unwrap(), Vec::<String>::new());
        let mut wrong = answers[0].clone();
        wrong["findings"] = "x".into();
        assert!(!mistakes(&path, &[wrong]).unwrap().is_empty());
    }
}

/// An image for s390x whose one program is for arm64.
fn image(directory: &TempDir) {
    // What emulates it in the test's table is /bin/sh, which needs its loader.
    let script = r#"loader=$(ldd /bin/sh | grep -o '/[^ ]*/ld-[^ ]*')
        tar -chf layer.tar arm64 -C / "${loader#/}"
        sum=$(sha256sum layer.tar | cut -c1-64)
        printf '{"os":"linux","architecture":"s390x","config":{"Entrypoint":["/arm64"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$sum" >config.json
        echo '[{"Config":"config.json","RepoTags":["case:1"],"Layers":["layer.tar"]}]' >manifest.json
        tar -cf image.tar manifest.json config.json layer.tar"#;
    Command::new("sh").args(["-ec", script]).current_dir(directory).assert().success();
}

#[test]
fn an_image_fails_on_what_is_named() {
    let directory = directory();
    image(&directory);
    // With flag F the emulator is this machine's, wherever the program is.
    let entry = directory.path().join("table/qemu-aarch64");
    fs::write(&entry, fs::read_to_string(&entry).unwrap().replace("flags: P", "flags: PF")).unwrap();
    let status = |what: &str| doctor(&directory, &["docker-archive:image.tar", "--fail-on", what]).0;
    assert_eq!(["lies", "foreign", "emulated", "emulated,lies"].map(status), [1, 1, 1, 1]);
    // Without the entry nothing emulates it.
    fs::remove_file(entry).unwrap();
    let status = |what: &str| doctor(&directory, &["docker-archive:image.tar", "--fail-on", what]).0;
    assert_eq!(["lies", "emulated", "everything"].map(status), [1, 0, 2]);
}

#[test]
fn annotations_of_github() {
    let directory = directory();
    fs::rename(directory.path().join("windows"), directory.path().join("a, b:c%.sh")).unwrap();
    let (code, text) = doctor(&directory, &["--format", "github", "a, b:c%.sh", "script", "plain"]);
    assert_eq!(code, 1);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0]
            .starts_with("::error file=a%2C b%3Ac%25.sh,title=The script has Windows line endings [crlf-shebang]::")
    );
    assert!(lines[0].contains("%0Ahelp: Remove the carriage returns.%0A    sed -i"), "{text}");
    assert!(lines[1].starts_with("::error file=plain,title=The file has no execute permission [no-exec-bit]::"));
}

#[test]
fn one_document_of_sarif() {
    let directory = directory();
    let (code, text) = doctor(&directory, &["--format", "sarif", "windows", "script", "./plain", "windows"]);
    assert_eq!(code, 1);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&document["version"], document["runs"].as_array().unwrap().len()), (&"2.1.0".into(), 1));
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!((rules.len(), results.len()), (2, 3), "{document:#}");
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(result["ruleId"], rule["id"]);
        assert!(
            result["message"]["text"].is_string()
                && ["error", "warning", "note"].contains(&result["level"].as_str().unwrap())
        );
    }
    let uri = &results[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "plain");
}

/// OASIS's schema, which tests/fixtures.sh fetches.
#[test]
fn sarif_is_valid_from_each_door() {
    let cache = std::env::var_os("RBINFMT_TEST_CACHE").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.cache"));
    let schema = cache.join("sarif-2.1.0.json");
    if !schema.exists() {
        return skipped(Need::Setup, "tests/fixtures.sh has not fetched the schema of SARIF").unwrap_or(());
    }
    let directory = directory();
    image(&directory);
    fs::rename(directory.path().join("appimage"), directory.path().join("ä: b%20#?.sh")).unwrap();
    let document = |args: &[&str]| -> Value {
        let (_, text) = doctor(&directory, &[&["--format", "sarif"], args].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    let documents = [
        document(&["script", "ä: b%20#?.sh", "./plain", "windows", "missing", "/bin/sh"]),
        document(&["docker-archive:image.tar"]),
        document(&["--no-engines", "--no-verify"]),
        document(&["--message", "exec ./script: exec format error"]),
        document(&["--message", "nothing of that kind"]),
    ];
    let Some(wrong) = mistakes(&schema, &documents) else { return };
    assert_eq!(wrong, Vec::<String>::new(), "{documents:#?}");
    let mut wrong = documents[0].clone();
    wrong["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(!mistakes(&schema, &[wrong]).unwrap().is_empty());
}

#[test]
fn one_line_each_when_quiet() {
    let directory = directory();
    let (code, text) = doctor(&directory, &["-q", "--lang", "en", "plain", "script"]);
    assert_eq!(code, 1);
    assert_eq!(
        text,
        "plain: certain[no-exec-bit]: The file has no execute permission\nscript: starts: /bin/sh runs it\n"
    );
}

#[test]
fn people_read_their_own_language_and_programs_english() {
    let directory = directory();
    let chinese = |text: &str| text.contains("脚本使用了 Windows 换行符");
    assert!(chinese(&doctor(&directory, &["windows"]).1));
    assert!(chinese(&doctor(&directory, &["--lang", "zh", "--json", "windows"]).1));
    assert!(!chinese(&doctor(&directory, &["--json", "windows"]).1));
    assert!(!chinese(&doctor(&directory, &["--lang", "en", "windows"]).1));
}
