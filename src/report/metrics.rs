//! What `--hold` has seen, in Prometheus' text format (for node_exporter's textfile collector). Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::registrar::apply::{Row, State};
use crate::time::Timestamp;

/// The state of the table at the last check, and what was done since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Entries in the table for what was asked for.
    pub entries: usize,
    /// Whether a program of a platform ran; the profile's name stands for it if it has none.
    pub platforms: BTreeMap<String, bool>,
    /// Entries that were registered again.
    pub repairs: i64,
    /// When the last one was.
    pub last_repair: Option<Timestamp>,
    /// Checks that ended with an error.
    pub errors: i64,
    /// When the last check was.
    pub last_check: Timestamp,
}

impl Metrics {
    /// Records the state after a check.
    pub fn see(&mut self, rows: &[Row], now: Timestamp) {
        self.last_check = now;
        self.platforms.clear();
        let stands = |row: &&Row| matches!(row.state, State::Kept | State::Added | State::Replaced | State::Enabled);
        self.entries = rows.iter().filter(stands).count();
        for row in rows {
            let works = match (&row.state, &row.outcome) {
                (State::Failed(_), _) => false,
                (_, Some(outcome)) => outcome.works(),
                _ => continue,
            };
            let item = &row.item;
            let names = if item.platforms.is_empty() { std::slice::from_ref(&item.profile) } else { &item.platforms };
            for name in names {
                *self.platforms.entry(name.clone()).or_insert(true) &= works;
            }
        }
    }

    /// The text. Every sample is of the last check, so none has a time stamp of its own.
    pub fn exposition(&self) -> String {
        let mut text = String::new();
        let build = format!("{{version=\"{}\"}}", escape(env!("CARGO_PKG_VERSION")));
        family(&mut text, "build_info", "gauge", "The rbinfmt that checks the table.", [(build, 1)]);
        let one = |value: i64| [(String::new(), value)];
        let entries = self.entries as i64;
        family(&mut text, "entries", "gauge", "Entries in binfmt_misc for what was asked for.", one(entries));
        let works = self
            .platforms
            .iter()
            .map(|(name, &works)| (format!("{{platform=\"{}\"}}", escape(name)), i64::from(works)));
        family(&mut text, "platform_works", "gauge", "Whether a program of the platform ran at the last check.", works);
        let repairs = "Entries that were registered again since the start.";
        family(&mut text, "repairs_total", "counter", repairs, one(self.repairs));
        let last = "When an entry was last registered again.";
        let repair = self.last_repair.map(|at| (String::new(), at.as_second()));
        family(&mut text, "last_repair_timestamp_seconds", "gauge", last, repair);
        family(&mut text, "errors_total", "counter", "Checks that ended with an error.", one(self.errors));
        family(
            &mut text,
            "last_check_timestamp_seconds",
            "gauge",
            "When the table was last checked.",
            one(self.last_check.as_second()),
        );
        text
    }
}

/// A metric with its samples; nothing at all if there are none.
fn family(text: &mut String, name: &str, kind: &str, help: &str, samples: impl IntoIterator<Item = (String, i64)>) {
    let mut samples = samples.into_iter().peekable();
    if samples.peek().is_none() {
        return;
    }
    let _ = write!(text, "# HELP rbinfmt_{name} {help}\n# TYPE rbinfmt_{name} {kind}\n");
    for (labels, value) in samples {
        let _ = writeln!(text, "rbinfmt_{name}{labels} {value}");
    }
}

/// A label's value, escaped: users choose the names of profiles.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Failure, Outcome};
    use crate::registrar::plan::{Item, Skip, Step};

    fn row(profile: &str, platforms: &[&str], state: State, outcome: Option<Outcome>) -> Row {
        let item = Item {
            profile: profile.into(),
            label: profile.into(),
            platforms: platforms.iter().map(|p| (*p).to_owned()).collect(),
            name: format!("qemu-{profile}"),
            step: Step::Keep,
        };
        Row { item, state, entry: None, outcome }
    }

    #[test]
    fn a_look_becomes_metrics() {
        let works = Some(Outcome::Works { argv0: true });
        let rows = [
            row("aarch64", &["linux/arm64"], State::Kept, works.clone()),
            row("arm", &["linux/arm/v7", "linux/arm/v6"], State::Added, works.clone()),
            row("microblaze", &[], State::Kept, works.clone()),
            row("microblaze", &[], State::Kept, Some(Outcome::Fails(Failure::Shifted))),
            row("s390x", &["linux/s390x"], State::Failed("no".into()), None),
            row("i386", &["linux/386"], State::Skipped(Skip::Native), None),
            row("x\"\\\n", &[], State::Kept, works),
        ];
        let mut metrics =
            Metrics { repairs: 2, last_repair: Some(crate::time::seconds(1_783_764_000)), ..Metrics::default() };
        metrics.see(&rows, crate::time::seconds(1_783_764_997));
        insta::assert_snapshot!(metrics.exposition(), @r#"
        # HELP rbinfmt_build_info The rbinfmt that checks the table.
        # TYPE rbinfmt_build_info gauge
        rbinfmt_build_info{version="0.1.0"} 1
        # HELP rbinfmt_entries Entries in binfmt_misc for what was asked for.
        # TYPE rbinfmt_entries gauge
        rbinfmt_entries 5
        # HELP rbinfmt_platform_works Whether a program of the platform ran at the last check.
        # TYPE rbinfmt_platform_works gauge
        rbinfmt_platform_works{platform="linux/arm/v6"} 1
        rbinfmt_platform_works{platform="linux/arm/v7"} 1
        rbinfmt_platform_works{platform="linux/arm64"} 1
        rbinfmt_platform_works{platform="linux/s390x"} 0
        rbinfmt_platform_works{platform="microblaze"} 0
        rbinfmt_platform_works{platform="x\"\\\n"} 1
        # HELP rbinfmt_repairs_total Entries that were registered again since the start.
        # TYPE rbinfmt_repairs_total counter
        rbinfmt_repairs_total 2
        # HELP rbinfmt_last_repair_timestamp_seconds When an entry was last registered again.
        # TYPE rbinfmt_last_repair_timestamp_seconds gauge
        rbinfmt_last_repair_timestamp_seconds 1783764000
        # HELP rbinfmt_errors_total Checks that ended with an error.
        # TYPE rbinfmt_errors_total counter
        rbinfmt_errors_total 0
        # HELP rbinfmt_last_check_timestamp_seconds When the table was last checked.
        # TYPE rbinfmt_last_check_timestamp_seconds gauge
        rbinfmt_last_check_timestamp_seconds 1783764997
        "#);
    }

    #[test]
    fn nothing_seen_yet_is_no_sample() {
        let text = Metrics::default().exposition();
        assert!(!text.contains("platform_works") && !text.contains("last_repair"), "{text}");
        assert!(text.ends_with('\n'));
    }
}
