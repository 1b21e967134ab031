//! Sorts of a few rows, which share their code.

pub use vmrec_sampler::{sort_by, sort_by_key};
