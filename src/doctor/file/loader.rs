//! A loader that is not there: whose it is, and how this tree would get it.

use super::Setting;
use crate::doctor::catalogue::{CauseId, FixClass};
use crate::doctor::finding::{Finding, quoted};
use crate::text::to_text;

struct Loader {
    paths: &'static [&'static str],
    library: &'static str,
    cpu: &'static str,
    /// Debian's package of that library for cross-building.
    cross: Option<Cross>,
    /// What installs it, by the ids of distributions.
    install: &'static [(&'static str, &'static str)],
}

/// A package, and the directory in which its tree is.
struct Cross {
    package: &'static str,
    prefix: &'static str,
}

// LOADERS
include!(concat!(env!("OUT_DIR"), "/loaders.rs"));

/// Files that tell which C library a tree has.
const GLIBC: [&str; 5] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-linux-armhf.so.3",
    "/lib64/ld64.so.2",
    "/lib/ld64.so.1",
];

/// The program at `about` names a PT_INTERP that is not in the tree.
pub(super) fn missing(setting: &Setting, about: &str, name: &[u8]) -> Finding {
    let path = to_text(name);
    let known = LOADERS.iter().find(|l| l.paths.contains(&&*path));
    let (like, is_nixos) = family(setting);
    let has = |path: &str| setting.root.open(path.as_bytes()).is_ok();
    let id = match &*path {
        _ if is_nixos => CauseId::NixosStubLd,
        "/lib/ld-linux.so.2" => CauseId::I386LoaderMissing,
        "/system/bin/linker64" | "/system/bin/linker" => CauseId::AndroidPie,
        "/lib64/ld.so.1" if setting.facts.kernel.machine == "loongarch64" => CauseId::LoongarchAbi,
        "/lib/ld-linux-armhf.so.3" if has("/lib/ld-linux.so.3") => CauseId::ArmFloatAbi,
        "/lib/ld-linux.so.3" if has("/lib/ld-linux-armhf.so.3") => CauseId::ArmFloatAbi,
        "/lib/ld-linux-aarch64.so.1" if has("/lib/ld-linux-armhf.so.3") => CauseId::Userland32On64Kernel,
        _ => CauseId::MissingElfLoader,
    };
    let whose = known.map_or(String::new(), |l| format!(", the loader of {} for {}", l.library, l.cpu));
    let mut finding = Finding::problem(id, about, format!("the program asks for {path}{whose}, which is not there"))
        .with("path", about);
    if let Some(tree) = library_of(setting) {
        finding = finding.evidence(format!("this tree has {tree}"));
        if known.is_some_and(|l| l.library != tree) {
            finding = finding.evidence(format!("the program is linked for {}", known.map_or("", |l| l.library)));
        }
    }
    if let Some((_, command)) = known.and_then(|l| like.iter().find_map(|id| l.install.iter().find(|(of, _)| of == id)))
    {
        finding = finding.fix("Install that loader in this tree.", *command, FixClass::Decision);
    }
    finding
}

/// An emulator starts and does not find the program's own loader, which Debian has for cross-building.
pub(super) fn no_sysroot(setting: &Setting, about: &str, name: &[u8], entry: &[u8]) -> Finding {
    let path = to_text(name);
    let detail = format!(
        "the emulator of the entry {} starts, and then does not find the program's loader {path} in this tree",
        to_text(entry)
    );
    let finding = Finding::problem(CauseId::QemuMissingSysroot, about, detail).with("path", about);
    let known = LOADERS.iter().find(|l| l.paths.contains(&&*path)).and_then(|l| l.cross.as_ref());
    let debian = family(setting).0.iter().any(|id| id == "debian");
    let Some(Cross { package, prefix }) = known.filter(|_| debian) else { return finding };
    let program = quoted(&setting.root.outside(about));
    let command = format!("apt-get install {package} && QEMU_LD_PREFIX={prefix} {program}");
    finding.fix(
        "Install its C library for cross-building, and show the emulator where that is.",
        command,
        FixClass::Decision,
    )
}

/// NixOS answers programs of other distributions with a loader that only says so.
pub(super) fn stub(setting: &Setting, about: &str, name: &[u8]) -> Option<Finding> {
    let usual = || LOADERS.iter().any(|l| l.paths.iter().any(|path| path.as_bytes() == name));
    let detail = format!("{} of NixOS runs no program unless nix-ld is enabled", to_text(name));
    (family(setting).1 && usual()).then(|| Finding::warning(CauseId::NixosStubLd, about, detail).with("path", about))
}

/// The C library that a tree has.
fn library_of(setting: &Setting) -> Option<&'static str> {
    let has = |path: &str| setting.root.open(path.as_bytes()).is_ok();
    let musl = LOADERS.iter().filter(|l| l.library == "musl").flat_map(|l| l.paths).any(|p| has(p));
    match GLIBC.iter().any(|path| has(path)) {
        true => Some("glibc"),
        false => musl.then_some("musl"),
    }
}

/// The ids of the tree's distribution, nearest first, and whether it is NixOS.
fn family(setting: &Setting) -> (Vec<String>, bool) {
    const MOST: usize = 1 << 14;
    let mut bytes = vec![0; MOST];
    let read = |path: &str, bytes: &mut [u8]| {
        setting.root.open(path.as_bytes()).ok().and_then(|file| file.read(bytes, 0).ok())
    };
    let len = read("/etc/os-release", &mut bytes).or_else(|| read("/usr/lib/os-release", &mut bytes)).unwrap_or(0);
    let text = String::from_utf8_lossy(&bytes[..len]).into_owned();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
    };
    let ids = format!("{} {}", value("ID="), value("ID_LIKE="));
    let ids: Vec<String> = ids.split_whitespace().map(|id| if id == "rhel" { "fedora" } else { id }.into()).collect();
    let is_nixos = ids.iter().any(|id| id == "nixos");
    (ids, is_nixos)
}
