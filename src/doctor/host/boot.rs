//! What makes entries when the machine starts: the files of binfmt.d, update-binfmts(8), and the services that read them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ask::Question;
use super::facts::{Boot, BootFile, Reader, Unit};
use crate::text::to_text;

/// A file of rules is small.
const MOST: u64 = 1 << 20;

/// Where systemd-binfmt looks: a file hides those of its name in the later directories (binfmt.d(5)).
const BINFMT_D: [&str; 4] = ["/etc/binfmt.d", "/run/binfmt.d", "/usr/local/lib/binfmt.d", "/usr/lib/binfmt.d"];

/// Where systemd looks for units, and what a machine's administrator says first.
const UNITS: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

const SYSTEMD_BINFMT: &str = "systemd-binfmt.service";

/// What systemd takes to say how a unit is.
const PATIENCE: Duration = Duration::from_secs(2);

/// What files and systemd say.
pub(super) fn gather() -> Boot {
    let systemd = Path::new("/run/systemd/system").is_dir();
    let mut files = binfmt_d(&BINFMT_D.map(PathBuf::from));
    files.extend(binfmt_support(Path::new("/var/lib/binfmts")));
    let services = ["binfmt-support.service", "rbinfmt.service"];
    let starts = |unit: &&str| {
        let wanted = |directory: &str| {
            ["multi-user", "sysinit", "basic"]
                .iter()
                .any(|t| Path::new(directory).join(format!("{t}.target.wants")).join(unit).symlink_metadata().is_ok())
        };
        UNITS.iter().any(|directory| wanted(directory))
    };
    let init_scripts = ["binfmt-support", "qemu-binfmt", "binfmt"];
    let openrc = init_scripts.iter().filter(|name| {
        let levels = ["/etc/runlevels/boot", "/etc/runlevels/default", "/etc/runlevels/sysinit"];
        !systemd && levels.iter().any(|level| Path::new(level).join(name).exists())
    });
    let services = services.iter().filter(|s| starts(s)).chain(openrc).map(|s| (*s).to_owned()).collect();
    Boot { files, systemd, systemd_binfmt: unit(systemd), services }
}

fn binfmt_d(directories: &[PathBuf]) -> Vec<BootFile> {
    let mut by_name: BTreeMap<String, PathBuf> = BTreeMap::new();
    for directory in directories {
        let items = fs::read_dir(directory).into_iter().flatten().flatten();
        for path in items.map(|item| item.path()).filter(|p| p.extension().is_some_and(|e| e == "conf")) {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            by_name.entry(name).or_insert(path);
        }
    }
    // A link to /dev/null, and an empty file, take the place of others and make nothing.
    by_name
        .into_values()
        .filter_map(|path| Some((rules(&path)?, path)))
        .map(|(lines, path)| BootFile { path: path.display().to_string(), reader: Reader::Systemd, lines })
        .filter(|file| !file.lines.is_empty())
        .collect()
}

fn rules(path: &Path) -> Option<Vec<String>> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > MOST {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    let lines = bytes.split(|&b| b == b'\n').map(|line| line.trim_ascii());
    Some(lines.filter(|line| !line.is_empty() && !b"#;".contains(&line[0])).map(to_text).collect())
}

/// update-binfmts keeps one file for each entry, of the entry's name.
fn binfmt_support(directory: &Path) -> Vec<BootFile> {
    let items = fs::read_dir(directory).into_iter().flatten().flatten();
    let file = |item: fs::DirEntry| BootFile {
        path: item.path().display().to_string(),
        reader: Reader::BinfmtSupport,
        lines: vec![item.file_name().to_string_lossy().into_owned()],
    };
    let mut files: Vec<BootFile> = items.map(file).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn unit(systemd: bool) -> Option<Unit> {
    let path = UNITS
        .iter()
        .map(|directory| Path::new(directory).join(SYSTEMD_BINFMT))
        .find(|p| p.symlink_metadata().is_ok())?;
    let masked = path.canonicalize().is_ok_and(|real| real == Path::new("/dev/null"));
    let mut conditions = Vec::new();
    let drop_ins = UNITS.iter().rev().map(|directory| Path::new(directory).join(format!("{SYSTEMD_BINFMT}.d")));
    let drop_ins = drop_ins.flat_map(|directory| {
        let mut files: Vec<PathBuf> =
            fs::read_dir(directory).into_iter().flatten().flatten().map(|i| i.path()).collect();
        files.sort();
        files
    });
    for file in [path.clone()].into_iter().chain(drop_ins) {
        read_conditions(&fs::read_to_string(file).unwrap_or_default(), &mut conditions);
    }
    let state = if systemd { state() } else { BTreeMap::new() };
    let not_on_wsl = conditions.iter().any(|c| c == "!wsl");
    Some(Unit { path: path.display().to_string(), masked, not_on_wsl, state })
}

/// An empty assignment clears those before it (systemd.unit(5)).
fn read_conditions(text: &str, conditions: &mut Vec<String>) {
    for value in text.lines().filter_map(|line| line.trim().strip_prefix("ConditionVirtualization=")) {
        match value.trim() {
            "" => conditions.clear(),
            value => conditions.push(value.to_owned()),
        }
    }
}

fn state() -> BTreeMap<String, String> {
    const WANTED: &str = "--property=LoadState,UnitFileState,ActiveState,Result,ConditionResult";
    let question = Question::ask("systemctl", &["show", WANTED, SYSTEMD_BINFMT], PATIENCE);
    let Some(Ok(text)) = question.map(Question::answer) else { return BTreeMap::new() };
    text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_directory_wins_and_an_empty_file_hides() {
        let dir = tempfile::tempdir().unwrap();
        let directories = ["etc", "usr"].map(|name| dir.path().join(name));
        let write = |directory: usize, name: &str, text: &str| {
            fs::create_dir_all(&directories[directory]).unwrap();
            fs::write(directories[directory].join(name), text).unwrap();
        };
        write(1, "a.conf", ":a:M::a::/a:\n");
        write(1, "b.conf", "# a comment\n\n :b:M::b::/b:F\n");
        write(1, "c.text", ":c:M::c::/c:\n");
        write(0, "a.conf", "");
        std::os::unix::fs::symlink("/dev/null", directories[0].join("d.conf")).unwrap();
        let files = binfmt_d(&directories);
        assert_eq!(files.len(), 1, "{files:?}");
        assert_eq!(files[0].lines, [":b:M::b::/b:F"]);
    }

    #[test]
    fn a_drop_in_takes_a_condition_back() {
        let mut conditions = Vec::new();
        read_conditions("[Unit]\nConditionVirtualization=!wsl\n", &mut conditions);
        assert_eq!(conditions, ["!wsl"]);
        read_conditions("[Unit]\nConditionVirtualization=\n", &mut conditions);
        assert!(conditions.is_empty());
    }
}
