//! Where a worker's runs happen: a root directory, a table and a store of its own, which can be put back as they were.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::mount::{MsFlags, mount};
use rbinfmt::binfmt::register;
use rbinfmt::binfmt::table::Table;
use rbinfmt::kernel::Kernel;
use rbinfmt::profile::Profiles;

/// The architectures of the campaign.
pub(crate) const ARCHS: [&str; 2] = ["aarch64", "riscv64"];
const TABLE: &str = "/proc/sys/fs/binfmt_misc";
/// What a run may change.
const PLACES: [&str; 4] = ["/etc", "/var/lib/rbinfmt", "/tmp", "/tree"];
pub(crate) const RBINFMT: &str = "/opt/rbinfmt";

/// Everything that a verb may change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct State {
    /// Entries by name, as the kernel shows them.
    pub(crate) table: BTreeMap<String, String>,
    pub(crate) files: BTreeMap<PathBuf, Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Directory(u32),
    File(u32, Vec<u8>),
    Link(PathBuf),
}

/// Makes the worker's root below `root`, whose emulators are in `emulators`, and goes there.
pub(crate) fn enter(root: &Path, emulators: &Path, rbinfmt: &Path) {
    let bind =
        |from: &Path, to: &Path| mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>);
    mount(Some("tmpfs"), root, Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
    for directory in ["usr", "proc", "dev", "etc/rbinfmt", "var/lib", "tmp", "opt", "given", "root"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for directory in ["usr", "proc", "dev"] {
        bind(&Path::new("/").join(directory), &root.join(directory)).unwrap();
    }
    for name in ["bin", "lib", "lib64", "sbin"] {
        let there = Path::new("/").join(name);
        match fs::read_link(&there) {
            Ok(target) => symlink(target, root.join(name)).unwrap(),
            Err(_) if there.is_dir() => {
                fs::create_dir(root.join(name)).unwrap();
                bind(&there, &root.join(name)).unwrap();
            }
            Err(_) => {}
        }
    }
    fs::write(root.join("opt/rbinfmt"), "").unwrap();
    bind(rbinfmt, &root.join("opt/rbinfmt")).unwrap();
    bind(emulators, &root.join("given")).unwrap();
    for file in ["/etc/ld.so.cache", "/etc/passwd", "/etc/group"] {
        let _ = fs::copy(file, root.join(&file[1..]));
    }
    nix::unistd::chroot(root).unwrap();
    std::env::set_current_dir("/").unwrap();
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o22));
    let profiles = Profiles::load(&[]).unwrap();
    for arch in ARCHS {
        let rule = &profiles.named(arch).unwrap().rules[0];
        fs::write(program(arch), rule.probe.as_ref().unwrap()).unwrap();
        fs::set_permissions(program(arch), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Builds the emulators that are given to rbinfmt, below `scratch`/given: two versions, one that knows nothing of flag P,
/// and a package of the second.
pub(crate) fn make_emulators(scratch: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/emulator.c");
    let given = scratch.join("given");
    for (name, define) in [("one", "-DONE"), ("two", "-DTWO"), ("old", "-DSHIFTS")] {
        let directory = given.join(name);
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("qemu-aarch64-static");
        let flags =
            ["-O1", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pie", "-no-pie", "-s"];
        let mut built = Command::new("cc");
        built.args(flags).arg(define).arg(format!("-DVERSION=\"{name}\"")).arg("-o").arg(&path);
        assert!(built.arg(&source).status().unwrap().success(), "cc builds {}", source.display());
        fs::copy(&path, directory.join("qemu-riscv64-static")).unwrap();
    }
    let package = given.join("package");
    fs::create_dir_all(package.join("DEBIAN")).unwrap();
    fs::create_dir_all(package.join("usr/bin")).unwrap();
    fs::write(
        package.join("DEBIAN/control"),
        "Package: qemu-user-static\nVersion: 2\nArchitecture: amd64\nMaintainer: nobody <nobody@example.invalid>\nDescription: x\n",
    )
    .unwrap();
    for arch in ARCHS {
        let name = format!("qemu-{arch}-static");
        fs::copy(given.join("two").join(&name), package.join("usr/bin").join(&name)).unwrap();
    }
    let mut packed = Command::new("dpkg-deb");
    packed.arg("--root-owner-group").arg("-Zxz").arg("-b").arg(&package).arg(given.join("two.deb"));
    assert!(packed.stdout(Stdio::null()).status().unwrap().success(), "dpkg-deb packs the emulators");
}

/// The worker and what it runs take turns: on one CPU that is quickest.
pub(crate) fn stay_on_cpu(worker: usize) {
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    let this = nix::unistd::Pid::from_raw(0);
    let may = sched_getaffinity(this).unwrap();
    let cpus: Vec<usize> = (0..CpuSet::count()).filter(|&cpu| may.is_set(cpu).unwrap()).collect();
    let mut one = CpuSet::new();
    one.set(cpus[worker % cpus.len()]).unwrap();
    sched_setaffinity(this, &one).unwrap();
}

/// A foreign program; it writes 16 bytes of its argv[0].
fn program(arch: &str) -> PathBuf {
    Path::new("/root").join(format!("program-of-{arch}"))
}

/// Whether a foreign program runs.
pub(crate) fn works(arch: &str) -> bool {
    let ran = Command::new(program(arch)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

/// rbinfmt, ready to be run with these words.
pub(crate) fn rbinfmt(words: &str) -> Command {
    let mut command = Command::new(RBINFMT);
    command.args(words.split_whitespace()).env_clear().env("PATH", "/usr/bin:/bin").env("RUST_BACKTRACE", "0");
    command
}

impl State {
    /// The state now.
    pub(crate) fn now() -> State {
        let mut state = State::default();
        for item in fs::read_dir(TABLE).unwrap().flatten() {
            let name = item.file_name().to_string_lossy().into_owned();
            if name != "register" && name != "status" {
                state.table.insert(name, fs::read_to_string(item.path()).unwrap_or_default());
            }
        }
        for place in PLACES {
            state.walk(Path::new(place));
        }
        state
    }

    fn walk(&mut self, path: &Path) {
        let Ok(meta) = path.symlink_metadata() else { return };
        let mode = meta.permissions().mode() & 0o7777;
        if meta.is_symlink() {
            self.files.insert(path.into(), Node::Link(fs::read_link(path).unwrap()));
        } else if meta.is_file() {
            self.files.insert(path.into(), Node::File(mode, fs::read(path).unwrap()));
        } else {
            self.files.insert(path.into(), Node::Directory(mode));
            for item in fs::read_dir(path).unwrap().flatten() {
                self.walk(&item.path());
            }
        }
    }

    /// The architecture's entry: what would run its programs.
    pub(crate) fn handler(&self, arch: &str) -> Option<&str> {
        self.table.get(&format!("qemu-{arch}")).map(String::as_str)
    }

    /// Makes it the state now.
    pub(crate) fn restore(&self, now: &State) {
        for (path, node) in now.files.iter().rev() {
            match (node, self.files.get(path)) {
                (_, Some(wanted)) if wanted == node => {}
                (Node::Directory(_), Some(Node::Directory(_))) => {}
                (Node::Directory(_), _) => fs::remove_dir(path).unwrap(),
                _ => fs::remove_file(path).unwrap(),
            }
        }
        for (path, node) in &self.files {
            if now.files.get(path) == Some(node) {
                continue;
            }
            match node {
                Node::Directory(mode) => {
                    let _ = fs::DirBuilder::new().mode(*mode).create(path);
                    fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
                }
                Node::File(mode, bytes) => {
                    fs::write(path, bytes).unwrap();
                    fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
                }
                Node::Link(target) => symlink(target, path).unwrap(),
            }
        }
        // Last: an entry's emulator has to be there.
        if self.table != now.table {
            for name in now.table.keys() {
                let _ = fs::write(Path::new(TABLE).join(name), "-1");
            }
            self.register();
        }
    }

    fn register(&self) {
        let kernel = Kernel::running();
        for (name, text) in &self.table {
            let entry = rbinfmt::binfmt::entry::Entry::parse(name.as_bytes(), text.as_bytes()).unwrap();
            let string = register::compose(&entry, &kernel).unwrap();
            let mut register = Table::at(Path::new(TABLE)).open_register().unwrap();
            register.write_all(&string).unwrap();
        }
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

    /// What differs from `wanted`, in words; times are not looked at.
    pub(crate) fn differences(&self, wanted: &State) -> Vec<String> {
        let mut all = Vec::new();
        compare("entry", &self.table, &wanted.table, &mut all);
        compare("", &settled(&self.files), &settled(&wanted.files), &mut all);
        all
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

/// Files without what may differ between two good runs: when something was fetched; that a look at flag P went well, which
/// is noted where it can be; and what lies in the store's tmp, which the next run sweeps.
fn settled(files: &BTreeMap<PathBuf, Node>) -> BTreeMap<PathBuf, Node> {
    let mut files = files.clone();
    files.retain(|path, _| !path.ancestors().skip(1).any(|p| p.ends_with("var/lib/rbinfmt/tmp")));
    for (path, node) in &mut files {
        if let Node::File(_, bytes) = node
            && (path.ends_with("manifest.json") || path.ends_with("current.json"))
            && let Ok(mut json) = serde_json::from_slice::<serde_json::Value>(bytes)
        {
            if path.ends_with("manifest.json") {
                json["fetched"] = 0.into();
            }
            for emulators in ["emulators", "current"] {
                let items = json.get_mut(emulators).and_then(|e| e.as_object_mut()).into_iter().flatten();
                for item in items.filter_map(|(_, item)| item.as_object_mut()) {
                    item.retain(|key, value| key != "preserves_argv0" || *value != true);
                }
            }
            *bytes = json.to_string().into_bytes();
        }
    }
    files
}
