//! Series, deltas, charts, tables and export formats of vmrec recordings.

pub mod amounts;
pub mod chart;
pub mod clock;
pub mod csv;
pub mod diff;
pub mod diff_table;
pub mod error;
pub mod escape;
#[cfg(test)]
mod fixture;
pub mod json;
pub mod map_page;
pub mod metric;
pub mod recording_table;
pub mod recordings;
pub mod rows;
pub mod selftest;
pub mod series;
pub mod table;
pub mod thin;
pub mod time;
pub mod units;

pub use error::Error;
