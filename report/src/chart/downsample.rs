//! Thins samples to what a picture can show: at most two in a pixel column.
//!
//! The same samples are kept for every series, so that stacked areas still
//! sum to the total; which ones is decided by the total, whose peaks stay.

use std::ops::Range;

/// Which samples are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thinned {
    /// Indexes of the samples kept, ascending.
    pub kept: Vec<usize>,
    /// How many samples there were to choose from: those with a known total.
    pub known: usize,
    /// Into how many columns time was cut.
    pub columns: usize,
}

impl Thinned {
    /// Returns whether any sample was left out.
    pub(crate) fn is_thinned(&self) -> bool {
        self.kept.len() < self.known
    }
}

/// Keeps the lowest and the highest total of each of `columns` equal spans of
/// time (at least 2), and the first and the last sample in column of the lowest
/// of theirs. `elapsed_ns` ascends; samples with an unknown total are left out.
pub(crate) fn thin(
    elapsed_ns: impl Fn(usize) -> u64,
    totals: impl IntoIterator<Item = Option<u64>>,
    span_ns: u64,
    columns: usize,
) -> Thinned {
    let columns = columns.max(2);
    let mut kept = Vec::new();
    let mut known = 0;
    let mut last = None;
    let mut open: Option<ColumnExtremes> = None;
    for (index, total) in totals.into_iter().enumerate() {
        let Some(total) = total else { continue };
        known += 1;
        last = Some(index);
        let elapsed_ns = elapsed_ns(index);
        match &mut open {
            Some(span) if span.times.contains(&elapsed_ns) => span.add(index, total),
            _ => {
                if let Some(span) = open.take() {
                    span.close(&mut kept, None);
                }
                let times = times_of(column_of(elapsed_ns, span_ns, columns), span_ns, columns);
                let bound = kept.is_empty().then_some(index);
                open = Some(ColumnExtremes {
                    times,
                    bound,
                    low: (total, index),
                    high: (total, index),
                });
            }
        }
    }
    if let Some(span) = open {
        span.close(&mut kept, last);
    }
    Thinned { kept, known, columns }
}

fn column_of(elapsed_ns: u64, span_ns: u64, columns: usize) -> usize {
    let column = u128::from(elapsed_ns) * columns as u128 / u128::from(span_ns.max(1));
    usize::try_from(column).unwrap_or(usize::MAX).min(columns - 1)
}

/// Returns the times that [`column_of`] puts into a column: to compare with them is quicker than
/// to divide for every sample.
fn times_of(column: usize, span_ns: u64, columns: usize) -> Range<u64> {
    let begin = |column: usize| {
        let ns = (column as u128 * u128::from(span_ns.max(1))).div_ceil(columns as u128);
        u64::try_from(ns).unwrap_or(u64::MAX)
    };
    // Times beyond the end belong to the last column.
    let end = if column + 1 == columns { u64::MAX } else { begin(column + 1) };
    begin(column)..end
}

/// The samples of one column seen so far.
struct ColumnExtremes {
    times: Range<u64>,
    /// The first sample of all, which must stay.
    bound: Option<usize>,
    low: (u64, usize),
    high: (u64, usize),
}

impl ColumnExtremes {
    fn add(&mut self, index: usize, total: u64) {
        if total < self.low.0 {
            self.low = (total, index);
        }
        if total > self.high.0 {
            self.high = (total, index);
        }
    }

    /// Keeps two samples of the column: `last` or the first of all if they are in it, then the
    /// highest, then the lowest.
    fn close(self, kept: &mut Vec<usize>, last: Option<usize>) {
        let mut picked: Vec<usize> = Vec::with_capacity(2);
        for index in self.bound.into_iter().chain(last).chain([self.high.1, self.low.1]) {
            if picked.len() < 2 && !picked.contains(&index) {
                picked.push(index);
            }
        }
        picked.sort_unstable();
        kept.extend(picked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_samples_are_all_kept() {
        let totals = [Some(3), None, Some(1)];
        let thinned = thin(|index| index as u64, totals, 2, 100);
        assert_eq!(thinned.kept, [0, 2]);
        assert!(!thinned.is_thinned());
    }

    #[test]
    fn nothing_known_keeps_nothing() {
        assert_eq!(thin(|_| 0, [None, None], 0, 100).kept, [0; 0]);
    }

    proptest! {
        #[test]
        fn columns_begin_and_end_where_their_times_do(
            elapsed_ns in 0_u64..2000, span_ns in 0_u64..1000, columns in 2_usize..50,
        ) {
            let column = column_of(elapsed_ns, span_ns, columns);
            for other in 0..columns {
                let inside = times_of(other, span_ns, columns).contains(&elapsed_ns);
                prop_assert_eq!(inside, other == column);
            }
        }

        #[test]
        fn keeps_the_ends_and_the_peak_within_two_a_column(
            steps in proptest::collection::vec((1u64..1000, proptest::option::weighted(0.9, 0u64..1000)), 2..400),
            columns in 2usize..50,
        ) {
            let times: Vec<u64> = steps.iter().scan(0, |at, (step, _)| { *at += step; Some(*at) }).collect();
            let at = |index: usize| times[index] - times[0];
            let totals: Vec<_> = steps.iter().map(|(_, total)| *total).collect();
            let span = at(times.len() - 1);
            let thinned = thin(at, totals.iter().copied(), span, columns);
            let known: Vec<usize> = (0..totals.len()).filter(|index| totals[*index].is_some()).collect();

            prop_assert_eq!(thinned.known, known.len());
            prop_assert_eq!(thinned.kept.first(), known.first());
            prop_assert_eq!(thinned.kept.last(), known.last());
            prop_assert!(thinned.kept.is_sorted_by(|a, b| a < b));
            prop_assert!(thinned.kept.iter().all(|index| totals[*index].is_some()));
            for column in 0..columns {
                let inside = |index: &&usize| column_of(at(**index), span, columns) == column;
                prop_assert!(thinned.kept.iter().filter(inside).count() <= 2);
            }
            // Unless first, last and peak share one column, which two points cannot show.
            let ends = known.first().zip(known.last()).map(|(a, b)| (column_of(at(*a), span, columns), column_of(at(*b), span, columns)));
            if ends.is_some_and(|(first, last)| first != last) {
                let peak = thinned.kept.iter().filter_map(|index| totals[*index]).max();
                prop_assert_eq!(peak, totals.iter().flatten().copied().max());
            }
        }
    }
}
