//! Sessions: the recordings that one run of the recorder made, of several processes.

pub(crate) mod diff;
pub(crate) mod finding;
pub(crate) mod list;
pub(crate) mod overview;
pub(crate) mod series;
pub(crate) mod sizes;
pub(crate) mod table;
