//! The functions that SQL calls for what tables do not show: snapshots, and sums over them.

use std::sync::Arc;

use vmrec_report::units;
use vmrec_store::TableFunction;

use crate::commands::sql::source::Source;
use crate::commands::sql::{region_rows, sample_rows, series_rows};

/// Writes a number of bytes as tables do.
pub(crate) fn size(bytes: i64) -> String {
    match u64::try_from(bytes) {
        Ok(bytes) => units::size(bytes),
        Err(_) => units::signed_size(bytes.into()),
    }
}

/// Returns every function that SQL reads as a table, to be asked about the file of `source`.
pub(crate) fn all(source: &Arc<Source>) -> [TableFunction; 4] {
    [
        region_rows::function(Arc::clone(source)),
        series_rows::of_recording(Arc::clone(source)),
        series_rows::of_session(Arc::clone(source)),
        sample_rows::function(Arc::clone(source)),
    ]
}
