//! Reads from the kernel of macOS, through Mach, libproc and sysctl.
//! [`crate::darwin`] interprets the answers.

pub(crate) mod allocs;
pub(crate) mod ffi;
pub(crate) mod footprint;
pub(crate) mod heap;
pub(crate) mod passes;
pub(crate) mod process;
pub(crate) mod process_list;
pub(crate) mod program;
pub(crate) mod sampler;
pub(crate) mod stacks;
pub(crate) mod sums;
pub(crate) mod task;
pub(crate) mod totals;
pub(crate) mod watch;
pub(crate) mod zones;

/// The hint for a process that may not be read.
pub const PERMISSION_HINT: &str = "run vmrec as the owner of the process or with sudo;\n\
     a program that you built can be signed with com.apple.security.get-task-allow:\n\
     `codesign -s - -f --entitlements get-task-allow.plist PROGRAM`;\n\
     debuggers need `DevToolsSecurity -enable` and a user of the group _developer;\n\
     programs of the system and hardened ones are closed to everyone while SIP is on, sudo\n\
     or not: `vmrec record` keeps their totals, `vmrec record --via vmmap` lets Apple's own vmmap\n\
     read them";
