//! Whether the sums of a snapshot are those that the system itself gives: pure
//! comparing. The system is asked before and after the snapshot, so that what
//! other processes move meanwhile is separated from a difference.

pub(crate) mod shown;
#[cfg(test)]
mod tests;
pub(crate) mod tools;

use vmrec_sampler::{Consistency, Quantity, Region, Snapshot, SumOf, SystemSum, types};

use crate::amounts::Amounts;
use crate::comparison::tools::Tool;
use crate::map_page::flags::submap_depth;
use crate::metric::Metric;

/// The kernel counts these in parts of a page or a byte and cuts each region's to K.
const CUT_BYTES: u64 = 1 << 10;

/// One figure of the system's; unknown where the system should have given it and did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    source: &'static str,
    of: SumOf,
    min_and_max: Option<(u64, u64)>,
    slack_bytes: u64,
}

impl Figure {
    /// Returns the figures of two readings, each with what it was before and after.
    pub fn between(before: &[SystemSum], after: &[SystemSum]) -> Vec<Self> {
        let again = |first: &SystemSum| {
            let second = after.iter().find(|sum| (sum.source, sum.of) == (first.source, first.of));
            second.map_or(first.bytes, |second| second.bytes)
        };
        let figure = |first: &SystemSum| {
            let second = again(first);
            let min_and_max = Some((first.bytes.min(second), first.bytes.max(second)));
            Self { min_and_max, ..Self::unknown(first.source, first.of, first.slack_bytes) }
        };
        before.iter().map(figure).collect()
    }

    /// Returns the figures that `tool` gives, from what it printed; `None` if it did not run.
    pub fn of_tool(tool: &Tool, printed: Option<&str>) -> Vec<Self> {
        let sums = printed.map(tool.parse).unwrap_or_default();
        let figure = |of: &SumOf| {
            let sum = sums.iter().find(|sum| sum.of == *of);
            let min_and_max = sum.map(|sum| (sum.bytes, sum.bytes));
            let slack_bytes = sum.map_or(0, |sum| sum.slack_bytes);
            Self { min_and_max, ..Self::unknown(tool.program, *of, slack_bytes) }
        };
        tool.sums.iter().map(figure).collect()
    }

    const fn unknown(source: &'static str, of: SumOf, slack_bytes: u64) -> Self {
        Self { source, of, min_and_max: None, slack_bytes }
    }
}

/// The outcome of comparing one figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Equal, or as near as the source is exact.
    Agrees,
    /// Not equal, which other processes alone may have caused.
    Moves,
    /// Not equal.
    Differs,
    /// Not equal, which nothing follows from: the source counts otherwise.
    CountedOtherwise,
    /// vmrec or the system does not give it.
    Unknown,
}

impl Verdict {
    /// Returns the word shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agrees => "ok",
            Self::Moves => "moves",
            Self::Differs => "DIFFERS",
            Self::CountedOtherwise => "counted otherwise",
            Self::Unknown => "unknown",
        }
    }
}

/// One figure beside vmrec's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComparedFigure {
    figure: Figure,
    vmrec_bytes: Option<u64>,
    slack_bytes: u64,
    verdict: Verdict,
}

impl ComparedFigure {
    /// Returns what comparing came to.
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Returns by how much vmrec's is above what the system gave, below it if negative; `None` if either is unknown.
    fn difference(&self) -> Option<i128> {
        let (min, max) = self.figure.min_and_max?;
        let bytes = self.vmrec_bytes?;
        Some(i128::from(bytes) - i128::from(bytes.clamp(min, max)))
    }
}

/// Compares the sums of `snapshot` with `figures`.
pub fn compare(snapshot: &Snapshot, figures: &[Figure]) -> Vec<ComparedFigure> {
    let sum = Amounts::of(snapshot);
    let row = |figure: &Figure| {
        let cut = matches!(figure.of, SumOf::Measured(Quantity::Pss | Quantity::Locked));
        let cut_bytes = if cut { sum.regions.saturating_mul(CUT_BYTES) } else { 0 };
        let mut row = ComparedFigure {
            figure: *figure,
            vmrec_bytes: own(snapshot, &sum, figure.of),
            slack_bytes: figure.slack_bytes.saturating_add(cut_bytes),
            verdict: Verdict::Unknown,
        };
        row.verdict = match row.difference() {
            None => Verdict::Unknown,
            Some(bytes) if bytes.unsigned_abs() <= u128::from(row.slack_bytes) => Verdict::Agrees,
            Some(_) if moves(figure.of) => Verdict::Moves,
            Some(_) if counting(figure).is_some() => Verdict::CountedOtherwise,
            Some(_) => Verdict::Differs,
        };
        row
    };
    figures.iter().map(row).collect()
}

/// Returns whether the comparison found nothing wrong.
pub fn passed(snapshot: &Snapshot, rows: &[ComparedFigure]) -> bool {
    let any = |verdict| rows.iter().any(|row| row.verdict == verdict);
    snapshot.consistency == Consistency::Complete && any(Verdict::Agrees) && !any(Verdict::Differs)
}

/// Returns whether other processes alone may change it: by mapping the same pages, by making room.
const fn moves(of: SumOf) -> bool {
    matches!(of, SumOf::Measured(Quantity::Pss | Quantity::Referenced))
}

/// Returns how the source of `figure` counts otherwise than vmrec, so that equal figures are chance;
/// `None` if it counts alike.
fn counting(figure: &Figure) -> Option<&'static str> {
    let SumOf::Measured(quantity) = figure.of else { return None };
    match (figure.source, quantity) {
        ("TASK_VM_INFO", Quantity::Resident) => {
            Some("counts pages this process maps, not all of their objects")
        }
        ("vmmap", Quantity::Resident | Quantity::Dirty | Quantity::Swapped) => {
            Some("counts pages as the footprint does, and memory outside of regions")
        }
        _ => None,
    }
}

/// Returns the meaning of a difference in `of`.
const fn meaning(of: SumOf) -> &'static str {
    match of {
        SumOf::Virtual | SumOf::VirtualButVsyscall => "a region is missing, or listed twice",
        SumOf::VirtualButSubmaps => "a region outside of submaps is missing, or listed twice",
        SumOf::Measured(Quantity::Resident) => "pages in memory are missing, or counted twice",
        SumOf::Measured(Quantity::Dirty | Quantity::PrivateDirty) => {
            "written pages are missing, or unwritten ones are counted"
        }
        SumOf::Measured(Quantity::Swapped) => "pages out of memory are missing, or counted twice",
        SumOf::Measured(_) => "the pages of some region have the wrong kind",
        SumOf::Footprint => "it was read from another structure or at another time",
    }
}

/// Returns what vmrec says of it.
fn own(snapshot: &Snapshot, sum: &Amounts, of: SumOf) -> Option<u64> {
    match of {
        SumOf::Virtual => sum.get(Metric::Virtual),
        SumOf::VirtualButVsyscall => {
            let is_vsyscall =
                |region: &&Region| region.identity.label.region_type == types::VSYSCALL;
            let vsyscall: Amounts = snapshot.regions.iter().filter(is_vsyscall).collect();
            Some(sum.virtual_bytes.saturating_sub(vsyscall.virtual_bytes))
        }
        SumOf::VirtualButSubmaps => {
            let outside = |region: &&Region| submap_depth(&region.identity).is_none();
            let outside: Amounts = snapshot.regions.iter().filter(outside).collect();
            Some(outside.virtual_bytes)
        }
        SumOf::Measured(quantity) => sum.get(Metric::Measured(quantity)),
        SumOf::Footprint => snapshot.totals.footprint_bytes,
    }
}
