//! Series of one type for the tests of this module.

use std::sync::Arc;

use vmrec_sampler::{Family, Timestamp};

use crate::metric::Metric;
use crate::series::by::By;
use crate::series::column::SeriesColumn;
use crate::series::tick::{KeySeries, SeriesKey, SeriesTick, TickState};
use crate::series::{Series, gap};

/// Resident sizes, that many seconds apart; unknown ones were missed.
pub(crate) fn series(values: &[Option<u64>], seconds: u64) -> Series {
    let tick = |(index, value): (usize, &Option<u64>)| SeriesTick {
        number: index as u64 + 1,
        taken: Timestamp { utc_ns: 0, monotonic_ns: index as u64 * seconds * 1_000_000_000 },
        state: if value.is_some() { TickState::Complete } else { TickState::Missed },
    };
    let ticks: Vec<SeriesTick> = values.iter().enumerate().map(tick).collect();
    let values: SeriesColumn = values.iter().copied().collect();
    let key = SeriesKey { family: Family::Malloc, name: "MALLOC".into() };
    let gaps = gap::find(&ticks, &values, seconds * 1_000_000_000);
    Series {
        metric: Metric::RESIDENT,
        by: By::Type,
        ticks: Arc::new(ticks),
        keys: vec![KeySeries { key, merged: 1, values: values.clone() }],
        unknown: Vec::new(),
        totals: values,
        gaps,
        missed: 0,
        torn_left_out: false,
        rest: None,
    }
}

/// One region in each of some samples.
pub(crate) fn regions(samples: usize, seconds: u64) -> Series {
    Series { metric: Metric::Regions, ..series(&vec![Some(1); samples], seconds) }
}
