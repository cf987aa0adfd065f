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
use rbinfmt::verify::Digest;

use crate::other;

const TABLE: &str = "/proc/sys/fs/binfmt_misc";
/// What a run may change, and /outside: what it may not.
const PLACES: [&str; 6] = ["/etc", "/var/lib/rbinfmt", "/tmp", "/tree", "/srv", "/outside"];

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct State {
    /// Entries by name, as the kernel shows them.
    pub(crate) table: BTreeMap<String, String>,
    /// Their names, the newest first, which the kernel prefers.
    order: Vec<String>,
    pub(crate) files: BTreeMap<PathBuf, Node>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    Directory(u32),
    File(u32, Content),
    Link(PathBuf),
}

/// A file's bytes, which are compared and hashed by their digest; when it was changed is put back with them, because it tells
/// two emulators apart.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    digest: Digest,
    bytes: Arc<[u8]>,
    changed: (i64, i64),
}

impl PartialEq for Content {
    fn eq(&self, other: &Content) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Content {}

impl Hash for Content {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
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
                state.table.insert(name.clone(), fs::read_to_string(item.path()).unwrap_or_default());
                state.order.push(name);
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
        let bytes = fs::read(path).unwrap();
        let content = match self.seen.get(path) {
            Some((_, same)) if *same.bytes == *bytes => Content { changed, ..same.clone() },
            _ => Content { digest: Digest::of(&bytes), bytes: bytes.into(), changed },
        };
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
        if wanted.table != now.table || wanted.order != now.order {
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
        for name in self.order.iter().rev() {
            let text = &self.table[name];
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

    /// What that entry does: its text, and in place of a path in the store the emulator, because the name of a version depends
    /// on the others in it.
    pub(crate) fn meaning(&self, arch: &str) -> Option<(String, Option<&Node>)> {
        let text = self.handler(arch)?;
        let path = text.lines().find_map(|line| line.strip_prefix("interpreter "))?;
        let emulator = self.files.get(Path::new(path));
        Some((emulator.map_or_else(|| text.to_owned(), |_| text.replace(path, "")), emulator))
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
        let entries = differing(&self.table, &wanted.table, |_, have, want| have == want);
        let entries =
            entries.filter(|(name, _)| *name != other::ENTRY).map(|(name, how)| format!("entry {name:?} {how}"));
        let files = differing(&self.files, &wanted.files, |path, have, want| is_settled(path, have, want));
        let files = files.filter(|(path, _)| !is_swept(path)).map(|(path, how)| format!("{path:?} {how}"));
        entries.chain(files).collect()
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

/// The keys of what differs, and how.
fn differing<'a, K: Ord, V>(
    have: &'a BTreeMap<K, V>,
    want: &'a BTreeMap<K, V>,
    same: impl Fn(&K, &V, &V) -> bool + 'a,
) -> impl Iterator<Item = (&'a K, &'static str)> {
    let more = have.keys().filter(|key| !want.contains_key(key)).map(|key| (key, "is there"));
    let fewer = want.keys().filter(|key| !have.contains_key(key)).map(|key| (key, "is missing"));
    let other = want.iter().filter(move |(key, want)| have.get(key).is_some_and(|have| !same(key, have, want)));
    more.chain(fewer).chain(other.map(|(key, _)| (key, "differs")))
}

/// Whether it is in the store's tmp or cache, which may differ between two good runs.
fn is_swept(path: &Path) -> bool {
    path.ancestors()
        .skip(1)
        .any(|above| above.ends_with("var/lib/rbinfmt/tmp") || above.ends_with("var/lib/rbinfmt/cache"))
}

/// Whether two files are the same but for what may differ between two good runs: when something was fetched, and that a run
/// with flag P went well, which is noted where it can be.
fn is_settled(path: &Path, have: &Node, want: &Node) -> bool {
    have == want
        || match (have, want) {
            (Node::File(have_mode, _), Node::File(want_mode, _)) if have_mode == want_mode => {
                let text = without_times(path, have, forget_preserves);
                text.is_some() && text == without_times(path, want, forget_preserves)
            }
            _ => false,
        }
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
