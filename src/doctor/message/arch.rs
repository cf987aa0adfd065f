//! Architectures as texts spell them.

use super::words::SPELLINGS;

/// OCI's name of an architecture.
pub(super) type Arch = &'static str;

/// How a machine takes a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is for its own CPU.
    Native,
    /// It is for the 32-bit mode that its CPU may have.
    Compat,
    Foreign,
}

/// The architecture that a word means.
pub(super) fn named(word: &str) -> Option<Arch> {
    let word = word.trim().trim_start_matches("linux/");
    SPELLINGS.iter().find(|(_, spellings)| spellings.contains(&word)).map(|(arch, _)| *arch)
}

/// The first architecture that is named in a text, as a whole word; the longest where several begin at one place.
pub(super) fn first_in(lower: &str) -> Option<Arch> {
    all_in(lower).min_by_key(|&(at, len, _)| (at, usize::MAX - len)).map(|(_, _, arch)| arch)
}

/// All that are named: where, how long, which.
pub(super) fn all_in(lower: &str) -> impl Iterator<Item = (usize, usize, Arch)> {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '-');
    SPELLINGS.iter().flat_map(|(arch, spellings)| spellings.iter().map(move |word| (*arch, *word))).filter_map(
        move |(arch, word)| {
            let at = lower.find(word)?;
            let (before, after) = (lower[..at].chars().next_back(), lower[at + word.len()..].chars().next());
            (edge(before) && edge(after)).then_some((at, word.len(), arch))
        },
    )
}

/// What a machine does with a program by itself.
pub(super) fn fit(program: Arch, machine: Arch) -> Fit {
    match (program, machine) {
        (a, b) if a == b => Fit::Native,
        ("386", "amd64") => Fit::Compat,
        (arm, "arm64") if arm.starts_with("arm/") => Fit::Compat,
        (a, b) if a.starts_with("arm/") && b.starts_with("arm/") => Fit::Native,
        _ => Fit::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_found_as_whole_words() {
        assert_eq!(first_in("linux u1 5.15.0-41 #44-ubuntu smp aarch64 aarch64 gnu/linux"), Some("arm64"));
        assert_eq!(first_in("./app: elf 64-bit lsb pie executable, x86-64, version 1"), Some("amd64"));
        assert_eq!(first_in("elf 64-bit lsb executable, arm aarch64, version 1"), Some("arm64"));
        assert_eq!(first_in("elf 32-bit lsb executable, arm, eabi5 version 1"), Some("arm/v7"));
        assert_eq!(first_in("alarm went off, charm64"), None);
        assert_eq!(named("linux/arm64/v8"), Some("arm64"));
    }

    #[test]
    fn a_machine_takes_its_own_and_perhaps_its_small_sibling() {
        assert_eq!(fit("386", "amd64"), Fit::Compat);
        assert_eq!(fit("arm/v7", "arm64"), Fit::Compat);
        assert_eq!(fit("arm/v7", "arm/v6"), Fit::Native);
        assert_eq!(fit("arm64", "amd64"), Fit::Foreign);
    }
}
