//! Whether recordings keep to limits: for jobs that must fail when a program grows.
//!
//! [`limit`] holds limits, [`run`] the figures of one recording, [`verdict`]
//! decides, and the other files write verdicts down for people and for programs.

pub(crate) mod document;
pub(crate) mod limit;
pub(crate) mod log;
pub(crate) mod run;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod verdict;
