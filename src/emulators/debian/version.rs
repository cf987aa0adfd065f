//! Debian's version numbers: their order (deb-version(7)), and which QEMU they are of.

use std::cmp::Ordering;

/// The order of two versions.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Parts::of(a), Parts::of(b));
    a.epoch.cmp(&b.epoch).then_with(|| part(a.upstream, b.upstream)).then_with(|| part(a.revision, b.revision))
}

/// The upstream part of a version: "7.2" of "1:7.2+dfsg-7+deb12u18+b3".
pub fn upstream(version: &str) -> &str {
    let upstream = Parts::of(version).upstream;
    upstream.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default().trim_end_matches('.')
}

/// Whether a version is what a user means by "7.2", "10", "10.0.13" or a whole version.
pub fn means(version: &str, wanted: &str) -> bool {
    let wanted = wanted.strip_prefix('v').unwrap_or(wanted);
    if version == wanted || version.split_once(':').is_some_and(|(_, rest)| rest == wanted) {
        return true;
    }
    let upstream = upstream(version);
    upstream.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

struct Parts<'a> {
    epoch: u64,
    upstream: &'a str,
    revision: &'a str,
}

impl<'a> Parts<'a> {
    fn of(version: &'a str) -> Self {
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        Parts { epoch: epoch.parse().unwrap_or(0), upstream, revision }
    }
}

fn part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (text_a, rest_a) = a.split_at(a.find(|c: char| c.is_ascii_digit()).unwrap_or(a.len()));
        let (text_b, rest_b) = b.split_at(b.find(|c: char| c.is_ascii_digit()).unwrap_or(b.len()));
        let (number_a, rest_a) = rest_a.split_at(rest_a.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest_a.len()));
        let (number_b, rest_b) = rest_b.split_at(rest_b.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest_b.len()));
        let order = text(text_a, text_b).then_with(|| number(number_a, number_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

/// `~` before the end, the end before letters, letters before the rest.
fn text(a: &str, b: &str) -> Ordering {
    let weight = |c: Option<u8>| match c {
        Some(b'~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => i32::from(c),
        Some(c) => i32::from(c) + 256,
    };
    let len = a.len().max(b.len());
    let at = |s: &str, i: usize| weight(s.as_bytes().get(i).copied());
    (0..len).map(|i| at(a, i).cmp(&at(b, i))).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// Numbers of any length.
fn number(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_as_dpkg_has_it() {
        for (small, large) in [
            ("1:7.2+dfsg-7+deb12u15", "1:7.2+dfsg-7+deb12u18+b3"),
            ("1:10.0.13+ds-0+deb13u1", "1:11.1.3+ds-1~bpo13+1"),
            ("1:11.1.3+ds-1~bpo13+1", "1:11.1.3+ds-1"),
            ("9.9", "1:1.0"),
            ("1.0~rc1", "1.0"),
            ("1.0", "1.0a"),
            ("1.9", "1.10"),
        ] {
            assert_eq!(compare(small, large), Ordering::Less, "{small} < {large}");
            assert_eq!(compare(large, small), Ordering::Greater, "{small} < {large}");
        }
        assert_eq!(compare("1.0", "1.00-0"), Ordering::Equal);
    }

    #[test]
    fn a_user_may_be_brief() {
        let bookworm = "1:7.2+dfsg-7+deb12u18+b3";
        assert_eq!(upstream(bookworm), "7.2");
        for wanted in ["7", "7.2", "v7.2", bookworm, "7.2+dfsg-7+deb12u18+b3"] {
            assert!(means(bookworm, wanted), "{wanted}");
        }
        for wanted in ["7.20", "7.2.1", "1", "8", "2"] {
            assert!(!means(bookworm, wanted), "{wanted}");
        }
        assert!(means("1:10.0.13+ds-0+deb13u1", "10.0"));
        assert!(!means("1:10.0.13+ds-0+deb13u1", "10.0.1"));
    }
}
