//! Points in time as Debian's indices write them ("Sat, 11 Jul 2026 10:16:37 UTC"), in seconds since 1970.

use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY: i64 = 86_400;

/// This machine's clock.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64)
}

/// A date of an index; only UTC is in use.
pub fn parse(text: &str) -> Option<i64> {
    let mut words = text.trim().split_ascii_whitespace();
    let weekday = words.next()?;
    let day: i64 = match weekday.ends_with(',') {
        true => words.next()?,
        false => weekday,
    }
    .parse()
    .ok()?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|m| *m == month)? as i64 + 1;
    let year: i64 = words.next()?.parse().ok().filter(|y| (1970..=9999).contains(y))?;
    let mut clock = words.next()?.split(':').map(|n| n.parse::<i64>().ok());
    let (h, m, s) = (clock.next()??, clock.next()??, clock.next()??);
    let zone = matches!(words.next()?, "UTC" | "GMT" | "+0000");
    let fits = (1..=31).contains(&day) && (0..24).contains(&h) && (0..60).contains(&m) && (0..=60).contains(&s);
    (zone && fits && words.next().is_none()).then(|| days(year, month, day) * DAY + h * 3600 + m * 60 + s)
}

/// For people: "2026-07-11 10:16 UTC".
pub fn show(time: i64) -> String {
    let (y, m, d) = civil(time.div_euclid(DAY));
    let second = time.rem_euclid(DAY);
    format!("{y:04}-{m:02}-{d:02} {:02}:{:02} UTC", second / 3600, second / 60 % 60)
}

/// For programs: "2026-07-11T10:16:37Z" (RFC 3339).
pub fn rfc3339(time: i64) -> String {
    let (y, m, d) = civil(time.div_euclid(DAY));
    let second = time.rem_euclid(DAY);
    format!("{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Days since 1970-01-01, in the proleptic Gregorian calendar; years start in March here.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_of_real_indices() {
        assert_eq!(parse("Sat, 11 Jul 2026 10:16:37 UTC"), Some(1_783_764_997));
        assert_eq!(parse("Thu,  1 Jan 1970 00:00:00 UTC"), Some(0));
        assert_eq!(show(1_783_764_997), "2026-07-11 10:16 UTC");
        assert_eq!(rfc3339(1_783_764_997), "2026-07-11T10:16:37Z");
        for broken in
            ["", "Sat, 11 Jul 2026", "Sat, 11 Jul 2026 10:16:37 CET", "Sat, 99 Jul 2026 10:16:37 UTC", "x y z"]
        {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn every_day_comes_back(day in 0i64..2_000_000) {
            let (y, m, d) = civil(day);
            prop_assert_eq!(days(y, m, d), day);
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = parse(&text);
        }
    }
}
