//! Text as people read it: tables, units, clocks, escaping.

pub(crate) mod cell;
pub(crate) mod clock;
pub(crate) mod escape;
pub(crate) mod remark;
pub(crate) mod table;
pub(crate) mod units;
