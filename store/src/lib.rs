//! The recording: schema, encoding and queries of a vmrec file.
//!
//! [`Writer`] records, one per file at a time; [`Store`] reads, at any time and
//! from any number of processes; [`add_mark`] names a moment, also while
//! another process records.

mod codec;
mod db;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod maintain;
mod read;
mod recording;
mod retention;
mod tables;
mod write;

pub use crate::codec::chunk::decode_sums::TypeSums;
pub use crate::codec::chunk::measure::Measure;
pub use crate::codec::chunk::runs::{Run, Runs};
pub use crate::codec::chunk::ticks::Tick;
pub use crate::codec::live_stacks::LiveStacks;
pub use crate::error::Error;
pub use crate::maintain::backup::Copied;
pub use crate::maintain::repair::{RecoveredRecording, Repaired, repair};
pub use crate::maintain::verify::Counts;
pub use crate::read::kind_sums::{KindSums, KindsBlock};
pub use crate::read::lookup::{Extent, Moment, SampleAt};
pub use crate::read::query::table_function::{TableFunction, TableRows};
pub use crate::read::query::value::Value;
pub use crate::read::query::{Query, Rows, Selection};
pub use crate::read::series::{Rollup, Rollups, SumsBlock, TypeMeans};
pub use crate::read::store::Store;
pub use crate::recording::{
    HeapReport, HeapReportKind, Mark, NewLabel, Recording, RecordingId, RecordingSummary,
    ResidentSizes, Sample, SampleState, Session, SessionId, SessionStart, WhyEnded,
};
pub use crate::retention::policy::{Pruned, Retention};
pub use crate::tables::interner::KindKey;
pub use crate::write::heap_report::add_heap_report;
pub use crate::write::mark::{add_mark, delete_marks, rename};
pub use crate::write::tick::{Added, Addition, Continues, NextSample};
pub use crate::write::writer::Writer;
