//! Regions of chunks round-trip, and hostile bytes do no harm.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use vmrec_sampler::{AddressRange, Identity, Provenance, Quantities, Region, ShareMode, types};

use super::kinds::MAX_KINDS;
use super::*;
use crate::codec::chunk::kind_sums::KindColumns;
use crate::codec::chunk::measure::Measure;
use crate::codec::chunk::tests::{identity, quantities};
use crate::codec::frame::FrameKind;
use crate::codec::frame::decode::FrameDecoder;
use crate::codec::frame::encode::FrameEncoder;
use crate::codec::table_diff::{RegionTable, edits};

fn range() -> impl Strategy<Value = AddressRange> {
    let paged = (0_u64..20, 0_u64..6)
        .prop_map(|(start, pages)| AddressRange::new(start << 12, (start + pages) << 12));
    let high = (0_u64..20, 0_u64..6).prop_map(|(start, pages)| {
        let start = 0xffff_ffff_ff60_0000 + (start << 12);
        AddressRange::new(start, start.saturating_add(pages << 12))
    });
    let any = (any::<u64>(), any::<u64>()).prop_map(|(start, end)| AddressRange::new(start, end));
    prop_oneof![12 => paged, 2 => high, 1 => any]
}

fn region() -> impl Strategy<Value = (i64, Region)> {
    let kind = prop_oneof![9 => 0_i64..5, 1 => any::<i64>()];
    let offset =
        prop_oneof![4 => Just(0), 2 => (0_u64..9).prop_map(|page| page << 12), 1 => any::<u64>()];
    (kind, range(), offset, quantities(), 0_usize..=ShareMode::ALL.len(), 0_usize..4).prop_map(
        |(kind, range, offset, quantities, share, provenance)| {
            let identity = Identity { offset, ..identity(range, types::DATA) };
            let region = Region {
                identity: Arc::new(identity),
                share_mode: share.checked_sub(1).map(|share| ShareMode::ALL[share]),
                provenance: Provenance::ALL[provenance],
                quantities,
            };
            (kind, region)
        },
    )
}

/// Snapshots in which some regions stay as they are, in the order of addresses or in any.
fn tables() -> impl Strategy<Value = Vec<RegionTable>> {
    let snapshot = (vec((0_usize..30, any::<bool>()), 0..14), any::<bool>());
    (vec(region(), 30), vec(snapshot, 0..10)).prop_map(|(pool, snapshots)| {
        let table = |(picked, sorted): (Vec<(usize, bool)>, bool)| {
            let mut regions: Vec<_> = picked
                .into_iter()
                .map(|(index, other)| {
                    let (kind, mut region) = pool[index].clone();
                    if other {
                        region.quantities = pool[(index + 1) % pool.len()].1.quantities;
                    }
                    (kind, region)
                })
                .collect();
            if sorted {
                regions.sort_by_key(|(_, region)| region.identity.range);
            }
            let (kinds, regions) = regions.into_iter().unzip();
            RegionTable { kinds, regions }
        };
        snapshots.into_iter().map(table).collect()
    })
}

fn encoded(tables: &[RegionTable]) -> (Vec<i64>, Vec<u8>) {
    let mut encoder = RegionsEncoder::default();
    let mut before = &RegionTable::default();
    for table in tables {
        encoder.push(&edits(before, table), &table.kinds, &table.regions);
        before = table;
    }
    let (kinds, regions) = encoder.finish();
    (decode_kinds(&kinds).unwrap(), regions)
}

fn states(table: &RegionTable) -> Vec<RegionState> {
    let both = table.kinds.iter().zip(&table.regions);
    both.map(|(kind, region)| RegionState::of(*kind, region)).collect()
}

/// Returns the regions of a snapshot, decoding no later one.
fn nth(kinds: &[i64], data: &[u8], index: usize) -> Option<Vec<RegionState>> {
    let mut decoder = RegionsDecoder::new(kinds.to_vec(), data).unwrap();
    (0..=index).all(|_| decoder.advance().unwrap()).then(|| decoder.regions().collect())
}

proptest! {
    #[test]
    fn every_snapshot_comes_back(tables in tables()) {
        let (mut named, data) = encoded(&tables);
        let mut decoder = RegionsDecoder::new(named.clone(), &data).unwrap();
        for table in &tables {
            prop_assert_eq!(decoder.advance(), Ok(true));
            prop_assert_eq!(decoder.regions().collect::<Vec<_>>(), states(table));
        }
        prop_assert_eq!(decoder.advance(), Ok(false));
        let named_once = named.clone();
        let nth = |index| nth(&named_once, &data, index);
        let mut kinds: Vec<_> = tables.iter().flat_map(|table| table.kinds.clone()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        named.sort_unstable();
        prop_assert_eq!(named, kinds);
        for (index, table) in tables.iter().enumerate() {
            prop_assert_eq!(nth(index), Some(states(table)));
        }
        prop_assert_eq!(nth(tables.len()), None);
    }

    #[test]
    fn sums_by_kind_are_those_of_all_regions(tables in tables()) {
        let (kinds, data) = encoded(&tables);
        let mut decoder = RegionsDecoder::new(kinds.clone(), &data).unwrap();
        let mut sums = KindColumns::new(&Measure::ALL);
        for table in &tables {
            prop_assert_eq!(decoder.advance_summing(&mut sums), Ok(Some(table.regions.len())));
        }
        prop_assert_eq!(decoder.advance_summing(&mut sums), Ok(None));
        let sums = sums.finish();
        prop_assert!(sums.len() <= kinds.len());
        for (kind, columns) in kinds.iter().zip(&sums) {
            for (measure, column) in Measure::ALL.into_iter().zip(columns) {
                let sum = |table: &RegionTable| {
                    let all = table.kinds.iter().zip(&table.regions);
                    let mine = all.filter(|(number, _)| *number == kind);
                    mine.map(|(_, region)| measure.of(region))
                        .try_fold(0_u64, |sum, value| Some(sum.saturating_add(value?)))
                };
                let expected: Vec<_> = tables.iter().map(sum).collect();
                prop_assert_eq!(column.values().collect::<Vec<_>>(), expected);
            }
        }
        let empty = tables.iter().all(|table| table.regions.is_empty());
        prop_assert!(empty || sums.len() == kinds.len());
    }

    #[test]
    fn frames_lead_to_every_snapshot(tables in tables()) {
        let (mut encoder, mut decoder) = (FrameEncoder::default(), FrameDecoder::default());
        for (number, table) in (1..).zip(tables) {
            let (frame, _) = encoder.encode(&table);
            prop_assert_eq!(decoder.apply(number, frame.kind, &frame.data), Ok(&states(&table)[..]));
            encoder.accept(number, table, &frame);
        }
    }

    #[test]
    fn changed_bytes_are_other_regions_or_an_error(
        tables in tables(), at in any::<u16>(), byte in any::<u8>(), cut in any::<u8>(),
    ) {
        let (kinds, mut data) = encoded(&tables);
        data.truncate(data.len() - usize::from(cut % 4).min(data.len()));
        if let Some(index) = usize::from(at).checked_rem(data.len()) {
            data[index] = byte;
        }
        decode_all(kinds, &data)?;
    }

    #[test]
    fn no_bytes_make_it_panic(data in vec(0_u8.., 0..200), small in vec(0_u8..4, 0..200)) {
        decode_all(vec![3, 4, 1], &data)?;
        decode_all(vec![3], &small)?;
        let mut claims = vec![200, 1, 100];
        claims.extend(&data);
        decode_all(vec![3, 4], &claims)?;
        if let Ok(kinds) = decode_kinds(&data) {
            prop_assert!(kinds.len() <= MAX_KINDS);
        }
        let mut decoder = FrameDecoder::default();
        let _ = decoder.apply(1, FrameKind::Key, &data);
    }
}

fn decode_all(kinds: Vec<i64>, data: &[u8]) -> Result<(), TestCaseError> {
    let Ok(mut decoder) = RegionsDecoder::new(kinds.clone(), data) else { return Ok(()) };
    let mut summing = RegionsDecoder::new(kinds, data).unwrap();
    let mut sums = KindColumns::new(&[Measure::Virtual, Measure::Regions]);
    while let Ok(true) = decoder.advance() {
        prop_assert_eq!(summing.advance_summing(&mut sums), Ok(Some(decoder.regions().len())));
        prop_assert!(decoder.regions().len() <= data.len() / BYTES_A_REGION);
        let whole = decoder.regions().all(|region| region.range.start <= region.range.end);
        prop_assert!(whole);
    }
    Ok(())
}

#[test]
fn regions_that_resemble_each_other_cannot_claim_more_than_their_bytes() {
    let same = |start: u64| {
        let range = AddressRange::new(start << 13, (start << 13) + 4096);
        Region {
            identity: Arc::new(identity(range, types::GUARD)),
            share_mode: None,
            provenance: Provenance::Measured,
            quantities: Quantities::UNKNOWN,
        }
    };
    let table = RegionTable { kinds: vec![7; 30_000], regions: (0..30_000).map(same).collect() };
    let (kinds, data) = encoded(std::slice::from_ref(&table));
    assert_eq!(data.len(), 30_000 * BYTES_A_REGION);
    assert_eq!(nth(&kinds, &data, 0), Some(states(&table)));
}
