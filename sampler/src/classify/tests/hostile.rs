//! Any mappings, facts and memory, however hostile, are classified within bounds.

use proptest::prelude::*;

use super::*;
use crate::classify::facts::TrackedRange;

/// Extreme values, which break faulty arithmetic on addresses.
fn hostile() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(u64::MAX),
        Just(1 << 63),
        Just(2 | 0x3000),
        any::<u64>(),
        (0_u64..1 << 20).prop_map(|page| page << 12),
        (0_u64..64).prop_map(|block| block << 26),
    ]
}

fn hostile_range() -> impl Strategy<Value = AddressRange> {
    (hostile(), hostile()).prop_map(|(start, end)| AddressRange::new(start, end))
}

fn hostile_mappings() -> impl Strategy<Value = Vec<Mapping>> {
    let names = prop::sample::select(vec![
        "",
        "",
        "",
        "",
        "",
        "",
        "[heap]",
        "[stack]",
        "anon:v8",
        "/lib/libc.so.6",
        "/lib/libjvm.so",
        "/lib/libxul.so",
        "/lib/ld-musl.so.1",
        "/bin/a",
        "/a.jsa",
        "/memfd:a",
    ]);
    let flags = prop::sample::select(vec!["p", "p nr", "p nh", "p gd", "s ms"]);
    let sizes = prop_oneof![1_u64..4, 1_u64..5000, 1_u64..1 << 28];
    let one =
        (prop_oneof![Just(0), Just(0), 0_u64..1 << 24], sizes, 0_u8..8, names, flags, hostile());
    prop::collection::vec(one, 0..40).prop_map(|all| {
        let mut end = 0x10000_u64;
        let mapping =
            |(gap, pages, rights, name, flags, offset): (u64, u64, u8, &str, &str, u64)| {
                let start = end + gap * 0x1000;
                end = start + pages * 0x1000;
                let file = name.starts_with('/');
                let object = Object {
                    name: name.into(),
                    device: (8, 1),
                    inode: u64::from(file),
                    deleted: false,
                };
                Mapping {
                    range: AddressRange::new(start, end),
                    protection: Protection::from_bits(rights),
                    max_protection: None,
                    shared: flags.starts_with('s'),
                    object: (!name.is_empty()).then(|| Arc::new(object)),
                    offset,
                    flags: flags.into(),
                }
            };
        all.into_iter().map(mapping).collect()
    })
}

fn hostile_image() -> impl Strategy<Value = Image> {
    let segment = (0_u8..8, hostile(), hostile(), hostile(), hostile()).prop_map(
        |(rights, offset, address, file_bytes, memory_bytes)| Segment {
            protection: Protection::from_bits(rights),
            offset,
            address,
            file_bytes,
            memory_bytes,
        },
    );
    let markers = prop::sample::subsequence(
        markers::MARKERS.iter().map(|marker| marker.name).collect::<Vec<_>>(),
        0..4,
    );
    let segments = prop::collection::vec(segment, 0..6);
    let relro = prop::collection::vec(hostile_range(), 0..3);
    (any::<bool>(), any::<bool>(), segments, relro, markers).prop_map(
        |(fixed, has_interpreter, segments, relro, markers)| Image {
            fixed,
            has_interpreter,
            segments,
            relro,
            markers: markers.into_iter().map(Arc::from).collect(),
        },
    )
}

fn hostile_facts() -> impl Strategy<Value = Facts> {
    let executables =
        prop::sample::select(vec!["/bin/a", "/bin/node", "/bin/qemu-arm", "/bin/chrome"]);
    let thread = (0_u32..4, prop::option::of(hostile()), prop::option::of(hostile())).prop_map(
        |(tid, robust_list, stack_pointer)| Thread {
            tid,
            name: "a".into(),
            robust_list,
            stack_pointer,
        },
    );
    let stack = (prop::option::of(0_u32..4), hostile_range(), hostile())
        .prop_map(|(tid, range, guard_bytes)| GlibcStack { tid, range, guard_bytes });
    let ranges = || prop::collection::vec(hostile_range(), 0..3);
    let jvm = (ranges(), ranges(), prop::option::of(hostile()))
        .prop_map(|(heap, code, narrow_klass_base)| Jvm { heap, code, narrow_klass_base });
    let categories = prop::sample::select(vec!["Java Heap", "Code", "Thread Stack", "a"]);
    let tracked = (hostile_range(), categories)
        .prop_map(|(range, name)| TrackedRange { range, category: name.into() });
    let names = prop::sample::select(vec!["/bin/a", "/lib/libc.so.6", "/lib/libjvm.so"]);
    (
        executables,
        prop::collection::vec(thread, 0..4),
        prop::collection::btree_map(
            names.prop_map(Arc::from),
            hostile_image().prop_map(Arc::new),
            0..4,
        ),
        prop::option::of(prop::collection::vec(stack, 0..4)),
        prop::option::of(jvm),
        (ranges(), prop::collection::vec(tracked, 0..4)),
        any::<bool>(),
    )
        .prop_map(
            |(executable, threads, images, glibc_stacks, jvm, listed, memory_readable)| Facts {
                executable: Some(executable.into()),
                threads,
                images,
                glibc_stacks,
                listed_code: listed.0,
                native_memory: listed.1,
                jvm,
                memory_readable,
                ..Facts::default()
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_address_gets_one_piece_for_any_memory(
        mappings in hostile_mappings(),
        facts in hostile_facts(),
        bytes in prop::collection::vec(hostile(), 1..20),
        kept in prop::collection::vec(hostile_range(), 0..3),
    ) {
        let kept: Vec<_> = (kept.into_iter())
            .map(|range| Piece { range, label: label(types::BSS, Confidence::Sure, Rule::R5) })
            .collect();
        let process = Process {
            mappings: &mappings,
            occupied: &[],
            facts: &facts,
            kept: &kept,
            user_rules: &[],
        };
        let mut peeks = 0_usize;
        let found = classify(&process, &mut |at, into| {
            peeks += 1;
            for (index, word) in into.chunks_mut(8).enumerate() {
                // Records that point back to their pointers.
                let seen = bytes[(index + peeks) % bytes.len()];
                let word_there = if seen & 8 == 0 { seen } else { at & !0xfff };
                word.copy_from_slice(&word_there.to_le_bytes()[..word.len()]);
            }
            if bytes[0] % 5 == 1 { usize::MAX } else { into.len() }
        });
        prop_assert!(peeks <= (1 << 16) + 4 * mappings.len());
        let mut found = found.iter().map(|piece| piece.range).peekable();
        for mapping in &mappings {
            // Pieces of one owner may continue in the next mapping.
            let mut at = mapping.range.start;
            while at < mapping.range.end {
                let piece = found.peek().copied().unwrap_or(AddressRange::new(0, 0));
                prop_assert!(piece.start <= at && at < piece.end, "{at:x} {piece}");
                at = piece.end.min(mapping.range.end);
                if piece.end <= mapping.range.end {
                    found.next();
                }
            }
        }
        prop_assert!(found.next().is_none());
    }
}
