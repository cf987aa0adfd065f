//! Names and texts from elsewhere steer no terminal: whatever they are, what is printed holds no control character and no
//! line that they began.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use rbinfmt::text::is_steering;
use rbinfmt::verify::Digest;
use serde_json::{Value, json};

use crate::common::random::Random;
use crate::common::{lab_of, script, texts};

/// What no line of ours begins with.
const FORGED: &str = "FORGED";

/// Escape codes, commands to the terminal's window, turned text, and lines that are none.
const PIECES: [&str; 12] = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x1bP",
    "\u{9b}31m",
    "\u{9d}0;x\u{9c}",
    "\r",
    "\x08",
    "\x7f",
    "\u{202e}",
    "\u{2066}",
    "\nFORGED ",
    "\u{2028}FORGED ",
];

fn name(random: &mut Random) -> String {
    (0..4).map(|_| format!("{}n", random.pick(&PIECES))).collect()
}

/// A layout whose documents have the name wherever they can.
fn layout(directory: &Path, name: &str) {
    let blobs = directory.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8]| -> Value {
        let digest = Digest::of(bytes).hex();
        fs::write(blobs.join(&digest), bytes).unwrap();
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": format!("sha256:{digest}"), "size": bytes.len()})
    };
    let layer = put(&[0; 1024]);
    let config = json!({
        "os": name, "architecture": name, "variant": name,
        "config": {"Entrypoint": [name], "Cmd": [name], "User": name, "WorkingDir": name, "Env": [format!("PATH={name}")]},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    });
    let config = put(config.to_string().as_bytes());
    let manifest = put(json!({"schemaVersion": 2, "config": config, "layers": [layer]}).to_string().as_bytes());
    let mut listed = manifest.clone();
    listed["platform"] = json!({"os": name, "architecture": name, "variant": name});
    listed["annotations"] = json!({"org.opencontainers.image.ref.name": name});
    let index = json!({"schemaVersion": 2, "manifests": [listed]});
    fs::write(directory.join("index.json"), index.to_string()).unwrap();
    fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#).unwrap();
}

/// A server that answers everything with the name, as far as HTTP carries it. It ends with the test.
fn server(name: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let header: String = name.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
        let body = json!({"errors": [{"code": "DENIED", "message": name}]}).to_string();
        let answers = [
            format!("403 {header}"),
            format!("302 Found\r\nLocation: http://127.0.0.1:{port}/{header}"),
            format!("401 {header}\r\nWWW-Authenticate: Bearer realm=\"http://127.0.0.1:{port}/{header}\""),
        ];
        for (at, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(
                stream,
                "HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                answers[at % answers.len()],
                body.len()
            );
        }
    });
    port
}

#[test]
fn a_line_without_end_is_no_name() {
    let Some(lab) = lab_of("arm64") else { return };
    let out = lab.run(
        "head -c 220M /dev/zero | tr '\\0' x | (ulimit -v 200000; rbinfmt doctor -; echo \"status $?\") | tail -c 300",
    );
    assert!(out.ends_with("status 1\n"), "{out}");
    let (out, err) = texts(&lab.try_run("head -c 220M /dev/zero | (ulimit -v 200000; rbinfmt doctor --message -)"));
    assert!(!err.contains("memory"), "{out}{err}");
}

#[test]
fn no_text_of_others_steers_the_terminal() {
    let mut random = Random::new(7);
    let names = (0..5).map(|round| if round == 0 { PIECES.concat() } else { name(&mut random) });
    let names: Vec<String> = names.collect();
    // The first of them waits for its server much of the time.
    thread::scope(|scope| {
        for (round, name) in names.iter().enumerate() {
            scope.spawn(move || steers_nothing(name, round == 0));
        }
    });
}

/// Every verb with the name of something; `served` by a server that says it too.
fn steers_nothing(name: &str, served: bool) {
    let Some(lab) = lab_of("arm64") else { return };
    layout(&lab.scratch().join("layout"), name);
    lab.write("message.txt", format!("{name}: exec /x{name}: exec format error\n{name}\n"));
    let port = if served { server(name.to_owned()).to_string() } else { String::new() };
    // What the kernel, tar and file systems call a name has no slash and no NUL.
    let output = lab.env("HOSTILE", name).env("PORT", &port).try_run(&script("cli/hostile/every_verb"));
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{:?}\n{out:?}\n{err:?}", output.status);
    let mut verb = "";
    for line in out.lines() {
        if let Some(next) = line.strip_prefix("== ") {
            verb = next;
        }
        assert!(!line.chars().any(is_steering), "{verb}: {line:?} of {name:?}");
        assert!(!line.starts_with(FORGED), "{verb}: {line:?} of {name:?}");
    }
    assert!(out.matches("== ").count() >= 50, "{out}");
    assert!(!out.contains("panicked"), "{out}");
}
