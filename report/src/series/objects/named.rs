//! Sums of some objects by their names over time, from those by kind of region: no sums by object
//! are stored.
//!
//! Names are those that all runs of a program share, so addresses, folders and the process's number
//! have no part in them; `*` in a name stands for any text.

use std::collections::BTreeSet;
use std::sync::Arc;

use vmrec_sampler::Family;
use vmrec_store::{KindSums, KindsBlock, Measure, Run, Runs};

use crate::metric::Metric;
use crate::series::Series;
use crate::series::builder::{KeyedSums, SeriesBuilder};
use crate::series::by::By;
use crate::series::objects::owner::ObjectOwner;
use crate::series::tick::{SeriesTick, missed};

/// The number of names of objects to remember.
const MAX_SEEN: usize = 10_000;

/// Sums the regions of named objects.
#[derive(Debug)]
pub struct NamedObjects {
    builder: SeriesBuilder,
    measures: Vec<Measure>,
    owner: ObjectOwner,
    names: Vec<String>,
    ticks: Vec<SeriesTick>,
    missed: u64,
    /// For each name, a column for each measure.
    columns: Vec<Vec<Runs>>,
    seen: BTreeSet<Arc<str>>,
}

/// Sums of named objects, and the names of all objects there were.
#[derive(Clone, Debug, Default)]
pub struct ObjectSeries {
    /// A series for each metric, with a key for each name that an object has.
    pub(crate) series: Vec<Series>,
    /// The names of objects.
    pub(crate) seen: BTreeSet<Arc<str>>,
}

impl NamedObjects {
    /// Creates the sums of these metrics over the objects of a process that have these names.
    pub fn new(
        metrics: &[Metric],
        names: Vec<String>,
        owner: ObjectOwner,
        interval_ns: u64,
    ) -> Self {
        let builder = SeriesBuilder::new(metrics, By::Object, interval_ns);
        let measures = builder.measures().to_vec();
        let columns = vec![vec![Runs::default(); measures.len()]; names.len()];
        Self {
            builder,
            measures,
            owner,
            names,
            ticks: Vec::new(),
            missed: 0,
            columns,
            seen: BTreeSet::new(),
        }
    }

    /// Returns which columns the blocks must have, in this order.
    pub fn measures(&self) -> &[Measure] {
        &self.measures
    }

    /// Adds the samples of a block with columns of [`NamedObjects::measures`].
    pub fn push(&mut self, block: &KindsBlock) {
        self.missed = self.missed.saturating_add(missed(&block.ticks));
        self.ticks.extend(block.ticks.iter().map(SeriesTick::of));
        let snapshots = block.ticks.iter().filter(|tick| tick.has_regions()).count();
        let nothing: Runs = std::iter::repeat_n(Some(0), snapshots).collect();
        let mut sums = vec![vec![nothing; self.measures.len()]; self.names.len()];
        for KindSums { kind, columns } in &block.kinds {
            let name = self.owner.key_of(kind).name;
            let wanted = self.names.iter().zip(&mut sums);
            for (_, sums) in wanted.filter(|(wanted, _)| is_named(&name, wanted)) {
                sums.iter_mut().zip(columns).for_each(|(sum, more)| *sum = sum.sum(more));
            }
            if self.seen.len() < MAX_SEEN {
                self.seen.insert(name);
            }
        }
        for (columns, sums) in self.columns.iter_mut().zip(sums) {
            for (column, sum) in columns.iter_mut().zip(&sums) {
                sum.iter().for_each(|Run { value, times }| column.push(value, times));
            }
        }
    }

    /// Returns the series.
    pub fn finish(mut self) -> ObjectSeries {
        let sums = self.names.iter().zip(&self.columns).map(|(name, columns)| KeyedSums {
            family: Family::Image,
            name,
            merged: 1,
            columns,
        });
        self.builder.add_missed(self.missed);
        self.builder.add_keyed(self.ticks.iter().copied(), sums);
        ObjectSeries { series: self.builder.finish(), seen: self.seen }
    }
}

/// Returns whether `name` is the one that `wanted` names, in which `*` stands for any text.
fn is_named(name: &str, wanted: &str) -> bool {
    let Some((begin, rest)) = wanted.split_once('*') else { return name == wanted };
    let Some(mut name) = name.strip_prefix(begin) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = name.find(part) else { return false };
        name = &name[at + part.len()..];
    }
    name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vmrec_sampler::{Quantity, Region, RegionType, types};

    use super::*;
    use crate::fixture;

    #[test]
    fn a_star_stands_for_any_text() {
        for wanted in ["libc.so.6", "*", "lib*", "*.so.6", "lib*.so*", "l*b*c*.6", "**", "libc*"] {
            assert!(is_named("libc.so.6", wanted), "{wanted}");
        }
        for wanted in ["", "libc", "libm*", "*.so", "lib*x*.6", "libc.so.6*6", "*libc.so.6.*"] {
            assert!(!is_named("libc.so.6", wanted), "{wanted}");
        }
    }

    proptest! {
        #[test]
        fn a_name_cut_anywhere_is_found(
            parts in prop::collection::vec("[ab.é]{0,4}", 1..5),
            between in prop::collection::vec("[ab.é*]{0,4}", 4),
        ) {
            let mut name = parts[0].clone();
            for (part, between) in parts[1..].iter().zip(&between) {
                name = name + between + part;
            }
            prop_assert!(is_named(&name, &parts.join("*")), "{name}");
        }
    }

    fn sample(
        at: u64,
        regions: &[(u64, RegionType, Option<&str>, u64)],
    ) -> (u64, Option<Vec<Region>>) {
        let region = |(start, of, object, resident): &(u64, RegionType, Option<&str>, u64)| {
            let range = *start..*start + 0x1_0000;
            fixture::region(range, of.clone(), *object, &[(Quantity::Resident, *resident)])
        };
        (at, Some(regions.iter().map(region).collect()))
    }

    #[test]
    fn sums_are_those_of_the_object_wherever_it_lies() {
        let owner = ObjectOwner { executable: Some("/opt/a/server".into()), ..Default::default() };
        let names = ["cache.bin", "lib*.so", "(program)", "none"].map(str::to_owned).to_vec();
        let mut sums = NamedObjects::new(&[Metric::RESIDENT], names, owner, 1_000_000_000);
        let (file, text) = (types::MAPPED_FILE, types::TEXT);
        let samples = [
            sample(
                0,
                &[
                    (0x10_0000, file.clone(), Some("/a/cache.bin"), 4096),
                    (0x20_0000, text.clone(), Some("/lib/liba.so"), 8192),
                    (0x30_0000, text.clone(), Some("/opt/a/server"), 12_288),
                ],
            ),
            sample(
                1,
                &[
                    (0x90_0000, file.clone(), Some("/b/cache.bin"), 40_960),
                    (0xa0_0000, file, Some("/b/cache.bin"), 4096),
                    (0x20_0000, text.clone(), Some("/lib/liba.so"), 8192),
                    (0x50_0000, text, Some("/lib/libb.so"), 4096),
                ],
            ),
        ];
        sums.push(&fixture::kinds_block(&samples, sums.measures()));
        let found = sums.finish();
        let values = |name: &str| {
            let key = found.series[0].keys.iter().find(|key| &*key.key.name == name);
            key.map(|key| key.values.iter().map(Option::unwrap).collect::<Vec<_>>())
        };
        assert_eq!(values("cache.bin"), Some(vec![4096, 45_056]));
        assert_eq!(values("lib*.so"), Some(vec![8192, 12_288]));
        assert_eq!(values("(program)"), Some(vec![12_288, 0]));
        assert_eq!(values("none"), None);
        assert!(found.seen.contains("libb.so") && found.seen.len() == 4, "{:?}", found.seen);
    }
}
