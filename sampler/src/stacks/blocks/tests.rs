use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::stacks::live::tests::region;

struct Slots(BTreeSet<u64>);

impl Table for Slots {
    fn has(&self, _: usize, _: u64, id: u64) -> bool {
        self.0.contains(&id)
    }
}

fn begun(id: u64, address: u64, bytes: u64, stack: u32) -> Begun {
    Begun { begin: BlockBegin { id, address, bytes, time_ns: id, stack }, slot: 0 }
}

fn end(id: u64, time_ns: u64) -> BlockEnd {
    BlockEnd { id, time_ns: Some(time_ns), stack: 9 }
}

fn shown(rows: &[LiveStack]) -> Vec<(u32, &str, u64, u64)> {
    rows.iter().map(|it| (it.stack, &*it.region_type, it.samples, it.bytes)).collect()
}

#[test]
fn blocks_count_by_stack_and_type_while_they_are_allocated() {
    let regions = [region(0, 1000, "A"), region(1000, 2000, "B")];
    // Of blocks far above the mean each is sampled, and exact.
    let mut blocks = Blocks::new(1);
    [begun(1, 10, 600, 7), begun(2, 20, 400, 7), begun(3, 1010, 100, 7), begun(4, 5, 50, 8)]
        .into_iter()
        .for_each(|it| blocks.begin(it));
    blocks.end(end(2, 3));
    let tick = blocks.tick(3, &regions, Some(&Slots([1, 3, 4].into())));
    assert_eq!(shown(&tick.live), [(7, "A", 1, 600), (7, "B", 1, 100)]);
    assert_eq!(shown(&tick.allocated), [(7, "", 3, 1100)]);
    assert_eq!(
        tick.changes.begun.iter().map(|it| it.id).collect::<BTreeSet<_>>(),
        [1, 2, 3].into()
    );
    assert_eq!(tick.changes.ended, [end(2, 3)]);
    // The fourth is of a later time; the end of the first was lost, that of the third is to come.
    blocks.end(end(3, 99));
    let tick = blocks.tick(9, &regions, Some(&Slots([4].into())));
    assert_eq!(shown(&tick.live), [(7, "A", 0, 0), (7, "B", 1, 100), (8, "A", 1, 50)]);
    assert_eq!(tick.changes.ended, [BlockEnd { id: 1, time_ns: None, stack: 0 }]);
    blocks.clear();
    let tick = blocks.tick(200, &[], None::<&Slots>);
    assert!(tick.live.iter().all(|row| row.bytes == 0), "{tick:?}");
    assert_eq!(tick.changes.ended.iter().map(|it| it.id).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(shown(&tick.allocated), [(7, "", 3, 1100), (8, "", 1, 50)]);
}

#[test]
fn blocks_that_come_and_go_between_two_ticks_are_few_and_counted() {
    let mut blocks = Blocks::new(1);
    for id in 1..=3000 {
        blocks.begin(begun(id, 10, 100, 1));
        blocks.end(end(id, id));
    }
    let tick = blocks.tick(5000, &[region(0, 100, "A")], None::<&Slots>);
    assert_eq!(tick.live, []);
    assert_eq!(shown(&tick.allocated), [(1, "", 3000, 300_000)]);
    assert_eq!((tick.changes.begun.len(), tick.changes.left_out), (1024, 1976));
}

#[test]
fn the_estimate_of_a_size_is_right_on_average() {
    let mean = 1000;
    let blocks = Blocks::new(mean);
    for bytes in [1, 10, 999, 1000, 5000, 1_000_000] {
        let chance = 1.0 - (-(bytes as f64) / mean as f64).exp();
        let (estimate, variance) = blocks.estimate(bytes);
        assert!((estimate as f64 * chance - bytes as f64).abs() <= 0.5 * chance, "{bytes}");
        let exact = bytes as f64 * bytes as f64 * (1.0 - chance) / chance / chance;
        let scale = chance * UNIT_BYTES * UNIT_BYTES;
        assert!((variance - exact * chance / scale).abs() < 1e-6 * (1.0 + variance), "{bytes}");
    }
}

proptest! {
    #[test]
    fn sums_are_those_of_the_blocks(
        sizes in proptest::collection::vec((1_u64..5000, 1_u32..4), 0..60),
        ends in proptest::collection::btree_set(1_u64..60, 0..40),
        lost in proptest::collection::btree_set(1_u64..60, 0..10),
    ) {
        let regions = [region(0, 2000, "A"), region(2000, 6000, "B")];
        let mut blocks = Blocks::new(500);
        let mut ids = BTreeSet::new();
        for (id, (bytes, stack)) in (1..).zip(&sizes) {
            blocks.begin(begun(id, id * 100, *bytes, *stack));
            ids.insert(id);
        }
        let slots = |gone: &BTreeSet<u64>| Slots(ids.difference(gone).copied().collect());
        let tick = blocks.tick(1000, &regions, Some(&slots(&BTreeSet::new())));
        prop_assert_eq!(tick.changes.begun.len(), sizes.len());
        ends.iter().for_each(|id| blocks.end(end(*id, 1001)));
        let gone = ends.union(&lost).copied().collect();
        let tick = blocks.tick(2000, &regions, Some(&slots(&gone)));
        let stays = (1..).zip(&sizes).filter(|(id, _)| !gone.contains(id));
        let known: u64 = stays.map(|(_, (bytes, _))| blocks.estimate(*bytes).0).sum();
        prop_assert_eq!(tick.live.iter().map(|row| row.bytes).sum::<u64>(), known);
        let ended = gone.iter().filter(|id| ids.contains(id)).count();
        prop_assert_eq!(tick.changes.ended.len(), ended);
        let all: u64 = sizes.iter().map(|(bytes, _)| blocks.estimate(*bytes).0).sum();
        prop_assert_eq!(tick.allocated.iter().map(|row| row.bytes).sum::<u64>(), all);
    }
}
