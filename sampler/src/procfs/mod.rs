//! Reads the texts of Linux's `/proc/PID`: pure parsers that never trust them.

pub mod flags;
pub mod header;
pub mod line;
pub mod rollup;
pub mod sizes;
pub mod smaps;
pub mod stat;
pub mod statm;
pub mod status;
mod template;

pub use header::{Header, parse_header};
pub use sizes::{Field, Sizes};
pub use smaps::{BadSmaps, Record, SmapsParser};
pub use stat::{Stat, parse_stat};
pub use statm::{Statm, parse_statm};
pub use status::{Status, parse_status};
