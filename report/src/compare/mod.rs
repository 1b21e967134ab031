//! Two sides, before and after, each of one or more runs: which memory differs, and whether more
//! than runs of one side do.
//!
//! [`run`] holds a run and its figures, `series::objects::named` names objects that two processes
//! share, [`sides`] holds the runs of both sides, [`figures`] compares, [`words`] states the outcome,
//! and the other files write it down. Nothing is
//! matched by address, which differs in each process.

pub(crate) mod document;
pub(crate) mod figures;
pub(crate) mod picture;
pub(crate) mod run;
pub(crate) mod sides;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod words;

use crate::compare::figures::{FigureRows, Row};
use crate::compare::sides::Sides;

/// The outcome of comparing two sides.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// The sides.
    pub sides: &'a Sides,
    /// The highest sample, the last one, and growth per minute.
    pub figures: Vec<FigureRows>,
}

impl<'a> Comparison<'a> {
    /// Compares two sides.
    pub fn of(sides: &'a Sides) -> Self {
        Self { sides, figures: figures::of(sides) }
    }

    /// Returns whether the total of the highest sample is known on both sides.
    pub fn is_known(&self) -> bool {
        let known = |row: &Row| row.before.median.is_some() && row.after.median.is_some();
        self.figures.first().is_some_and(|figure| known(&figure.total))
    }
}
