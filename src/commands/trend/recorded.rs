//! The limits that were recorded with the samples, and the trends of the figures that they bound.

use std::ops::{ControlFlow, RangeInclusive};

use vmrec_report::{
    DataSums, LimitKind, RecordedLimit, Series, Trend, TrendLimit, TrendOptions, bounded_series,
};

use crate::failure::Failure;
use crate::progress;
use crate::progress::Done;
use crate::recording::Opened;

/// Returns the limits at the last of these samples, each with the trend of its figure.
pub(crate) fn limits(
    opened: &Opened,
    numbers: RangeInclusive<u64>,
    options: &TrendOptions,
) -> Result<Vec<(TrendLimit, Trend)>, Failure> {
    let recorded = opened.limits(&numbers)?;
    if recorded.is_empty() {
        return Ok(Vec::new());
    }
    let mut samples = opened.store.samples(opened.recording.id)?;
    samples.retain(|sample| numbers.contains(&sample.number));
    let mut limits = Vec::with_capacity(recorded.len());
    for RecordedLimit { kind, .. } in &recorded {
        let figure = match kind {
            LimitKind::Data => data(opened, numbers.clone())?,
            _ => Some(bounded_series(*kind, &samples)),
        };
        limits.push(figure.and_then(|figure| Trend::bounded(*kind, &figure, options)));
    }
    let both = recorded.into_iter().zip(limits);
    Ok(both.filter_map(|(limit, trend)| Some((limit.into(), trend?))).collect())
}

/// Sums private writable memory, which takes decoding the regions.
fn data(opened: &Opened, numbers: RangeInclusive<u64>) -> Result<Option<Series>, Failure> {
    let mut sums = DataSums::new(opened.recording.interval_ns);
    let measures = sums.measures().to_vec();
    let steps = numbers.end().saturating_sub(*numbers.start()) + 1;
    let work = |done: &Done| {
        opened.store.for_each_kind_sums(opened.recording.id, numbers, &measures, |block| {
            done.add(block.ticks.len() as u64);
            sums.push(block);
            ControlFlow::Continue(())
        })
    };
    progress::counted("reading regions", steps, work)?;
    Ok(sums.finish())
}
