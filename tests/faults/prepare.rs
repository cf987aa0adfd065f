//! The lines of a scenario that make the state before it.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::Path;

use crate::{other, world};

/// Where emulators can be fetched over the network; empty where there is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remote {
    /// The URL of a Debian mirror. Its keyring is /given/keyring.pgp.
    pub(crate) mirror: String,
    /// The host and port of a registry.
    pub(crate) registry: String,
}

/// A verb with the words that are known only now: MIRROR, REGISTRY, and file-DEB, the version that is not in use (its name
/// is a hash).
pub(crate) fn with_ids(verb: &str, remote: &Remote) -> String {
    let verb = verb
        .replace("MIRROR", &format!("--mirror {} --keyring /given/keyring.pgp", remote.mirror))
        .replace("REGISTRY", &format!("docker://{}/emu:1", remote.registry));
    if !verb.contains("file-DEB") {
        return verb;
    }
    let versions = fs::read_dir("/var/lib/rbinfmt/versions").unwrap().flatten();
    let current = fs::read_to_string("/var/lib/rbinfmt/current.json").unwrap();
    let mut names = versions.map(|item| item.file_name().into_string().unwrap());
    verb.replace("file-DEB", &names.find(|name| !current.contains(name)).unwrap())
}

/// Carries out one line.
pub(crate) fn prepare(line: &str, remote: &Remote) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "!config" => {
            let text = format!("architectures = [\"arm64\"]\nemulators = [\"{rest}\"]\n");
            fs::write("/etc/rbinfmt/config.toml", text).unwrap();
        }
        "!tree" => tree(),
        // A directory of the tree is moved, and a link to its new place, as the tree's system sees it, put there.
        "!link" => {
            let (from, to) = rest.split_once(' ').unwrap();
            let (from, there) = (tree_path(from), tree_path(to));
            directory(&from);
            directory(there.parent().unwrap());
            fs::rename(&from, &there).unwrap();
            symlink(to, &from).unwrap();
        }
        // A link that leads out of the tree for everybody who takes it as it is.
        "!escape" => {
            let from = tree_path(rest);
            directory(from.parent().unwrap());
            symlink("/outside", &from).unwrap();
        }
        "!record" => {
            directory(&tree_path("/etc/rbinfmt"));
            // It lists the file with the right hash, as if we had written it.
            let hash = rbinfmt::verify::Digest::of(&fs::read("/outside/file").unwrap()).hex();
            let record = serde_json::json!({
                "schema": 1, "files": { rest: hash }, "directories": [], "emulators": []
            });
            let text = record.to_string();
            fs::write(tree_path("/etc/rbinfmt/enabled.json"), text).unwrap();
        }
        "!damage" => each_version(rest, |file, length| file.set_len(length / 2).unwrap()),
        // Its size stays.
        "!zero" => each_version(rest, |file, length| {
            file.set_len(0).unwrap();
            file.set_len(length).unwrap();
        }),
        // What a killed run leaves: the table's entry under another name.
        "!stand-in" => {
            let entry = fs::read_to_string(format!("/proc/sys/fs/binfmt_misc/{rest}")).unwrap();
            let name = format!("rbinfmt-new-{rest}");
            let parsed = rbinfmt::binfmt::entry::Entry::parse(name.as_bytes(), entry.as_bytes()).unwrap();
            let string = rbinfmt::binfmt::register::compose(&parsed, &rbinfmt::kernel::Kernel::running()).unwrap();
            fs::write("/proc/sys/fs/binfmt_misc/register", string).unwrap();
        }
        "!other" => other::install(),
        _ => {
            let ran = world::rbinfmt(&with_ids(line, remote)).output().unwrap();
            assert!(ran.status.success(), "{line}: {ran:?}");
        }
    }
}

/// A file of each version in the store, and its length.
fn each_version(name: &str, change: impl Fn(&fs::File, u64)) {
    for item in fs::read_dir("/var/lib/rbinfmt/versions").unwrap().flatten() {
        let file = fs::OpenOptions::new().write(true).open(item.path().join(name)).unwrap();
        change(&file, file.metadata().unwrap().len());
    }
}

fn tree() {
    for path in ["/usr/lib/systemd/system", "/etc", "/var/lib"] {
        directory(&tree_path(path));
    }
    fs::write("/tree/usr/lib/systemd/systemd", "").unwrap();
    fs::write("/tree/usr/lib/systemd/system/rbinfmt.service", "").unwrap();
}

fn tree_path(path: &str) -> std::path::PathBuf {
    Path::new("/tree").join(&path[1..])
}

fn directory(path: &Path) {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(path).unwrap();
}
