//! The labels of types and families on each system.
//!
//! A type or family has one key, which files, SQL and captures keep: the words
//! of vmmap(1). Its label is the word for display, of the system that a
//! recording was made on.

use crate::process::Host;
use crate::vocabulary::{Family, RegionType, types};

/// The system whose words are used as labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// The words of ELF and of Linux.
    Linux,
    /// The words of vmmap(1) on macOS, which are the keys.
    #[default]
    Apple,
}

/// The types that have another word on Linux.
static LINUX_TYPES: [(RegionType, &str); 9] = [
    (types::TEXT, ".text"),
    (types::RODATA, ".rodata"),
    (types::LINKEDIT, "ELF headers + symbols"),
    (types::DATA_CONST, ".data.rel.ro (relro)"),
    (types::DATA, ".data"),
    (types::BSS, ".bss"),
    (types::MALLOC_LARGE, "MALLOC (large)"),
    (types::JSC_HEAP, "JavaScriptCore heap"),
    (types::VM_ALLOCATE, "anonymous (unknown)"),
];

impl Naming {
    /// Returns the naming of the system of `host`.
    pub fn of(host: &Host) -> Self {
        if host.os == "linux" { Self::Linux } else { Self::Apple }
    }

    /// Returns the label of the type with that key in that family.
    pub fn type_label(self, key: &str, family: Family) -> &str {
        if self == Self::Apple {
            return key;
        }
        let own =
            |(known, _): &&(RegionType, &str)| known.name() == key && known.family() == family;
        LINUX_TYPES.iter().find(own).map_or(key, |(_, label)| label)
    }
}

impl RegionType {
    /// Returns the label for display.
    pub fn label(&self, naming: Naming) -> &str {
        naming.type_label(self.name(), self.family())
    }

    /// Returns the known type with that key, or with that label on any system.
    pub fn known_as(text: &str) -> Option<Self> {
        let by_key = types::ALL.iter().find(|known| known.name() == text);
        let by_label = || LINUX_TYPES.iter().find(|(_, label)| *label == text).map(|(of, _)| of);
        by_key.or_else(by_label).cloned()
    }
}

impl Family {
    /// Returns the label for display.
    pub const fn label(self, naming: Naming) -> &'static str {
        match (naming, self) {
            (Naming::Linux, Self::Image) => "program + libraries",
            (Naming::Linux, Self::VmAllocate) => "anonymous",
            (_, family) => family.name(),
        }
    }

    /// Returns the family with that key, or with that label on any system.
    pub fn known_as(text: &str) -> Option<Self> {
        let labelled = |family: &Self| family.label(Naming::Linux) == text;
        Self::from_name(text).or_else(|| Self::ALL.into_iter().find(labelled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_and_label_names_one_type_or_family() {
        for known in types::ALL {
            for naming in [Naming::Linux, Naming::Apple] {
                assert_eq!(RegionType::known_as(known.label(naming)).as_ref(), Some(known));
            }
        }
        for family in Family::ALL {
            for naming in [Naming::Linux, Naming::Apple] {
                assert_eq!(Family::known_as(family.label(naming)), Some(family));
            }
        }
        assert_eq!((RegionType::known_as("x"), Family::known_as("x")), (None, None));
    }

    #[test]
    fn only_linux_has_words_of_its_own() {
        let label = |os: &str| {
            let naming = Naming::of(&Host {
                name: String::new(),
                os: os.to_owned(),
                kernel: String::new(),
                architecture: String::new(),
                page_size_bytes: 4096,
            });
            types::TEXT.label(naming).to_owned()
        };
        assert_eq!((&*label("linux"), &*label("macos")), (".text", "__TEXT"));
    }

    #[test]
    fn a_users_type_keeps_its_name() {
        let own = RegionType::named("__TEXT", Family::RuntimeHeap);
        assert_eq!(own.label(Naming::Linux), "__TEXT");
    }
}
