//! Reads from the Linux kernel, through `/proc` and a few system calls.

pub(crate) mod allocs;
pub(crate) mod capabilities;
pub(crate) mod executable;
pub(crate) mod facts;
pub(crate) mod files;
pub(crate) mod heap;
pub(crate) mod mounts;
pub(crate) mod own_code;
pub(crate) mod perf_map_file;
pub(crate) mod process;
pub(crate) mod process_list;
pub(crate) mod sampler;
pub(crate) mod stacks;
pub(crate) mod stop;
pub(crate) mod sums;
pub(crate) mod surroundings;
pub(crate) mod system;
pub(crate) mod target_memory;
pub(crate) mod watch;
