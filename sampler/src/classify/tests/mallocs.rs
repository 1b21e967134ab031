//! Tests of the memory of mallocs, by their published layouts.

use super::runtimes::{libc_and, with_libraries};
use super::*;

#[test]
fn mimalloc_shows_by_the_header_of_an_arena() {
    let own = executable("/a", &["str:mimalloc"]);
    let at = 0x7e00_0000_0000;
    let lines =
        "7e0000000000-7e0000010000 rw-p 0 0:0 0 |nr\n7e0000010000-7e0040010000 rw-p 0 0:0 0 |nr hg";
    let header = |kind: u64| BTreeMap::from([(at, words(&[at, 1 << 30, kind]))]);
    let found = pieces_of(&libc_and(lines), &own, &header(0x01_0100_0000_0004));
    assert_eq!(found[0].range, AddressRange::new(at, at + (1 << 30)));
    assert_eq!(
        (found[0].label.rule.clone(), found[0].label.confidence),
        (Rule::R14m, Confidence::Sure)
    );
    // A boolean is 0 or 1.
    let found = pieces_of(&libc_and(lines), &own, &header(0x02_0100_0000_0004));
    assert_eq!(found[0].label.rule, Rule::R18);
}

#[test]
fn a_librarys_own_malloc_leaves_the_program_its_own() {
    let python = with_libraries(
        "/usr/bin/python3",
        &["_PyRuntime", "str:glibc-malloc"],
        &[("/lib/libarrow.so", &["str:jemalloc", "mi_malloc", "str:mimalloc"])],
    );
    let lines = "\
        500000-521000 rw-p 0 0:0 0 [heap]
        42000000000-42040000000 rw-p 0 0:0 0 |nr hg
        7e0000000000-7e0000400000 rw-p 0 0:0 0 |nr
        7e1000000000-7e1000021000 rw-p 0 0:0 0 
        7f0000000000-7f0000001000 r-xp 0 8:1 9 /lib/libarrow.so";
    let chunk = BTreeMap::from([(0x7e10_0000_0000, words(&[0, 0x21002]))]);
    let found = pieces_of(&libc_and(lines), &python, &chunk);
    let found: Vec<_> = found.iter().map(|it| it.label.region_type.name().to_owned()).collect();
    assert_eq!(
        found[..4],
        ["MALLOC (brk heap)", "MALLOC (mimalloc)", "MALLOC (jemalloc)", "MALLOC_LARGE"]
    );
}

#[test]
fn only_tcmalloc_takes_the_brk_heap_and_maps_what_has_no_room_there() {
    let lines = "500000-521000 rw-p 0 0:0 0 [heap]\n7e0000000000-7e0000100000 rw-p 0 0:0 0 ";
    let found = types_of(&libc_and(lines), &executable("/a", &["str:tcmalloc"]));
    assert_eq!(found[..2], ["MALLOC (tcmalloc) R7", "VM_ALLOCATE R20"]);
    let found = types_of(&libc_and(lines), &executable("/a", &["str:jemalloc"]));
    assert_eq!(found[..2], ["MALLOC (brk heap) R7", "VM_ALLOCATE R20"]);
    let found =
        types_of("7e0000000000-7e0000100000 rw-p 0 0:0 0 ", &executable("/a", &["str:tcmalloc"]));
    assert_eq!(found, ["MALLOC (tcmalloc) R18"]);
}

#[test]
fn a_brk_heap_is_glibcs_where_it_begins_with_its_chunks() {
    let heap = |head: &[u64], next: Option<&[u64]>, facts: &Facts| {
        let lines = "560000000000-560000021000 rw-p 0 0:0 0 [heap]";
        let mut memory = BTreeMap::from([(0x5600_0000_0000, words(head))]);
        memory.extend(next.map(|next| (0x5600_0000_0290, words(next))));
        let found = pieces_of(&libc_and(lines), facts, &memory);
        let found = &found[0].label;
        (found.region_type.name().to_owned(), found.confidence)
    };
    let readable = |markers| Facts { memory_readable: true, ..executable("/a", markers) };
    let brk = |confidence| ("MALLOC (brk heap)".to_owned(), confidence);
    let unknown = ("VM_ALLOCATE".to_owned(), Confidence::Unknown);
    let plain = readable(&[]);
    // The chunk of the cache of the main thread, then any.
    assert_eq!(heap(&[0, 0x291], Some(&[0, 0x511]), &plain), brk(Confidence::Sure));
    assert_eq!(heap(&[0, 0x291], None, &plain), brk(Confidence::Sure));
    for (head, next) in [
        (&[0, 0][..], &[0, 0x511][..]),
        (&[0, 0x292], &[0, 0x511]),
        (&[0, 0x299], &[0, 0x511]),
        (&[0, 0x2_1011], &[0, 0x511]),
        (&[0, 0x291], &[0, 0x4141_4141]),
        (&[0x0707_0707_0707_0707, 0x0707_0707_0707_0707], &[0, 0]),
    ] {
        assert_eq!(heap(head, Some(next), &plain), unknown, "{head:x?} {next:x?}");
    }
    // Nothing of it was read.
    assert_eq!(heap(&[], None, &plain), brk(Confidence::Likely));
    let lisp = ("Lisp heap".to_owned(), Confidence::Likely);
    assert_eq!(heap(&[0, 0], None, &readable(&["str:gcl"])), lisp);
}

#[test]
fn in_a_jvm_memory_without_reservation_is_another_mallocs() {
    let jvm = with_libraries(
        "/usr/bin/java",
        &[],
        &[("/jvm/libjvm.so", &[]), ("/lib/libjemalloc.so.2", &["str:jemalloc"])],
    );
    let lines = "\
        7e0000000000-7e0000400000 rw-p 0 0:0 0 |nr
        7e1000000000-7e1000400000 rw-p 0 0:0 0 
        7f0000000000-7f0000001000 r-xp 0 8:1 9 /jvm/libjvm.so
        7f0000002000-7f0000003000 r-xp 0 8:1 7 /lib/libjemalloc.so.2";
    let found = types_of(&libc_and(lines), &jvm);
    assert_eq!(found[..2], ["MALLOC (jemalloc) R18", "JVM GC data R8c"]);
}

#[test]
fn a_large_reservation_is_not_glibcs() {
    let head = words(&[0x7e00_0000_0030, 0, 0x21000, 0x21000, 0x1000]);
    let memory = BTreeMap::from([(0x7e00_0000_0000, head)]);
    let lines = "\
        7d0000000000-7e0000000000 ---p 0 0:0 0 
        7e0000000000-7e0000021000 rw-p 0 0:0 0 
        7e0000021000-7e0004000000 ---p 0 0:0 0 
        7e0004000000-7f0000000000 ---p 0 0:0 0 ";
    let found = pieces_of(&libc_and(lines), &executable("/a", &[]), &memory);
    let found: Vec<_> = found.iter().map(|it| it.label.region_type.name().to_owned()).collect();
    assert_eq!(found[..4], ["reserved", "MALLOC (arena)", "MALLOC (reserved)", "reserved"]);
}

#[test]
fn a_chunk_amid_other_data_needs_a_neighbour_or_the_size_that_malloc_maps() {
    let facts = executable("/a", &["str:glibc-malloc"]);
    let lines = "7e0000000000-7e0000100000 rw-p 0 0:0 0 ";
    let present = |chunk: [u64; 2]| {
        let mut memory: BTreeMap<u64, Vec<u8>> =
            (0..256_u64).map(|page| (0x7e00_0000_0000 + page * 0x1000, words(&[7, 7]))).collect();
        memory.insert(0x7e00_0001_0000, words(&chunk));
        memory
    };
    let found = pieces_of(lines, &facts, &present([0, 0x21002]));
    assert_eq!(
        (found[1].label.rule.clone(), found[1].label.confidence),
        (Rule::R14a, Confidence::Likely)
    );
    // Smaller than malloc maps, and with nothing known after it.
    assert_eq!(pieces_of(lines, &facts, &present([0, 0x3002])).len(), 1);
    assert_eq!(pieces_of(lines, &facts, &present([16, 0x21002])).len(), 1);
    // Up to the end of the mapping.
    let found = pieces_of(lines, &facts, &present([0, 0xf0002]));
    assert_eq!(found[1].label.confidence, Confidence::Sure);
}

#[test]
fn unreadable_memory_is_mallocs_only_where_it_looks_like_it() {
    let unreadable =
        |markers: &[&str]| Facts { memory_readable: false, ..executable("/a", markers) };
    let first = |lines: &str| types_of(&libc_and(lines), &unreadable(&[]))[0].clone();
    assert_eq!(first("7f0fff000000-7f0fff201000 rw-p 0 0:0 0 "), "MALLOC_LARGE R18x");
    for other in [
        // Round, far from libraries, or mapped otherwise than malloc maps.
        "7f0fff000000-7f0fff200000 rw-p 0 0:0 0 ",
        "10000000000-10000201000 rw-p 0 0:0 0 ",
        "7f0fff000000-7f0fff201000 rw-p 0 0:0 0 |nr",
        "7f0fff000000-7f0fff201000 rw-p 0 0:0 0 |dd",
        // Beside a reservation or code, which runtimes make.
        "7f0ff0000000-7f0ff0201000 rw-p 0 0:0 0 \n7f0ff8000000-7f0fff000000 ---p 0 0:0 0 ",
        "7f0fff000000-7f0fff201000 rw-p 0 0:0 0 \n7f0fff300000-7f0fff310000 rwxp 0 0:0 0 ",
    ] {
        let found = types_of(&libc_and(other), &unreadable(&[]));
        assert!(!found.contains(&"MALLOC_LARGE R18x".to_owned()), "{other}: {found:?}");
    }
}

#[test]
fn blocks_that_begin_mappings_are_found_whatever_else_there_is_to_search() {
    let facts = executable("/a", &["str:glibc-malloc"]);
    // More present pages without a header than all reads together.
    let mut lines = String::new();
    for heap in 0..8_u64 {
        let start = 0x7d00_0000_0000 + heap * 0x10_0000_0000;
        lines += &format!("{start:x}-{:x} rw-p 0 0:0 0 \n", start + 0x1000_0000);
    }
    lines += "7e0000000000-7e0000021000 rw-p 0 0:0 0 ";
    let mappings = mappings(&lines);
    let process =
        Process { mappings: &mappings, occupied: &[], facts: &facts, kept: &[], user_rules: &[] };
    let found = classify(&process, &mut |at, into| {
        let data = if at == 0x7e00_0000_0000 { words(&[0, 0x21002]) } else { words(&[7, 7]) };
        let length = data.len().min(into.len());
        into[..length].copy_from_slice(&data[..length]);
        length
    });
    let last = &found.last().unwrap().label;
    assert_eq!((last.region_type.clone(), last.rule.clone()), (types::MALLOC_LARGE, Rule::R14a));
}
