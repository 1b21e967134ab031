//! Tests of what runtimes look like, by their published layouts.

use super::*;

/// Facts of `path` and of libraries with those markers.
pub(super) fn with_libraries(path: &str, markers: &[&str], libraries: &[(&str, &[&str])]) -> Facts {
    let mut facts = executable(path, markers);
    for (library, markers) in libraries {
        let markers = markers.iter().map(|marker| Arc::from(*marker)).collect();
        let image = Image { markers, ..Image::default() };
        facts.images.insert((*library).into(), Arc::new(image));
    }
    facts
}

const LIBC: &str = "7f1000000000-7f1000100000 r-xp 0 8:1 8 /lib/libc.so.6\n";

pub(super) fn libc_and(lines: &str) -> String {
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
fn a_jvms_own_list_names_its_memory_but_for_stacks() {
    let mut jvm = with_libraries("/usr/bin/java", &[], &[("/lib/libjvm.so", &[])]);
    let lines = "\
        7f0000000000-7f0000010000 rw-p 0 0:0 0 
        7f0000010000-7f0000400000 ---p 0 0:0 0 
        7f0000800000-7f0000900000 rw-p 0 0:0 0 
        7f0000a00000-7f0000a01000 r--p 0 0:0 0 
        7f0000b00000-7f0000b01000 r-xp 0 8:1 7 /lib/libjvm.so";
    let before = types_of(&libc_and(lines), &jvm);
    jvm.native_memory = crate::classify::native_memory::parse(
        "[0x00007f0000000000 - 0x00007f0000400000] reserved 4096KB for Metaspace from\n\
         [0x00007f0000800000 - 0x00007f0000900000] reserved and committed 1024KB for Thread Stack\n\
         [0x00007f0000a00000 - 0x00007f0000a01000] reserved and committed 4KB for Safepoint from\n\
         [0x00007f0000b00000 - 0x00007f0000b01000] reserved and committed 4KB for GC from",
    );
    let found = types_of(&libc_and(lines), &jvm);
    assert_eq!(found[..2], ["JVM metaspace R8n", "reserved (JVM) R8n"]);
    assert_eq!(found[3], "JVM other R8n");
    assert_eq!((&found[2], &found[4]), (&before[2], &before[4]), "stacks and files are not its");
    // A program that is no JVM has no such list.
    jvm.images.remove("/lib/libjvm.so");
    let without = types_of(&lines.replace("libjvm", "libother"), &jvm);
    assert!(without.iter().all(|it| !it.ends_with("R8n")), "{without:?}");
}
