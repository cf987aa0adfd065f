//! Names and passwords of archives, as apt keeps them: apt_auth.conf(5).

use std::path::{Path, PathBuf};

use super::mirror::{MAX_SOURCES, parts};
use crate::http::Login;
use crate::{beneath, verify};

/// What /etc/apt/auth.conf and auth.conf.d below `root` have for an address.
pub(super) fn login(url: &str, root: &Path) -> Option<Login> {
    let more = parts(root, Path::new("/etc/apt/auth.conf.d")).into_iter();
    let files = std::iter::once(PathBuf::from("/etc/apt/auth.conf"))
        .chain(more.filter(|p| p.extension() == Some("conf".as_ref())));
    let text = |path: PathBuf| beneath::real(root, &path).and_then(|real| verify::small_text(&real, MAX_SOURCES)).ok();
    files.filter_map(text).find_map(|text| find(&text, url))
}

fn find(text: &str, url: &str) -> Option<Login> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut words = lines.flat_map(str::split_ascii_whitespace);
    let (mut is_it, mut name) = (false, None);
    while let Some(word) = words.next() {
        match word {
            "machine" => (is_it, name) = (is_of(words.next()?, url), None),
            "login" => name = words.next(),
            "password" => {
                let password = words.next()?;
                if let Some(name) = name.filter(|_| is_it) {
                    return Some(Login { name: name.to_owned(), password: password.to_owned() });
                }
            }
            _ => {}
        }
    }
    None
}

/// A machine is a host and the beginning of a path; over http only if it says so.
fn is_of(machine: &str, url: &str) -> bool {
    let machine = if machine.contains("://") { machine.to_owned() } else { format!("https://{machine}") };
    url.strip_prefix(&machine).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || machine.ends_with('/'))
}
