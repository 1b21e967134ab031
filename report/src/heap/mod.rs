//! The heap of a process in words: by class, by size and by region, and malloc's own accounts.

pub(crate) mod accounts;
pub(crate) mod copies;
pub(crate) mod diff;
pub(crate) mod diff_table;
pub(crate) mod document;
pub(crate) mod group;
pub(crate) mod head;
pub(crate) mod leaks;
pub(crate) mod problem;
pub(crate) mod saved;
pub(crate) mod table;
#[cfg(test)]
mod tests;
