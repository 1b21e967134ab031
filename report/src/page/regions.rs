//! The regions of some samples as a page holds them: each region once, with its values in each.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;
use vmrec_sampler::{Identity, Naming, Region, RegionType, Snapshot};

use crate::diff::group::ObjectKey;
use crate::metric::{Metric, Unit};
use crate::page::numbers;
use crate::page::plan::PAGE_METRICS;
use crate::text::escape;

/// Regions of some samples. Lists with an entry for each region are in the order of addresses.
#[derive(Serialize)]
pub(crate) struct RegionTable {
    /// The samples, by their indexes among those of the page.
    columns: Vec<usize>,
    /// The owners of regions: type, name, path if it is a file. Regions of one owner and place
    /// are the same memory.
    owners: Vec<(usize, String, Option<String>)>,
    /// For each class its owner: regions of one class may be the same memory where addresses overlap.
    classes: Vec<usize>,
    unit: u64,
    /// For each region: its class.
    class: Vec<usize>,
    /// Its first address, less that of the region before.
    start: Vec<Option<i128>>,
    /// Its virtual size.
    size: Vec<u64>,
    /// Its rights.
    protection: Vec<u8>,
    /// For each sample: the regions it has, each index less the one before.
    members: Vec<Vec<i128>>,
    /// For each metric that is measured, and each sample, the values of its regions, less those
    /// they had when they were seen last.
    values: Vec<MeasuredValues>,
}

/// The values of a metric.
#[derive(Serialize)]
struct MeasuredValues {
    metric: String,
    unit: u64,
    samples: Vec<Vec<Option<i128>>>,
}

/// Properties that two regions share if they may be the same memory.
type Class<'a> = (usize, Option<(&'a str, (u32, u32), u64)>);

impl RegionTable {
    /// Lists the regions of `snapshots`, each of which has the index of its sample among those of
    /// the page; `type_index` returns that of a type.
    pub(crate) fn of(
        snapshots: &[(usize, &Snapshot)],
        naming: Naming,
        mut type_index: impl FnMut(&RegionType) -> usize,
    ) -> Self {
        let all = || snapshots.iter().flat_map(|(_, snapshot)| &snapshot.regions);
        let mut index_of: BTreeMap<&Arc<Identity>, usize> =
            all().map(|region| (&region.identity, 0)).collect();
        for (index, slot) in index_of.values_mut().enumerate() {
            *slot = index;
        }
        let mut first: Vec<Option<&Region>> = vec![None; index_of.len()];
        for region in all() {
            first[index_of[&region.identity]] = Some(region);
        }
        let (mut owners, mut classes) = (Vec::new(), Vec::new());
        let mut owner_of: HashMap<(RegionType, ObjectKey), usize> = HashMap::new();
        let mut class_of: HashMap<Class<'_>, usize> = HashMap::new();
        let mut class = Vec::with_capacity(first.len());
        for region in first.into_iter().flatten() {
            let region_type = &region.identity.label.region_type;
            let key = ObjectKey::of(region);
            let owner = *owner_of.entry((region_type.clone(), key.clone())).or_insert_with(|| {
                let name = escape::terminal(&key.name(naming)).into_owned();
                let path = key.path().map(|path| escape::terminal(path).into_owned());
                owners.push((type_index(region_type), name, path));
                owners.len() - 1
            });
            let object = region.identity.object.as_ref();
            let object = object.map(|object| (&*object.name, object.device, object.inode));
            class.push(*class_of.entry((owner, object)).or_insert_with(|| {
                classes.push(owner);
                classes.len() - 1
            }));
        }
        let identities = || index_of.keys();
        let addresses = || identities().map(|identity| identity.range.start);
        let sizes = || identities().map(|identity| identity.range.virtual_bytes());
        let unit = numbers::unit(addresses().chain(sizes()));
        let members = |snapshot: &Snapshot| {
            let mut before = 0;
            let index = |region: &Region| index_of[&region.identity] as u64;
            snapshot
                .regions
                .iter()
                .map(|region| numbers::step(&mut before, index(region), 1))
                .collect()
        };
        let measured = PAGE_METRICS
            .into_iter()
            .filter(|metric| *metric != Metric::Virtual && metric.unit() == Unit::Bytes);
        Self {
            columns: snapshots.iter().map(|(column, _)| *column).collect(),
            owners,
            classes,
            unit,
            class,
            start: numbers::deltas(addresses().map(Some), unit),
            size: sizes().map(|bytes| bytes / unit).collect(),
            protection: identities().map(|identity| identity.protection.bits()).collect(),
            members: snapshots.iter().map(|(_, snapshot)| members(snapshot)).collect(),
            values: measured.map(|metric| values(metric, snapshots, &index_of)).collect(),
        }
    }
}

fn values(
    metric: Metric,
    snapshots: &[(usize, &Snapshot)],
    index_of: &BTreeMap<&Arc<Identity>, usize>,
) -> MeasuredValues {
    let all = snapshots.iter().flat_map(|(_, snapshot)| &snapshot.regions);
    let unit = numbers::unit(all.filter_map(|region| metric.of(region)));
    let mut before = vec![0; index_of.len()];
    let mut of_snapshot = |snapshot: &Snapshot| -> Vec<Option<i128>> {
        let value = |region: &Region| {
            let before = &mut before[index_of[&region.identity]];
            Some(numbers::step(before, metric.of(region)?, unit))
        };
        snapshot.regions.iter().map(value).collect()
    };
    let samples = snapshots.iter().map(|(_, snapshot)| of_snapshot(snapshot)).collect();
    MeasuredValues { metric: metric.name(), unit, samples }
}
