//! Maintenance of whole files: backup, verification, repair.

pub(crate) mod backup;
pub(crate) mod repair;
pub(crate) mod verify;
