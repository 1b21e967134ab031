//! The calls into the system, each as a safe function. Nothing is decided here.

pub(super) mod libproc;
pub(super) mod mach;
pub(super) mod sysctl;
pub(super) mod unix;
