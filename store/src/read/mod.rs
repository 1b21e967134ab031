//! Reads a file: samples, snapshots, series, SQL.

pub(crate) mod chunk_index;
pub(crate) mod heap_reports;
pub(crate) mod images;
pub(crate) mod kind_sums;
pub(crate) mod lookup;
pub(crate) mod query;
pub(crate) mod reclassify;
pub(crate) mod series;
pub(crate) mod snapshots;
pub(crate) mod stacks;
pub(crate) mod store;
pub(crate) mod summary;
pub(crate) mod tail;
