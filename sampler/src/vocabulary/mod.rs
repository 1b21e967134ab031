//! The region types and their families: one vocabulary on every platform,
//! modelled on vmmap's names.
//!
//! A new type is one line in [`types`]. Types that are not in the list (a
//! user's own, or of a newer version's file) are made with [`RegionType::named`].

pub(crate) mod family;
pub(crate) mod region_type;
pub mod types;

use std::borrow::Cow;

pub use crate::vocabulary::family::Family;
pub use crate::vocabulary::region_type::RegionType;

impl RegionType {
    /// Returns the type of that name in that family, borrowing the name where [`types`] lists it.
    pub fn named(name: &str, family: Family) -> Self {
        types::ALL
            .iter()
            .find(|known| known.name == name && known.family == family)
            .cloned()
            .unwrap_or_else(|| Self { name: Cow::Owned(name.to_owned()), family })
    }

    /// Returns one sentence on memory of this type; `None` for a type vmrec does not know.
    pub fn meaning(&self) -> Option<&'static str> {
        let mut meanings = types::ALL.iter().zip(types::MEANINGS);
        meanings.find(|(known, _)| *known == self).map(|(_, meaning)| meaning.trim_start())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for (index, known) in types::ALL.iter().enumerate() {
            assert!(
                types::ALL[..index].iter().all(|other| other.name() != known.name()),
                "{known}"
            );
            assert_eq!(&RegionType::named(known.name(), known.family()), known);
        }
        for family in Family::ALL {
            assert_eq!(Family::from_name(family.name()), Some(family));
        }
    }

    #[test]
    fn a_type_of_a_newer_file_keeps_its_name_and_family() {
        let newer = RegionType::named("Quantum heap", Family::RuntimeHeap);
        assert_eq!((newer.name(), newer.family()), ("Quantum heap", Family::RuntimeHeap));
    }
}
