//! The commands: one file each, with its arguments and its function.

pub(crate) mod backup;
pub(crate) mod chart;
pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod delete;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod export;
pub(crate) mod heap;
pub(crate) mod import;
pub(crate) mod info;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod map;
pub(crate) mod mark;
pub(crate) mod prune;
pub(crate) mod reclassify;
pub(crate) mod record;
pub(crate) mod rename;
pub(crate) mod repair;
pub(crate) mod report;
pub(crate) mod selftest;
pub(crate) mod sql;
pub(crate) mod trend;
pub(crate) mod watch;
