//! Questions about the rights and the object of a mapping.

use crate::procfs::mapping::Mapping;
use crate::region::Protection;

/// Private memory without a file, perhaps with a name the program gave.
pub(crate) fn is_anonymous(mapping: &Mapping) -> bool {
    !mapping.shared
        && (mapping.object.is_none()
            || (mapping.file().is_none() && mapping.name().starts_with("anon:")))
}

/// Memory nobody may touch.
pub(crate) fn is_none(mapping: &Mapping) -> bool {
    mapping.protection == Protection::NONE
}

/// Memory that may be read and written, perhaps executed too.
pub(crate) fn is_writable(mapping: &Mapping) -> bool {
    mapping.protection.contains(Protection::READ.union(Protection::WRITE))
}

/// Memory that may be executed.
pub(crate) fn is_executable(mapping: &Mapping) -> bool {
    mapping.protection.contains(Protection::EXECUTE)
}
