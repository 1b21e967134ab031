//! Asks the kernel of macOS, through Mach, libproc and sysctl. What the answers
//! mean is decided in [`crate::darwin`].

mod ffi;
mod process;
mod sampler;
mod sums;
mod task;
mod watch;

pub use ffi::unix::{now, send_signal};
pub use process::{host, process_info, processes};
pub use sampler::Sampler;
pub use sums::system_sums;
pub use watch::ExitWatch;

/// What to do about a process that may not be read.
pub const PERMISSION_HINT: &str = "run vmrec as the owner of the process or with sudo;\n\
     a program that you built can be signed with the entitlement com.apple.security.get-task-allow;\n\
     programs of the system itself are closed to everyone while SIP is on";
