//! The language of the catalogue's texts.

use std::sync::OnceLock;

/// A language that the catalogue has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// English
    #[default]
    English,
    /// Chinese, in simplified characters.
    Chinese,
}

/// The process's own: what is printed is in one language, wherever it is made.
static CURRENT: OnceLock<Language> = OnceLock::new();

impl Language {
    /// The language of this process; English until one is chosen.
    pub fn current() -> Language {
        CURRENT.get().copied().unwrap_or_default()
    }

    /// Chooses the language of this process. The first choice counts.
    pub fn choose(self) {
        let _ = CURRENT.set(self);
    }

    /// What the user's locale asks for: `zh`, `zh_CN.UTF-8`, `zh-Hans` are Chinese, everything else English.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Language {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
        locale.map_or(Language::English, |locale| Language::named(&locale))
    }

    /// The language of a locale's name.
    pub fn named(locale: &str) -> Language {
        match locale.split(['_', '-', '.', '@']).next() {
            Some("zh") => Language::Chinese,
            _ => Language::English,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let of = |values: [&str; 3]| {
            Language::of_environment(|name| {
                let at = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().position(|n| *n == name)?;
                Some(values[at].to_owned())
            })
        };
        assert_eq!(of(["", "", "zh_CN.UTF-8"]), Language::Chinese);
        assert_eq!(of(["C", "zh_TW", "zh_CN.UTF-8"]), Language::English);
        assert_eq!(of(["", "zh", "en_US"]), Language::Chinese);
        assert_eq!(of(["", "", "de_DE"]), Language::English);
    }
}
