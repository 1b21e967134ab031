//! Sessions: the recordings that one run of the recorder made, of several processes.

pub(crate) mod sizes;
