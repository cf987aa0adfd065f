//! A suite's Release text: what it is, when it was made, until when it counts, and the hashes of its indices.

use super::deb822::Paragraph;
use crate::error::{Error, Result};
use crate::time::{self, CLOCK, Timestamp, show};
use crate::verify::{Digest, Expected};

/// The signed text of an InRelease file, read.
#[derive(Debug, Clone)]
pub struct Release {
    paragraph: Paragraph,
    /// What it is about, without its alias: "Debian trixie-backports". The key of the memory of dates.
    pub name: String,
    /// Its own name, without alias: "trixie".
    pub codename: String,
    /// When it was made.
    pub date: Timestamp,
    /// Until when it counts, where it says so.
    pub valid_until: Option<Timestamp>,
    /// Whether indices are found by their hash.
    pub by_hash: bool,
}

/// An index that the Release promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Below the suite's directory.
    pub path: String,
    /// Size and hash.
    pub expected: Expected,
}

impl Release {
    /// From the signed text; `suite` is the name that was asked for, `what` the file's.
    ///
    /// # Errors
    /// The index of another suite; one that is not deb822, or has no date.
    pub fn parse(what: &str, text: &str, suite: &str) -> Result<Self> {
        let wrong = |why: String| Error::failed(format!("reading {what}"), why);
        let paragraph = Paragraph::first(text).map_err(wrong)?;
        let field = |name: &str| paragraph.get(name).unwrap_or_default();
        let (origin, codename, alias) = (field("Origin"), field("Codename"), field("Suite"));
        // A mirror that answers with another suite would choose what we install.
        if suite != codename && suite != alias {
            return Err(wrong(format!("expected suite {suite}, it is {alias} ({codename})")));
        }
        let date_of = |name: &str| match paragraph.get(name) {
            Some(value) => {
                time::parse(value).map(Some).ok_or_else(|| wrong(format!("field {name} has no date: {value:?}")))
            }
            None => Ok(None),
        };
        let date = date_of("Date")?.ok_or_else(|| wrong("it has no field Date".to_owned()))?;
        // Ubuntu's pockets share a codename, Debian's do not.
        let own = if alias.starts_with(codename) { alias } else { codename };
        Ok(Release {
            name: format!("{origin} {own}").trim().to_owned(),
            codename: codename.to_owned(),
            date,
            valid_until: date_of("Valid-Until")?,
            by_hash: field("Acquire-By-Hash") == "yes",
            paragraph,
        })
    }

    /// Refuses an index from the future, one that has expired, and one older than the newest seen.
    ///
    /// # Errors
    /// Which of these it is, with both dates.
    pub fn check_age(&self, what: &str, newest_seen: Option<Timestamp>, now: Timestamp) -> Result<()> {
        let refused = |why: String| Error::failed(format!("verifying {what}"), why);
        const INSIST: &str = "use another mirror (--mirror URL), or insist with --allow-expired";
        if self.date > now + CLOCK {
            let why = format!("made on {}, which is in the future here", show(self.date));
            return Err(refused(why).help("set this machine's clock"));
        }
        if let Some(end) = self.valid_until.filter(|&end| end < now) {
            let why = format!("expired: it was valid until {}, now it is {}", show(end), show(now));
            return Err(refused(why).help(INSIST));
        }
        if let Some(seen) = newest_seen.filter(|&seen| seen > self.date) {
            let why = format!("rolled back: it is of {}, one of {} was seen before", show(self.date), show(seen));
            return Err(refused(why).help(INSIST));
        }
        Ok(())
    }

    /// The index of packages of a component and architecture, in a compression that we can read.
    pub fn packages(&self, component: &str, arch: &str) -> Option<Index> {
        self.file(&format!("{component}/binary-{arch}/Packages"))
    }

    /// The list of all files of a component's packages for an architecture, likewise.
    pub fn contents(&self, component: &str, arch: &str) -> Option<Index> {
        self.file(&format!("{component}/Contents-{arch}"))
    }

    fn file(&self, stem: &str) -> Option<Index> {
        let names = [format!("{stem}.xz"), format!("{stem}.gz"), stem.to_owned()];
        let list = self.paragraph.get("SHA256")?;
        names.into_iter().find_map(|name| {
            list.lines().find_map(|line| {
                let mut words = line.split_ascii_whitespace();
                let (sha256, size, path) = (words.next()?, words.next()?, words.next()?);
                let expected = || Some(Expected { sha256: Digest::parse(sha256)?, size: size.parse().ok()? });
                (path == name).then(expected).flatten().map(|expected| Index { path: path.to_owned(), expected })
            })
        })
    }
}

impl Index {
    /// Where a mirror keeps it under its hash, which no update of the mirror changes.
    pub fn by_hash(&self) -> String {
        let directory = self.path.rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{directory}/by-hash/SHA256/{}", self.expected.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SignedDuration;

    const TEXT: &str = "Origin: Debian\nSuite: unstable\nCodename: sid\nDate: Fri, 30 Oct 2026 08:08:01 UTC\n\
        Valid-Until: Fri, 06 Nov 2026 08:08:01 UTC\nAcquire-By-Hash: yes\nSHA256:\n \
        e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 7 main/binary-amd64/Packages.xz\n";

    #[test]
    fn a_suite_is_known_by_both_its_names_and_no_other() {
        assert_eq!(Release::parse("x", TEXT, "sid").unwrap().name, "Debian sid");
        assert_eq!(Release::parse("x", TEXT, "unstable").unwrap().name, "Debian sid");
        assert!(Release::parse("x", TEXT, "trixie").unwrap_err().to_string().contains("expected suite trixie"));
    }

    #[test]
    fn expired_future_and_rolled_back_are_refused() {
        let release = Release::parse("x", TEXT, "sid").unwrap();
        let made = release.date;
        let (hour, day) = (SignedDuration::from_hours(1), SignedDuration::from_hours(24));
        release.check_age("x", Some(made), made + hour).unwrap();
        let why = |seen, now| release.check_age("x", seen, now).unwrap_err().to_string();
        assert!(why(None, made + day * 8).contains("expired"));
        assert!(why(None, made - day * 2).contains("future"));
        assert!(why(Some(made + SignedDuration::from_secs(1)), made + hour).contains("rolled back"));
    }

    #[test]
    fn indices_have_their_hashes() {
        let index = Release::parse("x", TEXT, "sid").unwrap().packages("main", "amd64").unwrap();
        assert_eq!((index.path.as_str(), index.expected.size), ("main/binary-amd64/Packages.xz", 7));
        assert!(index.by_hash().starts_with("main/binary-amd64/by-hash/SHA256/e3b0c442"));
    }
}
