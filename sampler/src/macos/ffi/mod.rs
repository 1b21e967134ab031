//! The calls into the system, each as a safe function. Nothing is decided here.

pub(crate) mod libproc;
pub(crate) mod mach;
pub(crate) mod sysctl;
pub(crate) mod unix;
