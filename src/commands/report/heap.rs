//! The reports on a heap that a page shows.

use vmrec_report::{PageHeap, Resolved};

use crate::failure::Failure;
use crate::heap_reports::{HeapOfTime, HeapReports, LeaksOfTime};
use crate::recording::Opened;

/// Reads the reports nearest to the ends of a page.
pub(super) fn heap(opened: &Opened, [from, to]: [&Resolved; 2]) -> Result<PageHeap, Failure> {
    let reports = HeapReports::of(opened)?;
    let end = to.asked_utc_ns;
    let pair = reports.pair(from.asked_utc_ns, end);
    let whole = |of: &HeapOfTime| (of.utc_ns, of.heap.clone());
    let leaks = reports.leaks.iter().min_by_key(|report| report.utc_ns.abs_diff(end));
    Ok(PageHeap {
        before: pair.map(|[before, _]| whole(before)),
        after: pair.map(|[_, after]| after).or_else(|| reports.nearest(end)).map(whole),
        leaks: leaks.map(|LeaksOfTime { utc_ns, leaks }| (*utc_ns, leaks.clone())),
    })
}
