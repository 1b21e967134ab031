//! The system calls, each as a safe function, without decisions.

pub(crate) mod libproc;
pub(crate) mod mach;
pub(crate) mod stop;
pub(crate) mod sysctl;
pub(crate) mod unix;
pub(crate) mod zones;
