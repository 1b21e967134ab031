//! Tests of what allocators and runtimes look like, by their published layouts.

use super::*;

/// Facts of `path` and of libraries with those markers.
fn with_libraries(path: &str, markers: &[&str], libraries: &[(&str, &[&str])]) -> Facts {
    let mut facts = executable(path, markers);
    for (library, markers) in libraries {
        let markers = markers.iter().map(|marker| Arc::from(*marker)).collect();
        let image = Image { markers, ..Image::default() };
        facts.images.insert((*library).into(), Arc::new(image));
    }
    facts
}

const LIBC: &str = "7f1000000000-7f1000100000 r-xp 0 8:1 8 /lib/libc.so.6\n";

fn libc_and(lines: &str) -> String {
    format!("{lines}\n{LIBC}")
}

#[test]
fn go_has_its_heap_at_any_address_in_whole_arenas() {
    let go = executable("/app/server", &["section:.go.buildinfo"]);
    let lines = "\
        400000-500000 r-xp 0 8:1 9 /app/server
        3c15c4000000-3c15c7400000 ---p 0 0:0 0 
        3c15c7400000-3c15cd000000 rw-p 0 0:0 0 
        3c15cd000000-3c15d0000000 ---p 0 0:0 0 ";
    let found = types_of(&libc_and(lines), &go);
    assert_eq!(found[1..4], ["reserved (Go) R12", "Go heap R12", "reserved (Go) R12"]);
    // Half an arena is none.
    let found = types_of(&libc_and("3c15c4000000-3c15c6000000 rw-p 0 0:0 0 "), &go);
    assert_eq!(found[0], "Go runtime R18b");
    // Nor is one without Go.
    let found =
        types_of(&libc_and("3c15c4000000-3c15c8000000 rw-p 0 0:0 0 "), &executable("/a", &[]));
    assert_eq!(found[0], "VM_ALLOCATE R20");
}

#[test]
fn haskell_reserves_a_terabyte_at_its_own_address() {
    let lines = "\
        4200000000-4207d00000 rw-p 0 0:0 0 
        4207d00000-14200100000 ---p 0 0:0 0 |nr dd";
    let found = types_of(lines, &executable("/a", &[]));
    assert_eq!(found, ["Haskell heap R13", "reserved R13"]);
    // The same elsewhere, or without a reservation, may be anyone's.
    let found = types_of("5200000000-5207d00000 rw-p 0 0:0 0 ", &executable("/a", &[]));
    assert_eq!(found, ["VM_ALLOCATE R20"]);
    let found = types_of("4200000000-4207d00000 rw-p 0 0:0 0 ", &executable("/a", &[]));
    assert_eq!(found, ["VM_ALLOCATE R20"]);
}

#[test]
fn dotnet_has_a_reservation_with_regions_above_its_tables() {
    let net = with_libraries("/usr/bin/dotnet", &[], &[("/net/libcoreclr.so", &[])]);
    let lines = "\
        7e0000000000-7e00000d0000 rw-p 0 0:0 0 
        7e00000d0000-7e0080000000 ---p 0 0:0 0 |dd
        7e0080000000-7e0080011000 rw-p 0 0:0 0 
        7e0080011000-7e0082000000 ---p 0 0:0 0 |dd
        7e0082000000-7e0082c00000 rw-p 0 0:0 0 
        7e0082c00000-7e4080000000 ---p 0 0:0 0 |dd
        7e5000000000-7e5000004000 rw-p 0 0:0 0 
        7f0000000000-7f0000001000 r-xp 0 8:1 9 /net/libcoreclr.so";
    let found = types_of(&libc_and(lines), &net);
    assert_eq!(
        found[..7],
        [
            ".NET runtime R18b",
            "reserved R19",
            ".NET heap R13",
            "reserved R13",
            ".NET heap R13",
            "reserved R13",
            ".NET runtime R18b",
        ]
    );
}

#[test]
fn webkit_has_a_gigacage_and_maps_without_reserving() {
    let lines = "\
        7e0000000000-7e0003000000 rw-p 0 0:0 0 |nr
        7e0003000000-7e1000000000 ---p 0 0:0 0 |nr
        7e2000000000-7e2000400000 rw-p 0 0:0 0 |nr
        7e2000400000-7e2100800000 ---p 0 0:0 0 |nr
        7e3000000000-7e3000010000 rw-p 0 0:0 0 |nr
        7e3000020000-7e3000030000 rwxp 0 0:0 0 |nr
        7e3000040000-7e3000050000 rw-p 0 0:0 0 
        7f0000000000-7f0000001000 r-xp 0 8:1 9 /lib/libjavascriptcoregtk-4.1.so.0";
    let library = ("/lib/libjavascriptcoregtk-4.1.so.0", &[][..]);
    let found = types_of(&libc_and(lines), &with_libraries("/bin/web", &[], &[library]));
    assert_eq!(
        found[..7],
        [
            "JSC heap/bmalloc R13",
            "reserved R13",
            "WASM memory R13",
            "reserved R13",
            "JSC heap/bmalloc R18b",
            "JIT code R16",
            "VM_ALLOCATE R20",
        ]
    );
}

#[test]
fn bun_is_no_v8_though_it_has_its_functions() {
    let bun = executable("/app/bun", &["str:jsc", "str:mimalloc"]);
    let lines = "3de40000000-3de80000000 rw-p 0 0:0 0 |nr\n7e2000000000-7e2008000000 rw-p 0 0:0 0 ";
    let found = types_of(&libc_and(lines), &bun);
    assert_eq!(found[..2], ["MALLOC (mimalloc) R14m", "VM_ALLOCATE R20"]);
}

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
fn sanitizers_have_fixed_layouts_and_headers() {
    let tsan = with_libraries("/a", &[], &[("/lib/libtsan.so.2", &[])]);
    let lines = "\
        10000000000-20000000000 rw-p 0 0:0 0 |nr nh
        300000000000-300000100000 rw-p 0 0:0 0 
        7b0400000000-7b0400010000 rw-p 0 0:0 0 
        7b0400010000-7b0780000000 ---p 0 0:0 0 
        7e0000000000-7e0000040000 rw-p 0 0:0 0 
        7f0000000000-7f0000001000 r-xp 0 8:1 9 /lib/libtsan.so.2";
    let block = BTreeMap::from([(0x7e00_0000_0000, words(&[0x7e00_0000_0000, 0x3c000]))]);
    let found = pieces_of(&libc_and(lines), &tsan, &block);
    let found: Vec<_> =
        found.iter().map(|it| format!("{} {}", it.label.region_type, it.label.rule)).collect();
    assert_eq!(
        found[..6],
        [
            "sanitizer shadow R16s",
            "sanitizer shadow R16s",
            "MALLOC (tsan) R16s",
            "MALLOC (reserved) R16s",
            "sanitizer internal R16s",
            "sanitizer internal R18",
        ]
    );
    let msan = executable("/a", &["__msan_init"]);
    let lines = "110000000000-110000001000 rw-p 0 0:0 0 \n700000000000-700000001000 rw-p 0 0:0 0 ";
    assert_eq!(types_of(lines, &msan), ["sanitizer shadow R16s", "MALLOC (msan) R16s"]);
}

#[test]
fn runtimes_that_map_their_own_heap_get_the_rest() {
    for (path, markers, library, expected) in [
        ("/usr/bin/mono-sgen", &[][..], "", "Mono heap"),
        ("/a", &[], "/lib/libmonosgen-2.0.so.1", "Mono heap"),
        ("/usr/bin/racket", &[], "", "Racket heap"),
        ("/a", &["section:.rackboot", "Sscheme_init"], "", "Racket heap"),
        ("/a", &["Sscheme_init"], "", "Scheme heap"),
        ("/a", &[], "/lib/libjulia-internal.so.1", "Julia heap"),
        ("/a", &["str:ocaml"], "", "OCaml heap"),
        ("/a", &["NimMain"], "", "Nim heap"),
        ("/a", &["_d_run_main"], "", "D heap"),
        ("/a", &[], "/lib/libphobos2-ldc-shared.so.100", "D heap"),
        ("/a", &["section:.fpcdata"], "", "Pascal heap"),
        ("/a", &["section:.svm_heap"], "", "GraalVM heap"),
        ("/a", &["str:ghc"], "", "Haskell heap"),
        ("/a", &["DotNetRuntimeInfo"], "", ".NET runtime"),
        ("/usr/bin/poly", &[], "", "ML heap"),
        ("/usr/lib/clisp/lisp.run", &[], "", "Lisp heap"),
        ("/app/dart", &[], "", "Dart heap"),
    ] {
        let mut lines = libc_and("7e0000000000-7e0000100000 rw-p 0 0:0 0 ");
        if !library.is_empty() {
            lines += &format!("7f2000000000-7f2000001000 r-xp 0 8:1 7 {library}");
        }
        let found = types_of(&lines, &executable(path, markers));
        assert_eq!(found[0], format!("{expected} R18b"), "{path} {markers:?} {library}");
    }
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
fn stacks_that_glibc_does_not_list_are_of_fibers() {
    let mut lines = String::new();
    for stack in 0..4_u64 {
        let at = 0x7e00_0000_0000 + stack * 0x10_0000;
        lines += &format!("{:x}-{:x} ---p 0 0:0 0 |nh\n", at, at + 0x1000);
        lines += &format!("{:x}-{:x} rw-p 0 0:0 0 |nh\n", at + 0x1000, at + 0x80000);
    }
    let mut facts = executable("/a", &[]);
    assert_eq!(types_of(&libc_and(&lines), &facts)[1], "Stack (thread) R15");
    facts.glibc_stacks = Some(Vec::new());
    assert_eq!(types_of(&libc_and(&lines), &facts)[1], "Stack (fiber) R15");
}

#[test]
fn a_pointer_into_a_heap_makes_no_stack() {
    let mut facts = executable("/a", &[]);
    facts.threads = vec![Thread {
        tid: 7,
        name: "a".into(),
        robust_list: None,
        stack_pointer: Some(0x7e00_0100_0000),
    }];
    facts.pid = 1;
    let heap = "7e0000000000-7e0002000000 rw-p 0 0:0 0 ";
    assert_eq!(types_of(&libc_and(heap), &facts)[0], "VM_ALLOCATE R20");
    let guarded =
        "7dfffffff000-7e0000000000 ---p 0 0:0 0 \n7e0000000000-7e0002000000 rw-p 0 0:0 0 ";
    assert_eq!(types_of(&libc_and(guarded), &facts)[1], "Stack (thread) R9c");
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
fn much_executable_memory_may_be_a_heap() {
    for (occupied, markers, expected) in [
        (1 << 20, &[][..], (types::JIT_CODE, Confidence::Likely)),
        (100 << 20, &[], (types::JIT_CODE, Confidence::Guess)),
        (100 << 20, &["Sscheme_init"], (types::SCHEME_HEAP, Confidence::Guess)),
    ] {
        let facts = executable("/a", markers);
        let mappings = mappings("7e0000000000-7e0010000000 rwxp 0 0:0 0 ");
        let process = Process {
            mappings: &mappings,
            occupied: &[occupied],
            facts: &facts,
            kept: &[],
            user_rules: &[],
        };
        let found = classify(&process, &mut |_, _| 0).remove(0).label;
        assert_eq!((found.region_type, found.confidence), expected);
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
