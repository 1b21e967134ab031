//! The recording: schema, encoding and queries of a vmrec file.
//!
//! [`Writer`] records, one at a time per file; [`Store`] reads, at any time and
//! from any number of processes; [`add_mark`] names a moment, also while
//! another process records.

mod address;
mod backup;
mod checked;
mod chunk;
mod chunk_rows;
mod chunker;
mod current;
pub mod error;
mod evidence;
mod frame;
mod heads;
mod housekeeping;
mod identities;
mod identity_rows;
mod insert;
mod intern;
mod latest;
mod lock;
mod log;
mod mark;
mod near;
mod packed;
mod read_rows;
pub mod recording;
mod relabel;
mod repair;
mod resum;
mod retention;
mod rollup;
mod schema;
mod settle;
pub mod sql;
mod store;
mod summary;
mod sums;
mod transaction;
mod verify;
mod walk;
mod words;
mod write_rows;
mod writer;

pub use backup::Copied;
pub use chunk::{Measure, Run, Runs, Tick, TypeSums};
pub use error::Error;
pub use mark::add_mark;
pub use near::Moment;
pub use recording::{
    Mark, Recording, RecordingId, RecordingSummary, RegionNumber, Sample, SampleState, WhyEnded,
};
pub use repair::{Mended, Repaired, repair};
pub use retention::{Pruned, Retention};
pub use store::Store;
pub use sums::{Rollup, RollupSpan, Rollups, SumsBlock, TypeMeans};
pub use verify::Counts;
pub use writer::Writer;
