//! The rules on processes whose memory is known: what each rule finds, and how much is right in all.
#![allow(dead_code, reason = "the modules are those of the example that measures the rules")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../examples/evaluate/capture.rs"]
mod capture;
#[path = "../examples/evaluate/score.rs"]
mod score;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use capture::Capture;
use score::{Score, percent};

/// The captures of the fixture, by name.
fn captures() -> &'static BTreeMap<String, Capture> {
    static CAPTURES: OnceLock<BTreeMap<String, Capture>> = OnceLock::new();
    CAPTURES.get_or_init(|| {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures.tar.zst");
        let mut text = zstd::Decoder::new(std::fs::File::open(fixture).unwrap()).unwrap();
        text.window_log_max(27).unwrap();
        let folder = tempfile::tempdir().unwrap();
        tar::Archive::new(text).unpack(folder.path()).unwrap();
        let names = capture::names(folder.path());
        let read = |name: String| {
            let capture = Capture::read(folder.path(), &name).unwrap();
            (name, capture)
        };
        names.into_iter().map(read).collect()
    })
}

fn score_of(name: &str, readable: bool) -> Score {
    let mut capture = captures()[name].clone();
    if !readable {
        capture.forget_memory();
    }
    Score::of(&capture, &capture.classify())
}

/// Fails unless `rule` finds at least so many KB of its type in the capture, of those resident
/// or (where none are) of all, and at most a hundredth more (and a few pages) of other types.
#[track_caller]
fn finds(readable: bool, rule: &str, region_type: &str, name: &str, kilobytes: f64) {
    let score = score_of(name, readable);
    let (mut right, mut wrong) = (0.0, 0.0);
    for ((truth, found, by), bytes) in &score.cases {
        if by == rule && found == region_type {
            let resident = bytes.resident / 1e3;
            let of_reservations = found.contains("reserved")
                || found.to_lowercase().contains("guard")
                || found.contains("gap");
            let bytes = if of_reservations { bytes.virtual_ / 1e3 } else { resident };
            *if truth == found { &mut right } else { &mut wrong } += bytes;
        }
    }
    assert!(right >= kilobytes, "{rule} finds {right} KB of {region_type} in {name}");
    assert!(wrong <= right / 100.0 + 50.0, "{rule} takes {wrong} KB in {name} for {region_type}");
}

#[test]
fn every_rule_finds_its_type() {
    for (rule, region_type, name, kilobytes) in [
        ("R1", "Stack", "chromium_renderer", 168.0),
        ("R1", "vdso", "perl", 4.0),
        ("R3", "shared memory", "postgres_backend", 10142.0),
        ("R3", "JIT code", "erlang", 3830.0),
        ("R3", "kernel ring", "glibc_misc", 8.0),
        ("R3", "VM_ALLOCATE", "glibc_misc", 262.0),
        ("R4", "__TEXT", "chromium_browser", 120_103.0),
        ("R4", "__RODATA", "node20", 12796.0),
        ("R4", "__LINKEDIT", "chromium_browser", 45130.0),
        ("R4", "__DATA_CONST", "chromium_gpu", 13218.0),
        ("R4", "__DATA", "chromium2_x", 1511.0),
        ("R4", "ELF gap", "firefox_parent", 2101.0),
        ("R5", "__BSS", "tcmalloc_preload", 1741.0),
        ("R6", "mapped file", "firefox_parent", 38834.0),
        ("R6", "JVM CDS archive", "java25_g1", 15254.0),
        ("R6", "JVM perf data", "java25_g1", 32.0),
        ("R7", "MALLOC (brk heap)", "perl", 93630.0),
        ("R7", "MALLOC (tcmalloc)", "tcmalloc_preload", 207_692.0),
        ("R8a", "JVM heap", "java25_parallel", 69173.0),
        ("R8a", "JIT code (JVM)", "java25_g1", 1368.0),
        ("R8a", "reserved (JVM)", "java25_g1", 921_190.0),
        ("R8b", "JVM metaspace", "java25_g1", 77.0),
        ("R8b", "reserved (JVM)", "java17_g1", 1_078_022.0),
        ("R8c", "JVM metaspace", "java25_parallel", 679.0),
        ("R8c", "JVM GC data", "java17_g1", 1626.0),
        ("R9", "STACK GUARD", "java25_g1", 294.0),
        ("R9a", "Stack (thread)", "java17_g1", 1130.0),
        ("R9a", "STACK GUARD", "java17_g1", 315.0),
        ("R9b", "Stack (thread)", "firefox_parent", 1208.0),
        ("R9c", "Stack (thread)", "musl_dyn", 24.0),
        ("R10", "Guest memory", "qemu_user", 92193.0),
        ("R11", "MALLOC (arena)", "glibc_threads", 56304.0),
        ("R11", "MALLOC (reserved)", "erlang", 997_790.0),
        ("R12", "Go heap", "go_stripped", 44741.0),
        ("R12", "reserved (Go)", "go_plain", 634_343.0),
        ("R13", "V8 heap", "node20", 128_246.0),
        ("R13", "V8 heap", "chromium_renderer", 5898.0),
        ("R13", "V8 cppgc heap", "chromium_renderer", 5280.0),
        ("R13", "JIT code (V8)", "chromium_renderer", 163.0),
        ("R13", "reserved (V8)", "chromium_renderer", 1_497_853_821.0),
        ("R13", "MALLOC (PartitionAlloc)", "chromium_browser", 19935.0),
        ("R13", "SpiderMonkey heap", "firefox_parent", 29905.0),
        ("R13", "JIT code", "firefox_parent", 487.0),
        ("R14a", "MALLOC_LARGE", "perl", 50512.0),
        ("R14b", "MALLOC (musl)", "musl_dyn", 228_254.0),
        ("R14c", "Python heap", "python311", 85176.0),
        ("R14d", "Python heap", "python311", 18.0),
        ("R15", "Stack (thread)", "firefox_parent", 365.0),
        ("R15", "Stack (alt signal)", "glibc_misc", 8.0),
        ("R15", "STACK GUARD", "firefox_parent", 78.0),
        ("R16", "JIT code", "qemu_user", 2097.0),
        ("R16s", "sanitizer shadow", "asan", 23605.0),
        ("R16s", "MALLOC (asan)", "asan", 122_311.0),
        ("R17", "ld.so data", "chromium_zygote", 208.0),
        ("R18", "MALLOC (jemalloc)", "jemalloc_preload", 267_108.0),
        ("R14m", "MALLOC (mimalloc)", "mimalloc_preload", 256_900.0),
        ("R18", "MALLOC (mozjemalloc)", "firefox_parent", 157_368.0),
        ("R18b", "Erlang heap", "erlang", 210_719.0),
        ("R18b", "GC heap (libgc)", "guile", 66990.0),
        ("R18b", "PHP heap", "php", 106_865.0),
        ("R19", "MALLOC (reserved)", "firefox_parent", 178_467.0),
        ("R19", "guard", "glibc_misc", 8.0),
        ("R19", "reserved", "glibc_misc", 68_718_428.0),
        ("R20", "VM_ALLOCATE", "glibc_misc", 6369.0),
    ] {
        // The figures above are rounded.
        finds(true, rule, region_type, name, kilobytes - 1.0);
    }
}

#[test]
fn shapes_do_where_memory_may_not_be_read() {
    for (rule, region_type, name, kilobytes) in [
        ("R8x", "JVM heap", "java17_g1", 65790.0),
        ("R8x", "reserved (JVM)", "java25_g1", 1_900_000.0),
        ("R8x", "JVM metaspace", "java25_g1", 77.0),
        ("R11", "MALLOC (arena)", "static_pie", 59249.0),
        ("R18", "MALLOC (musl)", "musl_dyn", 228_639.0),
        ("R18x", "MALLOC_LARGE", "perl", 50512.0),
    ] {
        let wrong_too = matches!(name, "musl_dyn");
        if wrong_too {
            assert!(score_of(name, false).found_by(rule) / 1e3 >= kilobytes - 1.0);
        } else {
            finds(false, rule, region_type, name, kilobytes - 1.0);
        }
    }
    assert!(score_of("java25_parallel", false).found_by("R8x") / 1e3 >= 69173.0);
    assert!(score_of("python_tcmalloc", false).found_by("R18x") / 1e3 >= 60000.0);
    assert!(score_of("python311", false).found_by("R18x") / 1e3 >= 70959.0 + 39341.0 - 1.0);
}

#[test]
fn nearly_all_memory_gets_its_type() {
    for (readable, least_mean, least) in [(true, 99.5, 90.0), (false, 96.0, 50.0)] {
        let mut sum = 0.0;
        for name in captures().keys() {
            let score = score_of(name, readable);
            let right = percent(score.right.resident, score.all.resident);
            assert!(right >= least, "{name}: {right} %");
            sum += right;
        }
        let mean = sum / captures().len() as f64;
        assert!(mean >= least_mean, "{mean} %");
    }
}

#[test]
fn pieces_cover_the_mappings_and_stay_when_kept() {
    use vmrec_sampler::Confidence;
    use vmrec_sampler::{Process, classify};
    for capture in captures().values() {
        let pieces = capture.classify();
        let sure: Vec<_> = (pieces.iter())
            .filter(|piece| piece.label.confidence == Confidence::Sure)
            .cloned()
            .collect();
        let process = Process {
            mappings: &capture.mappings,
            occupied: &capture.occupied,
            facts: &capture.facts,
            kept: &sure,
            user_rules: &[],
        };
        // What was proven stays though nothing can be read any more.
        let again = classify(&process, &mut |_, _| 0);
        let all: std::collections::HashSet<_> =
            again.iter().map(|piece| (piece.range, &piece.label)).collect();
        for piece in &sure {
            assert!(all.contains(&(piece.range, &piece.label)), "{}: {piece:?}", capture.name);
        }
    }
}

#[test]
fn threads_are_identified_by_number_and_name() {
    let capture = &captures()["firefox_parent"];
    let pieces = capture.classify();
    let thread = &capture.facts.threads[3];
    let detail = format!("{} {}", thread.tid, thread.name);
    assert!(pieces.iter().any(|piece| piece.label.detail.as_deref() == Some(&*detail)));
}
