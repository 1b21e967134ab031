//! Chunks round-trip, and hostile bytes do no harm.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use vmrec_sampler::{
    AddressRange, Confidence, Cost, Identity, Label, ProcessTotals, Protection, Provenance,
    Quantities, Quantity, Region, RegionType, Rule, ShareMode, Timestamp, types,
};

use crate::codec::chunk::builder::{Builder, Built};
use crate::codec::chunk::decode_sums::Decoded;
use crate::codec::chunk::measure::Measure;
use crate::codec::chunk::regions::{RegionsDecoder, decode_kinds};
use crate::codec::chunk::seal::{ChunkKey, unseal};
use crate::codec::chunk::ticks::{Tick, Ticks};
use crate::codec::chunk::totals;
use crate::codec::region_state::RegionState;
use crate::codec::table_diff::{RegionTable, edits};
use crate::recording::{Sample, SampleState};

pub(super) fn identity(range: AddressRange, region_type: RegionType) -> Identity {
    Identity {
        range,
        protection: Protection::READ,
        max_protection: None,
        object: None,
        offset: 0,
        flags: Arc::from("rd"),
        label: Label { region_type, detail: None, confidence: Confidence::Sure, rule: Rule::R1 },
    }
}

fn region(number: i64, quantities: Quantities, share: bool) -> Region {
    let start = number.unsigned_abs() / 2 * 4096;
    let kinds = [types::TEXT, types::DATA, types::STACK];
    let region_type = kinds[number.unsigned_abs() as usize % kinds.len()].clone();
    Region {
        identity: Arc::new(identity(AddressRange::new(start, start + 8192), region_type)),
        share_mode: share.then_some(ShareMode::Private),
        provenance: if share { Provenance::Measured } else { Provenance::Carried },
        quantities,
    }
}

pub(super) fn quantities() -> impl Strategy<Value = Quantities> {
    let value = prop_oneof![
        8 => Just(Some(0)),
        8 => (0_u64..6).prop_map(|pages| Some(pages << 12)),
        1 => any::<u64>().prop_map(Some),
        1 => Just(Some(u64::MAX)),
        1 => Just(None),
    ];
    vec(value, Quantity::COUNT).prop_map(|values| {
        let mut quantities = Quantities::UNKNOWN;
        for (quantity, value) in Quantity::ALL.into_iter().zip(values) {
            if let Some(value) = value {
                quantities.set(quantity, value);
            }
        }
        quantities
    })
}

type Content = Option<(Vec<i64>, Vec<Region>)>;

/// Regions in any order, some of them twice, as torn snapshots have them; or none, if missed.
fn content() -> impl Strategy<Value = Content> {
    let one = (0_i64..12, quantities(), any::<bool>());
    proptest::option::weighted(0.9, (vec(one, 0..10), any::<bool>())).prop_map(|content| {
        content.map(|(mut regions, sorted)| {
            if sorted {
                regions.sort_by_key(|(number, ..)| *number);
                regions.dedup_by_key(|(number, ..)| *number);
            }
            let numbers = regions.iter().map(|(number, ..)| *number).collect();
            let region = |(number, quantities, share)| region(number, quantities, share);
            (numbers, regions.into_iter().map(region).collect())
        })
    })
}

fn sample(number: u64, content: &Content, noise: u64) -> Sample {
    let state = match (content, noise % 3) {
        (None, _) => SampleState::Missed { ticks: noise % 7 + 1, reason: "late".to_owned() },
        (Some(_), 0) => SampleState::Torn(format!("because {noise}")),
        (Some(_), 1) => SampleState::Unchanged,
        (Some(_), 2) => SampleState::Cheap,
        (Some(_), _) => SampleState::Complete,
    };
    let missed = content.is_none();
    Sample {
        number,
        taken: Timestamp { utc_ns: noise.cast_signed(), monotonic_ns: noise.wrapping_mul(3) },
        state,
        cost: if missed { Cost::default() } else { Cost { cpu_ns: noise, wall_ns: 5 } },
        totals: ProcessTotals {
            footprint_bytes: (!missed && noise.is_multiple_of(2)).then_some(noise),
            ..ProcessTotals::default()
        },
        regions: content.as_ref().map(|(numbers, _)| numbers.len() as u64),
    }
}

/// Builds a chunk, from the edits between snapshots if `edited`.
fn chunk(contents: &[(Content, u64, u64)], edited: bool) -> (Vec<Sample>, Built) {
    let mut builder = Builder::default();
    let mut before = RegionTable::default();
    let mut samples = Vec::new();
    let mut number = 40;
    for (content, noise, hole) in contents {
        number += hole;
        let sample = sample(number, content, *noise);
        let table = content.clone().map(|(kinds, regions)| RegionTable { kinds, regions });
        match table {
            Some(table) if edited => {
                builder.push_next(sample.clone(), &edits(&before, &table), &table);
                before = table;
            }
            table => builder.push(sample.clone(), table),
        }
        samples.push(sample);
        number += 1;
    }
    (samples, builder.finish(7, 40, number).unwrap())
}

fn contents() -> impl Strategy<Value = Vec<(Content, u64, u64)>> {
    let hole = prop_oneof![9 => Just(0_u64), 1 => 1_u64..5];
    vec((content(), any::<u64>(), hole), 0..14)
}

/// Both ways to decode some bytes give the same result.
fn all_reads_agree(data: &[u8]) {
    if let Ok(ticks) = Ticks::decode(data) {
        let sample = |tick: &Tick| Sample {
            number: tick.number,
            taken: tick.taken,
            state: tick.state.clone(),
            cost: Cost::default(),
            totals: ProcessTotals::default(),
            regions: tick.regions,
        };
        let samples: Vec<_> = ticks.0.iter().map(sample).collect();
        assert_eq!(Ticks::decode(&Ticks::encode(&samples)), Ok(ticks));
    }
    if let Ok(all) = totals::decode(3, data) {
        let single: Vec<_> = (0..3).map(|at| totals::decode_at(3, at, data).unwrap()).collect();
        assert_eq!(single, all);
    }
    let both = Decoded::decode(data, &[Measure::Virtual, Measure::Regions]);
    let one = Decoded::decode(data, &[Measure::Virtual]);
    if let (Ok(both), Ok(one)) = (both, one) {
        assert_eq!(both.snapshots, one.snapshots);
        let first = |sums: Decoded| sums.types.into_iter().map(|of| of.columns[0].clone());
        assert!(first(both).eq(first(one)));
    }
}

proptest! {
    #[test]
    fn every_sample_comes_back(contents in contents(), edited in any::<bool>()) {
        let (samples, built) = chunk(&contents, edited);
        let key = ChunkKey { recording: 7, last: built.header.last };
        let plain = |what, data: &[u8]| unseal(key, what, data).unwrap();
        let ticks = Ticks::decode(&plain("ticks", &built.groups.ticks)).unwrap();
        let data = plain("totals", &built.groups.totals);
        let totals = totals::decode(samples.len(), &data).unwrap();
        for (index, of_one) in totals.iter().enumerate() {
            prop_assert_eq!(totals::decode_at(samples.len(), index, &data), Ok(*of_one));
        }
        for ((sample, tick), (cost, total)) in samples.iter().zip(&ticks.0).zip(totals) {
            prop_assert_eq!(tick.number, sample.number);
            prop_assert_eq!(tick.taken, sample.taken);
            prop_assert_eq!(&tick.state, &sample.state);
            prop_assert_eq!(tick.regions, sample.regions);
            prop_assert_eq!((cost, total), (sample.cost, sample.totals));
        }
        prop_assert_eq!(ticks.0.len(), samples.len());

        let kinds = key.unseal("kinds", &built.groups.kinds).and_then(decode_kinds).unwrap();
        let data = key.unseal("regions", &built.groups.regions).unwrap();
        let taken = contents.iter().filter_map(|(content, ..)| content.as_ref());
        let mut decoder = RegionsDecoder::new(kinds, data).unwrap();
        let mut last = Vec::new();
        for (numbers, given) in taken.clone() {
            last = numbers.iter().zip(given).map(|(kind, of)| RegionState::of(*kind, of)).collect();
            prop_assert_eq!(decoder.advance(), Ok(true));
            prop_assert_eq!(&decoder.regions().collect::<Vec<_>>(), &last);
        }
        prop_assert_eq!(&built.newest, &last);

        let wanted = [Measure::Virtual, Measure::Quantity(Quantity::Pss), Measure::Regions];
        let sums = Decoded::decode(&plain("sums", &built.groups.sums), &wanted).unwrap();
        prop_assert_eq!(sums.snapshots, taken.clone().count());
        for (snapshot, (_, given)) in taken.enumerate() {
            for of in &sums.types {
                let value = |column: usize| of.columns[column].values().nth(snapshot);
                let own = || given.iter().filter(|region| region.identity.label.region_type == of.region_type);
                let pss = own().try_fold(0_u64, |sum, region| {
                    Some(sum.saturating_add(region.quantities.get(Quantity::Pss)?))
                });
                prop_assert_eq!(value(0), Some(Some(own().count() as u64 * 8192)));
                prop_assert_eq!(value(1), Some(pss));
                prop_assert_eq!(value(2), Some(Some(own().count() as u64)));
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read_alike(
        data in vec(0_u8..6, 0..120),
        noise in vec(any::<u8>(), 0..60),
    ) {
        for data in [data, noise] {
            all_reads_agree(&data);
        }
    }
}
