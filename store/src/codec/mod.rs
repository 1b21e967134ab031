//! The byte formats of frames, chunks, evidence and stacks, without SQL.

pub(crate) mod blocks;
pub(crate) mod chunk;
pub(crate) mod crc32;
pub(crate) mod evidence;
pub(crate) mod frame;
pub(crate) mod live_stacks;
pub(crate) mod number;
pub(crate) mod range_coder;
pub(crate) mod region_change;
pub(crate) mod region_state;
pub(crate) mod spread;
pub(crate) mod table_diff;
pub(crate) mod varint;
