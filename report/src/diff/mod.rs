//! Changes between two snapshots of one process.
//!
//! Every region of either snapshot is counted exactly once, so that the rows
//! of each view, with what was left out as unchanged, add up to the total.

pub(crate) mod group;
pub(crate) mod libraries;
pub(crate) mod matching;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use vmrec_sampler::{
    AddressRange, Detail, Family, Object, ProcessTotals, Protection, RegionType, ShareMode,
    Snapshot, types,
};

use crate::amounts::{Amounts, Change, Delta};
use crate::diff::group::{GroupChange, Grouping, ObjectKey, sort_rows};
use crate::diff::libraries::Libraries;
use crate::diff::matching::{Entry, Matched};
use crate::metric::Metric;

/// The changes between two snapshots. Rows are sorted, large movers first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// The regions that changed.
    pub regions: Vec<RegionRow>,
    /// The number of rows of regions left out as unchanged.
    pub unchanged_rows: u64,
    /// The sum of those, the same at both times.
    pub unchanged: Amounts,
    /// Every family present at either time.
    pub families: Vec<GroupChange<Family>>,
    /// Every type present at either time.
    pub types: Vec<GroupChange<RegionType>>,
    /// Every object present at either time.
    pub objects: Vec<GroupChange<ObjectKey>>,
    /// The sum over all regions.
    pub total: Change,
    /// The kernel's totals of the process.
    pub process: ProcessChange,
    /// Process totals beyond the sum of its regions.
    pub unattributed: Unattributed,
    /// The libraries that came and went; `None` if those of either snapshot are unknown.
    pub libraries: Option<Libraries>,
    /// The metric the rows are sorted by.
    pub sorted_by: Metric,
}

/// One region, or several that are the same memory, at both times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionRow {
    /// The kind of change.
    pub kind: ChangeKind,
    /// Its type.
    pub region_type: RegionType,
    /// The object behind it.
    pub object: Option<Arc<Object>>,
    /// The detail that distinguishes it from others of its type.
    pub detail: Option<Detail>,
    /// Its state at the first time, unless it is new.
    pub from_state: Option<RegionState>,
    /// Its state at the second time, unless it is gone.
    pub to_state: Option<RegionState>,
    /// Its sums at both times.
    pub change: Change,
}

/// Where one region lies, or several that are the same memory, and what may be done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionState {
    /// From its first address to its last.
    pub range: AddressRange,
    /// The rights of its first region.
    pub protection: Protection,
    /// The maximum rights of its first region, where known.
    pub max_protection: Option<Protection>,
    /// How its first region is shared, where that is known.
    pub share_mode: Option<ShareMode>,
}

impl RegionRow {
    /// Returns where it lies, or lay if it is gone.
    pub fn range(&self) -> AddressRange {
        self.to_state.or(self.from_state).map_or(AddressRange::new(0, 0), |state| state.range)
    }

    /// Returns the path or name of what lies behind it, if that has one.
    pub fn object_name(&self) -> Option<&str> {
        self.object.as_ref().map(|object| &*object.name)
    }
}

/// The kind of change of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// It was not there at the first time.
    New,
    /// It is not there at the second time.
    Gone,
    /// Its virtual size grew.
    Grown,
    /// Its virtual size shrank.
    Shrunk,
    /// Its virtual size stayed; a quantity, its place or its rights changed.
    Changed,
}

impl ChangeKind {
    /// Returns the word shown to users.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gone => "gone",
            Self::Grown => "grown",
            Self::Shrunk => "shrunk",
            Self::Changed => "changed",
        }
    }
}

/// The kernel's totals of a process at two times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessChange {
    /// The virtual size.
    pub virtual_bytes: Delta,
    /// The resident size.
    pub resident_bytes: Delta,
    /// The bytes swapped out.
    pub swapped_bytes: Delta,
    /// The bytes that the process alone is charged for.
    pub footprint_bytes: Delta,
}

impl ProcessChange {
    fn of(from: &Snapshot, to: &Snapshot) -> Self {
        let [from, to] = [&from.totals, &to.totals];
        let delta = |at: fn(&ProcessTotals) -> Option<u64>| Delta { from: at(from), to: at(to) };
        Self {
            virtual_bytes: delta(|totals| totals.virtual_bytes),
            resident_bytes: delta(|totals| totals.resident_bytes),
            swapped_bytes: delta(|totals| totals.swapped_bytes),
            footprint_bytes: delta(|totals| totals.footprint_bytes),
        }
    }

    /// Returns each total with its name.
    pub(crate) const fn named(&self) -> [(&'static str, Delta); 4] {
        [
            ("footprint", self.footprint_bytes),
            ("resident size", self.resident_bytes),
            ("virtual size", self.virtual_bytes),
            ("swapped out", self.swapped_bytes),
        ]
    }
}

/// Process totals less the sum over regions; negative if regions hold more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unattributed {
    /// Of the virtual size, without `vsyscall`, which the kernel does not count.
    pub virtual_bytes: Residual,
    /// Of the resident size.
    pub resident_bytes: Residual,
    /// Of what was swapped out.
    pub swapped_bytes: Residual,
}

impl Unattributed {
    /// Returns the residual of `metric`, for which the kernel gives a process total.
    pub fn get(&self, metric: Metric) -> Option<Residual> {
        use vmrec_sampler::Quantity::{Resident, Swapped};
        match metric {
            Metric::Virtual => Some(self.virtual_bytes),
            Metric::Measured(Resident) => Some(self.resident_bytes),
            Metric::Measured(Swapped) => Some(self.swapped_bytes),
            Metric::Measured(_)
            | Metric::Footprint
            | Metric::Own
            | Metric::Regions
            | Metric::Live => None,
        }
    }
}

/// A signed number of bytes at two times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residual {
    /// At the first time; `None` is unknown.
    pub from: Option<i128>,
    /// At the second time; `None` is unknown.
    pub to: Option<i128>,
}

impl Residual {
    /// Returns `to` − `from`, unknown if either is.
    pub fn delta(self) -> Option<i128> {
        Some(self.to? - self.from?)
    }
}

impl Diff {
    /// Returns whether the regions of either snapshot are unknown, so that only totals are compared.
    pub fn is_unread(&self) -> bool {
        self.total.from.is_unread() || self.total.to.is_unread()
    }

    /// Sorts the rows of every view by how far `metric` moved.
    pub fn sort_by(&mut self, metric: Metric) {
        self.sorted_by = metric;
        self.regions.sort_by(|a, b| {
            a.change
                .largest_first(&b.change, metric)
                .then_with(|| a.range().cmp(&b.range()))
                .then_with(|| a.region_type.cmp(&b.region_type))
                .then_with(|| a.object.cmp(&b.object))
        });
        sort_rows(&mut self.families, metric);
        sort_rows(&mut self.types, metric);
        sort_rows(&mut self.objects, metric);
    }
}

/// Compares two snapshots of one process, in either order; rows are sorted by resident size. There are
/// none if the regions of either are unknown.
pub fn diff(from: &Snapshot, to: &Snapshot) -> Diff {
    if [from, to].iter().any(|snapshot| snapshot.consistency.totals_alone().is_some()) {
        return without_regions(from, to);
    }
    let matched = Matched::of(from, to);
    let mut regions = Vec::new();
    let mut unchanged_rows = 0;
    let mut unchanged = Amounts::default();
    let mut total = Change::default();
    let (mut types, mut objects) = (Grouping::new(), Grouping::new());
    for entries in matched.groups() {
        let mut change = Change::default();
        entries.iter().for_each(|entry| change.add(entry.region, entry.later));
        total.merge(&change);
        let Some((first, others)) = entries.split_first() else { continue };
        // All of a group are of one type, though not always of one object.
        let region_type = &first.region.identity.label.region_type;
        types.of(region_type.clone()).merge(&change);
        let key = ObjectKey::of(first.region);
        let same = |other: &Entry<'_>| {
            Arc::ptr_eq(&first.region.identity, &other.region.identity)
                || ObjectKey::of(other.region) == key
        };
        if others.iter().all(same) {
            objects.of(key).merge(&change);
        } else {
            for entry in entries {
                objects.of(ObjectKey::of(entry.region)).add(entry.region, entry.later);
            }
        }
        if change.from == change.to && stayed(entries) {
            unchanged_rows += 1;
            unchanged.merge(&change.to);
        } else {
            regions.extend(row(entries, change));
        }
    }
    let types = types.into_rows();
    let mut families = Grouping::new();
    types.iter().for_each(|row| families.of(row.key.family()).merge(&row.change));
    let mut diff = Diff {
        regions,
        unchanged_rows,
        unchanged,
        families: families.into_rows(),
        types,
        objects: objects.into_rows(),
        total,
        process: ProcessChange::of(from, to),
        unattributed: unattributed(from, to, &total),
        libraries: Libraries::of_regions(from, to),
        sorted_by: Metric::RESIDENT,
    };
    diff.sort_by(Metric::RESIDENT);
    diff
}

/// Compares the totals of two snapshots, the regions of one of which are unknown.
fn without_regions(from: &Snapshot, to: &Snapshot) -> Diff {
    let total = Change { from: Amounts::of(from), to: Amounts::of(to) };
    Diff {
        regions: Vec::new(),
        unchanged_rows: 0,
        unchanged: Amounts::default(),
        families: Vec::new(),
        types: Vec::new(),
        objects: Vec::new(),
        total,
        process: ProcessChange::of(from, to),
        unattributed: unattributed(from, to, &total),
        libraries: Libraries::of_regions(from, to),
        sorted_by: Metric::RESIDENT,
    }
}

/// Returns whether every region lies where it did, with the rights it had.
fn stayed(entries: &[Entry<'_>]) -> bool {
    let side = |later| {
        entries.iter().filter(move |entry| entry.later == later).map(|entry| {
            let identity = &entry.region.identity;
            (identity.range, identity.protection)
        })
    };
    side(false).eq(side(true))
}

fn row(entries: &[Entry<'_>], change: Change) -> Option<RegionRow> {
    let kind = match (change.from.regions, change.to.regions) {
        (0, _) => ChangeKind::New,
        (_, 0) => ChangeKind::Gone,
        _ => match change.to.virtual_bytes.cmp(&change.from.virtual_bytes) {
            std::cmp::Ordering::Greater => ChangeKind::Grown,
            std::cmp::Ordering::Less => ChangeKind::Shrunk,
            std::cmp::Ordering::Equal => ChangeKind::Changed,
        },
    };
    let first = |later| entries.iter().find(|entry| entry.later == later);
    let state = |later| {
        let region = first(later)?.region;
        let ranges = entries.iter().filter(|e| e.later == later).map(|e| e.region.identity.range);
        let range =
            ranges.reduce(|a, b| AddressRange::new(a.start.min(b.start), a.end.max(b.end)))?;
        Some(RegionState {
            range,
            protection: region.identity.protection,
            max_protection: region.identity.max_protection,
            share_mode: region.share_mode,
        })
    };
    let shown = &first(true).or(first(false))?.region.identity;
    Some(RegionRow {
        kind,
        region_type: shown.label.region_type.clone(),
        object: shown.object.clone(),
        detail: shown.label.detail.clone(),
        from_state: state(false),
        to_state: state(true),
        change,
    })
}

fn unattributed(from: &Snapshot, to: &Snapshot, total: &Change) -> Unattributed {
    use vmrec_sampler::Quantity::{Resident, Swapped};
    let residual = |metric: Metric, at: fn(&Snapshot) -> Option<u64>| {
        let less = |process: Option<u64>, sum: &Amounts, uncounted: u64| {
            // With a region of unknown size the rest is unknown too.
            let known = sum.unknown_regions(metric) == 0;
            let regions = sum.get(metric).filter(|_| known)?.saturating_sub(uncounted);
            Some(i128::from(process?) - i128::from(regions))
        };
        let uncounted =
            |snapshot| if metric == Metric::Virtual { vsyscall_bytes(snapshot) } else { 0 };
        Residual {
            from: less(at(from), &total.from, uncounted(from)),
            to: less(at(to), &total.to, uncounted(to)),
        }
    };
    Unattributed {
        virtual_bytes: residual(Metric::Virtual, |s| s.totals.virtual_bytes),
        resident_bytes: residual(Metric::Measured(Resident), |s| s.totals.resident_bytes),
        swapped_bytes: residual(Metric::Measured(Swapped), |s| s.totals.swapped_bytes),
    }
}

fn vsyscall_bytes(snapshot: &Snapshot) -> u64 {
    let identities = snapshot.regions.iter().map(|region| &region.identity);
    identities
        .filter(|identity| identity.label.region_type == types::VSYSCALL)
        .map(|identity| identity.range.virtual_bytes())
        .sum()
}
