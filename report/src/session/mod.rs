//! Sessions: the recordings that one run of the recorder made, of several processes.

pub(crate) mod diff;
pub(crate) mod list;
pub(crate) mod sizes;
pub(crate) mod table;
