//! The figures of a live view: each type now, since a base, of late, and where its memory lies.
//!
//! All is derived from series by type, at one tick of them; no figure is kept from view to view.
//! How it is drawn is no matter of this module.

pub(crate) mod columns;
pub(crate) mod rows;

#[cfg(test)]
mod fixture;
