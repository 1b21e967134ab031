//! Asks the Linux kernel, through `/proc` and a few system calls.

pub mod facts;
mod files;
mod process;
mod sampler;
mod sums;
mod system;
mod watch;

pub use process::{host, process_info, processes};
pub use sampler::Sampler;
pub use sums::system_sums;
pub use system::{now, send_signal};
pub use watch::ExitWatch;

/// Where the kernel shows its processes.
const PROC: &str = "/proc";

/// What to do about a process that may not be read.
pub const PERMISSION_HINT: &str = "run vmrec as the owner of the process or with sudo,\n\
     or give it the rights: sudo setcap cap_sys_ptrace,cap_dac_read_search=ep \"$(which vmrec)\"";
