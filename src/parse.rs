//! Values of the command line: durations, sizes, metrics.

use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use vmrec_report::Metric;

/// The shortest time between samples.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(50);

/// The longest time between samples.
const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// Reads a duration such as `2s`, `500ms`, `1h30m` or `7d`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "not a time span\nhint: write it like 500ms, 2s, 10m, 1h30m or 7d".to_owned();
    // A day has 24 hours here, which is more than jiff takes for granted.
    let (days, rest) = match text.trim().split_once('d') {
        Some((days, rest)) => (days.parse::<u32>().map_err(|_| wrong())?, rest),
        None => (0, text),
    };
    let span = match rest.trim() {
        "" if days > 0 => jiff::SignedDuration::ZERO,
        rest => rest.parse().map_err(|_| wrong())?,
    };
    let duration =
        Duration::try_from(span).map_err(|_| wrong())? + Duration::from_secs(86_400) * days;
    if duration.is_zero() { Err("no time at all".to_owned()) } else { Ok(duration) }
}

/// Reads an interval between samples and checks its bounds.
pub(crate) fn parse_interval(text: &str) -> Result<Duration, String> {
    const BOUNDS: &str =
        "samples need time between them\nhint: give 50ms to 24h, such as --every 2s";
    if text.trim() == "0" {
        return Err(BOUNDS.to_owned());
    }
    let interval = parse_duration(text)?;
    if (SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&interval) {
        Ok(interval)
    } else {
        Err(BOUNDS.to_owned())
    }
}

/// Reads a size such as `200M`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    size_of(text.trim()).filter(|bytes| *bytes > 0).ok_or_else(|| {
        "not a size\nhint: write bytes, or K, M, G or T of them, like 200M".to_owned()
    })
}

/// Reads the name of a metric on the command line, and lists all in the help.
pub(crate) fn metric_parser() -> impl TypedValueParser<Value = Metric> {
    let value = |metric: Metric| PossibleValue::new(metric.name()).alias(metric.column());
    PossibleValuesParser::new(Metric::ALL.map(value)).try_map(|name| parse_metric(&name))
}

/// Reads the name of a metric.
pub(crate) fn parse_metric(name: &str) -> Result<Metric, String> {
    Metric::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Metric::ALL.into_iter().map(Metric::name).collect();
        format!("there is no such metric\nhint: the metrics are {}", names.join(", "))
    })
}

/// Reads an address in hexadecimal, with or without `0x`.
pub(crate) fn parse_address(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16)
        .map_err(|_| "expected an address in hexadecimal, such as 0x7f0000001000".to_owned())
}

/// Returns the bytes of `64M`, `4K` or `4096`.
pub(crate) fn size_of(text: &str) -> Option<u64> {
    let unit = ["K", "M", "G", "T"].iter().zip([10, 20, 30, 40]);
    let (number, shift) = unit
        .filter_map(|(letter, shift)| Some((text.strip_suffix(letter)?, shift)))
        .next()
        .unwrap_or((text, 0));
    let number: u64 = number.trim_end().parse().ok()?;
    number.checked_mul(1 << shift)
}
