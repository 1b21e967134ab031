//! The rows of the page: regions, adjacent identical ones as one.

use std::sync::Arc;

use vmrec_sampler::{
    AddressRange, Confidence, Detail, Identity, Object, Protection, Region, RegionType, Rule,
    ShareMode,
};

use crate::amounts::Amounts;
use crate::diff::RegionRow;
use crate::map_page::flags::{Purge, submap_depth};

/// One region, or adjacent ones that look the same in every shown column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageRow {
    pub(crate) range: AddressRange,
    pub(crate) kind: Kind,
    /// Offset of the first address in the object, in bytes.
    offset: u64,
    pub(crate) sums: Amounts,
}

/// The properties that rows must share to become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) region_type: RegionType,
    pub(crate) detail: Option<Detail>,
    pub(crate) object: Option<Arc<Object>>,
    pub(crate) protection: Protection,
    pub(crate) max_protection: Option<Protection>,
    pub(crate) share_mode: Option<ShareMode>,
    pub(crate) purge: Option<Purge>,
    submap: Option<u32>,
    /// How sure the type is and the rule that decided, where that is shown.
    pub(crate) why: Option<(Confidence, Rule)>,
}

impl PageRow {
    fn of(region: &Region, rules: bool) -> Self {
        let identity: &Identity = &region.identity;
        let label = &identity.label;
        Self {
            range: identity.range,
            kind: Kind {
                region_type: label.region_type.clone(),
                detail: label.detail.clone(),
                object: identity.object.clone(),
                protection: identity.protection,
                max_protection: identity.max_protection,
                share_mode: region.share_mode,
                purge: Purge::of(identity),
                submap: submap_depth(identity),
                why: rules.then(|| (label.confidence, label.rule.clone())),
            },
            offset: identity.offset,
            sums: [region].into_iter().collect(),
        }
    }

    /// Returns one end of a change; `None` if the region was not there then.
    pub(crate) fn of_change(row: &RegionRow, later: bool) -> Option<Self> {
        let (state, sums) =
            if later { (row.to_state?, row.change.to) } else { (row.from_state?, row.change.from) };
        Some(Self {
            range: state.range,
            kind: Kind {
                region_type: row.region_type.clone(),
                detail: row.detail.clone(),
                object: row.object.clone(),
                protection: state.protection,
                max_protection: state.max_protection,
                share_mode: state.share_mode,
                purge: None,
                submap: None,
                why: None,
            },
            offset: 0,
            sums,
        })
    }

    /// Returns whether `next` goes on where this ends, alike in all that is shown.
    fn goes_on_with(&self, next: &Self) -> bool {
        let is_file = self.kind.object.as_ref().is_some_and(|object| object.inode != 0);
        let goes_on = self.offset.checked_add(self.range.virtual_bytes());
        self.range.end == next.range.start
            && self.kind == next.kind
            && (!is_file || goes_on == Some(next.offset))
    }
}

/// Returns whether a region is one by itself, not a share of a sum over several.
pub(crate) fn is_listed(region: &Region) -> bool {
    region.identity.known_protection().is_some()
}

/// Returns a row for each region, or, with `coalesce`, for each run of adjacent regions that look the same in every shown column.
pub(crate) fn rows<'a>(
    regions: impl IntoIterator<Item = &'a Region>,
    coalesce: bool,
    rules: bool,
) -> Vec<PageRow> {
    let mut rows: Vec<PageRow> = Vec::new();
    for region in regions {
        let next = PageRow::of(region, rules);
        match rows.last_mut() {
            Some(last) if coalesce && last.goes_on_with(&next) => {
                last.range.end = next.range.end;
                last.sums.merge(&next.sums);
            }
            _ => rows.push(next),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vmrec_sampler::{Quantity, types};

    use super::*;
    use crate::fixture::{memory, region};
    use crate::metric::Metric;

    /// Regions in ascending order with gaps or none between them, of few kinds, so that many are alike.
    fn regions() -> impl Strategy<Value = Vec<Region>> {
        let one = (0..3_u64, 1..9_u64, 0..2_usize, 0..4_u64, 0..3_u64, 0..2_u8, 0..4_u64);
        prop::collection::vec(one, 0..40).prop_map(|all| {
            let mut at = 0x1000;
            all.into_iter()
                .map(|(gap, pages, kind, resident, object, rights, offset)| {
                    let start = at + gap.saturating_sub(1) * 0x1000;
                    at = start + pages * 0x1000;
                    let kind = [types::VM_ALLOCATE, types::MAPPED_FILE][kind].clone();
                    let name = ["/a", "/b"].get(object as usize).copied();
                    let known = memory(resident * 0x1000, resident * 0x400, 0);
                    let known = if resident == 3 { &known[..0] } else { &known[..] };
                    let mut region = region(start..at, kind, name, known);
                    let identity = Arc::make_mut(&mut region.identity);
                    identity.protection = Protection::from_bits(1 + 2 * rights);
                    // Offsets go on from region to region, but for some.
                    identity.offset = if offset == 0 { 0 } else { start };
                    region
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn coalescing_conserves_sums_and_crosses_no_gap(regions in regions()) {
            let all: Amounts = regions.iter().collect();
            let rows = rows(&regions, true, false);
            let mut sum = Amounts::default();
            rows.iter().for_each(|row| sum.merge(&row.sums));
            prop_assert_eq!(sum, all);
            for row in &rows {
                prop_assert_eq!(row.sums.get(Metric::Virtual), Some(row.range.virtual_bytes()));
                let inside = regions.iter().filter(|region| row.range.overlaps(region.identity.range));
                let inside: Vec<_> = inside.collect();
                prop_assert_eq!(inside.len() as u64, row.sums.regions);
                for region in &inside {
                    prop_assert_eq!(&PageRow::of(region, false).kind, &row.kind);
                }
                for pair in inside.windows(2) {
                    prop_assert_eq!(pair[0].identity.range.end, pair[1].identity.range.start);
                }
            }
            for pair in rows.windows(2) {
                prop_assert!(!pair[0].goes_on_with(&pair[1]));
            }
        }

        #[test]
        fn without_coalescing_a_region_is_a_row(regions in regions()) {
            let ranges: Vec<_> = rows(&regions, false, false).iter().map(|row| row.range).collect();
            let all: Vec<_> = regions.iter().map(|region| region.identity.range).collect();
            prop_assert_eq!(ranges, all);
        }
    }

    #[test]
    fn unlike_neighbours_stay_apart() {
        let one = || region(0..0x1000, types::VM_ALLOCATE, None, &[(Quantity::Resident, 1)]);
        let next = || region(0x1000..0x3000, types::VM_ALLOCATE, None, &[]);
        assert_eq!(rows(&[one(), next()], true, true).len(), 1);
        let changed = |change: fn(&mut Identity)| {
            let mut next = next();
            change(Arc::make_mut(&mut next.identity));
            rows(&[one(), next], true, true).len()
        };
        assert_eq!(changed(|it| it.max_protection = None), 2);
        assert_eq!(changed(|it| it.label.rule = Rule::R2), 2);
        assert_eq!(changed(|it| it.label.detail = Some("x".into())), 2);
        assert_eq!(changed(|it| it.flags = "tag=1 purge=V".into()), 2);
        assert_eq!(changed(|it| it.flags = "tag=1 depth=1 submap".into()), 2);
        let mut shared = next();
        shared.share_mode = Some(ShareMode::CopyOnWrite);
        assert_eq!(rows(&[one(), shared], true, true).len(), 2);
    }
}
