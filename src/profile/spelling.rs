//! Which architecture a person means.

use std::collections::HashMap;

use super::Profile;
use crate::error::{Error, Result};
use crate::oci::Platform;
use crate::text::nearest;

/// All spellings of a profile, lower case, without "linux/".
fn spellings(profile: &Profile) -> impl Iterator<Item = &str> {
    let platforms = profile.platforms.iter().map(|p| p.strip_prefix("linux/").unwrap_or(p));
    std::iter::once(profile.name.as_str()).chain(profile.aliases.iter().map(String::as_str)).chain(platforms)
}

/// `x86-64`, `X86_64` and `Linux/x86_64` are one.
fn plain(text: &str) -> String {
    let text = text.trim().to_ascii_lowercase().replace('-', "_");
    text.strip_prefix("linux/").map(str::to_owned).unwrap_or(text)
}

pub(super) fn find<'a>(text: &str, profiles: &'a [Profile]) -> Option<&'a Profile> {
    let text = plain(text);
    let of = |wanted: &str| profiles.iter().find(|p| spellings(p).any(|s| plain(s) == wanted));
    of(&text).or_else(|| {
        let platform = Platform::parse(&text).ok().filter(|p| p.os == "linux" && text.contains('/'))?;
        // A variant that no profile names (amd64/v3) does not change the emulator.
        of(&plain(&platform.to_string())).or_else(|| of(&platform.architecture))
    })
}

pub(super) fn unknown(text: &str, profiles: &[Profile]) -> Error {
    let wanted = plain(text);
    let near = nearest(&wanted, profiles.iter().flat_map(spellings).map(|s| (plain(s), s)));
    let error = Error::usage(format!("reading the architecture {text:?}"), "there is no such architecture");
    match near {
        Some(near) => error.help(format!("did you mean {near}? `rbinfmt profiles` lists them all")),
        None => error.help("`rbinfmt profiles` lists them all"),
    }
}

pub(super) fn check_unique(profiles: &[Profile]) -> Result<()> {
    let mut owner: HashMap<String, &str> = HashMap::new();
    for profile in profiles {
        for spelling in spellings(profile) {
            match owner.insert(plain(spelling), &profile.name) {
                Some(other) if other != profile.name => {
                    let why = format!("{other} and {} both claim it", profile.name);
                    return Err(Error::usage(format!("reading the profiles: spelling {spelling:?}"), why));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
