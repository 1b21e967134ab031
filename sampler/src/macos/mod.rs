//! Reads from the kernel of macOS, through Mach, libproc and sysctl.
//! [`crate::darwin`] interprets the answers.

pub(crate) mod ffi;
pub(crate) mod process;
pub(crate) mod process_list;
pub(crate) mod sampler;
pub(crate) mod sums;
pub(crate) mod task;
pub(crate) mod watch;

/// The hint for a process that may not be read.
pub const PERMISSION_HINT: &str = "run vmrec as the owner of the process or with sudo;\n\
     a program that you built can be signed with the entitlement com.apple.security.get-task-allow;\n\
     programs of the system itself are closed to everyone while SIP is on";
