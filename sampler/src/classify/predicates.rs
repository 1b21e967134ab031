//! Predicates on the rights and the object of a mapping.

use crate::procfs::mapping::Mapping;
use crate::region::Protection;

/// Private memory without a file, perhaps with a name from the program.
pub(crate) fn is_anonymous(mapping: &Mapping) -> bool {
    !mapping.shared
        && (mapping.object.is_none()
            || (mapping.file().is_none() && mapping.name().starts_with("anon:")))
}

/// Inaccessible memory.
pub(crate) fn is_none(mapping: &Mapping) -> bool {
    mapping.protection == Protection::NONE
}

/// Readable and writable memory, perhaps executable too.
pub(crate) fn is_writable(mapping: &Mapping) -> bool {
    mapping.protection.contains(Protection::READ.union(Protection::WRITE))
}

/// Executable memory.
pub(crate) fn is_executable(mapping: &Mapping) -> bool {
    mapping.protection.contains(Protection::EXECUTE)
}
