//! The recording: schema, encoding and queries of a vmrec file.

pub mod recording;

pub use recording::{Mark, Recording, RecordingId, Sample, SampleState, WhyEnded};
