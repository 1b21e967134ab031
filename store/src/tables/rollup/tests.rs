//! What rollups hold.

use std::sync::Arc;

use vmrec_sampler::{
    AddressRange, Confidence, Identity, Label, Protection, Provenance, Quantities, Quantity,
    Region, Rule, types,
};

use super::*;
use crate::recording::SampleState;
use crate::tables::rollup::minutes::rows;

/// All measures but the number of regions.
const SIZES: u16 = (1 << (MEASURES - 1)) - 1;

const BEGUN: Timestamp = Timestamp { utc_ns: 3_600_000_000_000, monotonic_ns: 5_000_000_000 };

fn tick(second: u64) -> Tick {
    let monotonic_ns = BEGUN.monotonic_ns + second * 1_000_000_000;
    let taken = Timestamp { utc_ns: -7, monotonic_ns };
    Tick { number: second, taken, state: SampleState::Complete, regions: Some(1) }
}

/// Samples 20 s apart of a region whose sizes are all `value`, if known.
fn chunk(from_s: u64, region_type: RegionType, values: &[Option<u64>]) -> (Vec<Tick>, SumColumns) {
    let ticks = (0..values.len() as u64).map(|step| tick(from_s + step * 20)).collect();
    let mut sums = SumColumns::default();
    for value in values {
        sums.push(&[made_up(&region_type, *value)]);
    }
    (ticks, sums)
}

fn made_up(region_type: &RegionType, value: Option<u64>) -> Region {
    let mut quantities = Quantities::UNKNOWN;
    for quantity in Quantity::ALL {
        if let Some(value) = value {
            quantities.set(quantity, value);
        }
    }
    let label = Label {
        region_type: region_type.clone(),
        detail: None,
        confidence: Confidence::Sure,
        rule: Rule::R20,
    };
    let identity = Identity {
        range: AddressRange::new(0, value.unwrap_or(0)),
        protection: Protection::READ,
        max_protection: None,
        object: None,
        offset: 0,
        flags: "".into(),
        label,
    };
    let identity = Arc::new(identity);
    Region { identity, share_mode: None, provenance: Provenance::Measured, quantities }
}

fn minutes(ticks: &[Tick], sums: &SumColumns) -> BTreeMap<i64, Span> {
    let [minutes] = spans(BEGUN, [MINUTE_S], ticks, sums);
    minutes
}

fn cell(least: u64, mean: u64, most: u64) -> Cell {
    Cell { least, mean, most }
}

#[test]
fn the_wall_clock_as_it_began_and_what_passed_since_tell_the_minute() {
    let begun = Timestamp { utc_ns: BEGUN.utc_ns + 20_000_000_000, ..BEGUN };
    let places = [0, 39, 40, 99, 100].map(|second| place(begun, tick(second).taken, 60));
    assert_eq!(places, [0, 0, 1, 1, 2]);
    assert_eq!(place(begun, tick(3579).taken, 3600), 0);
    assert_eq!(start_utc_ns(begun, 1, 60), BEGUN.utc_ns + 60_000_000_000);
}

#[test]
fn minutes_with_the_same_figures_and_quantities_with_the_same_share_a_row() {
    let values = [3, 4, 5, 8, 8, 8, 8, 8, 8, 1].map(Some);
    let (ticks, sums) = chunk(0, types::STACK, &values);
    let rows = rows(&minutes(&ticks, &sums), BY_THE_HOUR, |place| place != 3);
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.place, row.run, row.samples, row.quantities, row.cell))
        .collect();
    let regions = 1 << Measure::Regions.place();
    let expected = [
        (0, 1, 3, SIZES, cell(3, 4, 5)),
        (0, 3, 9, regions, cell(1, 1, 1)),
        (1, 2, 6, SIZES, cell(8, 8, 8)),
        (3, 1, 1, SIZES, cell(1, 1, 1)),
        (3, 1, 1, regions, cell(1, 1, 1)),
    ];
    assert_eq!(told, expected);
}

#[test]
fn an_unknown_value_makes_its_minute_unknown() {
    let (ticks, sums) = chunk(0, types::STACK, &[Some(1), None, Some(1), Some(1)]);
    let spans = minutes(&ticks, &sums);
    let stack = &spans[&0].types[&types::STACK];
    assert_eq!(stack[0], None);
    assert_eq!(stack[Measure::Regions.place()], Some(cell(1, 1, 1)));
    assert_eq!(spans[&1].types[&types::STACK][0], Some(cell(1, 1, 1)));
}

#[test]
fn two_parts_of_a_minute_are_one() {
    let (ticks, sums) = chunk(0, types::STACK, &[Some(2), Some(4)]);
    let first = minutes(&ticks, &sums).remove(&0).unwrap();
    let (ticks, sums) = chunk(40, types::TEXT, &[Some(9)]);
    let second = minutes(&ticks, &sums).remove(&0).unwrap();
    let both = first.merge(second);
    assert_eq!(both.samples, 3);
    assert_eq!(both.types[&types::STACK][0], Some(cell(0, 2, 4)));
    assert_eq!(both.types[&types::TEXT][0], Some(cell(0, 3, 9)));
}
