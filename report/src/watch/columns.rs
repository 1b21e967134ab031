//! A series of any length in as many columns as a screen has.

use crate::series::Series;
use crate::series::tick::TickState;

/// One column of a screen: the samples of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchColumn {
    /// The largest total known of them, without torn ones if there are others; `None` is a gap, or
    /// not known.
    pub max: Option<u64>,
    /// Whether that is of a torn sample.
    pub torn: bool,
}

impl WatchColumn {
    /// Adds a total: a torn one counts for nothing beside one that is not.
    fn add(&mut self, total: u64, torn: bool) {
        match self.max {
            Some(max) if self.torn == torn => self.max = Some(max.max(total)),
            Some(_) if torn => {}
            _ => *self = Self { max: Some(total), torn },
        }
    }
}

/// Returns the highest total of columns, without torn ones if there are others.
pub fn watch_highest(columns: &[WatchColumn]) -> Option<u64> {
    let highest = |torn| columns.iter().filter(|of| of.torn == torn).filter_map(|of| of.max).max();
    highest(false).or_else(|| highest(true))
}

/// Returns the totals up to the tick `to`, of at most `width` columns of equal time.
///
/// Where there are more columns than samples each sample has one, at the right end.
pub fn watch_columns(series: &Series, to: usize, width: usize) -> Vec<WatchColumn> {
    let count = series.ticks.len().min(to.saturating_add(1));
    let mut columns = vec![WatchColumn { max: None, torn: false }; width.min(count)];
    for index in 0..count {
        let Some(column) = columns.get_mut(watch_column(series, to, width, index)) else {
            continue;
        };
        if let Some(total) = series.totals.get(index) {
            column.add(total, series.ticks[index].state == TickState::Torn);
        }
    }
    // A column between two samples has the earlier one's value, unless they have a gap between them.
    for index in 1..columns.len() {
        if count > width && columns[index].max.is_none() && !is_gap(series, to, width, index) {
            columns[index] = columns[index - 1];
        }
    }
    columns
}

/// Returns in which of those columns the tick at `index` is.
pub fn watch_column(series: &Series, to: usize, width: usize, index: usize) -> usize {
    let count = series.ticks.len().min(to.saturating_add(1));
    if width == 0 || count == 0 {
        return 0;
    }
    if count <= width {
        return index.min(count - 1);
    }
    let (at, span) = (series.elapsed_ns(index), series.elapsed_ns(count - 1).max(1));
    let column = u128::from(at) * (width as u128 - 1) / u128::from(span);
    usize::try_from(column).unwrap_or(width).min(width - 1)
}

/// Returns whether a column without a sample lies in a gap.
fn is_gap(series: &Series, to: usize, width: usize, column: usize) -> bool {
    series.gaps.iter().any(|gap| {
        let [begin, end] = [gap.after, gap.before].map(|at| watch_column(series, to, width, at));
        begin < column && column < end
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::watch::fixture::series;

    #[test]
    fn few_samples_have_a_column_each_and_many_share_one() {
        let few = series(&[Some(1), None, Some(3)], 1);
        let columns = |series, to, width| {
            watch_columns(series, to, width).iter().map(|column| column.max).collect::<Vec<_>>()
        };
        assert_eq!(columns(&few, 2, 10), [Some(1), None, Some(3)]);
        assert_eq!(columns(&few, 0, 10), [Some(1)]);
        assert_eq!(columns(&few, 2, 0), []);
        let many = series(&[Some(1), Some(9), Some(2), Some(2), Some(3)], 1);
        assert_eq!(columns(&many, 4, 2), [Some(9), Some(3)]);
    }

    #[test]
    fn a_gap_stays_a_gap_and_rare_samples_are_joined() {
        let mut values = vec![Some(5); 10];
        values.extend([None; 40]);
        values.extend([Some(7); 10]);
        let holed = watch_columns(&series(&values, 1), 59, 30);
        assert!(holed[8..22].iter().all(|column| column.max.is_none()), "{holed:?}");
        assert!(holed[..5].iter().chain(&holed[26..]).all(|column| column.max.is_some()));
    }

    proptest! {
        #[test]
        fn the_highest_of_the_columns_is_the_highest_of_the_samples(
            values in proptest::collection::vec(proptest::option::of(0_u64..1 << 40), 1..200),
            width in 1_usize..90,
            to in 0_usize..210,
        ) {
            let series = series(&values, 2);
            let columns = watch_columns(&series, to, width);
            let shown = &values[..values.len().min(to + 1)];
            prop_assert!(columns.len() <= width);
            let highest = columns.iter().filter_map(|column| column.max).max();
            prop_assert_eq!(highest, shown.iter().copied().flatten().max());
        }
    }
}
