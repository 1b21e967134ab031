//! Series, deltas, charts, tables and export formats of vmrec recordings.

pub mod clock;
pub mod escape;
pub mod time;
pub mod units;
