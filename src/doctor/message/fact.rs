//! Facts: what the text tells of the machine, of files, of images and of the table, beside the errors.

use std::collections::BTreeSet;

use super::arch::{self, Arch, Fit};
use super::clean::Line;
use super::file_fact::{Content, FileFact};
use super::words::{BASIC, Means};

/// Of each kind so many are kept.
const MOST: usize = 16;

/// What a line may tell. The words that call for a look are in words/facts.toml.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Uname,
    Machine,
    File,
    Readelf,
    Listing,
    Image,
    ImageName,
    Platforms,
    Entry,
    PageSize,
    Subject,
    Exit,
    /// A loader refuses a program, or a library.
    Loading,
    /// A mount from which nothing may be executed.
    Mount,
    /// An architecture is named.
    Named,
}

/// What is known beside the errors.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The machine's architecture, and the line that tells it.
    pub(super) machine: Option<(Arch, String)>,
    /// Its distribution's, where that is asked apart from the kernel's.
    pub(super) userland: Option<(Arch, String)>,
    /// The kernel's release: 6.1.
    pub(super) kernel: Option<(u32, u32)>,
    pub(super) files: Vec<FileFact>,
    /// What an image is said to be for.
    pub(super) image: Option<(Arch, String)>,
    /// Platforms that are named, as they are written.
    pub(super) platforms: Vec<String>,
    /// What a builder says that it can do.
    pub(super) builder: Vec<Arch>,
    /// The name of an entry that was registered by hand.
    pub(super) registered: Option<String>,
    /// Entries of the table.
    pub(super) entries: Vec<Entry>,
    pub(super) page_size: Option<u32>,
    /// Mounts from which nothing may be executed.
    pub(super) noexec: Vec<Mount>,
    /// Architectures that are named, wherever.
    pub(super) named: Vec<Arch>,
    /// What was asked in the line before: the next line is the answer.
    asked: Option<Asked>,
}

/// An entry, as the kernel prints it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) interpreter: String,
    pub(super) disabled: bool,
    pub(super) flags: Option<String>,
}

/// A mount with the option noexec, as mount(8), findmnt(8) or somebody says it.
#[derive(Debug)]
pub(super) struct Mount {
    /// The directories that the line names.
    pub(super) directories: Vec<String>,
    pub(super) line: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Machine,
    Userland,
    PageSize,
    Image,
}

impl Facts {
    /// Looks at a line in which these words were found.
    pub(super) fn take(&mut self, line: &Line, found: &BTreeSet<Means>) {
        if let Some(asked) = self.asked.take() {
            self.answer(asked, line);
        }
        for means in found {
            let Means::Fact(kind) = *means else { continue };
            match kind {
                Kind::Uname => self.uname(line),
                Kind::Machine => self.machine(line),
                Kind::File => self.file(FileFact::file(line)),
                Kind::Readelf => self.readelf(line),
                Kind::Listing => self.file(FileFact::listing(line)),
                Kind::Image => self.image(line),
                Kind::Platforms => self.platforms(line),
                Kind::Entry => self.entry(line),
                Kind::PageSize => self.page_size(line),
                Kind::Mount => self.mount(line),
                Kind::Named => self.named(line),
                Kind::Subject | Kind::Exit | Kind::ImageName | Kind::Loading => {}
            }
        }
    }

    fn answer(&mut self, asked: Asked, line: &Line) {
        let word = line.body().to_ascii_lowercase();
        let word = word.as_str();
        let told = |arch: Option<Arch>| arch.map(|arch| (arch, line.shown()));
        match asked {
            Asked::Machine => set(&mut self.machine, told(arch::named(word))),
            Asked::Userland => set(&mut self.userland, told(arch::named(word))),
            Asked::PageSize => self.page_size = word.parse().ok().or(self.page_size),
            Asked::Image => {
                let word = word.trim_matches(['\'', '"']).trim_start_matches("linux ");
                set(&mut self.image, told(arch::named(word)));
            }
        }
    }

    fn uname(&mut self, line: &Line) {
        let lower = line.lower.trim_end();
        let asks = |command: &str| lower.ends_with(command) && lower.len() < 120;
        if asks("uname -m") || asks("uname -p") || asks("uname -i") {
            // What a container of another platform says tells nothing of the machine.
            if lower.contains("--platform") {
                return;
            }
            self.asked = Some(Asked::Machine);
            return;
        }
        if let Some(release) = lower.split("linux ").nth(1).and_then(|rest| rest.split(' ').find_map(release)) {
            self.kernel.get_or_insert(release);
        }
        // The last one: the host's name may be one as well. `file` says "for GNU/Linux 3.2.0" of a program.
        if lower.contains(": elf ") {
            return;
        }
        if lower.contains("gnu/linux")
            || lower.contains("linux version")
            || lower.contains(" linux")
            || lower.contains("android")
        {
            let last = arch::all_in(lower).max_by_key(|&(at, len, _)| (at, len)).map(|(_, _, arch)| arch);
            let arch = lower.split(' ').rev().find_map(arch::named).or(last);
            set(&mut self.machine, arch.map(|arch| (arch, line.shown())));
        }
    }

    fn machine(&mut self, line: &Line) {
        let lower = line.lower.trim_end();
        let after = |words: &str| {
            lower
                .split_once(words)
                .and_then(|(_, rest)| arch::first_in(rest.split([')', '\'', '"']).next().unwrap_or(rest)))
        };
        if lower.ends_with("dpkg --print-architecture") {
            self.asked = Some(Asked::Userland);
            return;
        }
        if lower.ends_with("$ arch") || lower.ends_with("# arch") {
            self.asked = Some(Asked::Machine);
            return;
        }
        // What is told in so many words comes before what is spoken of.
        const TOLD: [&str; 13] = [
            "detected host platform (",
            "expected platform (",
            "host's (",
            "cannot run on '",
            "but i am a '",
            "os/arch:",
            "kubernetes.io/arch=",
            "all nodes are",
            "nodes are all",
            "gohostarch=",
            "hosttype=",
            "node: ",
            "architecture: ",
        ];
        let told = TOLD.iter().find_map(|words| after(words));
        let spoken = || {
            let words_of_people = !lower.contains("linux/")
                && !lower.contains("exec format")
                && !lower.contains("://")
                && lower.len() < 160;
            words_of_people.then(|| spoken_of(lower)).flatten()
        };
        if let Some(arch) = told {
            self.machine = Some((arch, line.shown()));
        } else if self.machine.is_none() {
            self.machine = spoken().map(|arch| (arch, line.shown()));
        }
    }

    fn mount(&mut self, line: &Line) {
        let words = |line: &str| {
            let words = line.split([' ', ',', ':', ';', '(', ')', '"', '\'', '=']);
            words.map(|word| word.trim_end_matches('.').to_owned()).collect::<Vec<_>>()
        };
        if self.noexec.len() == MOST || !words(&line.lower).iter().any(|word| word == "noexec") {
            return;
        }
        let device = |word: &str| word.starts_with("/dev/") && !word.starts_with("/dev/shm");
        let directory = |word: &String| word.starts_with('/') && word.len() > 1 && !device(word);
        let directories = words(&line.text).into_iter().filter(directory);
        self.noexec.push(Mount { directories: directories.take(MOST).collect(), line: line.shown() });
    }

    fn named(&mut self, line: &Line) {
        const MOST_NAMED: usize = 4;
        if self.named.len() == MOST_NAMED {
            return;
        }
        let spelt =
            |word: &&str| word.len() > 3 && (word.starts_with("arm") || word.bytes().any(|b| b.is_ascii_digit()));
        let words = line.lower.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(spelt);
        let of_qemu = line.lower.contains("qemu-arm-").then_some("arm/v7");
        for arch in words.filter_map(arch::named).chain(of_qemu) {
            if !self.named.contains(&arch) && self.named.len() < MOST_NAMED {
                self.named.push(arch);
            }
        }
    }

    /// The one that is named beside the machine's own. Where the text does not tell what that is, x86 is in names of directories.
    pub(super) fn other(&self) -> Option<Arch> {
        let machine = self.machine.as_ref().map(|(machine, _)| *machine);
        let is_other = |arch: &&Arch| match machine {
            Some(machine) => **arch != machine,
            None => !["amd64", "386"].contains(*arch),
        };
        self.named.iter().find(is_other).copied()
    }

    fn readelf(&mut self, line: &Line) {
        let lower = &line.lower;
        if let Some((_, rest)) = lower.split_once("requesting program interpreter: ") {
            let interpreter = rest.trim_end_matches([']', ' ']).to_owned();
            match self.files.last_mut() {
                Some(file) => file.interpreter = Some(interpreter),
                None => self.file(Some(FileFact::loader(interpreter, line.shown()))),
            }
        } else if let Some(arch) = lower.split_once("machine: ").and_then(|(_, rest)| arch::first_in(rest)) {
            self.file(Some(FileFact::elf(None, arch, line.shown())));
        }
    }

    fn file(&mut self, file: Option<FileFact>) {
        if let Some(file) = file.filter(|file| self.files.len() < MOST && !self.files.contains(file)) {
            self.files.push(file);
        }
    }

    fn image(&mut self, line: &Line) {
        let lower = line.lower.trim_end();
        let asks =
            (lower.contains("image inspect") || lower.contains("docker inspect") || lower.contains("podman inspect"))
                && lower.len() < 240;
        if asks && lower.contains("rchitecture") {
            self.asked = Some(Asked::Image);
            return;
        }
        const TOLD: [&str; 6] = [
            "\"architecture\": \"",
            "requested image's platform (",
            "image platform (",
            "image targets '",
            "image's architecture (",
            "actual: ",
        ];
        let told = TOLD.iter().find_map(|words| {
            let (_, rest) = lower.split_once(words)?;
            arch::named(rest.split([')', '\'', '"', ',', ' ']).next()?)
        });
        set(&mut self.image, told.map(|arch| (arch, line.shown())));
    }

    fn platforms(&mut self, line: &Line) {
        let lower = &line.lower;
        let mut named = Vec::new();
        for (at, _) in lower.match_indices("linux/").take(MOST) {
            let rest = &lower[at..];
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '/')).unwrap_or(rest.len());
            let platform = rest[..end].trim_end_matches('/');
            if arch::named(platform).is_some() && !named.iter().any(|p| p == platform) {
                named.push(platform.to_owned());
            }
        }
        // `docker buildx ls`, and what tonistiigi/binfmt prints: several, without a word that asks for them.
        if named.len() > 1 && !lower.contains("--platform") && !lower.contains("does not match") {
            self.builder = named.iter().filter_map(|platform| arch::named(platform)).collect();
        }
        for platform in named {
            if self.platforms.len() < MOST && !self.platforms.contains(&platform) {
                self.platforms.push(platform);
            }
        }
    }

    fn entry(&mut self, line: &Line) {
        let lower = line.lower.trim();
        if self.registered.is_none() {
            self.registered = registered(&line.text);
        }
        if let Some(interpreter) = lower.strip_prefix("interpreter ").filter(|path| path.starts_with('/')) {
            let disabled = self.entries.last().is_some_and(|last| last.interpreter.is_empty() && last.disabled);
            self.entries.retain(|entry| !entry.interpreter.is_empty());
            if self.entries.len() < MOST {
                self.entries.push(Entry { interpreter: interpreter.to_owned(), disabled, flags: None });
            }
        } else if lower == "disabled" || lower == "enabled" {
            self.entries.retain(|entry| !entry.interpreter.is_empty());
            if self.entries.len() < MOST {
                self.entries.push(Entry { disabled: lower == "disabled", ..Entry::default() });
            }
        } else if let Some(flags) = lower.strip_prefix("flags:").map(str::trim)
            && let Some(entry) = self.entries.last_mut()
        {
            entry.flags = Some(flags.to_owned());
        }
    }

    fn page_size(&mut self, line: &Line) {
        let lower = line.lower.trim_end();
        if lower.to_ascii_lowercase().ends_with("getconf pagesize") || lower.ends_with("getconf page_size") {
            self.asked = Some(Asked::PageSize);
        } else if lower.contains("page") {
            let mut number = lower.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse::<u32>().ok());
            self.page_size = number.rfind(|n| [4096, 16384, 65536].contains(n)).or(self.page_size);
        }
    }

    /// How the machine takes programs of an architecture; `None` where the text does not tell what it is.
    pub(super) fn fit(&self, program: Arch) -> Option<Fit> {
        self.machine.as_ref().map(|(machine, _)| arch::fit(program, machine))
    }

    /// What is known of a file: by its name, else by the last part of its name.
    pub(super) fn of(&self, path: &str) -> Option<&FileFact> {
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let by = |same: &dyn Fn(&str) -> bool| self.files.iter().find(|file| file.path.as_deref().is_some_and(same));
        by(&|known| known == path).or_else(|| by(&|known| !name(path).is_empty() && name(known) == name(path)))
    }

    /// The architecture of the only program that is described; what every machine has tells of the machine.
    pub(super) fn only_program(&self) -> Option<(Arch, &str)> {
        let own = |file: &FileFact| {
            let path = file.path.as_deref().unwrap_or_default();
            ["/bin/", "/usr/bin/", "bin/", "usr/bin/"]
                .iter()
                .any(|d| path.strip_prefix(d).is_some_and(|name| BASIC.contains(&name)))
        };
        let mut archs = self.files.iter().filter(|file| !own(file)).filter_map(|file| match file.content {
            Content::Elf(arch) => Some((arch, file.line.as_str())),
            _ => None,
        });
        let first = archs.next()?;
        archs.all(|(arch, _)| arch == first.0).then_some(first)
    }
}

/// The architecture of a machine that people speak of: "on arm64", "my aarch64 server", or a machine that has but one.
fn spoken_of(lower: &str) -> Option<Arch> {
    const BEFORE: [&str; 9] = ["on ", "on the ", "on an ", "on a ", "on my ", "host ", "host: ", "machine: ", "("];
    const AFTER: [&str; 14] = [
        " builder", " server", " host", " machine", " vm", " box", " node", " runner", " system", " device", " laptop",
        " board", " pc", "的",
    ];
    const ALONE: [&str; 7] = ["graviton", "ampere", "apple m1", "apple m2", "apple m3", "apple m4", "apple silicon"];
    let is_machine = |&(at, len, _): &(usize, usize, Arch)| {
        let (before, word, after) = (&lower[..at], &lower[at..at + len], &lower[at + len..]);
        ALONE.contains(&word)
            || BEFORE.iter().any(|words| before.ends_with(words))
            || AFTER.iter().any(|words| after.starts_with(words))
    };
    arch::all_in(lower).filter(is_machine).min_by_key(|&(at, len, _)| (at, usize::MAX - len)).map(|(_, _, arch)| arch)
}

/// NAME of `:NAME:M:...` or `:NAME:E:...`, where it may be typed as a part of a path.
fn registered(text: &str) -> Option<String> {
    let (before, _) = text.split_once(":M:").or_else(|| text.split_once(":E:"))?;
    let name = before.rsplit_once(':')?.1;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
}

/// What was told first stays.
fn set<T>(place: &mut Option<T>, value: Option<T>) {
    if place.is_none() {
        *place = value;
    }
}

/// 6.1 of 6.1.0-13-amd64
fn release(word: &str) -> Option<(u32, u32)> {
    let mut parts = word.split(['.', '-']);
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (word.matches('.').count() >= 1 && major < 100).then_some((major, minor))
}
