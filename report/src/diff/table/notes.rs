//! The notes below the table of a diff: rows left out, memory that became shared, unknown sizes.

use unicode_width::UnicodeWidthStr;
use vmrec_sampler::Quantity;

use crate::amounts::{Amounts, Change};
use crate::diff::libraries::{Libraries, Library};
use crate::diff::{Diff, RegionRow};
use crate::finding::caveat::{Caveat, MIN_SHARED_BYTES};
use crate::metric::{Metric, Unit};
use crate::text::{escape, units};

/// Says how many rows were left out as unchanged, and how much they hold.
pub(crate) fn left_out_note(rows: u64, left_out: &Amounts, sorted_by: Metric) -> Option<String> {
    let rows = match rows {
        0 => return None,
        1 => "1 unchanged row".to_owned(),
        _ => format!("{rows} unchanged rows"),
    };
    let metric = sorted_by.words();
    let held = left_out.get(sorted_by);
    let held = held.map(|value| match sorted_by.unit() {
        Unit::Bytes => format!(" ({} {metric})", units::size(value)),
        Unit::Count => format!(" ({})", units::counted(value, "region", "regions")),
    });
    Some(format!("{rows} left out{}", held.unwrap_or_default()))
}

/// Returns how much private memory another process maps now too: it is not gone.
pub(crate) fn became_shared(diff: &Diff) -> Option<Caveat> {
    let fallen = |change: &Change, metric| -change.get(metric).delta().unwrap_or(0);
    let shared = |row: &RegionRow| {
        // Memory that was freed is neither private nor resident any more.
        let freed = fallen(&row.change, Metric::RESIDENT).max(0);
        (fallen(&row.change, Metric::PRIVATE) - freed).max(0)
    };
    let bytes = u64::try_from(diff.regions.iter().map(shared).sum::<i128>()).ok()?;
    (bytes >= MIN_SHARED_BYTES).then_some(Caveat::BecameShared { bytes })
}

/// Returns how much memory was given back but stays resident until the kernel needs it (LazyFree).
pub(crate) fn given_back(diff: &Diff) -> Option<Caveat> {
    let reclaimable = Metric::Measured(Quantity::Reclaimable);
    let bytes = u64::try_from(diff.total.get(reclaimable).delta()?).ok()?;
    (bytes >= MIN_SHARED_BYTES).then_some(Caveat::GivenBack { bytes })
}

/// The most libraries that a line names.
const NAMED: usize = 20;

/// Says which libraries came and which went: as many names as fit into a line of `width` cells, or all
/// paths, each in a line of its own.
pub(crate) fn libraries(diff: &Diff, width: usize, all: bool) -> Vec<String> {
    let Some(Libraries { came, went, .. }) = &diff.libraries else { return Vec::new() };
    let said = |word: &str, libraries: &[Library]| -> Vec<String> {
        if libraries.is_empty() {
            return Vec::new();
        }
        let head = format!("libraries that {word}:");
        if all {
            let path = |library: &Library| format!("  {}", escape::terminal(&library.path));
            return std::iter::once(head).chain(libraries.iter().map(path)).collect();
        }
        let name = |library: &Library| {
            let name = library.path.rsplit('/').next().unwrap_or(&library.path);
            escape::terminal(name).into_owned()
        };
        let names: Vec<String> = libraries.iter().take(NAMED).map(name).collect();
        let line = |named: usize| match libraries.len() - named {
            0 => format!("{head} {}", names.join(", ")),
            more => format!("{head} {} and {more} more", names[..named].join(", ")),
        };
        let fits = |named: &usize| line(*named).width() <= width;
        vec![line((1..=names.len()).rev().find(fits).unwrap_or(1))]
    };
    [said("came", came), said("went", went)].concat()
}

/// Says of which metrics some regions are unknown.
pub(crate) fn unknown_notes(total: &Change, metrics: &[Metric]) -> impl Iterator<Item = String> {
    metrics.iter().filter_map(|&metric| {
        let regions = total.from.unknown_regions(metric).max(total.to.unknown_regions(metric));
        let name = metric.words();
        let regions = match regions {
            0 => return None,
            1 => "1 region, which adds".to_owned(),
            _ => format!("{regions} regions, which add"),
        };
        Some(format!("{name} is unknown for up to {regions} nothing to its sums"))
    })
}
