//! The commands as a user runs them, on processes that the tests start.
//! A test of a command goes into the file of its name.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod allocs;
mod backup;
mod beside;
mod cgroups;
mod chart;
mod cheap;
mod check;
mod compare;
mod demo;
mod detach;
mod diff;
mod disturbed;
mod explain;
mod export;
mod fixture;
mod foreign;
mod habits;
mod harness;
mod heap;
mod heap_musl;
mod heap_python;
mod heap_saved;
mod import;
mod info;
mod kinds;
mod leaks;
mod list;
mod many_threads;
mod map;
mod mark;
mod outputs;
mod own_names;
mod page;
mod prune;
mod readers;
mod reclassify;
mod record;
mod record_errors;
mod recorder;
mod repair;
mod report;
#[cfg(target_os = "linux")]
mod rights;
mod selftest;
#[cfg(feature = "serve")]
mod serve;
mod session;
mod sql;
mod stacks;
mod stacks_all;
mod strings;
mod terminal;
mod totals_alone;
mod tree;
mod tree_stacks;
mod trend;
mod triggers;
mod types_doc;
mod unchanged;
mod via;
mod watch;
