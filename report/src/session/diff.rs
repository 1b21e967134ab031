//! Changes between two moments of a session: by process and type, with processes that came and
//! went.
//!
//! Every region of every process present at either moment is counted exactly once, so that the
//! processes add up to the total, and so do the types.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use vmrec_sampler::{ProcessInfo, RegionType, Snapshot};
use vmrec_store::RecordingId;

use crate::amounts::{Amounts, Change};
use crate::diff::group::GroupChange;
use crate::metric::Metric;
use crate::session::sizes::ProcessSizes;

/// A process at one moment of a session.
#[derive(Clone, Debug)]
pub struct ProcessAt {
    /// The recording that has its sample.
    pub recording: RecordingId,
    /// The process number; `None` if it is lost.
    pub pid: Option<u32>,
    /// When it started; with the number it names one process, also if it became another program.
    pub start_ticks: u64,
    /// Its name. Not escaped.
    pub name: String,
    /// Its regions, added up by type.
    types: HashMap<RegionType, Amounts>,
    /// What is added for regions that may not be read.
    unread: Amounts,
}

impl ProcessAt {
    /// Adds up the snapshot of a process.
    pub fn of(recording: RecordingId, process: &ProcessInfo, snapshot: &Snapshot) -> Self {
        let mut types: HashMap<RegionType, Amounts> = HashMap::new();
        for region in &snapshot.regions {
            let region_type = &region.identity.label.region_type;
            match types.get_mut(region_type) {
                Some(sum) => sum.add(region),
                None => {
                    types.insert(region_type.clone(), [region].into_iter().collect());
                }
            }
        }
        Self {
            recording,
            pid: process.id.known_pid(),
            start_ticks: process.id.start_ticks,
            name: process.name().to_owned(),
            types,
            unread: Amounts::unread_of(snapshot),
        }
    }

    /// Returns the sums over its regions by type.
    pub fn types(&self) -> impl Iterator<Item = (&RegionType, &Amounts)> {
        self.types.iter()
    }

    /// Returns the sums over the regions of processes.
    pub fn sizes_of(processes: &[Self]) -> ProcessSizes {
        let mut all = Amounts::default();
        for process in processes {
            all.merge(&process.unread);
            process.types.values().for_each(|of| all.merge(of));
        }
        ProcessSizes::of_amounts(&all)
    }

    /// Returns the key that the same process has at another moment. One whose number is lost is
    /// known by its recording.
    fn key(&self) -> (u64, u64) {
        key_of(self.pid, self.start_ticks, self.recording)
    }
}

/// Returns the key of the process of a recording.
pub(crate) fn process_key(recording: RecordingId, process: &ProcessInfo) -> (u64, u64) {
    key_of(process.id.known_pid(), process.id.start_ticks, recording)
}

fn key_of(pid: Option<u32>, start_ticks: u64, recording: RecordingId) -> (u64, u64) {
    match pid {
        Some(pid) => (u64::from(pid), start_ticks),
        None => (0, u64::from_ne_bytes(recording.0.to_ne_bytes())),
    }
}

/// Whether a process is there at both moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// At the second one only.
    Came,
    /// At the first one only.
    Went,
    /// At both.
    Stayed,
}

impl Presence {
    /// Returns the word shown to users.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Came => "came",
            Self::Went => "went",
            Self::Stayed => "stayed",
        }
    }
}

/// The change of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessChange {
    /// Its number; `None` if it is lost.
    pub pid: Option<u32>,
    /// Its name at the second moment, or at the first if it is gone. Not escaped.
    pub name: String,
    /// The recording of the first moment.
    pub from_recording: Option<RecordingId>,
    /// The recording of the second moment: another one if it became another program.
    pub to_recording: Option<RecordingId>,
    /// Its sums at both moments.
    pub change: Change,
    /// The same by type.
    pub types: Vec<GroupChange<RegionType>>,
}

impl ProcessChange {
    /// Returns whether it is there at both moments.
    pub const fn presence(&self) -> Presence {
        match (self.from_recording, self.to_recording) {
            (None, _) => Presence::Came,
            (_, None) => Presence::Went,
            _ => Presence::Stayed,
        }
    }
}

/// The changes between two moments. Rows are sorted, large movers first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDiff {
    /// Every process present at either moment.
    pub processes: Vec<ProcessChange>,
    /// Every type present at either moment, over all processes.
    pub types: Vec<GroupChange<RegionType>>,
    /// The sums over all processes.
    pub total: Change,
    /// The number that rows are sorted by.
    pub sorted_by: Metric,
}

impl SessionDiff {
    /// Compares the processes of two moments.
    pub fn new(before: Vec<ProcessAt>, after: Vec<ProcessAt>, sorted_by: Metric) -> Self {
        let mut pairs: BTreeMap<(u64, u64), (Option<ProcessAt>, Option<ProcessAt>)> =
            BTreeMap::new();
        for process in before {
            let key = process.key();
            pairs.entry(key).or_default().0 = Some(process);
        }
        for process in after {
            let key = process.key();
            pairs.entry(key).or_default().1 = Some(process);
        }
        let mut types: HashMap<RegionType, Change> = HashMap::new();
        let mut total = Change::default();
        let mut processes: Vec<ProcessChange> = Vec::with_capacity(pairs.len());
        for (from, to) in pairs.into_values() {
            let Some(process) = process_change(from, to, sorted_by) else { continue };
            for row in &process.types {
                types.entry(row.key.clone()).or_default().merge(&row.change);
            }
            total.merge(&process.change);
            processes.push(process);
        }
        processes.sort_by_cached_key(|row| {
            (moved(sorted_by, &row.change), Reverse(row.change.to.regions), row.pid)
        });
        Self { processes, types: sorted(types, sorted_by), total, sorted_by }
    }

    /// Returns how many processes there are at the first and at the second moment.
    pub fn counts(&self) -> (u64, u64) {
        let count = |not: Presence| {
            self.processes.iter().filter(|process| process.presence() != not).count() as u64
        };
        (count(Presence::Came), count(Presence::Went))
    }
}

fn process_change(
    from: Option<ProcessAt>,
    to: Option<ProcessAt>,
    sorted_by: Metric,
) -> Option<ProcessChange> {
    let known = to.as_ref().or(from.as_ref())?;
    let (pid, name) = (known.pid, known.name.clone());
    let recordings = [&from, &to].map(|end| end.as_ref().map(|process| process.recording));
    let mut types: HashMap<RegionType, Change> = HashMap::new();
    let unread = |end: &Option<ProcessAt>| end.as_ref().map(|end| end.unread).unwrap_or_default();
    let mut change = Change { from: unread(&from), to: unread(&to) };
    for (region_type, amounts) in from.into_iter().flat_map(|process| process.types) {
        change.from.merge(&amounts);
        types.entry(region_type).or_default().from.merge(&amounts);
    }
    for (region_type, amounts) in to.into_iter().flat_map(|process| process.types) {
        change.to.merge(&amounts);
        types.entry(region_type).or_default().to.merge(&amounts);
    }
    Some(ProcessChange {
        pid,
        name,
        from_recording: recordings[0],
        to_recording: recordings[1],
        change,
        types: sorted(types, sorted_by),
    })
}

fn sorted(types: HashMap<RegionType, Change>, sorted_by: Metric) -> Vec<GroupChange<RegionType>> {
    let rows = types.into_iter().map(|(key, change)| GroupChange { key, change });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_cached_key(|row| (moved(sorted_by, &row.change), row.key.clone()));
    rows
}

/// Orders large movers first.
pub(crate) fn moved(by: Metric, change: &Change) -> [Reverse<u128>; 2] {
    [by, Metric::RESIDENT]
        .map(|metric| Reverse(change.get(metric).delta().unwrap_or_default().unsigned_abs()))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use vmrec_sampler::{ProcessId, ProcessTotals, Quantity, types};

    use super::*;
    use crate::fixture::{K, region, snapshot};

    pub(crate) fn process(
        recording: i64,
        pid: u32,
        name: &str,
        heap: u64,
        stack: u64,
    ) -> ProcessAt {
        let info = ProcessInfo {
            id: ProcessId { pid, start_ticks: 5, boot_id: String::new() },
            parent_pid: None,
            started_utc_ns: None,
            executable: None,
            executable_deleted: false,
            architecture: None,
            arguments: Vec::new(),
            short_name: name.to_owned(),
            user_id: None,
        };
        let sizes = |kib: u64| {
            [
                (Quantity::Resident, 3 * kib * K),
                (Quantity::Private, kib * K),
                (Quantity::Pss, 2 * kib * K),
                (Quantity::Swapped, 0),
            ]
        };
        let regions = vec![
            region(0..heap * K, types::MALLOC_BRK, None, &sizes(heap)),
            region(1 << 40..(1 << 40) + stack * K, types::STACK, None, &sizes(stack)),
        ];
        let snapshot = snapshot(1, ProcessTotals::default(), regions);
        ProcessAt::of(RecordingId(recording), &info, &snapshot)
    }

    #[test]
    fn a_process_that_became_another_program_is_one_process() {
        let (before, after) = (process(1, 7, "sh", 4, 4), process(2, 7, "node", 40, 4));
        let diff = SessionDiff::new(vec![before], vec![after], Metric::Own);
        let [row] = &diff.processes[..] else { panic!("{diff:?}") };
        assert_eq!((row.presence(), &*row.name), (Presence::Stayed, "node"));
        assert_eq!(row.change.get(Metric::Own).delta(), Some(36 * 1024));
        assert_eq!(diff.counts(), (1, 1));
    }

    #[test]
    fn one_that_came_or_went_holds_nothing_at_the_other_moment() {
        let before = vec![process(1, 7, "old", 4, 4), process(2, 8, "stays", 1, 1)];
        let after = vec![process(2, 8, "stays", 1, 1), process(3, 9, "new", 64, 4)];
        let diff = SessionDiff::new(before, after, Metric::Own);
        let seen: Vec<_> =
            diff.processes.iter().map(|row| (&*row.name, row.presence().name())).collect();
        assert_eq!(seen, [("new", "came"), ("old", "went"), ("stays", "stayed")]);
        let old = diff.processes[1].change.get(Metric::PSS);
        assert_eq!((old.from, old.to), (Some(16 * 1024), Some(0)));
        assert_eq!(diff.counts(), (2, 2));
    }

    proptest! {
        #[test]
        fn processes_and_types_add_up_to_the_total(
            before in proptest::collection::btree_map(1_u32..9, (0_u64..50, 0_u64..50), 0..8),
            after in proptest::collection::btree_map(1_u32..9, (0_u64..50, 0_u64..50), 0..8),
        ) {
            let all = |map: &BTreeMap<u32, (u64, u64)>| -> Vec<ProcessAt> {
                let each = |(pid, (heap, stack)): (&u32, &(u64, u64))| {
                    process(i64::from(*pid), *pid, "x", *heap, *stack)
                };
                map.iter().map(each).collect()
            };
            let diff = SessionDiff::new(all(&before), all(&after), Metric::Own);
            let sum = |changes: &mut dyn Iterator<Item = &Change>| {
                let mut sum = Change::default();
                changes.for_each(|change| sum.merge(change));
                sum
            };
            prop_assert_eq!(sum(&mut diff.processes.iter().map(|row| &row.change)), diff.total);
            prop_assert_eq!(sum(&mut diff.types.iter().map(|row| &row.change)), diff.total);
            for process in &diff.processes {
                let types = sum(&mut process.types.iter().map(|row| &row.change));
                prop_assert_eq!(types, process.change);
            }
            prop_assert_eq!(diff.counts(), (before.len() as u64, after.len() as u64));
        }
    }
}
