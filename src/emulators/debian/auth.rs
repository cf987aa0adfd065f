//! Names and passwords of archives, as apt keeps them: apt_auth.conf(5).

use std::path::Path;

use super::mirror::parts;
use crate::http::Login;

/// What /etc/apt/auth.conf and auth.conf.d below `root` have for an address.
pub(super) fn login(url: &str, root: &Path) -> Option<Login> {
    let apt = root.join("etc/apt");
    let more = parts(&apt.join("auth.conf.d")).into_iter().filter(|path| path.extension().is_some_and(|e| e == "conf"));
    let files = std::iter::once(apt.join("auth.conf")).chain(more);
    files.filter_map(|path| std::fs::read_to_string(path).ok()).find_map(|text| find(&text, url))
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
