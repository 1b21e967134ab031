//! Times in words: local with offset for people, RFC 3339 UTC for programs.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Formats a moment for people: `2026-03-01 14:05:09 +01:00`.
pub(crate) fn local(utc_ns: i64, time_zone: &TimeZone) -> String {
    zoned(utc_ns, time_zone, "%Y-%m-%d %H:%M:%S %:z")
}

/// Formats a moment for lists: `2026-03-01 14:05`.
pub(crate) fn local_short(utc_ns: i64, time_zone: &TimeZone) -> String {
    zoned(utc_ns, time_zone, "%Y-%m-%d %H:%M")
}

/// Formats a moment for lists of samples: `2026-03-01 14:05:09`.
pub(crate) fn local_seconds(utc_ns: i64, time_zone: &TimeZone) -> String {
    zoned(utc_ns, time_zone, "%Y-%m-%d %H:%M:%S")
}

/// Formats a moment for people to the millisecond: `2026-03-01 14:05:09.250 +01:00`.
pub(crate) fn local_exact(utc_ns: i64, time_zone: &TimeZone) -> String {
    zoned(utc_ns, time_zone, "%Y-%m-%d %H:%M:%S%.3f %:z")
}

/// Formats a moment as vmmap does: `2026-03-01 14:05:09.250 +0100`.
pub(crate) fn vmmap(utc_ns: i64, time_zone: &TimeZone) -> String {
    zoned(utc_ns, time_zone, "%Y-%m-%d %H:%M:%S%.3f %z")
}

/// Formats a moment for programs, to the millisecond: `2026-03-01T13:05:09.250Z`.
pub(crate) fn utc(utc_ns: i64) -> String {
    zoned(utc_ns, &TimeZone::UTC, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

fn zoned(utc_ns: i64, time_zone: &TimeZone, format: &str) -> String {
    match Timestamp::from_nanosecond(i128::from(utc_ns)) {
        Ok(moment) => moment.to_zoned(time_zone.clone()).strftime(format).to_string(),
        // Out of reach: 64 bits of nanoseconds end in the year 2262, jiff's calendar in 9999.
        Err(_) => format!("{utc_ns}ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_in_each_form() {
        let moment = 1_772_370_309_250_999_999;
        let paris = TimeZone::get("Europe/Paris").unwrap();
        assert_eq!(local(moment, &paris), "2026-03-01 14:05:09 +01:00");
        assert_eq!(local_short(moment, &paris), "2026-03-01 14:05");
        assert_eq!(local_exact(moment, &paris), "2026-03-01 14:05:09.250 +01:00");
        assert_eq!(vmmap(moment, &paris), "2026-03-01 14:05:09.250 +0100");
        assert_eq!(utc(moment), "2026-03-01T13:05:09.250Z");
    }

    #[test]
    fn the_ends_of_the_clock_have_words() {
        assert_eq!(utc(i64::MIN), "1677-09-21T00:12:43.145Z");
        assert_eq!(utc(i64::MAX), "2262-04-11T23:47:16.854Z");
    }
}
