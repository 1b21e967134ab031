//! Evidence round-trips, and hostile bytes do no harm.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use vmrec_sampler::{
    AddressRange, Evidence, Facts, GlibcStack, Image, Jvm, Protection, Segment, Thread,
    TrackedRange,
};

use super::*;
use crate::codec::evidence::decode::decode;
use crate::codec::evidence::packer::{MAX_DEPTH, Packer};

fn text() -> impl Strategy<Value = Arc<str>> {
    "[a-z/é ]{0,9}".prop_map(Arc::from)
}

fn range() -> impl Strategy<Value = AddressRange> {
    any::<(u64, u64)>().prop_map(|(start, end)| AddressRange::new(start.min(end), end))
}

fn image() -> impl Strategy<Value = Arc<Image>> {
    let segment = (0_u8..8, any::<(u64, u64, u64, u64)>()).prop_map(|(rights, numbers)| Segment {
        protection: Protection::from_bits(rights),
        offset: numbers.0,
        address: numbers.1,
        file_bytes: numbers.2,
        memory_bytes: numbers.3,
    });
    let parts = (any::<(bool, bool)>(), vec(segment, 0..3), vec(range(), 0..2), vec(text(), 0..3));
    parts.prop_map(|((fixed, has_interpreter), segments, relro, markers)| {
        Arc::new(Image { fixed, has_interpreter, segments, relro, markers })
    })
}

fn facts() -> impl Strategy<Value = Facts> {
    let thread = (any::<u32>(), text(), any::<(Option<u64>, Option<u64>)>()).prop_map(
        |(tid, name, (robust_list, stack_pointer))| Thread {
            tid,
            name,
            robust_list,
            stack_pointer,
        },
    );
    let stack = (any::<Option<u32>>(), range(), any::<u64>())
        .prop_map(|(tid, range, guard_bytes)| GlibcStack { tid, range, guard_bytes });
    let jvm = (vec(range(), 0..2), vec(range(), 0..2), any::<Option<u64>>())
        .prop_map(|(heap, code, narrow_klass_base)| Jvm { heap, code, narrow_klass_base });
    let tracked = (range(), text()).prop_map(|(range, category)| TrackedRange { range, category });
    let listed = (vec(range(), 0..3), vec(tracked, 0..3));
    let numbers = any::<(Option<u64>, Option<u64>, u32, bool)>();
    let images = btree_map(text(), image(), 0..3);
    let stacks = option::of(vec(stack, 0..3));
    let others = (vec(thread, 0..3), images, stacks, option::of(jvm));
    (option::of(text()), numbers, others, listed).prop_map(
        |(executable, numbers, (threads, images, glibc_stacks, jvm), listed)| Facts {
            executable,
            start_stack: numbers.0,
            start_brk: numbers.1,
            pid: numbers.2,
            threads,
            images,
            glibc_stacks,
            listed_code: listed.0,
            native_memory: listed.1,
            jvm,
            memory_readable: numbers.3,
        },
    )
}

fn evidence() -> impl Strategy<Value = Evidence> {
    let bytes = vec(any::<u8>(), 0..40).prop_map(Vec::into_boxed_slice);
    (facts(), btree_map(any::<u64>(), bytes, 0..6))
        .prop_map(|(facts, peeks)| Evidence { facts, peeks })
}

/// If `bytes` decode, encodes the result and decodes it again.
fn comes_back(bytes: &[u8]) {
    if let Ok(evidence) = decode(bytes) {
        assert_eq!(decode(&encode::encode(&evidence)), Ok(evidence));
    }
}

/// Packs each evidence, and returns the stored bytes and the decoded evidence.
fn packed(all: &[Evidence]) -> Vec<Option<Vec<u8>>> {
    let mut packer = Packer::default();
    let mut plain: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    (1..)
        .zip(all)
        .map(|(number, evidence)| {
            let new = packer.pack(number, evidence).unwrap()?;
            let data = new.data.clone();
            packer.accept(new);
            let stored = Packed::new(&data).unwrap();
            let base = stored.base.map_or(&[][..], |base| &plain[&base]);
            let bytes = stored.plain(base).unwrap();
            assert_eq!(decode(&bytes).as_ref(), Ok(evidence));
            plain.insert(number, bytes);
            Some(data)
        })
        .collect()
}

proptest! {
    #[test]
    fn it_comes_back_as_it_was(evidence in vec(evidence(), 1..4)) {
        packed(&evidence);
    }

    #[test]
    fn any_bytes_are_refused_or_evidence_that_comes_back(
        bytes in vec(any::<u8>(), 0..200),
        base in vec(any::<u8>(), 0..50),
    ) {
        let plain = Packed::new(&bytes).and_then(|packed| packed.plain(&base));
        prop_assert!(plain.is_err(), "there is no frame of zstd");
        for bytes in [&bytes[..], &[&[1, 0, 0, 0, 1], &bytes[..]].concat()] {
            comes_back(bytes);
        }
    }

    #[test]
    fn what_was_changed_is_refused_or_comes_back(
        evidence in evidence(),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let mut bytes = encode::encode(&evidence);
        *at.get_mut(&mut bytes) = byte;
        comes_back(&bytes);
    }

    #[test]
    fn evidence_cut_short_is_refused(evidence in evidence(), cut in 1_usize..20) {
        let plain = encode::encode(&evidence);
        prop_assert!(decode(&plain[..plain.len().saturating_sub(cut)]).is_err());
    }
}

/// Evidence of a process with large peeks that change little.
fn peeked(seed: u64, turn: u64) -> Evidence {
    let mut random = seed;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        random.to_be_bytes()
    };
    let page = |index: u64| (index << 12, (0..64).flat_map(|_| next()).collect::<Vec<u8>>());
    let mut pages: BTreeMap<u64, Vec<u8>> = (0..40).map(page).collect();
    pages.insert((100 + turn) << 12, vec![turn as u8; 100]);
    let peeks = pages.into_iter().map(|(address, bytes)| (address, bytes.into())).collect();
    Evidence { facts: Facts::default(), peeks }
}

#[test]
fn evidence_that_changes_a_little_takes_little() {
    let all: Vec<_> = (0..20).map(|turn| peeked(7, turn)).collect();
    let bytes: Vec<_> = packed(&all).into_iter().map(|data| data.unwrap().len()).collect();
    assert!(bytes[0] > 20_000, "{bytes:?}");
    assert!(bytes[1..].iter().all(|later| *later < 400), "{bytes:?}");
}

#[test]
fn evidence_that_is_the_same_is_not_stored_again() {
    let all = [1, 1, 2, 1].map(|turn| peeked(7, turn));
    let stored: Vec<_> = packed(&all).iter().map(Option::is_some).collect();
    assert_eq!(stored, [true, false, true, true]);
}

#[test]
fn evidence_unlike_the_last_stands_alone() {
    // The bytes of seed 1 are those of seed 0, shifted.
    let all: Vec<_> = (1..13).map(|seed| peeked(seed, 0)).collect();
    assert!(packed(&all).iter().flatten().all(|data| data[0] == 0));
}

/// Evidence of a process whose memory is replaced gradually: 4 of 200 peeks each time.
fn replaced(turn: u64) -> Evidence {
    let page = |index: u64| {
        let since = turn - (turn + index) % 50;
        (index << 16, vec![0; 8].into_iter().chain((since * 200 + index).to_le_bytes()).collect())
    };
    Evidence { facts: Facts::default(), peeks: (0..200).map(page).collect() }
}

#[test]
fn evidence_takes_the_bytes_of_what_changed_however_long_it_goes_on() {
    let all: Vec<_> = (100..400).map(replaced).collect();
    let stored = packed(&all);
    let bytes: Vec<usize> = stored.iter().flatten().map(Vec::len).collect();
    let later: usize = bytes[200..].iter().sum();
    assert!(later / 100 < 120, "{bytes:?}");
}

#[test]
fn evidence_that_grew_since_the_key_is_coded_against_the_last() {
    let full = |turn: u64| peeked(7, turn);
    let begun = Evidence { facts: Facts::default(), peeks: BTreeMap::new() };
    let all: Vec<_> = [begun].into_iter().chain((0..20).map(full)).collect();
    let bytes: Vec<_> = packed(&all).into_iter().map(|data| data.unwrap().len()).collect();
    assert!(bytes[1] > 20_000 && bytes[2..].iter().all(|later| *later < 400), "{bytes:?}");
    let growing: Vec<_> = (1..200)
        .map(|turn| Evidence {
            peeks: (0..turn).map(|index| (index << 16, vec![index as u8; 600].into())).collect(),
            facts: Facts::default(),
        })
        .collect();
    let bytes: Vec<usize> = packed(&growing).iter().flatten().map(Vec::len).collect();
    let later: usize = bytes[100..].iter().sum();
    assert!(later / (bytes.len() - 100) < 100, "{bytes:?}");
}

#[test]
fn evidence_builds_on_no_more_than_can_be_read() {
    let all: Vec<_> = (100..400).map(replaced).collect();
    let mut depths: BTreeMap<u64, u32> = BTreeMap::new();
    for (number, data) in (1..).zip(packed(&all)) {
        let base = Packed::new(&data.unwrap()).unwrap().base;
        depths.insert(number, base.map_or(0, |base| depths[&base] + 1));
    }
    let max = *depths.values().max().unwrap();
    assert!((2..MAX_DEPTH).contains(&max), "{max}");
}

#[test]
fn a_bomb_is_refused_before_it_fills_memory() {
    let bomb = [&[0][..], &zstd::bulk::compress(&vec![0; MAX_BYTES + 1], 1).unwrap()].concat();
    assert!(bomb.len() < 1 << 20);
    let bomb = Packed::new(&bomb).unwrap();
    assert_eq!(bomb.plain(&[]), Err(Malformed("more bytes than evidence has")));
    let claims: [&[u8]; 2] = [&[1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x7f], &[2]];
    for claim in claims {
        let packed = [&[0][..], &zstd::bulk::compress(claim, 1).unwrap()].concat();
        let plain = Packed::new(&packed).unwrap().plain(&[]).unwrap();
        assert!(decode(&plain).is_err());
    }
}

#[test]
fn more_than_may_be_read_back_is_not_written() {
    let bytes = vec![7; MAX_BYTES].into_boxed_slice();
    let evidence = Evidence { facts: Facts::default(), peeks: BTreeMap::from([(1, bytes)]) };
    assert!(Packer::default().pack(1, &evidence).unwrap().is_none());
    let image = Image { markers: vec!["".into(); MAX_ELEMENTS + 1], ..Image::default() };
    let images = BTreeMap::from([("a".into(), Arc::new(image))]);
    let facts = Facts { images, ..Facts::default() };
    let evidence = Evidence { facts, peeks: BTreeMap::new() };
    let plain = crate::codec::evidence::encode::encode(&evidence);
    assert_eq!(decode(&plain), Err(Malformed("more elements than evidence has")));
    assert!(Packer::default().pack(1, &evidence).unwrap().is_none());
}
