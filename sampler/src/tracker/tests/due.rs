//! Tests of when the rules run, on a synthetic process with readable memory.

use super::*;
use crate::quantity::Quantity;
use crate::region::{AddressRange, Identity, Provenance};
use crate::vocabulary::{Family, RegionType, types};

const SECOND: u64 = 1_000_000_000;
const LIBC: &str = "7e0000000000-7e0000100000 r-xp 0 8:1 9 /usr/lib/libc.so.6|rd ex\n";
/// Two chunks of malloc in one mapping.
const CHUNKS: &str = "7f0000000000-7f0000300000 rw-p 0 0:0 0 |rd wr\n";
const OTHER: &str = "7f1000000000-7f1000001000 r--p 0 0:0 0 |rd\n";

/// A process with two chunks of glibc's malloc, the first page of each present.
#[derive(Default)]
struct Chunks {
    asked: usize,
    counted: usize,
    gone: bool,
}

const FIRST: (u64, u64) = (0x7f00_0000_0000, 0x10_0000);
const SECOND_CHUNK: (u64, u64) = (0x7f00_0010_0000, 0x20_0000);

impl Source for Chunks {
    fn facts(&mut self, _: &[Mapping], _: &[AddressRange]) -> Facts {
        self.asked += 1;
        Facts { memory_readable: true, pid: 1, ..Facts::default() }
    }

    fn peek(&mut self, address: u64, buffer: &mut [u8]) -> usize {
        for (start, bytes) in [FIRST, SECOND_CHUNK] {
            if address == start && buffer.len() >= 16 && !self.gone {
                buffer.fill(0);
                buffer[8..16].copy_from_slice(&(bytes | 2).to_le_bytes());
                return buffer.len();
            }
        }
        0
    }

    fn present_bytes(&mut self, ranges: &[AddressRange]) -> Option<Vec<u64>> {
        self.counted += 1;
        Some(ranges.iter().map(|_| 4096).collect())
    }
}

fn sample(
    tracker: &mut RegionTracker,
    text: &str,
    pages: u64,
    moment: (u64, u64),
    source: &mut Chunks,
) -> Vec<Region> {
    tracker.begin();
    for line in text.lines() {
        let (header, flags) = line.split_once('|').unwrap();
        let mut sizes = Sizes::default();
        sizes.set(Field::Rss, pages * 4096);
        let record = Record { header: header.as_bytes(), flags: Some(flags.as_bytes()), sizes };
        assert!(tracker.push(&record));
    }
    tracker.end();
    let moment = Moment { threads: Some(moment.0), monotonic_ns: moment.1 };
    tracker.regions(&moment, source).0
}

fn chunks(regions: &[Region]) -> Vec<(u64, u64, Provenance)> {
    let large =
        regions.iter().filter(|region| region.identity.label.region_type == types::MALLOC_LARGE);
    large
        .map(|region| {
            let Identity { range, .. } = &*region.identity;
            let resident = region.quantities.get(Quantity::Resident).unwrap();
            (range.start, resident, region.provenance)
        })
        .collect()
}

#[test]
fn chunks_in_one_mapping_are_regions_and_stay_so_when_they_cannot_be_read() {
    let (mut tracker, mut source) = (RegionTracker::new(), Chunks::default());
    let first = sample(&mut tracker, &[LIBC, CHUNKS].concat(), 2, (1, 0), &mut source);
    let expected =
        [(FIRST.0, 4096, Provenance::Apportioned), (SECOND_CHUNK.0, 4096, Provenance::Apportioned)];
    assert_eq!(chunks(&first), expected);
    source.gone = true;
    let second = sample(&mut tracker, &[LIBC, CHUNKS, OTHER].concat(), 2, (1, 0), &mut source);
    assert_eq!(kept(&first, &second), [true, true, true, false]);
    assert_eq!((source.asked, source.counted), (2, 1));
    // Labels that still hold survive a torn sample, and the next one still has them.
    tracker.begin();
    feed(&mut tracker, CHUNKS);
    tracker.end();
    assert_eq!(kept(&first, &tracker.torn_regions()), [true, true]);
    tracker.begin();
    feed(&mut tracker, LIBC);
    tracker.end();
    assert_eq!(tracker.torn_regions().len(), 1);
    let third = sample(&mut tracker, &[LIBC, CHUNKS, OTHER].concat(), 2, (1, 0), &mut source);
    assert_eq!(kept(&second, &third), [true; 4]);
    assert_eq!(source.asked, 2);
}

#[test]
fn the_rules_run_when_their_input_changed() {
    let (mut tracker, mut source) = (RegionTracker::new(), Chunks::default());
    let text = [LIBC, OTHER].concat();
    let mut asked = |tracker: &mut RegionTracker, pages, moment| {
        sample(tracker, &text, pages, moment, &mut source);
        source.asked
    };
    assert_eq!(asked(&mut tracker, 0, (1, 0)), 1);
    assert_eq!(asked(&mut tracker, 0, (1, 9 * SECOND)), 1);
    assert_eq!(asked(&mut tracker, 0, (2, 9 * SECOND)), 2);
    // New memory in a guessed region makes the rules run, but not all the time.
    assert_eq!(asked(&mut tracker, 1, (2, 9 * SECOND + 1)), 2);
    assert_eq!(asked(&mut tracker, 1, (2, 10 * SECOND)), 3);
    assert_eq!(asked(&mut tracker, 2, (2, 20 * SECOND)), 3);
    tracker.set_user_rules(Vec::new());
    assert_eq!(asked(&mut tracker, 2, (2, 20 * SECOND)), 4);
}

#[test]
fn a_users_rule_precedes_proofs() {
    let (mut tracker, mut source) = (RegionTracker::new(), Chunks::default());
    let text = [LIBC, CHUNKS].concat();
    sample(&mut tracker, &text, 2, (1, 0), &mut source);
    let own = RegionType::named("arena of mine", Family::Malloc);
    tracker.set_user_rules(vec![UserRule {
        region_type: own.clone(),
        detail: None,
        object: None,
        anon_name: None,
        min_bytes: Some(0x30_0000),
        max_bytes: None,
        protection: None,
    }]);
    let regions = sample(&mut tracker, &text, 2, (1, 0), &mut source);
    assert_eq!(regions.len(), 2);
    assert_eq!(regions[1].identity.label.region_type, own);
}
