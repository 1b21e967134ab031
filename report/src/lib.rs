//! Series, deltas, charts, tables and export formats of vmrec recordings.

pub mod chart;
pub mod series;
pub mod thin;
pub mod units;
