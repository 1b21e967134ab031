//! The value axis: nice binary ticks, and values in words.

use crate::metric::Unit;
use crate::text::units;

/// A tick of the value axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValueTick {
    pub(crate) value: f64,
    pub(crate) label: String,
}

/// The ends and ticks of a value axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValueAxis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) ticks: Vec<ValueTick>,
}

/// Letters of the powers of 1024.
const UNITS: [&str; 7] = ["B", "K", "M", "G", "T", "P", "E"];
/// Steps between ticks in one unit; quarters are whole numbers of the unit below.
const STEPS: [f64; 12] = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 250.0, 500.0];

/// Makes an axis from `low` (0 or below) to `high` with at most `max_ticks` steps.
pub(crate) fn axis(low: f64, high: f64, unit: Unit, signed: bool, max_ticks: usize) -> ValueAxis {
    let max_ticks = max_ticks.max(2) as f64;
    // Nothing at all still wants a scale: a page, or a few of what is counted.
    let high = match unit {
        _ if high > low => high,
        Unit::Bytes => low + 4096.0,
        Unit::Count => low + 4.0,
    };
    let reach = high.max(-low).max(1.0);
    // A little air above, so that the peak does not touch the frame; 0 may.
    let air = if high > 0.0 { (high - low) * 0.04 } else { 0.0 };
    let span = (high - low + air).max(1.0);
    let (scale, suffix) = match unit {
        Unit::Count => (1.0, ""),
        Unit::Bytes => {
            let power = (0..UNITS.len()).rev().find(|n| reach >= 1024f64.powi(*n as i32));
            let power = power.unwrap_or(0);
            (1024f64.powi(power as i32), UNITS[power])
        }
    };
    let step = match unit {
        Unit::Bytes => {
            let whole = if scale > 1.0 { 0.0 } else { 1.0 };
            let fits = |step: &&f64| **step >= whole && span / (**step * scale) <= max_ticks;
            STEPS.iter().find(fits).copied().unwrap_or(500.0) * scale
        }
        Unit::Count => {
            let decades = (0..20).flat_map(|n| [1.0, 2.0, 5.0].map(|step| step * 10f64.powi(n)));
            decades.into_iter().find(|step| span / step <= max_ticks).unwrap_or(f64::MAX)
        }
    };
    let first = (low / step).floor();
    let last = ((high + air) / step).ceil().max(first + 1.0);
    let ticks = (0..=((last - first) as usize))
        .map(|n| {
            let value = (first + n as f64) * step;
            ValueTick { value, label: label(value, scale, suffix, signed) }
        })
        .collect();
    ValueAxis { low: first * step, high: last * step, ticks }
}

fn label(value: f64, scale: f64, suffix: &str, signed: bool) -> String {
    let sign = match value {
        v if v < 0.0 => "-",
        v if v > 0.0 && signed => "+",
        _ => "",
    };
    let number = (value / scale).abs();
    if number == 0.0 {
        "0".to_owned()
    } else if suffix.is_empty() {
        format!("{sign}{}", units::count(number as u64))
    } else {
        format!("{sign}{number}{suffix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, unit: Unit, signed: bool) -> String {
        let axis = axis(low, high, unit, signed, 6);
        assert!(axis.low <= low && axis.high >= high, "{low} {high}");
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ticks_are_nice_in_binary_units() {
        let m = 1048576.0;
        assert_eq!(labels(0.0, 420.0 * m, Unit::Bytes, false), "0 100M 200M 300M 400M 500M");
        assert_eq!(labels(0.0, 1300.0 * m, Unit::Bytes, false), "0 0.25G 0.5G 0.75G 1G 1.25G 1.5G");
        assert_eq!(labels(0.0, 1.5 * m * m, Unit::Bytes, false), "0 0.5T 1T 1.5T 2T");
        assert_eq!(labels(0.0, 0.0, Unit::Bytes, false), "0 1K 2K 3K 4K 5K");
        assert_eq!(labels(-30.0 * m, 90.0 * m, Unit::Bytes, true), "-50M 0 +50M +100M");
        assert_eq!(labels(0.0, 1081.0, Unit::Count, false), "0 200 400 600 800 1,000 1,200");
    }

    #[test]
    fn any_magnitude_has_few_ticks() {
        for shift in 0..64 {
            let high = (1u64 << shift) as f64 * 1.3;
            let axis = axis(0.0, high, Unit::Bytes, false, 6);
            assert!((2..=8).contains(&axis.ticks.len()), "{high}: {axis:?}");
        }
    }
}
