//! ENOEXEC: nothing takes the file. What the facts tell of the file, the image, the step and the machine decides.

use super::super::Strength::{Certain, Likely, Possible};
use super::super::arch::{self, Arch, Fit};
use super::super::event::Event;
use super::super::fact::Entry;
use super::super::file_fact::{Content, FileFact};
use super::super::words::{BASIC, ErrorName, Place};
use super::Case;
use crate::doctor::catalogue::CauseId;

/// Causes that say that the program is for another CPU than the machine's.
const FOREIGN: [CauseId; 8] = [
    CauseId::ForeignArchNoHandler,
    CauseId::ImagePlatformMismatch,
    CauseId::K8sMixedArch,
    CauseId::LambdaArch,
    CauseId::ChrootForeign,
    CauseId::NoAarch32,
    CauseId::DistroPackageSplit,
    CauseId::BuildxPlatformsStale,
];
/// So much of an interpreter's path older kernels read from a script's first line; shells that look for themselves, too.
const SHEBANG: usize = 126;
/// bash before 5.1 looks at 80 bytes of the file.
const OLD_BASH: usize = 77;

pub(super) fn judge(case: &mut Case<'_>) {
    cut_off(case);
    let events: Vec<&Event> =
        case.events.iter().copied().filter(|event| event.errno.name == ErrorName::Enoexec).collect();
    image(case, !events.is_empty());
    if !events.is_empty() {
        entry(case);
    }
    if !events.is_empty() || case.places.contains(&Place::Loop) {
        hijack(case);
    }
    for event in events.into_iter().take(4) {
        given_to_shell(case, event);
        let file = event.path.as_deref().and_then(|path| case.text.facts.of(path));
        if let Some(file) = file.filter(|file| !matches!(file.content, Content::Mode { .. })) {
            content(case, file);
        } else if let Some((arch, line)) = case.text.facts.only_program() {
            program(case, arch, line);
        } else {
            step(case, event);
        }
        named_for(case, event);
    }
}

/// The path of an interpreter, as a shell quotes it, is as long as what was read of the first line.
fn cut_off(case: &mut Case<'_>) {
    let quoted = |event: &&&Event| {
        event.interpreter.as_ref().is_some_and(|path| path.len() >= SHEBANG || path.len() == OLD_BASH)
    };
    let Some(event) = case.events.iter().find(quoted) else { return };
    let kernels = event.interpreter.as_ref().is_some_and(|path| path.len() >= SHEBANG);
    let (strength, weight) = if kernels { (Certain, 25.0) } else { (Likely, 8.0) };
    let line = event.line.clone();
    case.say(CauseId::ShebangTooLong, strength, weight, &line);
}

/// By the entry for the architecture that is needed, where the text shows it.
fn entry(case: &mut Case<'_>) {
    let Some((disabled, told)) = case.entry_for_the_needed().map(|entry| {
        let state = if entry.disabled { "disabled" } else { "enabled" };
        (entry.disabled, format!("the entry of {} is {state}", entry.interpreter))
    }) else {
        return;
    };
    if disabled {
        case.say(CauseId::BinfmtEntryDisabled, Certain, 25.0, &told);
    } else {
        let builds = case.places.contains(&Place::Build) || case.events.iter().any(|event| event.platform.is_some());
        if builds {
            case.say(CauseId::BuildxPlatformsStale, Likely, 4.0, &told);
        }
        case.notes.push(format!(
            "{told}: what failed does not see it, or was there before it (a builder), or is refused by its mask"
        ));
    }
}

/// By what the file is.
pub(super) fn content(case: &mut Case<'_>, file: &FileFact) {
    let line = file.line.as_str();
    let cause = match file.content {
        Content::Elf(arch) => return program(case, arch, line),
        Content::NotAProgram => CauseId::ObjectOrCoreOrLib,
        Content::Crlf => CauseId::CrlfShebang,
        Content::Text => CauseId::MissingShebang,
        Content::Bom => CauseId::BomBeforeShebang,
        Content::Page => CauseId::NotABinaryDownload,
        Content::Archive => CauseId::ArchiveNotExtracted,
        Content::ArArchive => CauseId::GoArchiveNotMain,
        Content::OtherSystem if case.places.contains(&Place::Wsl) => CauseId::WslInteropBroken,
        Content::OtherSystem => CauseId::WrongOsBinary,
        Content::Wasm => CauseId::WasmInRunc,
        Content::Empty => CauseId::EmptyOrZeroFile,
        Content::Script => return case.say(CauseId::ShebangInterpreterForeign, Likely, 4.0, line),
        Content::Directory | Content::Mode { .. } | Content::Unknown => return,
    };
    case.say(cause, Certain, 30.0, line);
    case.exclude(&FOREIGN, format!("{line}: that is not a program of another CPU"));
}

/// A program for this architecture.
fn program(case: &mut Case<'_>, arch: Arch, line: &str) {
    if case.text.facts.fit(arch) != Some(Fit::Native) && have_run(case, arch) {
        return case.say(CauseId::TruncatedElf, Likely, 2.0, line);
    }
    let machine = case.text.facts.machine.as_ref().map(|(machine, line)| (*machine, line.clone()));
    match (case.text.facts.fit(arch), machine) {
        (Some(Fit::Foreign), Some((_, told))) => {
            case.say(CauseId::ForeignArchNoHandler, Certain, 30.0, line);
            case.say(CauseId::ForeignArchNoHandler, Certain, 1.0, &told);
        }
        (Some(Fit::Compat), Some((_, told))) if arch == "386" => {
            case.exclude(
                &FOREIGN,
                format!("a CPU for 64-bit programs runs those for {arch}, where its kernel is built for them"),
            );
            let cause = if case.places.contains(&Place::Guest) { CauseId::GuestKernel } else { CauseId::Ia32Disabled };
            case.say(cause, Likely, 6.0, line);
            case.say(cause, Likely, 1.0, &told);
        }
        (Some(Fit::Compat), Some((_, told))) => {
            case.say(CauseId::NoAarch32, Certain, 30.0, line);
            case.say(CauseId::NoAarch32, Certain, 1.0, &told);
        }
        (Some(Fit::Native), Some((machine, told))) => {
            case.exclude(&FOREIGN, format!("the program is for {machine}, which is the machine's own CPU ({told}): another architecture is not the reason"));
            case.say(CauseId::TruncatedElf, Likely, 2.0, line);
            case.say(CauseId::BinfmtNativeHijack, Possible, 0.5, line);
            case.say(CauseId::EmptyOrZeroFile, Possible, 1.0, line);
        }
        _ if case.places.contains(&Place::Mac) && of_macos(case) => {
            case.say(CauseId::WrongOsBinary, Certain, 20.0, line)
        }
        _ => {
            case.say(CauseId::ForeignArchNoHandler, Likely, 5.0, line);
            pulled_for(case, arch, line);
        }
    }
}

/// Whether what failed is in a directory that only macOS has: it runs no ELF files.
fn of_macos(case: &Case<'_>) -> bool {
    let paths = case.events.iter().filter_map(|event| event.path.as_deref());
    paths
        .into_iter()
        .any(|path| ["/Users/", "/Applications/", "/opt/homebrew/"].iter().any(|start| path.starts_with(start)))
}

/// An image of one platform was asked for, and there is a program of another in it.
fn pulled_for(case: &mut Case<'_>, arch: Arch, line: &str) {
    let [platform] = &case.text.facts.platforms[..] else { return };
    let by_runtime = |event: &&Event| event.caller.is_some_and(|caller| caller.context == Place::Container);
    if case.events.iter().any(by_runtime)
        && arch::named(platform).is_some_and(|asked| arch::fit(arch, asked) == Fit::Foreign)
    {
        let told = format!("{platform} was asked for");
        case.say(CauseId::ImageLiesAboutArch, Likely, 6.0, line);
        case.say(CauseId::ImageLiesAboutArch, Likely, 1.0, &told);
    }
}

/// By what the image is said to be for.
fn image(case: &mut Case<'_>, fails: bool) {
    let facts = &case.text.facts;
    let Some((label, line)) = facts.image.as_ref().filter(|_| fails) else { return };
    let other = facts
        .files
        .iter()
        .find(|file| matches!(file.content, Content::Elf(arch) if arch::fit(arch, label) == Fit::Foreign));
    if let Some(file) = other {
        // Before what the program's architecture alone says.
        case.say(CauseId::ImageLiesAboutArch, Certain, 40.0, line);
        case.say(CauseId::ImageLiesAboutArch, Certain, 1.0, &file.line);
        case.notes.push(format!("the image says {label}, and the program in it is for something else"));
        return;
    }
    match facts.fit(label) {
        Some(Fit::Foreign) => case.say(CauseId::ImagePlatformMismatch, Likely, 6.0, line),
        Some(Fit::Native) => {
            case.exclude(
                &[CauseId::ImagePlatformMismatch, CauseId::K8sMixedArch, CauseId::CachedWrongPlatform],
                format!(
                    "the image says {label}, which is the machine's own CPU: what is in it has to be something else"
                ),
            );
            // A script may be what is wrong, and lies about nothing.
            let script = case.events.first().and_then(|event| event.path.as_deref()).is_some_and(is_script);
            let strength = if script { Possible } else { Likely };
            case.say(CauseId::ImageLiesAboutArch, strength, 4.0, line);
        }
        Some(Fit::Compat) | None => {}
    }
}

/// By the platform of the step that failed.
fn step(case: &mut Case<'_>, event: &Event) {
    let platform = event.platform.as_deref().or(case.text.steps.failed.as_deref());
    let Some((platform, arch)) = platform.and_then(|platform| Some((platform.to_owned(), arch::named(platform)?)))
    else {
        if case.needed().is_some_and(|arch| have_run(case, arch)) {
            return;
        }
        whole_image(case);
        return healthy_neighbours(case);
    };
    let told = format!("the step that failed is for {platform}");
    if case.text.facts.fit(arch) != Some(Fit::Native) && have_run(case, arch) {
        return case.say(CauseId::ImageLiesAboutArch, Likely, 3.0, &told);
    }
    match case.text.facts.fit(arch) {
        Some(Fit::Native) => {
            case.exclude(
                &[CauseId::ForeignArchNoHandler, CauseId::BinfmtNotPersistent],
                format!("{told}, the machine's own CPU"),
            );
            case.say(CauseId::ImageLiesAboutArch, Likely, 3.0, &told);
        }
        Some(Fit::Foreign) => case.say(CauseId::ForeignArchNoHandler, Certain, 20.0, &told),
        _ => case.say(CauseId::ForeignArchNoHandler, Likely, 3.0, &told),
    }
}

/// Whether programs for an architecture have run before: then there is an emulator, and this file is another thing.
fn have_run(case: &mut Case<'_>, arch: Arch) -> bool {
    const NOT_THERE: [CauseId; 4] = [
        CauseId::BinfmtNotPersistent,
        CauseId::BinfmtAutomountUntriggered,
        CauseId::QemuNestedBuildkit,
        CauseId::BinfmtSystemdWipe,
    ];
    let ran = case.text.steps.ran.contains(arch);
    if ran {
        let why = format!("programs for {arch} ran before: this file is for something else, or damaged");
        case.exclude(&FOREIGN, why);
        case.excluded.extend(NOT_THERE);
    }
    ran
}

/// A container that does not start, on a machine whose CPU the text tells: the image is what is for another one.
fn whole_image(case: &mut Case<'_>) {
    let container = case.text.places.contains(&Place::Container) && !case.text.places.contains(&Place::Build);
    if let Some((_, line)) = case.text.facts.machine.as_ref().filter(|_| container && case.text.image.is_some()) {
        case.say(CauseId::ImagePlatformMismatch, Likely, 0.5, line);
    }
}

/// The same image runs elsewhere, on the same CPU.
fn healthy_neighbours(case: &mut Case<'_>) {
    if case.places.contains(&Place::WorksElsewhere)
        && (case.places.contains(&Place::Kubernetes) || case.places.contains(&Place::Container))
    {
        case.exclude(&FOREIGN, "the same image runs on other machines of this CPU".into());
        let strength = if case.places.contains(&Place::Sudden) { Certain } else { Likely };
        case.say(CauseId::EmptyOrZeroFile, strength, 20.0, "the same image runs on other machines of this CPU");
    }
}

/// By the architecture in the file's name.
fn named_for(case: &mut Case<'_>, event: &Event) {
    let facts = &case.text.facts;
    let Some(name) = event.path.as_deref().map(str::to_ascii_lowercase) else { return };
    let base = name.rsplit('/').next().unwrap_or_default().replace(['_', '.'], "-");
    let arm = base.contains("box86") || base.contains("armhf") || base.contains("armv7") || base.ends_with("-arm");
    let on_arm64 = facts.machine.as_ref().is_some_and(|(machine, _)| *machine == "arm64");
    let big_pages = facts.page_size.is_some_and(|size| size > 4096);
    if arm && on_arm64 {
        let strength = if big_pages { Certain } else { Likely };
        case.say(
            CauseId::NoAarch32,
            strength,
            8.0,
            &format!("the name of {}", event.path.as_deref().unwrap_or_default()),
        );
    }
    if arm && big_pages {
        case.say(CauseId::NoAarch32, Certain, 8.0, "a kernel with pages larger than 4 KB runs no 32-bit ARM programs");
    }
}

/// `sh ./prog`: bash names the file twice, once as the script that it reads.
fn given_to_shell(case: &mut Case<'_>, event: &Event) {
    let Some(path) = event.path.as_deref() else { return };
    let base = path.rsplit('/').next().unwrap_or(path);
    const SHELLS: [&str; 9] = ["sh ", "bash ", "dash ", "zsh ", "source ", ". ", "sudo sh ", "sudo bash ", "/bin/sh "];
    let typed = case.text.events.commands.iter().find(|command| {
        SHELLS.iter().any(|shell| {
            let rest = command
                .strip_prefix(shell)
                .map(|rest| rest.trim_start_matches("-x ").split(' ').next().unwrap_or_default());
            rest.is_some_and(|file| file == path || file.rsplit('/').next() == Some(base))
        })
    });
    let reader = event.caller.is_some_and(|caller| caller.context == Place::Reader);
    let twice = event.line.contains(&format!("{path}: {path}: "));
    if reader || typed.is_some() && !is_script(path) {
        let evidence = typed.cloned().unwrap_or_else(|| event.line.clone());
        case.say(CauseId::ProgramGivenToShell, Certain, 25.0, &evidence);
    } else if twice {
        // Of a program that it starts itself it adds the error.
        let read = event.line.ends_with("cannot execute binary file");
        let (strength, weight) = if read { (Likely, 6.0) } else { (Possible, 0.6) };
        case.say(CauseId::ProgramGivenToShell, strength, weight, &event.line);
    }
}

/// Programs that every machine has fail one after the other: an entry takes the machine's own.
fn hijack(case: &mut Case<'_>) {
    const ELSEWHERE: [Place; 4] = [Place::Build, Place::Chroot, Place::Kubernetes, Place::Lxc];
    let is = |place: &Place| case.places.contains(place);
    let registered = is(&Place::AfterRegistration) || is(&Place::Register);
    // A container may be what registered the entry.
    if ELSEWHERE.iter().any(|place| case.text.places.contains(place))
        || case.text.places.contains(&Place::Container) && !is(&Place::AfterRegistration)
    {
        return;
    }
    let failing: Vec<String> =
        case.events.iter().filter(|event| is_machines_own(event)).map(|event| event.line.clone()).collect();
    let loops = case.places.contains(&Place::Loop);
    let strength = match failing.len() {
        0 => return,
        1 if is(&Place::AfterRegistration) => Likely,
        1 if loops => Possible,
        1 => return,
        _ if registered => Certain,
        _ => Likely,
    };
    for line in &failing {
        case.say(CauseId::BinfmtNativeHijack, strength, 8.0, line);
    }
}

/// Whether a program that every machine has cannot be executed, or the interpreter of a script that is one. In other directories
/// than the system's there are those of other machines; they do not loop.
fn is_machines_own(event: &Event) -> bool {
    const SYSTEM: [&str; 5] = ["/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"];
    let Some(path) = event.interpreter.as_deref().or(event.path.as_deref()) else { return false };
    let (directory, base) = path.rsplit_once('/').unwrap_or(("", path));
    let here = event.caller.is_none_or(|caller| caller.context != Place::Container);
    let by_place = match event.errno.name {
        ErrorName::Eloop => true,
        ErrorName::Enoexec => directory.is_empty() || SYSTEM.contains(&directory),
        _ => false,
    };
    here && by_place && BASIC.contains(&base)
}

impl Case<'_> {
    /// The architecture that is asked for: that of the step that failed, else of the file, else of the image.
    pub(super) fn needed(&self) -> Option<Arch> {
        let facts = &self.text.facts;
        let event = self.events.first();
        let of_event = event.and_then(|event| event.platform.as_deref()).and_then(arch::named);
        let of_file = event.and_then(|event| event.path.as_deref()).and_then(|path| facts.of(path)).and_then(|file| {
            match file.content {
                Content::Elf(arch) => Some(arch),
                _ => None,
            }
        });
        let arch = of_event.or(of_file).or_else(|| self.text.steps.failed_arch());
        // The one that is asked for: `--platform linux/arm64`.
        let asked =
            facts.platforms.first().filter(|_| facts.platforms.len() == 1).and_then(|platform| arch::named(platform));
        arch.or(asked)
            .or_else(|| facts.only_program().map(|(arch, _)| arch))
            .or_else(|| facts.image.as_ref().map(|(arch, _)| *arch))
    }

    /// The entry for that architecture, where the text shows one.
    pub(super) fn entry_for_the_needed(&self) -> Option<&Entry> {
        let needed = self.needed()?;
        let is_for = |entry: &&Entry| {
            let name = entry.interpreter.rsplit('/').next().unwrap_or_default();
            let name = name.trim_start_matches("qemu-").trim_end_matches("-static").trim_end_matches("-binfmt-p");
            arch::named(name)
                .is_some_and(|arch| arch == needed || (arch.starts_with("arm/") && needed.starts_with("arm/")))
        };
        self.text.facts.entries.iter().find(is_for)
    }
}

/// Whether a name is a script's.
pub(super) fn is_script(path: &str) -> bool {
    [".sh", ".py", ".bash", ".pl", ".rb"].iter().any(|end| path.ends_with(end)) || path.contains("entrypoint")
}
