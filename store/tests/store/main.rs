//! The store as its callers see it, through files in temporary folders.

// Clippy exempts tests, but not the functions they share.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod backup;
mod bombs;
mod damage;
mod evidence;
mod hostile_folder;
mod images;
mod kind_sums;
mod latest;
mod made_up;
mod random_damage;
mod refusals;
mod repair;
mod retention;
mod retention_by_size;
mod round_trip;
mod run;
mod survival;
#[path = "../../../tests/target.rs"]
mod target;
mod tick;
mod together;
mod totals_alone;
