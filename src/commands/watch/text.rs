//! Values as text.

use vmrec_report::Metric;

/// Returns a value as text; unknown is `-`.
pub(crate) fn plain(metric: Metric, value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| metric.unit().plain(value))
}

/// Returns a difference as text with its sign; unknown is `-`.
pub(crate) fn signed(metric: Metric, value: Option<i128>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| metric.unit().signed(value))
}
