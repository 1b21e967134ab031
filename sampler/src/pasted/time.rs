//! Times as tools print them: of vmmap's header, of `date`, RFC 3339, seconds since 1970.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const SECOND_NS: i64 = 1_000_000_000;

/// Reads a time as nanoseconds since 1970-01-01 UTC. A time without a zone is none: the zone of
/// who pasted it is not known.
pub(crate) fn utc_ns(text: &str) -> Option<i64> {
    let text = text.trim().trim_matches(['#', '=', '-', '[', ']', ' ', '\t']);
    iso(text).or_else(|| by_date(text)).or_else(|| epoch(text))
}

/// Returns whether the text is a time that lacks only its zone.
pub(crate) fn lacks_zone(text: &str) -> bool {
    let text = text.trim();
    utc_ns(text).is_none() && utc_ns(&format!("{text} +0000")).is_some()
}

/// `2019-01-14 02:10:10.643 +0900`, `2026-03-01T14:05:09Z`.
fn iso(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let end = rest
        .find(|character: char| {
            !(character.is_ascii_digit() || matches!(character, ':' | '.' | ','))
        })
        .unwrap_or(rest.len());
    let zone = zone_s(rest[end..].trim())?;
    moment(&[year, month, day], &rest[..end], zone)
}

/// `Fri Nov 27 06:28:06 UTC 2026`, `Fri 27 Nov 2026 06:28:06 AM UTC`.
fn by_date(text: &str) -> Option<i64> {
    let words: Vec<&str> = text.split_ascii_whitespace().take(9).collect();
    if !(5..=8).contains(&words.len()) {
        return None;
    }
    let month = words.iter().find_map(|word| {
        MONTHS.iter().position(|month| word.trim_end_matches(',').eq_ignore_ascii_case(month))
    })?;
    let clock = words.iter().find(|word| word.contains(':') && !word.starts_with(['+', '-']))?;
    let is_number = |word: &&&str| word.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = || words.iter().filter(is_number);
    let day = numbers().find(|word| word.len() <= 2)?;
    let year = numbers().find(|word| word.len() == 4)?;
    let zone = words.iter().find_map(|word| zone_s(word).filter(|_| !word.is_empty()))?;
    let month = (month + 1).to_string();
    let at = moment(&[year, &month, day], clock, zone)?;
    let hour: u32 = clock.split(':').next()?.parse().ok()?;
    let half = |name: &str| words.iter().any(|word| word.eq_ignore_ascii_case(name));
    let shift = match hour {
        12 if half("AM") => -12,
        1..=11 if half("PM") => 12,
        _ => 0,
    };
    at.checked_add(shift * 3600 * SECOND_NS)
}

/// Seconds since 1970, perhaps with a fraction, or milliseconds.
fn epoch(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    match whole.len() {
        10 => number.checked_mul(SECOND_NS)?.checked_add(fraction_ns(fraction)?),
        13 if fraction.is_empty() => number.checked_mul(1_000_000),
        _ => None,
    }
}

/// Returns the seconds that a zone is ahead of UTC.
fn zone_s(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z" | "UTC" | "GMT") {
        return Some(0);
    }
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|digit| *digit != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    (hours <= 15 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn fraction_ns(digits: &str) -> Option<i64> {
    if digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{digits:0<9}").parse().ok()
}

fn moment(date: &[&str; 3], clock: &str, zone_s: i64) -> Option<i64> {
    let number = |text: &str| -> Option<i64> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    let (year, month, day) = (number(date[0])?, number(date[1])?, number(date[2])?);
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    let second = parts.next().map_or(Some(0), number)?;
    let in_range = (1970..2262).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60
        && parts.next().is_none();
    if !in_range {
        return None;
    }
    // Days since 1970 in the Gregorian calendar, with years that begin in March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - zone_s;
    seconds.checked_mul(SECOND_NS)?.checked_add(fraction_ns(fraction)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_form_means_the_same_moment() {
        let expected = Some(1_547_399_410_000_000_000);
        for text in [
            "2019-01-14 02:10:10.000 +0900",
            "2019-01-13T17:10:10Z",
            "2019-01-13 17:10:10 UTC",
            "=== 2019-01-13T18:10:10+01:00 ===",
            "Sun Jan 13 17:10:10 UTC 2019",
            "Sun 13 Jan 2019 05:10:10 PM UTC",
            "1547399410",
            "1547399410000",
        ] {
            assert_eq!(utc_ns(text), expected, "{text}");
        }
        assert_eq!(utc_ns("2019-01-14 02:10:10.643 +0900"), expected.map(|ns| ns + 643_000_000));
    }

    #[test]
    fn a_time_without_a_zone_is_not_guessed() {
        assert_eq!(utc_ns("2019-01-14 02:10:10"), None);
        assert!(lacks_zone("2019-01-14 02:10:10") && !lacks_zone("Rss: 4 kB"));
    }

    #[test]
    fn leap_years_are_counted() {
        assert_eq!(utc_ns("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(utc_ns("2024-02-29T00:00:00Z"), Some(1_709_164_800 * SECOND_NS));
        assert_eq!(utc_ns("2024-03-01T00:00:00Z"), Some(1_709_251_200 * SECOND_NS));
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_not(text in ".{0,40}|[0-9T:.+Z -]{0,36}") {
            utc_ns(&text);
            lacks_zone(&text);
        }
    }
}
