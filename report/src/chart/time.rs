//! The time axis: nice ticks in local or elapsed time.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::chart::text;
use crate::finding::clock::local;

/// A tick of the time axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimeTick {
    /// Nanoseconds since the first sample.
    pub(crate) elapsed_ns: u64,
    pub(crate) label: String,
    /// The date, where it is another than at the tick before.
    pub(crate) date: Option<String>,
}

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Steps from a second up; below it they are 1, 2 and 5 times a power of ten.
const STEPS: [u64; 21] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    28 * DAY,
];

/// Font size of the labels, in pixels.
pub(crate) const LABEL_SIZE: f64 = 11.0;

/// Returns the ticks of elapsed time for an axis `room` pixels wide.
pub(crate) fn elapsed_ticks(span_ns: u64, room: f64) -> Vec<TimeTick> {
    let step = step_for(span_ns, room, |step| elapsed_label(span_ns, step, span_ns));
    (0..=span_ns / step)
        .map(|n| TimeTick {
            elapsed_ns: n * step,
            label: elapsed_label(n * step, step, span_ns),
            date: None,
        })
        .collect()
}

/// Returns the ticks of local time for an axis `room` pixels wide that begins at `utc_ns`.
pub(crate) fn wall_ticks(utc_ns: i64, span_ns: u64, zone: &TimeZone, room: f64) -> Vec<TimeTick> {
    let step = step_for(span_ns, room, |step| wall_label(local(utc_ns, 0, zone), step));
    let mut date = None;
    wall_places(utc_ns, span_ns, zone, step)
        .into_iter()
        .map(|elapsed_ns| {
            let local = local(utc_ns, elapsed_ns, zone);
            let new = step < DAY && date != Some(local.date());
            date = Some(local.date());
            TimeTick {
                elapsed_ns,
                label: wall_label(local, step),
                date: new.then(|| local.strftime("%Y-%m-%d").to_string()),
            }
        })
        .collect()
}

/// Returns the offset in force then, such as `UTC+02:00`; `UTC` alone where there is none.
pub(crate) fn offset(moment: Timestamp, zone: &TimeZone) -> String {
    let minutes = zone.to_offset(moment).seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    match minutes.unsigned_abs() {
        0 => "UTC".to_owned(),
        minutes => format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60),
    }
}

/// The smallest step whose labels do not touch; a single moment is shown to the second.
fn step_for(span_ns: u64, room: f64, label: impl Fn(u64) -> String) -> u64 {
    if span_ns == 0 {
        return SECOND;
    }
    let powers = (0..9).map(|n| 10u64.pow(n)).flat_map(|power| [power, 2 * power, 5 * power]);
    let months = (1..).map(|n| n * 28 * DAY);
    let mut steps = powers.chain(STEPS).chain(months.take(10_000));
    let fits = |step: &u64| {
        let pixels = room * *step as f64 / span_ns.max(1) as f64;
        pixels >= (text::width(&label(*step), LABEL_SIZE) + 22.0).max(64.0)
    };
    steps.find(fits).unwrap_or(u64::MAX)
}

/// Where ticks of local time fall: on whole steps of the local day, or of the calendar's days.
fn wall_places(utc_ns: i64, span_ns: u64, zone: &TimeZone, step: u64) -> Vec<u64> {
    let begin = local(utc_ns, 0, zone);
    if span_ns == 0 {
        return vec![0];
    }
    let midnight = begin.date().at(0, 0, 0, 0);
    let into_day = begin.duration_since(midnight).as_nanos().max(0) as u128;
    let first = u64::try_from(into_day / u128::from(step)).unwrap_or(0);
    let mut times = Vec::new();
    for n in first..first.saturating_add(span_ns / step).saturating_add(3) {
        let since_midnight = i64::try_from(n.saturating_mul(step)).unwrap_or(i64::MAX);
        let Ok(civil) = midnight.checked_add(SignedDuration::from_nanos(since_midnight)) else {
            break;
        };
        let Ok(moment) = zone.to_timestamp(civil) else { break };
        let elapsed = moment.as_nanosecond() - i128::from(utc_ns);
        match u64::try_from(elapsed) {
            Ok(elapsed)
                if elapsed <= span_ns && times.last().is_none_or(|last| elapsed > *last) =>
            {
                times.push(elapsed);
            }
            _ => {}
        }
    }
    times
}

fn wall_label(local: DateTime, step: u64) -> String {
    let format = match step {
        DAY.. => "%b %-d",
        MINUTE.. => "%H:%M",
        SECOND.. => "%H:%M:%S",
        _ => {
            return format!(
                "{}{}",
                local.strftime("%H:%M:%S"),
                fraction(local.subsec_nanosecond() as u64, step)
            );
        }
    };
    local.strftime(format).to_string()
}

/// The part below a second, with as many digits as steps of `step` need.
fn fraction(subsec_ns: u64, step: u64) -> String {
    let digits = 9 - step.max(1).ilog10().min(8) as usize;
    let all = format!("{subsec_ns:09}");
    format!(".{}", &all[..digits.min(9)])
}

fn elapsed_label(elapsed_ns: u64, step: u64, span_ns: u64) -> String {
    let (days, hours, minutes, seconds) =
        (elapsed_ns / DAY, elapsed_ns / HOUR, elapsed_ns / MINUTE, elapsed_ns / SECOND);
    if elapsed_ns == 0 {
        return "0".to_owned();
    }
    match span_ns {
        0..1_000 => format!("{elapsed_ns} ns"),
        1_000..1_000_000 => format!("{} µs", elapsed_ns as f64 / 1e3),
        1_000_000..SECOND => format!("{} ms", elapsed_ns as f64 / 1e6),
        SECOND..MINUTE => format!("{} s", elapsed_ns as f64 / 1e9),
        _ if step < SECOND => {
            format!("{minutes}:{:02}{}", seconds % 60, fraction(elapsed_ns % SECOND, step))
        }
        _ if step < MINUTE && hours == 0 => format!("{minutes}:{:02}", seconds % 60),
        _ if step < MINUTE => format!("{hours}:{:02}:{:02}", minutes % 60, seconds % 60),
        _ if step < HOUR && hours == 0 => format!("{minutes} min"),
        _ if step < HOUR => format!("{hours}h {:02}m", minutes % 60),
        _ if step < DAY && days == 0 => format!("{hours} h"),
        _ if step < DAY => format!("{days}d {:02}h", hours % 24),
        _ => format!("{days} d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::clock::moment;

    const NOON: i64 = 1_795_608_000_000_000_000;

    fn labels(ticks: &[TimeTick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn local_ticks_fall_on_whole_local_times() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let ticks = wall_ticks(NOON + 61 * SECOND as i64, 10 * MINUTE, &zone, 700.0);
        assert_eq!(labels(&ticks)[..3], ["14:02", "14:03", "14:04"]);
        assert_eq!(ticks[0].date.as_deref(), Some("2026-11-25"));
        assert_eq!(offset(moment(NOON, 0), &zone), "UTC+02:00");
    }

    #[test]
    fn days_follow_the_calendar_when_the_clock_is_changed() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        // From 2026-10-23 12:00 UTC, two days before the change.
        let ticks = wall_ticks(1_792_756_800_000_000_000, 5 * DAY, &zone, 700.0);
        assert_eq!(labels(&ticks)[..2], ["00:00", "12:00"]);
        assert!(ticks.iter().all(|tick| ["00:00", "12:00"].contains(&&*tick.label)));
    }

    #[test]
    fn any_span_has_ticks_that_do_not_touch() {
        for digits in 0..19 {
            let span = 10u64.pow(digits);
            for ticks in [elapsed_ticks(span, 700.0), wall_ticks(NOON, span, &TimeZone::UTC, 700.0)]
            {
                assert!((1..=12).contains(&ticks.len()), "{span}: {ticks:?}");
            }
        }
        assert_eq!(labels(&elapsed_ticks(1000, 700.0))[..2], ["0", "0.1 µs"]);
        assert_eq!(labels(&elapsed_ticks(10 * MINUTE, 700.0))[1], "1 min");
    }
}
