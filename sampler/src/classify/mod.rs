//! Says what each range of a process's memory is for.
//!
//! [`classify`] is the table of contents: rules claim in that order, each only
//! what no earlier one has claimed; their names (`R4`) go into the label. They
//! are pure: all they know is the list of mappings, the [`Facts`] and what
//! they peek of the target's memory, and however hostile that is, their work
//! is bounded.

mod by_name;
mod cages;
mod chunks;
mod claims;
pub mod facts;
mod firefox;
mod glibc;
mod go;
mod image;
mod images;
mod jvm;
mod leftovers;
pub mod markers;
mod musl;
mod name;
mod names;
mod profile;
mod python;
mod reader;
mod stacks;
mod threads;
mod tools;
pub mod user;
mod v8;
mod work;

use std::sync::Arc;

use self::facts::{Facts, Peek};
use self::user::UserRule;
use self::work::Work;
use crate::mapping::Mapping;
use crate::region::{AddressRange, Confidence, Label};
use crate::vocabulary::RegionType;

pub use by_name::{REACH, classify_by_name};
pub use image::Scene;

/// A range of addresses with one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it lies.
    pub range: AddressRange,
    /// What it is for.
    pub label: Label,
}

/// A process as one sample found it.
#[derive(Clone, Copy, Debug)]
pub struct Process<'a> {
    /// Its mappings: ascending, disjoint.
    pub mappings: &'a [Mapping],
    /// Of each mapping, the bytes resident and swapped.
    pub occupied: &'a [u64],
    /// What else is known of it.
    pub facts: &'a Facts,
    /// Pieces proven before, of mappings that did not change: they stay.
    pub kept: &'a [Piece],
    /// The user's own rules, which go before the built-in ones.
    pub user_rules: &'a [UserRule],
}

/// Says what each range of the process is for: pieces in ascending order that
/// cover every mapping exactly.
///
/// A piece lies within one mapping, unless its owner's range goes on in
/// touching mappings with the same rights.
pub fn classify(process: &Process<'_>, peek: &mut Peek<'_>) -> Vec<Piece> {
    let mut work = Work::new(process, peek);
    for piece in process.kept {
        work.claims.claim_across(piece.range, &piece.label, |_| true);
    }
    names::by_user(&mut work, process.user_rules);
    names::by_kernel(&mut work); // R1, R2, R3, R6
    images::claim(&mut work); // R4, R5
    names::brk_heap(&mut work); // R7
    jvm::by_its_own_tables(&mut work); // R8a
    musl::look_for_it(&mut work);
    threads::claim(&mut work); // R9
    tools::guest(&mut work); // R10
    glibc::arenas(&mut work); // R11
    go::claim(&mut work); // R12
    cages::far(&mut work); // R13, before a chunk is looked for there
    chunks::claim(&mut work); // R14
    cages::near(&mut work); // R13
    jvm::by_shape(&mut work); // R8b, R8c
    stacks::claim(&mut work); // R15
    tools::claim(&mut work); // R16v, R16s
    leftovers::code(&mut work); // R16
    leftovers::loader(&mut work); // R17
    leftovers::heaps(&mut work); // R18
    leftovers::inaccessible(&mut work); // R19
    leftovers::rest(&mut work); // R20
    work.claims.into_pieces()
}

fn label(region_type: RegionType, confidence: Confidence, rule: &str) -> Label {
    Label { region_type, detail: None, confidence, rule: Arc::from(rule) }
}

#[cfg(test)]
mod tests;
