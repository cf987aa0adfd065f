//! What works on a node, as a feature file for node-feature-discovery's local source. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::time::Timestamp;

/// The longest name that a label can have, without its prefix.
const LONGEST: usize = 63;

/// Labels such as `feature.node.kubernetes.io/rbinfmt-linux-arm64=true` for what runs; they count until `expiry`,
/// so that nobody believes a process that was killed.
pub fn file(platforms: &BTreeMap<String, bool>, expiry: Timestamp) -> String {
    let mut text = format!("# written by rbinfmt\n# +expiry-time={}\n", expiry);
    for (platform, _) in platforms.iter().filter(|(_, works)| **works) {
        let _ = writeln!(text, "feature.node.kubernetes.io/{}=true", name(platform));
    }
    text
}

/// A label's name: letters, digits, `-`, `_` and `.`, a letter or digit at both ends.
fn name(platform: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') { c } else { '-' };
    let mut name: String = "rbinfmt-".chars().chain(platform.chars().map(fits)).take(LONGEST).collect();
    name.truncate(name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_becomes_labels() {
        let platforms = [("linux/arm/v7", true), ("linux/arm64", true), ("linux/s390x", false), ("my profile!", true)];
        let platforms = platforms.iter().map(|(name, works)| ((*name).to_owned(), *works)).collect();
        insta::assert_snapshot!(file(&platforms, crate::time::seconds(1_783_764_997)), @"
        # written by rbinfmt
        # +expiry-time=2026-07-11T10:16:37Z
        feature.node.kubernetes.io/rbinfmt-linux-arm-v7=true
        feature.node.kubernetes.io/rbinfmt-linux-arm64=true
        feature.node.kubernetes.io/rbinfmt-my-profile=true
        ");
    }

    #[test]
    fn no_name_is_too_long_for_a_label() {
        assert_eq!(name(&"x".repeat(100)).len(), LONGEST);
        assert_eq!(name("ünïx--"), "rbinfmt--n-x");
    }
}
