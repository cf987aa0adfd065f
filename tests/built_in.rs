//! The built-in TOML: a mistake in it fails the build, with file, line and field.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;

#[path = "../build/main.rs"]
#[allow(dead_code, reason = "the test does not write the files")]
mod build;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The source tree's TOML with `old` replaced once by `new` in one file, and what is said of it.
fn mistake(file: &str, old: &str, new: &str) -> String {
    let tree = tempfile::tempdir().unwrap();
    let more = ["src/doctor/catalogue/zh", "src/doctor/message/words", "src/doctor/message/words/signs"];
    for directory in ["profiles", "data", "src/doctor/catalogue", "src/doctor/file", "src/kernel"].iter().chain(&more) {
        fs::create_dir_all(tree.path().join(directory)).unwrap();
        for source in fs::read_dir(root().join(directory)).unwrap().map(|file| file.unwrap().path()) {
            if source.extension().is_some_and(|e| e == "toml") {
                fs::copy(&source, tree.path().join(source.strip_prefix(root()).unwrap())).unwrap();
            }
        }
    }
    let text = fs::read_to_string(tree.path().join(file)).unwrap();
    let at = text.find(old).unwrap_or_else(|| panic!("{file} has no {old:?}"));
    let said = |more: &str| {
        let line = 1 + text[..at].matches('\n').count() + new.split(more).next().unwrap().matches('\n').count();
        format!("{file}:{line}: ")
    };
    fs::write(tree.path().join(file), text.replacen(old, new, 1)).unwrap();
    let mistake = build::generate(tree.path()).unwrap_err().to_string();
    // `new` marks the place with the last of its lines.
    mistake.replace(&said(new.lines().last().unwrap_or("")), "HERE: ")
}

#[test]
fn a_mistake_is_told_with_file_line_and_field() {
    for (file, old, new, wanted) in [
        ("src/doctor/catalogue/file.toml", "id = \"crlf-shebang\"", "id = \"CRLF\"", "HERE: field `id`: an id is in"),
        ("src/doctor/catalogue/file.toml", "id = \"crlf-shebang\"", "id = \"no-exec-bit\"", "field `id`: it is in"),
        ("src/doctor/catalogue/binfmt.toml", "rank = 8\n", "", "field `rank`"),
        ("src/doctor/catalogue/binfmt.toml", "rank = 8\n", "rank = 14\n", "field `rank`: it is that of"),
        ("src/doctor/catalogue/binfmt.toml", "install {arch}", "install {arhc}", "HERE: field `fix`: {arhc} is not"),
        (
            "src/doctor/catalogue/binfmt.toml",
            "class = \"safe\"",
            "class = \"unsafe\"",
            "HERE: field `{ text`: unknown variant",
        ),
        ("src/doctor/catalogue/binfmt.toml", "detection = ", "detectoin = ", "HERE: field `detectoin`: unknown field"),
        (
            "src/doctor/file/formats.toml",
            "cause = \"wasm-in-runc\"",
            "cause = \"wasm-in-rucn\"",
            "HERE: field `cause`: \"wasm-in-rucn\" is not in the catalogue",
        ),
        (
            "src/doctor/message/words/defaults.toml",
            "missing-shebang = 1.5",
            "missing-shebnag = 1.5",
            "HERE: field `causes`: \"missing-shebnag\" is not in the catalogue",
        ),
        (
            "src/doctor/message/words/defaults.toml",
            "context = [\"kernel-init\"]",
            "context = [\"kernel\"]",
            "HERE: field `context`: contexts.toml has no \"kernel\"",
        ),
        (
            "src/doctor/message/words/errnos.toml",
            "\"Text file busy\"",
            "\"Text file bsuy\"",
            "HERE: field `translated`: translations.toml does not have it",
        ),
        (
            "src/doctor/message/words/signs/file.toml",
            "\"dos2unix\"",
            "\"DOS2unix\"",
            "HERE: field `words`: \"DOS2unix\" cannot be in a cleaned line",
        ),
        ("src/doctor/file/formats.toml", "magic = \"894c5a4f\"", "magic = \"1f8\"", "HERE: field `magic`: is hex"),
        ("src/doctor/file/formats.toml", "mask = \"ffff", "mask = \"ff", "HERE: field `mask`: it is as long"),
        ("src/kernel/matrix.toml", "script = \"whole\"", "script = \"hole\"", "HERE: field `script`: unknown variant"),
        ("src/kernel/matrix.toml", "from = \"4.8\"", "from = \"4.8-rc1\"", "HERE: field `from`: a version is"),
        (
            "src/kernel/matrix.toml",
            "from = \"4.8\"",
            "from = \"3.1\"",
            "HERE: field `from`: the rows go from old to new",
        ),
        ("src/kernel/matrix.toml", "window = 128", "# window = 128", "field `window`: the first row has every field"),
        ("profiles/known-bad.toml", "symptom = ", "symptoms = ", "HERE: field `symptoms`: unknown field"),
        (
            "profiles/qemu.toml",
            "platforms = [\"linux/arm64\"]",
            "platforms = [\"arm64\"]",
            "HERE: field `platforms`: a platform is",
        ),
        ("profiles/qemu.toml", "\"linux/loong64\",", "\"linux/vax\",", "HERE: field `buildkit`: no profile has"),
        (
            "profiles/qemu.toml",
            "machines = [\"armv7l\", \"armv8l\"]",
            "machines = [\"armv9\"]",
            "HERE: field `machines`: it is not among",
        ),
        ("profiles/qemu.toml", "glibc = [\"/lib", "glibc = [\"lib", "HERE: field `glibc, musl`: a loader is"),
        ("src/doctor/file/loaders.toml", "\"armhf\"]", "\"armfh\"]", "HERE: field `of`: no ABI"),
        (
            "src/doctor/file/loaders.toml",
            "cause = \"android-pie\"",
            "cause = \"android\"",
            "HERE: field `cause`: \"android\" is not",
        ),
        ("profiles/qemu.toml", "\"armv8\"", "\"s390x\"", "field `name`: aarch64 has this spelling too"),
        ("profiles/qemu.toml", "class = 64", "class = 65", "HERE: field `class`: a class is 32 or 64"),
        ("profiles/qemu.toml", "machine = [183]", "machine = []", "HERE: field `machine`: wants"),
        ("profiles/qemu.toml", "code = \"e1", "code = \"e", "HERE: field `code`: is hex"),
        ("data/debian.toml", "\"B8B8", "\"8B8", "HERE: field `fingerprints`: a fingerprint is"),
    ] {
        let said = mistake(file, old, new);
        assert!(said.contains(wanted), "{file}: {old} -> {new}: {said}");
    }
}
