//! Reads a time as a user writes it.

use jiff::{Timestamp, civil};

use crate::error::Error;
use crate::time::spec::TimeSpec;

impl TimeSpec {
    /// Reads a time in any of its forms.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let trimmed = text.trim();
        let parsed = match trimmed {
            "start" => Ok(Self::Start),
            "end" => Ok(Self::End),
            "now" => Ok(Self::Now),
            "peak" => Ok(Self::Peak),
            "" => Err("it is empty"),
            _ => {
                if let Some(number) = trimmed.strip_prefix('#') {
                    sample(number)
                } else if let Some(mark) = trimmed.strip_prefix('@') {
                    if mark.is_empty() {
                        Err("the mark's text is missing after @")
                    } else {
                        Ok(Self::Mark(mark.to_owned()))
                    }
                } else if let Some(length) = trimmed.strip_prefix('-') {
                    duration_ns(length).map(|ns| Self::BeforeEnd { ns })
                } else if let Some(length) = trimmed.strip_prefix('+') {
                    duration_ns(length).map(|ns| Self::AfterStart { ns })
                } else {
                    clock_time(trimmed)
                }
            }
        };
        parsed.map_err(|reason| Error::Unparsable { text: text.to_owned(), reason })
    }
}

fn sample(digits: &str) -> Result<TimeSpec, &'static str> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("a sample is # and its number");
    }
    digits.parse().map(TimeSpec::Sample).map_err(|_| "the sample's number is too large")
}

/// Reads `1h30m`, `90s`, `1.5h`, `500ms`: numbers, each with its unit.
fn duration_ns(text: &str) -> Result<u64, &'static str> {
    const SHAPE: &str = "a length of time is numbers with units d, h, m, s or ms";
    const TOO_LONG: &str = "the length of time is too large";
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let unit_at =
            rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or("the unit is missing")?;
        let (number, tail) = rest.split_at(unit_at);
        let unit_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let unit_ns: u64 = match unit {
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return Err(SHAPE),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || fraction.len() > 9 || fraction.contains('.') {
            return Err(SHAPE);
        }
        let whole: u64 = whole.parse().map_err(|_| TOO_LONG)?;
        let mut part = u128::from(whole) * u128::from(unit_ns);
        if !fraction.is_empty() {
            let digits: u128 = fraction.parse().map_err(|_| SHAPE)?;
            part += digits * u128::from(unit_ns) / 10_u128.pow(fraction.len() as u32);
        }
        let part = u64::try_from(part).map_err(|_| TOO_LONG)?;
        total = total.checked_add(part).ok_or(TOO_LONG)?;
        rest = tail;
    }
    if text.is_empty() { Err(SHAPE) } else { Ok(total) }
}

fn clock_time(text: &str) -> Result<TimeSpec, &'static str> {
    // The calendar also reads bare dates and hours, which name no moment.
    if !text.contains(':') {
        return Err("it is neither a time nor a word known here");
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        let utc_ns = i64::try_from(moment.as_nanosecond())
            .map_err(|_| "the year is out of reach (1678 to 2261)")?;
        return Ok(TimeSpec::At { utc_ns });
    }
    // An offset is only read above; below it would be dropped without a word.
    let digits_only = |c: char| c.is_ascii_digit() || matches!(c, ':' | '.' | '-' | ' ' | 'T');
    if !text.chars().all(digits_only) {
        return Err("the date, the time or the offset is not valid");
    }
    if text.contains('-') {
        let local: civil::DateTime =
            text.parse().map_err(|_| "the date or the time is not valid")?;
        return Ok(TimeSpec::Local(local));
    }
    text.parse().map(TimeSpec::TimeOfDay).map_err(|_| "the time of day is not valid")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> TimeSpec {
        TimeSpec::parse(text).unwrap()
    }

    #[test]
    fn every_form_is_read() {
        const S: u64 = 1_000_000_000;
        assert_eq!(parsed("1970-01-01T00:00:01Z"), TimeSpec::At { utc_ns: 1_000_000_000 });
        assert_eq!(parsed("1970-01-01T01:00:01.5+01:00"), TimeSpec::At { utc_ns: 1_500_000_000 });
        let afternoon = civil::date(2026, 3, 1).at(14, 5, 0, 0);
        assert_eq!(parsed("2026-03-01 14:05"), TimeSpec::Local(afternoon));
        assert_eq!(parsed("2026-03-01T14:05:00"), TimeSpec::Local(afternoon));
        assert_eq!(parsed("14:05"), TimeSpec::TimeOfDay(civil::time(14, 5, 0, 0)));
        assert_eq!(parsed("14:05:09"), TimeSpec::TimeOfDay(civil::time(14, 5, 9, 0)));
        assert_eq!(parsed("-10m"), TimeSpec::BeforeEnd { ns: 600 * S });
        assert_eq!(parsed("-1h30m"), TimeSpec::BeforeEnd { ns: 5400 * S });
        assert_eq!(parsed("-500ms"), TimeSpec::BeforeEnd { ns: S / 2 });
        assert_eq!(parsed("-2d"), TimeSpec::BeforeEnd { ns: 172_800 * S });
        assert_eq!(parsed("+1.5h"), TimeSpec::AfterStart { ns: 5400 * S });
        assert_eq!(parsed("+90s"), TimeSpec::AfterStart { ns: 90 * S });
        assert_eq!(parsed(" #12 "), TimeSpec::Sample(12));
        assert_eq!(parsed("@after deploy"), TimeSpec::Mark("after deploy".into()));
        assert_eq!([parsed("start"), parsed("peak")], [TimeSpec::Start, TimeSpec::Peak]);
    }

    #[test]
    fn the_rest_is_refused_with_the_forms_there_are() {
        let refused = [
            "",
            "12",
            "-10",
            "-",
            "+s",
            "-1x",
            "-99999999999d",
            "#",
            "#-1",
            "#99999999999999999999",
            "@",
            "25:00",
            "2026-02-30 10:00",
            "2026-03-01",
            "yesterday",
            "14:05 +25:00",
            "-1.2.3s",
        ];
        for text in refused {
            let error = TimeSpec::parse(text).unwrap_err();
            assert!(matches!(error, Error::Unparsable { .. }), "{text}");
        }
        insta::assert_snapshot!(TimeSpec::parse("tea\x1btime").unwrap_err(), @r#"time "tea\x1btime" is not understood: it is neither a time nor a word known here"#);
    }

    /// Adds up a length of time by floating point.
    fn seconds(text: &str) -> f64 {
        let (mut rest, mut sum) = (text, 0.0);
        while !rest.is_empty() {
            let (number, tail) = rest.split_at(rest.find(char::is_alphabetic).unwrap());
            let end = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
            let unit = match &tail[..end] {
                "d" => 86_400.0,
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                unit => (unit == "ms").then_some(0.001).unwrap(),
            };
            sum += number.parse::<f64>().unwrap() * unit;
            rest = &tail[end..];
        }
        sum
    }

    proptest! {
        #[test]
        fn any_text_is_read_by_its_first_character_or_refused(
            text in prop_oneof![
                any::<String>(),
                "[-+#@]?[0-9:.dhms TZ+-]{0,24}",
                "[-+]([0-9]{1,3}(\\.[0-9]{1,2})?(d|h|m|s|ms)){1,3}",
            ],
        ) {
            let trimmed = text.trim();
            match TimeSpec::parse(&text) {
                Ok(TimeSpec::Sample(number)) => {
                    prop_assert_eq!(trimmed.strip_prefix('#').unwrap().parse(), Ok(number));
                }
                Ok(TimeSpec::Mark(mark)) => prop_assert_eq!(format!("@{mark}"), trimmed),
                Ok(TimeSpec::BeforeEnd { ns }) => {
                    let seconds = seconds(trimmed.strip_prefix('-').unwrap());
                    prop_assert!((ns as f64 / 1e9 - seconds).abs() < 1e-6 * (1.0 + seconds));
                }
                Ok(TimeSpec::AfterStart { ns }) => {
                    let seconds = seconds(trimmed.strip_prefix('+').unwrap());
                    prop_assert!((ns as f64 / 1e9 - seconds).abs() < 1e-6 * (1.0 + seconds));
                }
                Ok(TimeSpec::At { .. } | TimeSpec::Local(_) | TimeSpec::TimeOfDay(_)) => {
                    prop_assert!(trimmed.contains(':'), "{}", text);
                }
                Ok(word) => prop_assert!(
                    ["start", "end", "now", "peak"].contains(&trimmed), "{:?} of {}", word, text
                ),
                Err(error) => {
                    let is_refusal = matches!(&error, Error::Unparsable { text: t, .. } if *t == text);
                    prop_assert!(is_refusal, "{:?}", error);
                }
            }
        }
    }
}
