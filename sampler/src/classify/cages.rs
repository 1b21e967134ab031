//! Reservations of large runtimes (R12, R13): runs of adjacent anonymous memory,
//! mostly inaccessible.

use crate::classify::cage::{Cage, Purpose};
use crate::classify::claims::FreePart;
use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_executable, is_none};
use crate::classify::signs::Runtime;
use crate::classify::work::Work;
use crate::classify::{dotnet, firefox, go, haskell, v8, webkit};
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;
use crate::rule::Rule;
use crate::vocabulary::RegionType;

/// The minimum distance from every file and stack of memory at an address that a runtime chose.
const FAR_BYTES: u64 = 64 << 30;

/// The cages whose shape or address only one runtime makes; before threads and headers are looked
/// for in them.
pub(crate) fn distinct(work: &mut Work<'_, '_>) {
    let anchors = anchors(work.mappings);
    let parts = work.claims.parts(is_anonymous);
    for run in parts.chunk_by(|low, high| low.range.end == high.range.start) {
        let Some(cage) = cage_of(work.mappings, run, &anchors) else { continue };
        if let Some(purpose) = haskell::purpose(&cage) {
            claim_run(work, run, &purpose, &Rule::R13);
        } else if work.profile.has(Runtime::Go)
            && let Some(purpose) = go::purpose(&cage)
        {
            claim_run(work, run, &purpose, &Rule::R12);
        } else if work.profile.has(Runtime::DotNet) {
            let heap = dotnet::heap(work, run);
            claim_run(work, heap, &dotnet::purpose(), &Rule::R13);
        } else if work.profile.has(Runtime::Webkit) {
            webkit::claim(work, run, &cage);
        }
    }
}

/// The cages far from all other memory.
pub(crate) fn far(work: &mut Work<'_, '_>) {
    claim(work, true);
}

/// All other cages.
pub(crate) fn near(work: &mut Work<'_, '_>) {
    claim(work, false);
}

fn claim(work: &mut Work<'_, '_>, far_only: bool) {
    let (v8, firefox) = (work.profile.has(Runtime::V8), work.profile.has(Runtime::SpiderMonkey));
    if !v8 && !firefox {
        return;
    }
    let anchors = anchors(work.mappings);
    let parts = work.claims.parts(is_anonymous);
    for run in parts.chunk_by(|low, high| low.range.end == high.range.start) {
        let Some(cage) = cage_of(work.mappings, run, &anchors) else { continue };
        if far_only && !cage.far {
            continue;
        }
        let of_v8 = if v8 { v8::purpose(&cage, work.profile.has(Runtime::Chromium)) } else { None };
        let purpose = of_v8.or_else(|| if firefox { firefox::purpose(&cage) } else { None });
        if let Some(purpose) = purpose {
            claim_run(work, run, &purpose, &Rule::R13);
        }
    }
}

fn claim_run(work: &mut Work<'_, '_>, run: &[FreePart], purpose: &Purpose, rule: &Rule) {
    let of =
        |region_type: &RegionType| label(region_type.clone(), purpose.confidence, rule.clone());
    let used = of(&purpose.used);
    let executable = of(&purpose.executable);
    let inaccessible = of(&purpose.inaccessible);
    for part in run {
        let mapping = &work.mappings[part.index];
        let found = if is_none(mapping) {
            &inaccessible
        } else if is_executable(mapping) {
            &executable
        } else {
            &used
        };
        work.claims.claim(part.index, part.range, found);
    }
}

/// The addresses of files and of mappings named by the kernel, ascending.
fn anchors(mappings: &[Mapping]) -> Vec<u64> {
    let named = |mapping: &&Mapping| mapping.file().is_some() || mapping.name().starts_with('[');
    mappings.iter().filter(named).map(|mapping| mapping.range.start).collect()
}

/// Returns the shape of a run.
fn cage_of(mappings: &[Mapping], run: &[FreePart], anchors: &[u64]) -> Option<Cage> {
    let range = AddressRange::new(run.first()?.range.start, run.last()?.range.end);
    let of = |part: &FreePart| mappings.get(part.index);
    let used = || run.iter().filter_map(of).filter(|mapping| !is_none(mapping));
    let inaccessible = run
        .iter()
        .filter(|part| of(part).is_some_and(is_none))
        .map(|part| part.range.virtual_bytes())
        .sum();
    let above = anchors.partition_point(|anchor| *anchor < range.start);
    let near = anchors[above.saturating_sub(1)..].iter().take(2);
    Some(Cage {
        range,
        inaccessible,
        executable: used().any(is_executable),
        first_used: used().next().map(|mapping| mapping.range.start),
        far: near.into_iter().all(|anchor| anchor.abs_diff(range.start) > FAR_BYTES),
    })
}
