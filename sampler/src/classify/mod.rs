//! Classifies the ranges of a process's memory by purpose.
//!
//! [`classify`] is the table of contents: rules claim memory in that order,
//! each only memory that no earlier one has claimed; their names (`R4`) go into
//! the label. They are pure: their only input is the list of mappings, the
//! [`facts::Facts`] and peeks at the target's memory, and their work is bounded
//! however hostile that is.

pub(crate) mod cage;
pub(crate) mod cages;
pub(crate) mod chunks;
pub(crate) mod claims;
pub(crate) mod dotnet;
pub(crate) mod facts;
pub(crate) mod firefox;
pub(crate) mod glibc;
pub(crate) mod go;
pub(crate) mod haskell;
pub(crate) mod image;
pub(crate) mod images;
pub(crate) mod jvm;
pub(crate) mod leftovers;
pub(crate) mod malloc;
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "pure logic of Linux, which every system tests")
)]
pub(crate) mod markers;
pub(crate) mod mimalloc;
pub(crate) mod musl;
pub(crate) mod name;
pub(crate) mod names;
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "pure logic of Linux, which every system tests")
)]
pub(crate) mod native_memory;
pub(crate) mod piece;
pub(crate) mod predicates;
pub(crate) mod profile;
pub(crate) mod python;
pub(crate) mod reader;
pub(crate) mod rebuild;
pub(crate) mod sanitizers;
pub(crate) mod signs;
pub(crate) mod stacks;
pub(crate) mod switches;
#[cfg(test)]
mod tests;
pub(crate) mod threads;
pub(crate) mod tools;
pub(crate) mod user;
pub(crate) mod v8;
pub(crate) mod webkit;
pub(crate) mod work;

use crate::classify::facts::Peek;
use crate::classify::piece::{Piece, Process};
use crate::classify::work::Work;

/// Returns the purpose of each range of the process: pieces in ascending order that cover every
/// mapping exactly.
///
/// A piece is within one mapping, unless its owner's range continues in adjacent mappings with the
/// same rights.
pub fn classify(process: &Process<'_>, peek: &mut Peek<'_>) -> Vec<Piece> {
    let mut work = Work::new(process, peek);
    for piece in process.kept {
        work.claims.claim_across(piece.range, &piece.label, |_| true);
    }
    crate::classify::names::by_user(&mut work, process.user_rules);
    crate::classify::names::by_kernel(&mut work); // R1, R2, R3, R6
    crate::classify::images::claim(&mut work); // R4, R5
    crate::classify::names::brk_heap(&mut work); // R7
    crate::classify::jvm::by_its_own_tables(&mut work); // R8a
    crate::classify::native_memory::claim(&mut work); // R8n
    crate::classify::musl::detect(&mut work);
    crate::classify::cages::distinct(&mut work); // R12, R13
    crate::classify::threads::claim(&mut work); // R9
    crate::classify::tools::guest(&mut work); // R10
    crate::classify::sanitizers::claim(&mut work); // R16s, before what has no fixed address
    crate::classify::glibc::arenas(&mut work); // R11
    crate::classify::go::claim(&mut work); // R12
    crate::classify::mimalloc::claim(&mut work); // R14m
    crate::classify::cages::far(&mut work); // R13, before a chunk is looked for there
    crate::classify::chunks::claim(&mut work); // R14
    crate::classify::cages::near(&mut work); // R13
    crate::classify::leftovers::jvm_malloc(&mut work); // R18, before a JVM's shapes
    crate::classify::jvm::by_shape(&mut work); // R8b, R8c
    crate::classify::stacks::claim(&mut work); // R15
    crate::classify::tools::claim(&mut work); // R16v
    crate::classify::leftovers::code(&mut work); // R16
    crate::classify::leftovers::loader(&mut work); // R17
    crate::classify::leftovers::heaps(&mut work); // R18
    crate::classify::leftovers::inaccessible(&mut work); // R19
    crate::classify::leftovers::rest(&mut work); // R20
    work.claims.into_pieces()
}
