//! The trend of a total or of one part.

use crate::series::column::SeriesColumn;
use crate::series::tick::SeriesKey;
use crate::slope::Slope;
use crate::trend::course::{Measured, Rules, TrendCourse};

/// The total or one part over the time that counts.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendRow {
    /// The part; `None` is the total.
    pub key: Option<SeriesKey>,
    /// Its name for display.
    pub label: String,
    /// Its first value that counts.
    pub first: Option<u64>,
    /// Its last value.
    pub last: Option<u64>,
    /// The highest value that counts.
    pub highest: Option<u64>,
    /// How it moves.
    pub course: TrendCourse,
    /// Its slope, per nanosecond.
    pub(crate) slope: Option<Slope>,
}

impl TrendRow {
    /// Returns the last value less the first.
    pub fn change(&self) -> Option<i128> {
        Some(i128::from(self.last?) - i128::from(self.first?))
    }

    /// Returns whether it ended on the other side of its begin than its slope leads to, or there.
    pub(crate) fn ended_against_slope(&self) -> bool {
        match (self.change(), self.slope) {
            (Some(change), Some(slope)) => change as f64 * slope.median <= 0.0,
            _ => false,
        }
    }

    pub(crate) fn moved(&self) -> u128 {
        self.change().unwrap_or(0).unsigned_abs()
    }

    /// Returns the slope and its interval per so many nanoseconds.
    pub(crate) fn slope_per(&self, per_ns: u64) -> Option<[f64; 3]> {
        let Slope { median, low, high } = self.slope?;
        Some([median, low, high].map(|slope| slope * per_ns as f64))
    }
}

impl Rules<'_> {
    /// Measures the total, or the part with a key.
    pub(crate) fn row(
        &self,
        key: Option<&SeriesKey>,
        label: String,
        values: &SeriesColumn,
    ) -> TrendRow {
        let Measured { course, slope } = self.judge(values);
        let known = || (self.begin..values.len()).filter_map(|index| values.get(index));
        let (first, last, highest) = (known().next(), known().next_back(), known().max());
        TrendRow { key: key.cloned(), label, first, last, highest, course, slope }
    }
}
