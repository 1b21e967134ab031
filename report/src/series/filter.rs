//! The types whose regions a series counts; those of all others are summed up as its rest.

use vmrec_sampler::{Family, Naming, RegionType};

use crate::series::tick::SeriesKey;

/// The family and the name of the sums over all other types, until they are the rest of a series.
pub(crate) const REST: (Family, &str) = (Family::VmAllocate, "\u{0}other types");

/// Some types, and families of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeFilter {
    types: Vec<(Family, String)>,
    families: Vec<Family>,
}

impl TypeFilter {
    /// Finds the types and families with these keys or labels, among all types that vmrec knows and
    /// `there`, those of a recording. Returns the first word that is none of them.
    pub fn find(words: &[String], there: &[SeriesKey], naming: Naming) -> Result<Self, String> {
        let mut found = Self::default();
        for word in words {
            let own = there.iter().find(|key| {
                *key.name == **word || naming.type_label(&key.name, key.family) == word
            });
            match (RegionType::known_as(word), own, Family::known_as(word)) {
                (Some(known), ..) => found.types.push((known.family(), known.name().to_owned())),
                (None, Some(own), _) => found.types.push((own.family, own.name.to_string())),
                (None, None, Some(family)) => found.families.push(family),
                (None, None, None) => return Err(word.clone()),
            }
        }
        Ok(found)
    }

    /// Returns whether regions of a type are counted.
    pub fn has(&self, of: &RegionType) -> bool {
        self.families.contains(&of.family())
            || self.types.iter().any(|(family, name)| *family == of.family() && name == of.name())
    }

    /// Returns the labels of the types and families.
    pub fn labels(&self, naming: Naming) -> Vec<String> {
        let types = self.types.iter().map(|(family, name)| naming.type_label(name, *family));
        let families = self.families.iter().map(|family| family.label(naming));
        types.chain(families).map(str::to_owned).collect()
    }
}

/// Returns the labels that are likest to a word that names nothing: those that have it inside, or that
/// begin alike.
pub fn nearest_types(word: &str, there: &[SeriesKey], naming: Naming) -> Vec<String> {
    const MAX: usize = 4;
    const MIN_ALIKE: usize = 3;
    let plain = |text: &str| text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
    let wanted = plain(word);
    let known =
        vmrec_sampler::types::ALL.iter().map(|of| naming.type_label(of.name(), of.family()));
    let own = there.iter().map(|key| naming.type_label(&key.name, key.family));
    let families = Family::ALL.into_iter().map(|family| family.label(naming));
    let mut ranked: Vec<(usize, &str)> = Vec::new();
    // Those of the recording come first among equals.
    for label in own.chain(known).chain(families) {
        let of = plain(label);
        let alike = of.chars().zip(wanted.chars()).take_while(|(a, b)| a == b).count();
        let inside = !wanted.is_empty() && (of.contains(&wanted) || wanted.contains(&of));
        let rank = alike + if inside { wanted.len() } else { 0 };
        if rank >= MIN_ALIKE && ranked.iter().all(|(_, known)| *known != label) {
            ranked.push((rank, label));
        }
    }
    ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    ranked.into_iter().take(MAX).map(|(_, label)| label.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use vmrec_sampler::types;

    use super::*;

    fn find(words: &[&str]) -> Result<TypeFilter, String> {
        let own = [SeriesKey { family: Family::Malloc, name: "my pool".into() }];
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        TypeFilter::find(&words, &own, Naming::Linux)
    }

    #[test]
    fn types_are_found_by_key_label_or_family() {
        for word in ["__TEXT", ".text"] {
            assert!(find(&[word]).unwrap().has(&types::TEXT), "{word}");
        }
        let both = find(&["V8 heap", "my pool", "stack"]).unwrap();
        let own = RegionType::named("my pool", Family::Malloc);
        assert!(both.has(&types::V8_HEAP) && both.has(&own) && both.has(&types::STACK_THREAD));
        assert!(!both.has(&types::MALLOC_BRK));
        assert_eq!(both.labels(Naming::Linux), ["V8 heap", "my pool", "stack"]);
        assert_eq!(find(&["V8 heap", "V9 heap"]), Err("V9 heap".to_owned()));
    }

    #[test]
    fn likest_labels_are_offered_those_of_the_recording_first() {
        let own = [SeriesKey { family: Family::Malloc, name: "my pool".into() }];
        let nearest = |word: &str| nearest_types(word, &own, Naming::Linux);
        assert_eq!(nearest("mypool")[0], "my pool");
        assert!(nearest("v8heap").contains(&"V8 heap".to_owned()), "{:?}", nearest("v8heap"));
        assert!(nearest("malloc").iter().all(|label| label.to_lowercase().contains("malloc")));
        assert!(nearest("zzz").is_empty());
    }
}
