//! Results for other programs: CSV, JSON, rows of any columns.

pub(crate) mod csv;
pub(crate) mod json;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
pub(crate) mod perfetto;
pub(crate) mod protobuf;
pub(crate) mod rows;
