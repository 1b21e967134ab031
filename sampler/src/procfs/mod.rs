//! Reads the texts of Linux's `/proc/PID`: pure parsers that never trust them.

pub(crate) mod cgroup;
pub(crate) mod consistency;
pub(crate) mod flags;
pub(crate) mod header;
pub(crate) mod line;
pub(crate) mod mapping;
pub(crate) mod pagemap;
pub(crate) mod rollup;
pub(crate) mod share_mode;
pub(crate) mod sizes;
pub(crate) mod smaps;
pub(crate) mod stat;
pub(crate) mod statm;
pub(crate) mod status;
pub(crate) mod template;
