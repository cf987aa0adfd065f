//! A loader that is not there: whose it is, and how this tree would get it.

use super::{Setting, command};
use crate::architecture::{Abi, Architecture};
use crate::doctor::catalogue::{Advice, CauseId, FixClass};
use crate::doctor::finding::{Finding, as_root, quoted};
use crate::exec::Step;
use crate::text::to_text;

/// A C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Library {
    Glibc,
    Musl,
}

/// What installs loaders of a library on a distribution, by its id in os-release.
struct Install {
    library: Library,
    on: &'static str,
    /// Debian's names of the ABIs; empty for all.
    of: &'static [&'static str],
    command: &'static str,
}

/// Loaders of no architecture's own.
struct Other {
    library: &'static str,
    paths: &'static [&'static str],
    cause: CauseId,
}

// INSTALLS and OTHERS.
include!(concat!(env!("OUT_DIR"), "/loaders.rs"));

/// What installs loaders, as templates.
pub(super) fn commands() -> impl Iterator<Item = &'static str> {
    INSTALLS.iter().map(|row| row.command)
}

/// A loader of the table of architectures.
struct Known {
    library: Library,
    arch: Architecture,
    abi: &'static Abi,
}

impl Library {
    fn word(self) -> &'static str {
        match self {
            Library::Glibc => "glibc",
            Library::Musl => "musl",
        }
    }

    fn loaders(self, abi: &'static Abi) -> &'static [&'static str] {
        match self {
            Library::Glibc => abi.glibc,
            Library::Musl => abi.musl,
        }
    }
}

/// All loaders of the table.
fn all() -> impl Iterator<Item = Known> {
    let abis = Architecture::ALL.into_iter().flat_map(|arch| arch.row().abis.iter().map(move |abi| (arch, abi)));
    abis.flat_map(|(arch, abi)| [Library::Glibc, Library::Musl].map(|library| Known { library, arch, abi }))
}

impl Known {
    /// The loader at `path` that a program of this architecture means; several have one of the same name.
    fn find(path: &str, arch: Option<Architecture>) -> Option<Known> {
        all().find(|known| arch.is_none_or(|arch| arch == known.arch) && known.paths().contains(&path))
    }

    fn paths(&self) -> &'static [&'static str] {
        self.library.loaders(self.abi)
    }

    /// What the loader is for: "arm64"; "armhf" where the architecture has several ABIs.
    fn cpu(&self) -> &'static str {
        match (self.arch.row().abis, self.abi.debian) {
            ([_, _, ..], Some(port)) => port,
            _ => self.arch.label(),
        }
    }

    /// What installs it on a distribution that is like these, the nearest first.
    fn install(&self, like: &[String]) -> Option<String> {
        let is_of = |row: &&Install| row.of.is_empty() || self.abi.debian.is_some_and(|port| row.of.contains(&port));
        let on = |id: &String| INSTALLS.iter().filter(is_of).find(|row| row.library == self.library && row.on == id);
        let row = like.iter().find_map(on)?;
        Some(row.command.replace("{debian}", self.abi.debian.unwrap_or_default()))
    }

    /// The cause that it is missing in a tree, which `has` other loaders; `kernel` is the machine's architecture.
    fn cause(&self, kernel: Option<Architecture>, has: impl Fn(&str) -> bool) -> CauseId {
        let has_one = |arch: Architecture| {
            arch.row()
                .abis
                .iter()
                .filter(|abi| !std::ptr::eq(*abi, self.abi))
                .any(|abi| abi.glibc.iter().any(|p| has(p)))
        };
        match (self.library, self.arch) {
            (Library::Glibc, Architecture::I386) => CauseId::I386LoaderMissing,
            // The old world's has no port of Debian's.
            (Library::Glibc, Architecture::Loongarch64) if self.abi.debian.is_none() && kernel == Some(self.arch) => {
                CauseId::LoongarchAbi
            }
            (Library::Glibc, Architecture::Arm) if has_one(Architecture::Arm) => CauseId::ArmFloatAbi,
            (Library::Glibc, Architecture::Aarch64) if has_one(Architecture::Arm) => CauseId::Userland32On64Kernel,
            _ => CauseId::MissingElfLoader,
        }
    }
}

/// A program names a PT_INTERP that is not in the tree.
pub(super) fn missing(setting: &Setting, program: &Step, name: &[u8]) -> Finding {
    let (about, path) = (to_text(&program.path), to_text(name));
    let known = Known::find(&path, Architecture::of_program(&program.head));
    let other = OTHERS.iter().find(|other| other.paths.contains(&&*path));
    let like = family(setting);
    let has = |path: &str| setting.root.open(path.as_bytes()).is_ok();
    let kernel = Architecture::of_machine(&setting.facts.kernel.machine);
    let id = match (&known, other) {
        _ if is(&like, "nixos") => CauseId::NixosStubLd,
        (Some(known), _) => known.cause(kernel, has),
        (None, Some(other)) => other.cause,
        (None, None) => CauseId::MissingElfLoader,
    };
    let whose = match (&known, other) {
        (Some(known), _) => format!(", the loader of {} for {}", known.library.word(), known.cpu()),
        (None, Some(other)) => format!(", the loader of {}", other.library),
        (None, None) => String::new(),
    };
    let detail = format!("the program asks for {path}{whose}, which is not there");
    let mut finding = Finding::problem(id, &*about, detail).with("path", about);
    if let Some(tree) = library_of(setting) {
        finding = finding.evidence(format!("this tree has {}", tree.word()));
        let linked = known.as_ref().map(|known| known.library).filter(|library| *library != tree);
        if let Some(library) = linked.map(Library::word).or(other.map(|other| other.library)) {
            finding = finding.evidence(format!("the program is linked for {library}"));
        }
    }
    if let Some(command) = known.and_then(|known| known.install(&like)) {
        // In another tree it is the image's build that runs it, as root.
        let command = if setting.root.is_own() { command } else { as_root(&command) };
        finding = finding.fix(Advice::InstallLoader, command, FixClass::Decision);
    }
    finding
}

/// An emulator starts and does not find the program's own loader, which Debian has for cross-building.
pub(super) fn no_sysroot(setting: &Setting, about: &str, name: &[u8], program: &Step) -> Finding {
    let path = to_text(name);
    let detail = format!(
        "the emulator of the entry {} starts, and then does not find the program's loader {path} in this tree",
        program.name.as_ref().map_or(String::new(), |entry| to_text(entry))
    );
    let finding = Finding::problem(CauseId::QemuMissingSysroot, about, detail).with("path", about);
    let known = Known::find(&path, Architecture::of_program(&program.head));
    let known = known.filter(|known| known.library == Library::Glibc && is(&family(setting), "debian"));
    let Some((abi, package)) = known.and_then(|known| Some((known.abi, known.abi.sysroot?))) else { return finding };
    let program = quoted(&setting.root.outside(about));
    let values = [("package", package), ("gnu", abi.gnu), ("path", &program)];
    let command = command::fill(command::INSTALL_SYSROOT, &values);
    finding.fix(Advice::InstallSysroot, command, FixClass::Decision)
}

/// NixOS answers programs of other distributions with a loader that only says so.
pub(super) fn stub(setting: &Setting, about: &str, name: &[u8]) -> Option<Finding> {
    let usual = || all().any(|known| known.paths().iter().any(|path| path.as_bytes() == name));
    let detail = format!("{} of NixOS runs no program unless nix-ld is enabled", to_text(name));
    (is(&family(setting), "nixos") && usual())
        .then(|| Finding::warning(CauseId::NixosStubLd, about, detail).with("path", about))
}

/// The C library that a tree has.
fn library_of(setting: &Setting) -> Option<Library> {
    let has = |path: &&str| setting.root.open(path.as_bytes()).is_ok();
    let has_any = |library| all().filter(|known| known.library == library).flat_map(|k| k.paths()).any(has);
    [Library::Glibc, Library::Musl].into_iter().find(|library| has_any(*library))
}

/// The ids of the tree's distribution and of those that it is like, nearest first (os-release(5)).
fn family(setting: &Setting) -> Vec<String> {
    const MOST: usize = 1 << 14;
    let read = |path: &str| setting.root.open(path.as_bytes()).ok().and_then(|file| file.up_to(MOST, 0).ok());
    let bytes = read("/etc/os-release").or_else(|| read("/usr/lib/os-release")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
    };
    let ids = format!("{} {}", value("ID="), value("ID_LIKE="));
    ids.split_whitespace().map(|id| if id == "rhel" { "fedora" } else { id }.into()).collect()
}

fn is(family: &[String], id: &str) -> bool {
    family.iter().any(|known| known == id)
}
