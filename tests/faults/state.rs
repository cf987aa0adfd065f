//! Everything that a verb may change: looked at, put back and compared.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use rbinfmt::binfmt::register;
use rbinfmt::binfmt::table::Table;
use rbinfmt::kernel::Kernel;

use crate::other;

const TABLE: &str = "/proc/sys/fs/binfmt_misc";
/// What a run may change, and /outside: what it may not.
const PLACES: [&str; 6] = ["/etc", "/var/lib/rbinfmt", "/tmp", "/tree", "/srv", "/outside"];

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct State {
    /// Entries by name, as the kernel shows them.
    pub(crate) table: BTreeMap<String, String>,
    pub(crate) files: BTreeMap<PathBuf, Node>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    Directory(u32),
    File(u32, Content),
    Link(PathBuf),
}

/// A file's bytes; when it was changed is put back with them, because it tells two emulators apart.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    bytes: Arc<[u8]>,
    changed: (i64, i64),
}

impl PartialEq for Content {
    fn eq(&self, other: &Content) -> bool {
        Arc::ptr_eq(&self.bytes, &other.bytes) || self.bytes == other.bytes
    }
}

impl Eq for Content {}

impl Hash for Content {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

/// Looks at states. A file that is the one of the last time is not read again.
#[derive(Debug, Default)]
pub(crate) struct Eyes {
    seen: BTreeMap<PathBuf, (FileKey, Content)>,
}

type FileKey = (u64, u64, u64, (i64, i64), (i64, i64));

impl Eyes {
    /// The state now.
    pub(crate) fn look(&mut self) -> State {
        let mut state = State::default();
        for item in fs::read_dir(TABLE).unwrap().flatten() {
            let name = item.file_name().to_string_lossy().into_owned();
            if name != "register" && name != "status" {
                state.table.insert(name, fs::read_to_string(item.path()).unwrap_or_default());
            }
        }
        for place in PLACES {
            self.walk(Path::new(place), &mut state.files);
        }
        state
    }

    fn walk(&mut self, path: &Path, files: &mut BTreeMap<PathBuf, Node>) {
        let Ok(meta) = path.symlink_metadata() else { return };
        let mode = meta.permissions().mode() & 0o7777;
        if meta.is_symlink() {
            files.insert(path.into(), Node::Link(fs::read_link(path).unwrap()));
        } else if meta.is_file() {
            files.insert(path.into(), Node::File(mode, self.content(path, &meta)));
        } else {
            files.insert(path.into(), Node::Directory(mode));
            for item in fs::read_dir(path).unwrap().flatten() {
                self.walk(&item.path(), files);
            }
        }
    }

    fn content(&mut self, path: &Path, meta: &fs::Metadata) -> Content {
        let changed = (meta.mtime(), meta.mtime_nsec());
        let key = (meta.dev(), meta.ino(), meta.len(), changed, (meta.ctime(), meta.ctime_nsec()));
        if let Some((of, content)) = self.seen.get(path)
            && *of == key
        {
            return content.clone();
        }
        let content = Content { bytes: fs::read(path).unwrap().into(), changed };
        self.seen.insert(path.into(), (key, content.clone()));
        content
    }

    /// Makes a state the state now.
    pub(crate) fn restore(&mut self, wanted: &State) {
        let now = self.look();
        for (path, node) in now.files.iter().rev() {
            match (node, wanted.files.get(path)) {
                (_, Some(same)) if same == node => {}
                (Node::Directory(_), Some(Node::Directory(_))) => {}
                (Node::Directory(_), _) => fs::remove_dir(path).unwrap(),
                _ => fs::remove_file(path).unwrap(),
            }
        }
        for (path, node) in &wanted.files {
            let there = now.files.get(path);
            match node {
                _ if there == Some(node) && there.and_then(Node::changed) == node.changed() => {}
                Node::Directory(mode) => {
                    let _ = fs::DirBuilder::new().mode(*mode).create(path);
                    fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
                }
                Node::File(mode, content) => {
                    if there != Some(node) {
                        fs::write(path, &content.bytes).unwrap();
                        fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
                    }
                    let time = TimeSpec::new(content.changed.0, content.changed.1);
                    utimensat(nix::fcntl::AT_FDCWD, path, &time, &time, UtimensatFlags::NoFollowSymlink).unwrap();
                }
                Node::Link(target) => symlink(target, path).unwrap(),
            }
        }
        // Last: an entry's emulator has to be there.
        if wanted.table != now.table {
            for name in now.table.keys() {
                let _ = fs::write(Path::new(TABLE).join(name), "-1");
            }
            wanted.register();
        }
    }
}

impl Node {
    fn changed(&self) -> Option<(i64, i64)> {
        match self {
            Node::File(_, content) => Some(content.changed),
            _ => None,
        }
    }
}

impl State {
    fn register(&self) {
        let kernel = Kernel::running();
        for (name, text) in &self.table {
            let entry = rbinfmt::binfmt::entry::Entry::parse(name.as_bytes(), text.as_bytes()).unwrap();
            let string = register::compose(&entry, &kernel).unwrap();
            let mut register = Table::at(Path::new(TABLE)).open_register().unwrap();
            register.write_all(&string).unwrap();
        }
    }

    /// The architecture's entry: what would run its programs.
    pub(crate) fn handler(&self, arch: &str) -> Option<&str> {
        self.table.get(&format!("qemu-{arch}")).map(String::as_str)
    }

    /// What is below a directory.
    pub(crate) fn below(&self, directory: &str) -> Vec<(&PathBuf, &Node)> {
        self.files.iter().filter(|(path, _)| path.starts_with(directory)).collect()
    }

    /// Names that nothing but a run under way may have.
    pub(crate) fn temporary(&self) -> Vec<String> {
        let entries = self.table.keys().filter(|name| name.starts_with("rbinfmt-new-")).cloned();
        let inside = |path: &PathBuf| {
            path.ancestors().skip(1).any(|p| p.ends_with("var/lib/rbinfmt/tmp"))
                || path.to_string_lossy().contains("-new-")
        };
        entries.chain(self.files.keys().filter(|path| inside(path)).map(|path| path.display().to_string())).collect()
    }

    /// What differs from `wanted`, in words; times are not looked at, nor is another tool's entry.
    pub(crate) fn differences(&self, wanted: &State) -> Vec<String> {
        let mut all = Vec::new();
        compare("entry", &self.table, &wanted.table, &mut all);
        all.retain(|difference| !difference.contains(other::ENTRY));
        compare("", &settled(&self.files), &settled(&wanted.files), &mut all);
        all
    }

    /// States with the same number are the same to a run; when something was fetched does not count.
    pub(crate) fn number(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.table.hash(&mut hasher);
        for (path, node) in &self.files {
            path.hash(&mut hasher);
            match without_times(path, node, |_| {}) {
                Some(text) => text.hash(&mut hasher),
                None => node.hash(&mut hasher),
            }
        }
        hasher.finish()
    }
}

fn compare<K: Ord + std::fmt::Debug, V: PartialEq>(
    what: &str,
    have: &BTreeMap<K, V>,
    want: &BTreeMap<K, V>,
    all: &mut Vec<String>,
) {
    all.extend(have.keys().filter(|k| !want.contains_key(k)).map(|k| format!("{what} {k:?} is there")));
    all.extend(want.keys().filter(|k| !have.contains_key(k)).map(|k| format!("{what} {k:?} is missing")));
    all.extend(
        want.iter().filter(|(k, v)| have.get(k).is_some_and(|h| h != *v)).map(|(k, _)| format!("{what} {k:?} differs")),
    );
}

/// Files without what may differ between two good runs: when something was fetched; that a run with flag P went well, which
/// is noted where it can be; and what is in the store's tmp and cache.
fn settled(files: &BTreeMap<PathBuf, Node>) -> BTreeMap<PathBuf, Node> {
    let swept = |path: &PathBuf| {
        let inside = |name: &str| path.ancestors().skip(1).any(|p| p.ends_with(name));
        inside("var/lib/rbinfmt/tmp") || inside("var/lib/rbinfmt/cache")
    };
    let without = |path: &Path, node: &Node| match (node, without_times(path, node, forget_preserves)) {
        (Node::File(mode, content), Some(text)) => {
            Node::File(*mode, Content { bytes: text.into_bytes().into(), changed: content.changed })
        }
        _ => node.clone(),
    };
    files.iter().filter(|(path, _)| !swept(path)).map(|(path, node)| (path.clone(), without(path, node))).collect()
}

/// A manifest or the list of what is in use, without the time of the fetching, after another change.
fn without_times(path: &Path, node: &Node, change: impl Fn(&mut serde_json::Value)) -> Option<String> {
    let Node::File(_, content) = node else { return None };
    if !path.ends_with("manifest.json") && !path.ends_with("current.json") {
        return None;
    }
    let mut json: serde_json::Value = serde_json::from_slice(&content.bytes).ok()?;
    if let Some(fetched) = json.get_mut("fetched") {
        *fetched = 0.into();
    }
    change(&mut json);
    Some(json.to_string())
}

fn forget_preserves(json: &mut serde_json::Value) {
    for emulators in ["emulators", "current"] {
        let items = json.get_mut(emulators).and_then(|e| e.as_object_mut()).into_iter().flatten();
        for item in items.filter_map(|(_, item)| item.as_object_mut()) {
            item.retain(|key, value| key != "preserves_argv0" || *value != true);
        }
    }
}
