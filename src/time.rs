//! Points in time, in whole seconds: this machine's clock, and dates as Debian's indices write them and as people read
//! them. For programs, a [`Timestamp`] prints itself (RFC 3339).

use jiff::civil::DateTime;
pub use jiff::{SignedDuration, Timestamp};

/// How far a clock may go wrong.
pub const CLOCK: SignedDuration = SignedDuration::from_hours(24);

/// This machine's clock.
pub fn now() -> Timestamp {
    seconds(Timestamp::now().as_second())
}

/// So many seconds after 1970 began; before year 10000, which no clock and no 32-bit field reaches.
pub fn seconds(count: i64) -> Timestamp {
    Timestamp::from_second(count).unwrap_or(Timestamp::MAX)
}

/// A date of an index, "Sat, 11 Jul 2026 10:16:37 UTC"; only UTC is in use.
pub fn parse(text: &str) -> Option<Timestamp> {
    let (date, zone) = text.trim().rsplit_once(' ')?;
    if !matches!(zone, "UTC" | "GMT" | "+0000") {
        return None;
    }
    let date = date.split_once(',').map_or(date, |(_weekday, date)| date).trim();
    let date = DateTime::strptime("%d %b %Y %H:%M:%S", date).ok()?;
    jiff::tz::Offset::UTC.to_timestamp(date).ok()
}

/// For people: "2026-07-11 10:16 UTC".
pub fn show(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_of_real_indices() {
        let time = parse("Sat, 11 Jul 2026 10:16:37 UTC").unwrap();
        assert_eq!(time, seconds(1_783_764_997));
        assert_eq!(parse("Thu,  1 Jan 1970 00:00:00 UTC"), Some(seconds(0)));
        assert_eq!(show(time), "2026-07-11 10:16 UTC");
        assert_eq!(time.to_string(), "2026-07-11T10:16:37Z");
        for broken in
            ["", "Sat, 11 Jul 2026", "Sat, 11 Jul 2026 10:16:37 CET", "Sat, 99 Jul 2026 10:16:37 UTC", "x y z"]
        {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = parse(&text);
            let _ = parse(&format!("{text} UTC"));
        }
    }
}
