//! The sampler on processes that the tests start themselves.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

mod cheap;
mod child;
mod pieces;
mod private;
mod samples;
mod shared;
mod unchanged;
