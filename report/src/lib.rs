//! Series, deltas, charts, tables and export formats of vmrec recordings.

pub mod units;
