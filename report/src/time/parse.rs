//! Reads a time as a user writes it.

use jiff::{Timestamp, civil};

use crate::error::Error;
use crate::time::spec::TimeSpec;

impl TimeSpec {
    /// Reads a time in any of its forms.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let trimmed = text.trim();
        let parsed = match trimmed.to_ascii_lowercase().as_str() {
            "start" | "first" => Ok(Self::Start),
            "end" | "last" => Ok(Self::End),
            "now" => Ok(Self::Now),
            "peak" => Ok(Self::Peak),
            "" => Err("it is empty"),
            _ => {
                if let Some(found) = beside(trimmed) {
                    found
                } else if let Some(number) = trimmed.strip_prefix('#') {
                    sample(number)
                } else if let Some(mark) = trimmed.strip_prefix('@') {
                    if mark.is_empty() {
                        Err("the mark's text is missing after @")
                    } else {
                        Ok(Self::Mark(mark.to_owned()))
                    }
                } else if let Some(length) = trimmed.strip_suffix("ago") {
                    ago(length.trim_start_matches('-').trim())
                } else if let Some(length) = trimmed.strip_prefix('-') {
                    duration_ns(length).map(|ns| Self::BeforeEnd { ns })
                } else if let Some(length) = trimmed.strip_prefix('+') {
                    duration_ns(length).map(|ns| Self::AfterStart { ns })
                } else if let Some(number) = trimmed.strip_suffix('%') {
                    part(number)
                } else if trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
                    unix_seconds(trimmed)
                } else {
                    clock_time(trimmed)
                }
            }
        };
        parsed.map_err(|reason| Error::Unparsable { text: text.to_owned(), reason })
    }
}

/// Reads `peak-5s`, `#12+1m`, `start+90s`, `end-5s` and the like; `None` if it begins with none of these.
fn beside(text: &str) -> Option<Result<TimeSpec, &'static str>> {
    let (anchor, offset) = split_offset(text)?;
    let anchor = match anchor.to_ascii_lowercase().as_str() {
        "start" | "first" if offset >= 0 => {
            return Some(Ok(TimeSpec::AfterStart { ns: offset.unsigned_abs() }));
        }
        "end" | "last" | "now" if offset <= 0 => {
            return Some(Ok(TimeSpec::BeforeEnd { ns: offset.unsigned_abs() }));
        }
        "start" | "first" => return Some(Err("nothing is recorded before the start")),
        "end" | "last" | "now" => return Some(Err("nothing is recorded after the end")),
        "peak" => Ok(TimeSpec::Peak),
        number => sample(number.strip_prefix('#')?),
    };
    Some(anchor.map(|anchor| TimeSpec::Beside { anchor: Box::new(anchor), offset_ns: offset }))
}

/// Splits `@mark+5s` into `@mark` and the nanoseconds; `None` if it does not end in a length of time.
pub(crate) fn split_offset(text: &str) -> Option<(&str, i64)> {
    let at = text.rfind(['+', '-']).filter(|at| *at > 0)?;
    let (anchor, offset) = text.split_at(at);
    let ns = i64::try_from(duration_ns(&offset[1..]).ok()?).ok()?;
    Some((anchor.trim_end(), if offset.starts_with('-') { -ns } else { ns }))
}

/// Reads `10m`, `1 minute` or `2 hours`, before now.
fn ago(text: &str) -> Result<TimeSpec, &'static str> {
    let words = text.parse::<jiff::SignedDuration>().ok();
    let ns = words.and_then(|length| u64::try_from(length.as_nanos()).ok());
    let ns = ns.map_or_else(|| duration_ns(text), Ok);
    ns.map(|ns| TimeSpec::Ago { ns })
        .map_err(|_| "a length of time before `ago` is like 10m or 2 hours")
}

/// Reads a percentage of at most two decimals.
fn part(text: &str) -> Result<TimeSpec, &'static str> {
    const SHAPE: &str = "a part of a recording is 0% to 100%";
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty();
    if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
        return Err(SHAPE);
    }
    let fraction: u32 = format!("{fraction:0<2}").parse().map_err(|_| SHAPE)?;
    let whole: u32 = whole.parse().map_err(|_| SHAPE)?;
    let hundredths = whole.checked_mul(100).and_then(|whole| whole.checked_add(fraction));
    let hundredths = hundredths.filter(|hundredths| *hundredths <= 10_000).ok_or(SHAPE)?;
    Ok(TimeSpec::Part { hundredths })
}

/// Reads seconds since 1970, of this century or the last years of the one before: fewer digits are
/// more often a sample's number or a length of time.
fn unix_seconds(text: &str) -> Result<TimeSpec, &'static str> {
    const FORMS: &str = "a number alone is seconds since 1970";
    let seconds: i64 = text.parse().map_err(|_| FORMS)?;
    let utc_ns = seconds.checked_mul(1_000_000_000).filter(|_| seconds >= 900_000_000);
    utc_ns.map(|utc_ns| TimeSpec::At { utc_ns }).ok_or(FORMS)
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
    if duration_ns(text).is_ok() {
        return Err("a length of time needs the end that it counts from");
    }
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
    // An hour may have one digit.
    let padded = if text.find(':') == Some(1) { format!("0{text}") } else { text.to_owned() };
    padded.parse().map(TimeSpec::TimeOfDay).map_err(|_| "the time of day is not valid")
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
        assert_eq!([parsed("first"), parsed("last")], [TimeSpec::Start, TimeSpec::End]);
        assert_eq!(parsed("7:19"), TimeSpec::TimeOfDay(civil::time(7, 19, 0, 0)));
        assert_eq!(parsed("start+90s"), TimeSpec::AfterStart { ns: 90 * S });
        assert_eq!(parsed("end-5s"), TimeSpec::BeforeEnd { ns: 5 * S });
        assert_eq!(
            parsed("now - 10s".replace(' ', "").as_str()),
            TimeSpec::BeforeEnd { ns: 10 * S }
        );
        let beside = |anchor, seconds: i64| TimeSpec::Beside {
            anchor: Box::new(anchor),
            offset_ns: seconds * S as i64,
        };
        assert_eq!(parsed("peak-5s"), beside(TimeSpec::Peak, -5));
        for text in ["5m ago", "-5m ago", "-5mago", "- 5 minutes ago"] {
            assert_eq!(parsed(text), TimeSpec::Ago { ns: 300 * S }, "{text}");
        }
        assert_eq!(parsed("#12+1m"), beside(TimeSpec::Sample(12), 60));
        assert_eq!(parsed("@warm+5s"), TimeSpec::Mark("warm+5s".into()));
        assert_eq!(parsed("1 minute ago"), TimeSpec::Ago { ns: 60 * S });
        assert_eq!(parsed("2 hours ago"), TimeSpec::Ago { ns: 7200 * S });
        assert_eq!(parsed("1d ago"), TimeSpec::Ago { ns: 86_400 * S });
        assert_eq!(parsed("50%"), TimeSpec::Part { hundredths: 5000 });
        assert_eq!(parsed("12.5%"), TimeSpec::Part { hundredths: 1250 });
        assert_eq!(parsed("1772370000"), TimeSpec::At { utc_ns: 1_772_370_000 * S as i64 });
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
            "end+5s",
            "start-5s",
            "peak-",
            "101%",
            "-5%",
            "ago",
            "soon ago",
            "99999999999999999999",
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
                "(start|first|end|last|now|peak|#[0-9]|@m)?[-+]?[0-9.]{0,4}(d|h|m|s|ms|%| ?ago)?",
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
                    let (_, length) = trimmed.rsplit_once(['-', '+']).unwrap();
                    let seconds = seconds(length);
                    prop_assert!((ns as f64 / 1e9 - seconds).abs() < 1e-6 * (1.0 + seconds));
                }
                Ok(TimeSpec::AfterStart { ns }) => {
                    let (_, length) = trimmed.rsplit_once(['-', '+']).unwrap();
                    let seconds = seconds(length);
                    prop_assert!((ns as f64 / 1e9 - seconds).abs() < 1e-6 * (1.0 + seconds));
                }
                Ok(TimeSpec::At { .. }) => {
                    let digits = trimmed.bytes().all(|byte| byte.is_ascii_digit());
                    prop_assert!(digits || trimmed.contains(':'), "{}", text);
                }
                Ok(TimeSpec::Local(_) | TimeSpec::TimeOfDay(_)) => {
                    prop_assert!(trimmed.contains(':'), "{}", text);
                }
                Ok(TimeSpec::Ago { .. }) => prop_assert!(trimmed.ends_with("ago"), "{}", text),
                Ok(TimeSpec::Part { hundredths }) => {
                    let percent: f64 = trimmed.strip_suffix('%').unwrap().parse().unwrap();
                    prop_assert!((f64::from(hundredths) / 100.0 - percent).abs() < 1e-9);
                }
                Ok(TimeSpec::Beside { .. }) => {
                    prop_assert!(trimmed.starts_with("peak") || trimmed.starts_with('#'));
                }
                Ok(word) => prop_assert!(
                    ["start", "first", "end", "last", "now", "peak"].contains(&trimmed),
                    "{:?} of {}", word, text
                ),
                Err(error) => {
                    let is_refusal = matches!(&error, Error::Unparsable { text: t, .. } if *t == text);
                    prop_assert!(is_refusal, "{:?}", error);
                }
            }
        }
    }
}
