//! Means of minutes or hours, as steps.

use vmrec_sampler::Timestamp;
use vmrec_store::{Measure, Rollup, RollupSpan, Rollups, Runs, TypeMeans, TypeSums};

use crate::series::builder::SeriesBuilder;
use crate::series::tick::{Tick, TickState};

/// A stretch of a recording of which means are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// When the recording began: what ties the times of rollups to its monotonic clock.
    pub begun: Timestamp,
    /// Its first sample.
    pub from: Timestamp,
    /// Its last one.
    pub to: Timestamp,
}

impl Stretch {
    /// Chooses minutes while they are few enough to be read at once and have all `measures`, and
    /// hours otherwise.
    pub fn span(&self, measures: &[Measure]) -> RollupSpan {
        const MOST_MINUTES: u64 = 6 * 60;
        let ns = self.to.monotonic_ns.saturating_sub(self.from.monotonic_ns);
        let all = measures.iter().all(|measure| RollupSpan::Minute.has(*measure));
        if all && ns / 60_000_000_000 <= MOST_MINUTES {
            RollupSpan::Minute
        } else {
            RollupSpan::Hour
        }
    }

    /// Returns what part of the stretch a rollup stands for: from when to when, monotonic nanoseconds.
    fn part(&self, rollup: &Rollup, span: RollupSpan) -> Option<(u64, u64)> {
        let since = i128::from(rollup.start_utc_ns) - i128::from(self.begun.utc_ns);
        let start = i128::from(self.begun.monotonic_ns) + since;
        let end = start + i128::from(span.seconds()) * 1_000_000_000;
        let (from, to) = (self.from.monotonic_ns, self.to.monotonic_ns);
        if end <= i128::from(from) || start > i128::from(to) {
            return None;
        }
        let inside = |ns: i128| u64::try_from(ns).unwrap_or(0).clamp(from, to);
        Some((inside(start), inside(end)))
    }

    /// A moment of the stretch, by the wall clock of its first sample and what passed since.
    fn tick(&self, number: usize, monotonic_ns: u64, state: TickState) -> Tick {
        let since = i64::try_from(monotonic_ns - self.from.monotonic_ns).unwrap_or(i64::MAX);
        let taken = Timestamp { utc_ns: self.from.utc_ns.saturating_add(since), monotonic_ns };
        Tick { number: number as u64 + 1, taken, state }
    }
}

impl SeriesBuilder {
    /// Adds rollups with means of `measures`, which are those of the builder's metrics, each as two
    /// ticks: its beginning and its end.
    ///
    /// Between two that do not follow on each other is a missed tick. Returns from how many samples
    /// they are, about.
    pub fn push_means(
        &mut self,
        rollups: &Rollups,
        measures: &[Measure],
        span: RollupSpan,
        stretch: &Stretch,
    ) -> u64 {
        let mut ticks: Vec<Tick> = Vec::new();
        let mut inside: Vec<bool> = Vec::with_capacity(rollups.spans.len());
        let (mut samples, mut end) = (0_u64, None);
        for rollup in &rollups.spans {
            let part = stretch.part(rollup, span);
            inside.push(part.is_some());
            let Some((from, to)) = part else { continue };
            if let Some(end) = end.filter(|end| *end < from) {
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
                Some(place) => steps(&mut of.columns[place].values()),
                // The number of regions, which tells no more than whether there are any.
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
    const BEGUN: Timestamp = Timestamp { utc_ns: 600 * MINUTE as i64, monotonic_ns: 7 * MINUTE };

    fn at(minutes: u64) -> Timestamp {
        Timestamp {
            utc_ns: BEGUN.utc_ns + (minutes * MINUTE) as i64,
            monotonic_ns: BEGUN.monotonic_ns + minutes * MINUTE,
        }
    }

    /// The means of some types.
    type Means = [(RegionType, Option<u64>)];

    /// Minutes, each with the means of some types.
    fn rollups(minutes: &[(u64, &Means)]) -> Rollups {
        let spans = minutes
            .iter()
            .map(|(minute, _)| Rollup { start_utc_ns: at(*minute).utc_ns, samples: 30 });
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
        let stretch = Stretch { begun: BEGUN, from, to };
        let mut builder = SeriesBuilder::new(&[Metric::RESIDENT], By::Type, MINUTE);
        let measures = Metric::RESIDENT.measures();
        let samples = builder.push_means(rollups, &measures, stretch.span(&[]), &stretch);
        (builder.finish().remove(0), samples)
    }

    #[test]
    fn each_mean_is_a_step_and_minutes_without_samples_are_a_gap() {
        let rollups = rollups(&[
            (0, &[(types::STACK, Some(5))]),
            (1, &[(types::STACK, Some(7)), (types::TEXT, Some(2))]),
            (4, &[(types::TEXT, Some(3))]),
            (5, &[(types::TEXT, None)]),
        ]);
        let half = Timestamp { utc_ns: 0, monotonic_ns: at(0).monotonic_ns + MINUTE / 2 };
        let (series, samples) = series(&rollups, half, at(6));
        let minutes: Vec<f64> = (0..series.ticks.len())
            .map(|at| series.elapsed_ns(at) as f64 / MINUTE as f64)
            .collect();
        assert_eq!(minutes, [0.0, 0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 4.5, 5.5]);
        let totals: Vec<_> = series.totals.iter().collect();
        let steps = [5, 5, 9, 9].map(Some).into_iter();
        let steps: Vec<_> = steps.chain([None, Some(3), Some(3), None, None]).collect();
        assert_eq!(totals, steps);
        let gaps: Vec<_> =
            series.gaps.iter().map(|gap| (gap.after, gap.before, gap.reason)).collect();
        assert_eq!(gaps, [(3, 5, GapReason::Missed), (6, 8, GapReason::Unknown)]);
        assert_eq!(series.ticks[0].taken.utc_ns, 0, "by the clock of the first sample drawn");
        assert_eq!(samples, 120);
    }

    #[test]
    fn what_lies_outside_is_left_out() {
        let minutes = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|n| (n, [(types::STACK, Some(n))]));
        let minutes = minutes.each_ref().map(|(minute, types)| (*minute, &types[..]));
        let (series, samples) = series(&rollups(&minutes), at(3), at(5));
        assert_eq!(series.totals.iter().collect::<Vec<_>>(), [3, 3, 4, 4, 5, 5].map(Some));
        assert_eq!((series.span_ns(), samples), (2 * MINUTE, 90));
    }

    #[test]
    fn days_are_drawn_by_the_hour() {
        let span = |minutes| Stretch { begun: BEGUN, from: at(0), to: at(minutes) }.span(&[]);
        assert_eq!((span(360), span(361)), (RollupSpan::Minute, RollupSpan::Hour));
    }
}
