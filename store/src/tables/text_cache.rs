//! Shares texts that many rows have.

use std::collections::HashSet;
use std::sync::Arc;

use vmrec_sampler::{Family, RegionType};

/// The number of texts found without hashing.
const NEAR: usize = 64;

/// Texts and types that many regions have.
#[derive(Debug, Default)]
pub(crate) struct Words {
    all: HashSet<Arc<str>>,
    /// The last text of each [`slot`]: most rows repeat those of rows before.
    near: Vec<Option<Arc<str>>>,
    /// The last type.
    region_type: Option<RegionType>,
}

impl Words {
    /// Returns `text`, shared with earlier callers.
    pub(crate) fn shared(&mut self, text: &str) -> Arc<str> {
        self.near.resize(NEAR, None);
        let near = &mut self.near[slot(text)];
        if let Some(known) = near.as_ref().filter(|known| &***known == text) {
            return Arc::clone(known);
        }
        let word = match self.all.get(text) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<str> = text.into();
                self.all.insert(Arc::clone(&new));
                new
            }
        };
        *near = Some(Arc::clone(&word));
        word
    }

    /// Returns the type of that name in that family.
    pub(crate) fn region_type(&mut self, name: &str, family: Family) -> RegionType {
        let same = |known: &&RegionType| known.name() == name && known.family() == family;
        if let Some(known) = self.region_type.as_ref().filter(same) {
            return known.clone();
        }
        let named = RegionType::named(name, family);
        self.region_type = Some(named.clone());
        named
    }
}

/// Returns an index below [`NEAR`], different for most different texts.
fn slot(text: &str) -> usize {
    let end = text.as_bytes().last_chunk().map_or(0, |end| u32::from_le_bytes(*end));
    let mixed = (end ^ (text.len() as u32) << 3).wrapping_mul(0x9e37_79b1);
    (mixed >> (u32::BITS - NEAR.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_shared_across_other_lookups() {
        let mut words = Words::default();
        let texts: Vec<String> = (0..NEAR * 8).map(|number| format!("word {number}")).collect();
        let first: Vec<Arc<str>> = texts.iter().map(|text| words.shared(text)).collect();
        for (text, first) in texts.iter().zip(&first).rev() {
            let again = words.shared(text);
            assert_eq!(&*again, text);
            assert!(Arc::ptr_eq(&again, first));
        }
        assert_eq!(&*words.shared(""), "");
    }

    #[test]
    fn types_of_one_name_in_two_families_are_two() {
        let mut words = Words::default();
        for family in [Family::Image, Family::Image, Family::Malloc] {
            assert_eq!(words.region_type("own", family), RegionType::named("own", family));
        }
    }
}
