//! Sums the regions of each kind over snapshots from what comes and goes between two of them, so
//! that a snapshot in which little changes costs little.
//!
//! No sums by kind are stored: they are for whatever is no type, such as an object.

use crate::codec::chunk::measure::Measure;
use crate::codec::chunk::runs::Runs;
use crate::codec::varint::Malformed;

/// The maximum number of runs of a chunk, 24 bytes each: a few bytes could lead to any number.
const MAX_RUNS: usize = 1 << 22;

/// The sums of each kind, by the index of the kind.
#[derive(Debug)]
pub(crate) struct KindColumns {
    measures: Vec<Measure>,
    kinds: Vec<KindColumn>,
    /// How many snapshots have ended.
    snapshots: usize,
    runs: usize,
}

/// The sums of one kind.
#[derive(Clone, Debug)]
struct KindColumn {
    /// In the current snapshot, one for each measure.
    sums: Vec<Sum>,
    /// In snapshots that ended, as far as they are written.
    columns: Vec<Runs>,
    /// How many of them are.
    length: usize,
}

/// The sum of a measure.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    /// Wide enough for any number of regions, so that each addition can be undone.
    known: u128,
    /// How many regions have no known value.
    unknown: usize,
}

impl Sum {
    fn value(self) -> Option<u64> {
        (self.unknown == 0).then(|| u64::try_from(self.known).unwrap_or(u64::MAX))
    }
}

impl KindColumns {
    /// Creates sums of these measures.
    pub(crate) fn new(measures: &[Measure]) -> Self {
        Self { measures: measures.to_vec(), kinds: Vec::new(), snapshots: 0, runs: 0 }
    }

    /// Adds a region of a kind, of which `measured` returns the values, to the current snapshot.
    pub(crate) fn add(&mut self, kind: usize, measured: impl Fn(Measure) -> Option<u64>) {
        self.change(kind, |measure, sum| match measured(measure) {
            Some(value) => sum.known += u128::from(value),
            None => sum.unknown += 1,
        });
    }

    /// Takes a region that was added from the current snapshot.
    pub(crate) fn remove(&mut self, kind: usize, measured: impl Fn(Measure) -> Option<u64>) {
        self.change(kind, |measure, sum| match measured(measure) {
            Some(value) => sum.known -= u128::from(value),
            None => sum.unknown -= 1,
        });
    }

    fn change(&mut self, kind: usize, change: impl Fn(Measure, &mut Sum)) {
        if kind >= self.kinds.len() {
            let measures = self.measures.len();
            let new = KindColumn {
                sums: vec![Sum::default(); measures],
                columns: vec![Runs::default(); measures],
                length: 0,
            };
            self.kinds.resize(kind + 1, new);
        }
        let of = &mut self.kinds[kind];
        self.runs += of.settle(self.snapshots);
        for (measure, sum) in self.measures.iter().zip(&mut of.sums) {
            change(*measure, sum);
        }
    }

    /// Ends the current snapshot; the next one begins with the same regions.
    pub(crate) fn end_snapshot(&mut self) -> Result<(), Malformed> {
        self.snapshots += 1;
        if self.runs > MAX_RUNS {
            Err(Malformed("more changes than can be summed"))
        } else {
            Ok(())
        }
    }

    /// Returns the columns of each kind, one for each measure.
    pub(crate) fn finish(self) -> Vec<Vec<Runs>> {
        let snapshots = self.snapshots;
        let settled = |mut of: KindColumn| {
            of.settle(snapshots);
            of.columns
        };
        self.kinds.into_iter().map(settled).collect()
    }
}

impl KindColumn {
    /// Writes the sums down for the snapshots that ended since the last change, and returns how many
    /// runs that may have taken.
    fn settle(&mut self, snapshots: usize) -> usize {
        let times = snapshots - std::mem::replace(&mut self.length, snapshots);
        if times == 0 {
            return 0;
        }
        for (column, sum) in self.columns.iter_mut().zip(&self.sums) {
            column.push(sum.value(), times);
        }
        self.columns.len()
    }
}
