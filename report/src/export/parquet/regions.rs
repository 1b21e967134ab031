//! The rows of regions: one for each state that a region had, with the samples it holds for.

use std::sync::Arc;

use vmrec_sampler::Region;
use vmrec_store::Sample;

use crate::export::parquet::rows::time;
use crate::export::parquet::table::{CellKind, CellValue};
use crate::metric::Metric;

/// Returns the columns of regions.
pub(crate) fn columns() -> Vec<(&'static str, CellKind)> {
    use CellKind::{Flag, Text, Time, Unsigned};
    let mut columns = vec![
        ("recording", Text),
        ("valid_from_number", Unsigned),
        ("valid_to_number", Unsigned),
        ("valid_from", Time),
        ("valid_to", Time),
        ("continued", Flag),
        ("start", Unsigned),
        ("end", Unsigned),
        ("type", Text),
        ("family", Text),
        ("detail", Text),
        ("confidence", Text),
        ("rule", Text),
        ("protection", Text),
        ("max_protection", Text),
        ("share_mode", Text),
        ("object", Text),
        ("offset", Unsigned),
        ("flags", Text),
        ("provenance", Text),
    ];
    columns.extend(Metric::SIZES.map(|metric| (metric.column(), Unsigned)));
    columns
}

/// A state of a region that holds since a sample.
#[derive(Clone, Debug)]
struct OpenRegion {
    region: Region,
    number: u64,
    utc_ns: i64,
    /// Whether it was the same before the stretch.
    continued: bool,
}

/// The states that hold at the sample last taken, in the order of its regions.
#[derive(Debug, Default)]
pub(crate) struct OpenRegions(Vec<OpenRegion>);

impl OpenRegions {
    /// Takes the regions of the next sample and returns the rows of states that ended with it.
    /// `before` are the regions of the sample before the stretch.
    pub(crate) fn next(
        &mut self,
        key: &str,
        sample: &Sample,
        regions: &[Region],
        before: Option<&[Region]>,
    ) -> Vec<Vec<CellValue>> {
        let mut rows = Vec::new();
        let mut old = std::mem::take(&mut self.0).into_iter().peekable();
        let mut earlier = before.unwrap_or_default().iter().peekable();
        for region in regions {
            let start = order(region);
            while let Some(gone) = old.next_if(|one| order(&one.region) < start) {
                rows.push(row(key, &gone, Some(sample)));
            }
            let same = old.next_if(|one| order(&one.region) == start);
            match same {
                Some(same) if is_same(&same.region, region) => {
                    self.0.push(same);
                    continue;
                }
                Some(changed) => rows.push(row(key, &changed, Some(sample))),
                None => {}
            }
            while earlier.next_if(|one| order(one) < start).is_some() {}
            let continued =
                earlier.next_if(|one| order(one) == start).is_some_and(|one| is_same(one, region));
            self.0.push(OpenRegion {
                region: region.clone(),
                number: sample.number,
                utc_ns: sample.taken.utc_ns,
                continued,
            });
        }
        rows.extend(old.map(|gone| row(key, &gone, Some(sample))));
        rows
    }

    /// Ends the stretch and returns the rows of the states that hold at its last sample.
    pub(crate) fn rest(&mut self, key: &str) -> Vec<Vec<CellValue>> {
        std::mem::take(&mut self.0).iter().map(|open| row(key, open, None)).collect()
    }
}

/// Regions are in this order; torn snapshots may have several of one start.
fn order(region: &Region) -> (u64, u64) {
    (region.identity.range.start, region.identity.range.end)
}

fn is_same(one: &Region, other: &Region) -> bool {
    let same_identity =
        Arc::ptr_eq(&one.identity, &other.identity) || one.identity == other.identity;
    same_identity
        && (one.share_mode, one.provenance, one.quantities)
            == (other.share_mode, other.provenance, other.quantities)
}

fn row(key: &str, open: &OpenRegion, ended: Option<&Sample>) -> Vec<CellValue> {
    let region = &open.region;
    let identity = &*region.identity;
    let (label, placed) = (&identity.label, identity.range.placed());
    let mut row: Vec<CellValue> = vec![
        key.into(),
        open.number.into(),
        ended.map(|sample| sample.number).into(),
        time(open.utc_ns),
        ended.map_or(CellValue::Null, |sample| time(sample.taken.utc_ns)),
        CellValue::Flag(open.continued),
        placed.map(|range| range.start).into(),
        placed.map(|range| range.end).into(),
        label.region_type.name().into(),
        label.region_type.family().name().into(),
        label.detail.as_deref().into(),
        label.confidence.name().into(),
        label.rule.name().into(),
        identity.known_protection().map(|rights| rights.to_string()).into(),
        identity.max_protection.map(|rights| rights.to_string()).into(),
        region.share_mode.map(|mode| mode.name()).into(),
        identity.object.as_ref().map(|object| &*object.name).into(),
        identity.known_offset().into(),
        (&*identity.flags).into(),
        region.provenance.name().into(),
    ];
    row.extend(Metric::SIZES.map(|metric| CellValue::from(metric.of(region))));
    row
}
