//! What programs read of the doctor: JSON as docs/doctor.schema.json has it, from each door; GitHub's annotations; SARIF.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use super::directory;

fn doctor(directory: &TempDir, args: &[&str]) -> (i32, String) {
    let mut command = Command::cargo_bin("rbinfmt").unwrap();
    command.env("LANG", "zh_CN.UTF-8").env_remove("LC_ALL").env_remove("LC_MESSAGES");
    let output = command.current_dir(directory).args(["doctor", "--mount", "table"]).args(args).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// Where `value` is not what `schema` says; the part of JSON Schema that ours uses, and no other.
fn mistakes(schema: &Value, value: &Value, root: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    let wrong = |why: String| format!("{at}: {why}");
    for (key, rule) in schema.as_object().unwrap() {
        match key.as_str() {
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                found.extend(mistakes(&root["$defs"][name], value, root, at));
            }
            "anyOf" => {
                let of = |schema: &Value| mistakes(schema, value, root, at);
                let tried: Vec<_> = rule.as_array().unwrap().iter().map(of).collect();
                if tried.iter().all(|wrong| !wrong.is_empty()) {
                    found.extend(tried.into_iter().min_by_key(Vec::len).unwrap());
                }
            }
            "type" => {
                let is = |name: &Value| match name.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    other => panic!("the type {other}"),
                };
                if !rule.as_array().map_or_else(|| is(rule), |names| names.iter().any(is)) {
                    found.push(wrong(format!("{value} is not {rule}")));
                }
            }
            "const" if rule != value => found.push(wrong(format!("{value} is not {rule}"))),
            "enum" if !rule.as_array().unwrap().contains(value) => {
                found.push(wrong(format!("{value} is not in {rule}")))
            }
            "required" => {
                let missing =
                    rule.as_array().unwrap().iter().filter(|name| value.get(name.as_str().unwrap()).is_none());
                found.extend(missing.map(|name| wrong(format!("{name} is missing"))));
            }
            "properties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    match rule.get(name) {
                        Some(schema) => found.extend(mistakes(schema, value, root, &format!("{at}.{name}"))),
                        None => found.push(wrong(format!("{name} is not in the schema"))),
                    }
                }
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(mistakes(rule, value, root, &format!("{at}[{index}]")));
                }
            }
            "const" | "enum" | "additionalProperties" | "$schema" | "$defs" | "title" | "description" => {}
            other => panic!("the schema has {other}, which this test does not know"),
        }
    }
    found
}

#[test]
fn each_door_answers_as_the_schema_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
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
        for answer in &answers {
            assert_eq!(answer["door"], door);
            assert_eq!(mistakes(&schema["$defs"][door], answer, &schema, door), Vec::<String>::new(), "{answer:#}");
            assert_eq!(mistakes(&schema, answer, &schema, door), Vec::<String>::new());
            let mut wrong = answer.clone();
            wrong["findings"] = "x".into();
            assert!(!mistakes(&schema, &wrong, &schema, door).is_empty());
        }
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
