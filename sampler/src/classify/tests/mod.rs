//! Tests of the rules on synthetic processes, for cases that the captures lack.

mod hostile;
mod kernel_names;
mod mallocs;
mod runtimes;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::classify::facts::{Facts, GlibcStack, Image, Jvm, Segment, Thread};
use crate::classify::piece::label;
use crate::classify::user::UserRule;
use crate::label::Confidence;
use crate::procfs::mapping::Mapping;
use crate::procfs::mapping::tests::mappings;
use crate::region::{AddressRange, Object, Protection};
use crate::rule::Rule;
use crate::vocabulary::types;

/// Classifies the lines of a process; `memory` is its readable memory, by address.
fn pieces_of(lines: &str, facts: &Facts, memory: &BTreeMap<u64, Vec<u8>>) -> Vec<Piece> {
    let mappings = mappings(lines);
    let process = Process { mappings: &mappings, occupied: &[], facts, kept: &[], user_rules: &[] };
    classify(&process, &mut |at, into| {
        let Some(bytes) = memory.get(&at) else { return 0 };
        let length = bytes.len().min(into.len());
        into[..length].copy_from_slice(&bytes[..length]);
        length
    })
}

fn types_of(lines: &str, facts: &Facts) -> Vec<String> {
    let pieces = pieces_of(lines, facts, &BTreeMap::new());
    pieces.iter().map(|it| format!("{} {}", it.label.region_type, it.label.rule)).collect()
}

/// Facts of an executable of that path with those markers.
fn executable(path: &str, markers: &[&str]) -> Facts {
    let image = Image {
        has_interpreter: true,
        markers: markers.iter().map(|marker| Arc::from(*marker)).collect(),
        ..Image::default()
    };
    Facts {
        executable: Some(path.into()),
        images: BTreeMap::from([(path.into(), Arc::new(image))]),
        memory_readable: true,
        ..Facts::default()
    }
}

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn without_facts_names_rights_and_order_decide() {
    let found = types_of(
        "400000-401000 r-xp 0 8:1 9 /bin/a
         401000-402000 rw-p 1000 8:1 9 /bin/a
         500000-501000 rw-p 0 0:0 0 [heap]
         600000-700000 r-xp 0 8:1 8 /lib/libc.so.6
         700000-710000 ---p 0 0:0 0 
         800000-a01000 rw-p 0 0:0 0 
         a00000-a10000 rwxp 0 0:0 0 
         b00000-b21000 rw-p 0 0:0 0 [stack]",
        &Facts::default(),
    );
    assert_eq!(
        found,
        [
            "__TEXT R4",
            "__DATA R4",
            "MALLOC (brk heap) R7",
            "__TEXT R4",
            "guard R19",
            "VM_ALLOCATE R20",
            "JIT code R16",
            "Stack R1",
        ]
    );
    // Without code made while running, large unreadable memory is malloc's.
    let found = types_of(
        "600000-700000 r-xp 0 8:1 8 /lib/libc.so.6
         800000-a01000 rw-p 0 0:0 0 
         b00000-c00000 rw-p 0 0:0 0 ",
        &Facts::default(),
    );
    assert_eq!(found, ["__TEXT R4", "MALLOC_LARGE R18x", "VM_ALLOCATE R20"]);
}

#[test]
fn names_given_by_runtimes() {
    for (line, expected) in [
        ("rw-p 0 0:0 0 [anon:v8]", "V8 heap R2"),
        ("---p 0 0:0 0 [anon:v8-sandbox]", "reserved (V8) R2"),
        ("rwxp 0 0:0 0 [anon:v8]", "JIT code (V8) R2"),
        ("rw-p 0 0:0 0 [anon: glibc: malloc arena]", "MALLOC (arena) R2"),
        ("rw-p 0 0:0 0 [anon: glibc: pthread stack: 7]", "Stack (thread) R2"),
        ("---p 0 0:0 0 [anon:stack_and_tls:7]", "STACK GUARD R2"),
        ("---p 0 0:0 0 [anon:jemalloc-decommitted]", "MALLOC (reserved) R2"),
        ("rw-p 0 0:0 0 [anon:Go: heap]", "Go heap R2"),
        ("rw-p 0 0:0 0 [anon:zend_alloc]", "PHP heap R2"),
        ("rw-p 0 0:0 0 [anon:my pool]", "VM_ALLOCATE R2"),
        ("---p 0 0:0 0 [anon:my pool]", "reserved R2"),
        ("rw-s 0 0:1 7 [anon_shmem:my pool]", "shared memory R3"),
        ("rw-s 0 0:1 7 /memfd:java_heap (deleted)", "JVM heap R3"),
        ("rw-s 0 0:1 7 /memfd:doublemapper (deleted)", "JIT code R3"),
        ("rw-s 0 8:1 7 /tmp/.org.chromium.Chromium.x", "shared memory R3"),
        ("rw-s 0 0:6 7 /drm mm object", "device R3"),
        ("r--p 0 8:1 7 /usr/lib/server/classes.jsa", "JVM CDS archive R6"),
    ] {
        assert_eq!(types_of(&format!("1000-2000 {line}"), &Facts::default()), [expected], "{line}");
    }
    let named =
        pieces_of("1000-2000 rw-p 0 0:0 0 [anon:my pool]", &Facts::default(), &BTreeMap::new());
    assert_eq!(named[0].label.detail.as_deref(), Some("my pool"));
}

#[test]
fn runtimes_without_headers_get_the_remaining_memory() {
    for (path, markers, rights, expected) in [
        ("/usr/bin/ruby", &["rb_gc_start"][..], "rw-p", "Ruby heap R18b"),
        ("/usr/bin/luajit", &[], "rw-p", "Lua heap R18b"),
        ("/usr/bin/sbcl", &[], "rwxp", "Lisp heap R16v"),
        ("/usr/bin/sbcl", &[], "rw-p", "Lisp heap R18b"),
        ("/usr/libexec/valgrind/memcheck-amd64-linux", &[], "rwxp", "Valgrind R16v"),
        ("/usr/bin/rustc", &["str:jemalloc"], "rw-p", "VM_ALLOCATE R20"),
        ("/usr/bin/a", &["tc_malloc"], "rw-p", "MALLOC (tcmalloc) R18"),
        ("/usr/bin/a", &["mi_malloc"], "rw-p", "VM_ALLOCATE R20"),
        ("/usr/bin/python3.13", &["mi_malloc", "_PyRuntime"], "rw-p", "VM_ALLOCATE R20"),
        ("/usr/bin/a", &["__asan_init"], "rw-p", "MALLOC (asan) R18"),
        ("/usr/bin/a", &[], "rw-p", "VM_ALLOCATE R20"),
    ] {
        let line = format!("7f0000000000-7f0000100000 {rights} 0 0:0 0 ");
        assert_eq!(types_of(&line, &executable(path, markers)), [expected], "{path}");
    }
    // jemalloc and mimalloc ask the kernel not to reserve.
    for (marker, expected) in
        [("str:jemalloc", "MALLOC (jemalloc) R18"), ("mi_malloc", "MALLOC (mimalloc) R18")]
    {
        let line = "7f0000000000-7f0000100000 rw-p 0 0:0 0 |rd wr mr mw me nr";
        assert_eq!(types_of(line, &executable("/a", &[marker])), [expected]);
    }
}

#[test]
fn v8_outside_of_chromium_reserves_cages() {
    let deno = executable("/usr/bin/deno", &["str:v8"]);
    let lines = "\
        100000000000-100000040000 rw-p 0 0:0 0 
        100000040000-100100000000 ---p 0 0:0 0 
        200000000000-200000010000 rw-p 0 0:0 0 
        200000010000-200800000000 ---p 0 0:0 0 
        300000040000-300000080000 rw-p 0 0:0 0 
        7f0000000000-7f0000001000 r--p 0 8:1 9 /usr/share/a";
    let found = types_of(lines, &deno);
    assert_eq!(
        found[..5],
        [
            "V8 heap R13",
            "reserved (V8) R13",
            "V8 cppgc heap R13",
            "reserved (V8) R13",
            "V8 heap R13"
        ]
    );
}

#[test]
fn musl_in_a_static_program_is_detected_by_its_groups() {
    let memory =
        BTreeMap::from([(0x10000, words(&[0x20100, 0])), (0x20110, words(&[0x10000, 0, 3 << 12]))]);
    let facts = Facts { memory_readable: true, ..Facts::default() };
    let lines = "10000-14000 rw-p 0 0:0 0 \n20000-21000 rw-p 0 0:0 0 ";
    let found = pieces_of(lines, &facts, &memory);
    assert_eq!(found[0].label.region_type, types::MALLOC_MUSL);
    assert_eq!((found[0].label.rule.clone(), found[0].range.end), (Rule::R14b, 0x13000));
}

#[test]
fn a_chunk_that_madvise_split_is_one_piece() {
    let mut facts = executable("/a", &["str:glibc-malloc"]);
    facts.memory_readable = true;
    let memory = BTreeMap::from([(0x10000, words(&[0, 0x30002]))]);
    let lines = "10000-11000 rw-p 0 0:0 0 |rd wr\n11000-40000 rw-p 0 0:0 0 |rd wr hg\n40000-41000 rw-p 0 0:0 0 ";
    let found = pieces_of(lines, &facts, &memory);
    assert_eq!(found[0].range, AddressRange::new(0x10000, 0x40000));
    assert_eq!(found[0].label.region_type, types::MALLOC_LARGE);
    assert_eq!(found.len(), 2);
}

#[test]
fn kept_pieces_and_user_rules_go_first() {
    let mappings = mappings("1000-3000 rw-p 0 0:0 0 [heap]\n3000-4000 rw-p 0 0:0 0 [anon:pool]");
    let kept = [Piece {
        range: AddressRange::new(0x2000, 0x3000),
        label: label(types::BSS, Confidence::Sure, Rule::R5),
    }];
    let user = [UserRule {
        region_type: types::JIT_CODE,
        detail: Some("mine".into()),
        object: None,
        anon_name: Some("po*".into()),
        min_bytes: Some(0x1000),
        max_bytes: Some(0x1000),
        protection: None,
    }];
    let process = Process {
        mappings: &mappings,
        occupied: &[1, 1],
        facts: &Facts::default(),
        kept: &kept,
        user_rules: &user,
    };
    let found = classify(&process, &mut |_, _| 0);
    let found: Vec<_> = found.iter().map(|it| (it.range.start, it.label.rule.clone())).collect();
    assert_eq!(found, [(0x1000, Rule::R7), (0x2000, Rule::R5), (0x3000, Rule::User)]);
}

#[test]
fn many_mappings_take_no_time() {
    let mappings: Vec<Mapping> = (0..60_000_u64)
        .map(|index| {
            let start = 0x7f00_0000_0000 + index * 0x3000;
            let mut mapping = mappings("1000-2000 rw-p 0 0:0 0 ").remove(0);
            mapping.range = AddressRange::new(start, start + 0x1000 + index % 3 * 0x1000);
            mapping
        })
        .collect();
    let facts = executable("/a", &["str:glibc-malloc", "_PyRuntime", "str:v8"]);
    let process =
        Process { mappings: &mappings, occupied: &[], facts: &facts, kept: &[], user_rules: &[] };
    let begun = std::time::Instant::now();
    assert_eq!(classify(&process, &mut |_, _| 0).len(), mappings.len());
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}
