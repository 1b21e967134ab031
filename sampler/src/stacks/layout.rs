//! The memory that the shim and the recorder share: a header, a table of the sampled blocks that are
//! allocated, and a ring of records. Both compile this file.
//!
//! A record is a row of words: its header, which is written last, those of an event, and the bytes of
//! the stack. The reader leaves zeros behind, so that a header of 0 is a record still being written.

/// The first word, which names the version of all this.
pub(crate) const MAGIC: u64 = 0x7631_616c_6c6f_6373;
/// The variable that the shim is configured by: `RECORDER-PID FLAGS MEAN SOCKET-NAME`.
pub(crate) const VARIABLE: &str = "VMREC_ALLOCS";
/// The flag of the variable: processes that the command starts are recorded too.
pub(crate) const WITH_CHILDREN: u64 = 1;

/// Words of the header, by their index.
pub(crate) const HEAD: usize = 1;
pub(crate) const TAIL: usize = 2;
/// Samples that found no room.
pub(crate) const LOST: usize = 3;
/// Ends of sampled blocks that found no room in the ring.
pub(crate) const LOST_FREES: usize = 4;

/// The bytes of the header, of the table and of the ring.
pub(crate) const HEADER_BYTES: usize = 4096;
pub(crate) const SLOTS: usize = 1 << 16;
pub(crate) const TABLE_BYTES: usize = SLOTS * 16;
pub(crate) const RING_BYTES: usize = 4 << 20;
pub(crate) const ALL_BYTES: usize = HEADER_BYTES + TABLE_BYTES + RING_BYTES;

/// The address in a slot whose block is just being allocated or moved.
pub(crate) const HELD: u64 = 1;

/// The words of a record before the stack's bytes.
pub(crate) const EVENT_WORDS: usize = 9;
/// The maximum bytes of a stack.
pub(crate) const MAX_STACK_BYTES: usize = 16 << 10;

/// Kinds of records, in the upper half of their header; the lower half is their bytes.
pub(crate) const ALLOCATED: u64 = 1;
pub(crate) const FREED: u64 = 2;
/// Fills the end of the ring.
pub(crate) const PADDING: u64 = 3;
