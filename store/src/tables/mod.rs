//! Writes and reads the rows of each table.

pub(crate) mod chunk;
pub(crate) mod chunk_group;
pub(crate) mod evidence;
pub(crate) mod identity_cache;
pub(crate) mod images;
pub(crate) mod interner;
pub(crate) mod latest;
pub(crate) mod live_stacks;
pub(crate) mod numbered;
pub(crate) mod recording;
pub(crate) mod region_kind;
pub(crate) mod region_type;
pub(crate) mod rollup_row;
pub(crate) mod sample;
pub(crate) mod session;
pub(crate) mod text_cache;
