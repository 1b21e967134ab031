//! Evidence comes back as it was, and hostile bytes come to nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use vmrec_sampler::{AddressRange, Facts, GlibcStack, Image, Jvm, Protection, Segment, Thread};

use super::*;

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
    let numbers = any::<(Option<u64>, Option<u64>, u32, bool)>();
    let images = btree_map(text(), image(), 0..3);
    let stacks = option::of(vec(stack, 0..3));
    (option::of(text()), numbers, vec(thread, 0..3), images, stacks, option::of(jvm)).prop_map(
        |(executable, numbers, threads, images, glibc_stacks, jvm)| Facts {
            executable,
            start_stack: numbers.0,
            start_brk: numbers.1,
            pid: numbers.2,
            threads,
            images,
            glibc_stacks,
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

/// Writes what `bytes` are read as, if they are, and reads it again.
fn comes_back(bytes: &[u8]) {
    if let Ok((evidence, images_at)) = decode::decode(bytes) {
        let again = encode::encode(&evidence, images_at);
        assert_eq!(decode::decode(&again), Ok((evidence, images_at)));
    }
}

proptest! {
    #[test]
    fn it_comes_back_as_it_was(evidence in evidence()) {
        let packed = pack(&evidence, None).unwrap().unwrap();
        prop_assert_eq!(unpack(&packed), Ok((evidence.clone(), None)));
        let packed = pack(&evidence, Some(7)).unwrap().unwrap();
        let without = Facts { images: BTreeMap::new(), ..evidence.facts };
        prop_assert_eq!(unpack(&packed), Ok((Evidence { facts: without, ..evidence }, Some(7))));
    }

    #[test]
    fn any_bytes_are_refused_or_evidence_that_comes_back(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(unpack(&bytes).is_err(), "there is no frame of zstd");
        for bytes in [&bytes[..], &[&[1, 0, 0, 0, 0, 1], &bytes[..]].concat()] {
            comes_back(bytes);
        }
    }

    #[test]
    fn what_was_changed_is_refused_or_comes_back(
        evidence in evidence(),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let mut bytes = encode::encode(&evidence, None);
        *at.get_mut(&mut bytes) = byte;
        comes_back(&bytes);
    }

    #[test]
    fn what_is_cut_short_is_refused(evidence in evidence(), cut in 1_usize..20) {
        let plain = encode::encode(&evidence, None);
        prop_assert!(decode::decode(&plain[..plain.len().saturating_sub(cut)]).is_err());
    }
}

#[test]
fn a_bomb_is_refused_before_it_fills_memory() {
    let bomb = zstd::bulk::compress(&vec![0; MOST_BYTES + 1], 1).unwrap();
    assert!(bomb.len() < 1 << 20);
    assert_eq!(unpack(&bomb), Err(Malformed("more bytes than evidence has")));
    let claims: [&[u8]; 2] = [&[1, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x7f], &[2]];
    for claim in claims {
        let packed = zstd::bulk::compress(claim, 1).unwrap();
        assert!(unpack(&packed).is_err());
    }
}

#[test]
fn more_than_may_be_read_back_is_not_written() {
    let bytes = vec![7; MOST_BYTES].into_boxed_slice();
    let evidence = Evidence { facts: Facts::default(), peeks: BTreeMap::from([(1, bytes)]) };
    assert_eq!(pack(&evidence, None).unwrap(), None);
}
