//! How many processes of each name there were, of names that processes choose themselves.

use std::collections::BTreeMap;
use vmrec_sampler::sort_by_key;

/// Counts by name, of processes that choose their names themselves.
#[derive(Debug, Default)]
pub(crate) struct NameCounts {
    by_name: BTreeMap<String, u64>,
    others: u64,
}

impl NameCounts {
    /// More names are counted together.
    const MAX_NAMES: usize = 1000;

    pub(crate) fn count(&mut self, name: &str) {
        if let Some(count) = self.by_name.get_mut(name) {
            *count += 1;
        } else if self.by_name.len() < Self::MAX_NAMES {
            self.by_name.insert(name.to_owned(), 1);
        } else {
            self.others += 1;
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.by_name.values().sum::<u64>() + self.others
    }

    /// Returns the names that count most, such as `sh ×8, true ×4, 3 others`. Not escaped.
    pub(crate) fn words(&self, shown: usize) -> String {
        let mut names: Vec<(&String, u64)> =
            self.by_name.iter().map(|(name, count)| (name, *count)).collect();
        sort_by_key(&mut names, |(name, count)| (std::cmp::Reverse(*count), *name));
        let rest = names.iter().skip(shown).map(|(_, count)| count).sum::<u64>() + self.others;
        let mut words: Vec<String> = names
            .iter()
            .take(shown)
            .map(|(name, count)| match count {
                1 => (*name).clone(),
                count => format!("{name} ×{count}"),
            })
            .collect();
        if rest > 0 {
            words.push(format!("{rest} others"));
        }
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded() {
        let mut counts = NameCounts::default();
        (0..2000).for_each(|n| counts.count(&format!("n{n}")));
        ["sh"; 3].into_iter().for_each(|name| counts.count(name));
        ["n5"; 4].into_iter().for_each(|name| counts.count(name));
        assert_eq!(counts.total(), 2007);
        assert_eq!(counts.words(1), "n5 ×5, 2002 others");
        assert_eq!(NameCounts::default().words(3), "");
    }
}
