use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::label::Label;
use crate::region::{AddressRange, Identity, Protection, Provenance};
use crate::vocabulary::RegionType;
use crate::{Confidence, Family, Quantities, Rule};

struct Pages(BTreeSet<u64>);

impl Presence for Pages {
    fn bytes(&mut self, page: u64, _: bool) -> Option<u64> {
        self.0.contains(&page).then_some(4096)
    }
}

pub(crate) fn region(start: u64, end: u64, name: &str) -> Region {
    Region {
        identity: Arc::new(Identity {
            range: AddressRange::new(start, end),
            protection: Protection::READ,
            max_protection: None,
            object: None,
            offset: 0,
            flags: "".into(),
            label: Label {
                region_type: RegionType::named(name, Family::Malloc),
                confidence: Confidence::Sure,
                rule: Rule::Other("test".into()),
                detail: None,
            },
        }),
        share_mode: None,
        provenance: Provenance::Measured,
        quantities: Quantities::default(),
    }
}

fn touch(page: u64, stack: u32, weight: u64) -> Touch {
    Touch { page: page * 4096, time_ns: 1, stack, weight }
}

#[test]
fn pages_count_while_they_are_present_and_by_the_type_of_their_region() {
    let regions = [region(0, 4096 * 10, "A"), region(4096 * 10, 4096 * 20, "B")];
    let mut live = Live::default();
    live.touch(touch(1, 7, 61));
    live.touch(touch(2, 7, 61));
    live.touch(touch(12, 7, 61));
    live.touch(Touch { time_ns: 9, ..touch(3, 8, 1) });
    let mut pages = Pages([1, 2, 3, 12].map(|page| page * 4096).into());
    let found = live.tick(5, &regions, &mut pages);
    let shown: Vec<_> =
        found.iter().map(|it| (it.stack, &*it.region_type, it.samples, it.bytes)).collect();
    assert_eq!(shown, [(7, "A", 2, 2 * 61 * 4096), (7, "B", 1, 61 * 4096)]);
    assert_eq!(found[0].variance, 2 * 61 * 60);
    pages.0.remove(&4096);
    let found = live.tick(9, &regions[..1], &mut pages);
    let shown: Vec<_> =
        found.iter().map(|it| (it.stack, &*it.region_type, it.samples, it.bytes)).collect();
    assert_eq!(shown, [(7, "A", 1, 61 * 4096), (7, "B", 0, 0), (8, "A", 1, 4096)]);
    // What went adds to the variance; a page that was counted by each fault has none.
    assert_eq!(
        found.iter().map(|it| it.variance).collect::<Vec<_>>(),
        [3 * 61 * 60, 2 * 61 * 60, 0]
    );
}

#[test]
fn half_of_too_many_pages_stand_for_all() {
    let pages = 1 << 18;
    let regions = [region(0, 4096 * pages, "A")];
    let mut live = Live::default();
    (0..pages).for_each(|page| live.touch(touch(page, 1, 1)));
    let found = live.tick(1, &regions, &mut Pages((0..pages).map(|page| page * 4096).collect()));
    let error = (found[0].variance as f64).sqrt() * 4096.0;
    let missing = found[0].bytes as f64 - (pages * 4096) as f64;
    assert!(found[0].samples <= 1 << 17 && missing.abs() < 4.0 * error, "{found:?}");
}

proptest! {
    #[test]
    fn sums_are_those_of_the_pages(
        touches in proptest::collection::vec((0_u64..40, 1_u32..4, 1_u64..9), 0..60),
        present in proptest::collection::btree_set(0_u64..40, 0..40),
        parts in proptest::collection::vec(0_usize..60, 3),
    ) {
        let regions = [region(0, 4096 * 20, "A"), region(4096 * 20, 4096 * 30, "B")];
        let mut live = Live::default();
        let mut found = Vec::new();
        let all = Pages((0..40).map(|page| page * 4096).collect());
        let some = Pages(present.iter().map(|page| page * 4096).collect());
        for (part, pages) in parts.iter().zip([&all, &some, &some]) {
            for (page, stack, weight) in touches.iter().take(*part) {
                live.touch(touch(*page, *stack, *weight));
            }
            found = live.tick(1, &regions, &mut Pages(pages.0.clone()));
        }
        let pages = live.pages.values().map(|page| page.weight * 4096).sum::<u64>();
        prop_assert_eq!(found.iter().map(|it| it.bytes).sum::<u64>(), pages);
        prop_assert_eq!(found.iter().map(|it| it.samples).sum::<u64>(), live.pages.len() as u64);
        prop_assert!(live.pages.keys().all(|page| some.0.contains(page) && *page < 4096 * 30));
    }
}
