//! Series, deltas, charts, tables and export formats of vmrec recordings.

pub mod series;

pub mod thin;
pub mod units;
