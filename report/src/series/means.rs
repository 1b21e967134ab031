//! Means of chunks, as steps.

use vmrec_sampler::Timestamp;
use vmrec_store::{Measure, Rollup, Rollups, Runs, TypeMeans, TypeSums};

use crate::series::builder::SeriesBuilder;
use crate::series::tick::{SeriesTick, TickState};

/// A stretch of a recording of which means are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// Its first sample.
    pub from: Timestamp,
    /// Its last one.
    pub to: Timestamp,
    /// Planned time between samples, in nanoseconds.
    pub interval_ns: u64,
}

impl Stretch {
    /// Returns what part of the stretch a chunk stands for: from its first sample to one interval
    /// after its last, monotonic nanoseconds.
    fn part(&self, chunk: &Rollup) -> Option<(u64, u64)> {
        let (from, to) = (self.from.monotonic_ns, self.to.monotonic_ns);
        let (start, last) = (chunk.from.monotonic_ns, chunk.to.monotonic_ns);
        if last < from || start > to {
            return None;
        }
        Some((start.clamp(from, to), last.saturating_add(self.interval_ns).clamp(from, to)))
    }

    /// A moment of the stretch, by the wall clock of its first sample and the time since.
    fn tick(&self, number: usize, monotonic_ns: u64, state: TickState) -> SeriesTick {
        let since = i64::try_from(monotonic_ns - self.from.monotonic_ns).unwrap_or(i64::MAX);
        let taken = Timestamp { utc_ns: self.from.utc_ns.saturating_add(since), monotonic_ns };
        SeriesTick { number: number as u64 + 1, taken, state }
    }
}

impl SeriesBuilder {
    /// Adds the means of chunks, of `measures`, which are those of the builder's metrics, each as
    /// two ticks: its beginning and its end.
    ///
    /// Between two that do not follow on each other is a missed tick. Returns from how many samples
    /// they are.
    pub fn push_means(
        &mut self,
        rollups: &Rollups,
        measures: &[Measure],
        stretch: &Stretch,
    ) -> u64 {
        let mut ticks: Vec<SeriesTick> = Vec::new();
        let mut inside: Vec<bool> = Vec::with_capacity(rollups.spans.len());
        let (mut samples, mut end) = (0_u64, None);
        for rollup in &rollups.spans {
            let part = stretch.part(rollup);
            inside.push(part.is_some());
            let Some((from, to)) = part else { continue };
            // A sample may come a little late; two intervals without one are a gap.
            let late = |end: &u64| from > end.saturating_add(stretch.interval_ns);
            if let Some(end) = end.filter(late) {
                let between = u64::midpoint(end, from);
                ticks.push(stretch.tick(ticks.len(), between, TickState::Missed));
            }
            for at in [from, to] {
                ticks.push(stretch.tick(ticks.len(), at, TickState::Complete));
            }
            samples = samples.saturating_add(rollup.samples);
            end = Some(to);
        }
        let steps = |means: &mut dyn Iterator<Item = Option<u64>>| {
            let mut steps = Runs::default();
            let drawn = means.zip(&inside).filter(|(_, inside)| **inside);
            drawn.for_each(|(mean, _)| steps.push(mean, 2));
            steps
        };
        let column = |of: &TypeMeans, measure: &Measure| {
            match measures.iter().position(|known| known == measure) {
                Some(index) => steps(&mut of.columns[index].values()),
                // The number of regions, which only says whether there are any.
                None => steps(&mut of.there.iter().map(|there| Some(u64::from(*there)))),
            }
        };
        let types: Vec<TypeSums> = rollups
            .types
            .iter()
            .map(|of| TypeSums {
                region_type: of.region_type.clone(),
                columns: self.measures().iter().map(|measure| column(of, measure)).collect(),
            })
            .collect();
        self.add(ticks, &types);
        samples
    }
}

#[cfg(test)]
mod tests {
    use vmrec_sampler::{RegionType, types};

    use super::*;
    use crate::metric::Metric;
    use crate::series::Series;
    use crate::series::by::By;
    use crate::series::gap::GapReason;

    const MINUTE: u64 = 60_000_000_000;
    const INTERVAL: u64 = MINUTE / 30;

    fn at(minutes: f64) -> Timestamp {
        let ns = (minutes * MINUTE as f64) as u64;
        Timestamp { utc_ns: ns as i64, monotonic_ns: 7 * MINUTE + ns }
    }

    /// The means of some types.
    type Means = [(RegionType, Option<u64>)];

    /// Chunks of a minute each, with the means of some types.
    fn rollups(minutes: &[(u64, &Means)]) -> Rollups {
        let last = 1.0 - 1.0 / 30.0;
        let spans = minutes.iter().map(|(minute, _)| {
            let minute = *minute as f64;
            Rollup { from: at(minute), to: at(minute + last), samples: 30 }
        });
        let types = [types::STACK, types::TEXT].map(|region_type| {
            let means = minutes.iter().map(|(_, types)| {
                types.iter().find(|(of, _)| *of == region_type).map(|(_, mean)| *mean)
            });
            let there = means.clone().map(|mean| mean.is_some()).collect();
            let columns = vec![means.map(|mean| mean.unwrap_or(Some(0))).collect()];
            TypeMeans { region_type, there, columns }
        });
        Rollups { spans: spans.collect(), types: types.into(), last: 0 }
    }

    fn series(rollups: &Rollups, from: Timestamp, to: Timestamp) -> (Series, u64) {
        let stretch = Stretch { from, to, interval_ns: INTERVAL };
        let mut builder = SeriesBuilder::new(&[Metric::RESIDENT], By::Type, MINUTE);
        let measures = Metric::RESIDENT.measures();
        let samples = builder.push_means(rollups, &measures, &stretch);
        (builder.finish().remove(0), samples)
    }

    #[test]
    fn each_mean_is_a_step_and_time_without_samples_is_a_gap() {
        let rollups = rollups(&[
            (0, &[(types::STACK, Some(5))]),
            (1, &[(types::STACK, Some(7)), (types::TEXT, Some(2))]),
            (4, &[(types::TEXT, Some(3))]),
            (5, &[(types::TEXT, None)]),
        ]);
        let (series, samples) = series(&rollups, at(0.5), at(6.0));
        let minutes: Vec<f64> = (0..series.ticks.len())
            .map(|at| (series.elapsed_ns(at) as f64 / MINUTE as f64 * 10.0).round() / 10.0)
            .collect();
        assert_eq!(minutes, [0.0, 0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 4.5, 5.5]);
        let totals: Vec<_> = series.totals.iter().collect();
        let steps = [5, 5, 9, 9].map(Some).into_iter();
        let steps: Vec<_> = steps.chain([None, Some(3), Some(3), None, None]).collect();
        assert_eq!(totals, steps);
        let gaps: Vec<_> =
            series.gaps.iter().map(|gap| (gap.after, gap.before, gap.reason)).collect();
        assert_eq!(gaps, [(3, 5, GapReason::Missed), (6, 8, GapReason::Unknown)]);
        assert_eq!(series.ticks[0].taken.utc_ns, at(0.5).utc_ns, "by the clock of the first one");
        assert_eq!(samples, 120);
    }

    #[test]
    fn chunks_outside_are_left_out() {
        let minutes = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|n| (n, [(types::STACK, Some(n))]));
        let minutes = minutes.each_ref().map(|(minute, types)| (*minute, &types[..]));
        let (series, samples) = series(&rollups(&minutes), at(3.0), at(5.0));
        assert_eq!(series.totals.iter().collect::<Vec<_>>(), [3, 3, 4, 4, 5, 5].map(Some));
        assert_eq!((series.span_ns(), samples), (2 * MINUTE, 90));
    }
}
