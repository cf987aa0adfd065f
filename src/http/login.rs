//! A name and a password, which are in no address that is printed or stored.

use std::fmt;

use percent_encoding::percent_decode_str;

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl Login {
    /// Takes `NAME:PASSWORD@` out of a URL.
    pub fn split(url: &str) -> (String, Option<Login>) {
        let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
        let end = rest.find('/').unwrap_or(rest.len());
        let Some((user, _)) = rest[..end].rsplit_once('@') else { return (url.to_owned(), None) };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        let login = Login { name: decoded(name), password: decoded(password) };
        (format!("{scheme}://{}", &rest[user.len() + 1..]), Some(login))
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("name", &self.name).finish_non_exhaustive()
    }
}
