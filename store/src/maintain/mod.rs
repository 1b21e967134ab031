//! Maintenance of whole files: backup, verification, repair, previews of pruning.

pub(crate) mod backup;
pub(crate) mod prune_preview;
pub(crate) mod repair;
pub(crate) mod verify;
