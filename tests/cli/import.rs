//! `vmrec import`: pasted outputs of other tools as recordings.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

use crate::harness::Bench;

/// Copies a pasted output into the bench's folder.
fn paste(bench: &Bench, name: &str, to: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sampler/fixtures/pasted");
    fs::copy(folder.join(name), bench.path(to)).unwrap();
}

#[test]
fn pmap_becomes_a_recording_that_every_command_reads() {
    let bench = Bench::new();
    paste(&bench, "pmap-X-3.10-x86_64-centos7.txt", "pmap.txt");
    bench.out(&["import", "pmap.txt", "--name", "before"]);
    let map = bench.out(&["map", "-r", "before", "-w", "--interleaved"]);
    assert!(map.contains("memory-user.out [28722]") && map.contains("libc-2.17.so"), "{map}");
    assert_snapshot!(
        bench
            .session(&[&["map", "-r", "before", "--summary"]])
            .lines()
            .filter(|line| !line.starts_with("Date/Time"))
            .collect::<Vec<_>>()
            .join("\n")
    );
    let json = bench.json(&["export", "--json", "-r", "before"]);
    assert_eq!(json["total"]["resident_bytes"], 10_716 << 10);
    assert_eq!(json["total"]["private_bytes"], serde_json::Value::Null);
    assert_eq!(json["page_size"], serde_json::Value::Null);
    let info = bench.json(&["info", "--json"]);
    assert_eq!(info["imported_from"], "pmap.txt (pmap, time of import)");
    assert_eq!(info["host"]["name"], serde_json::Value::Null);
    assert_eq!(info["process"]["start_ticks"], serde_json::Value::Null);
    assert_eq!(info["cost"], serde_json::Value::Null);
    let list = bench.out(&["list"]);
    assert!(list.contains("imported"), "{list}");
    let refused = bench.run(&["reclassify"]);
    assert_eq!(refused.status, Some(2));
    assert!(refused.error.contains("was imported from pmap.txt"), "{}", refused.error);
}

#[test]
fn snapshots_with_times_have_a_diff() {
    let bench = Bench::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sampler/fixtures/pasted");
    let one = fs::read_to_string(folder.join("smaps-6.x-x86_64-container-pid1.txt")).unwrap();
    let two = one.replace("Rss:                 188 kB", "Rss:                  88 kB");
    let stream = format!("2026-03-01T10:00:00Z\n{one}\n2026-03-01T10:00:05Z\n{two}");
    fs::write(bench.path("stream.txt"), stream).unwrap();
    assert_snapshot!(bench.session(&[
        &["import", "stream.txt"],
        &["diff", "start", "end"],
        &["info"],
        &["map", "--at", "start", "-resident"],
    ]));
    fs::write(bench.path("a.txt"), &one).unwrap();
    fs::write(bench.path("b.txt"), &two).unwrap();
    bench.out(&["import", "a.txt", "b.txt", "--as-one", "--name", "both"]);
    let diff = bench.json(&["diff", "-r", "both", "--json"]);
    assert_eq!(diff["total"]["resident_bytes"]["delta"], -(100 << 10));
}

#[test]
fn sums_by_type_have_a_page_and_a_difference() {
    let bench = Bench::new();
    paste(&bench, "vmmap-26.4.1-arm64-python-summary.txt", "one.txt");
    let page = fs::read_to_string(bench.path("one.txt")).unwrap();
    let later = page
        .replace(
            "VM_ALLOCATE                      132.0M   130.2M   130.2M",
            "VM_ALLOCATE                      164.0M   162.2M   162.2M",
        )
        .replace("14:25:59.811", "14:35:59.811");
    fs::write(bench.path("two.txt"), later).unwrap();
    bench.out(&["import", "two.txt", "one.txt", "--as-one"]);
    assert_snapshot!(bench.session(&[
        &["diff"],
        &["map", "--at", "start"],
        &["info"],
        &["info", "--verify"],
        &["sql", "SELECT start, protection, type, provenance, virtual_bytes FROM region_at('end') LIMIT 2"],
    ]));
    paste(&bench, "footprint-26.6-arm64-app.txt", "footprint.txt");
    bench.out(&["import", "footprint.txt", "--name", "app"]);
    let json = bench.json(&["export", "--json", "-r", "app"]);
    assert_eq!(json["total"]["virtual_bytes"], serde_json::Value::Null);
    assert_eq!(json["total"]["dirty_bytes"], 966_510_592_u64);
    assert_eq!(json["total"]["regions"], 9384);
}

#[test]
fn texts_of_no_tool_are_refused_and_nothing_is_written() {
    let bench = Bench::new();
    paste(&bench, "smaps-3.10-ppc64le-java.txt", "good.txt");
    fs::write(bench.path("empty.txt"), "\n").unwrap();
    fs::write(bench.path("other.txt"), "hello\nworld\n").unwrap();
    fs::write(bench.path("failed.txt"), "cat: /proc/1/smaps: Permission denied\n").unwrap();
    fs::write(bench.path("rows.txt"), "00400000 r-xp 00000000 103:04 1074351795  4 4 java\n")
        .unwrap();
    assert_snapshot!(bench.session(&[
        &["import", "good.txt", "empty.txt"],
        &["import", "other.txt"],
        &["import", "failed.txt"],
        &["import", "rows.txt", "--format", "pmap"],
        &["import", "rows.txt", "--format", "smaps"],
        &["import", "missing.txt"],
        &["list"],
    ]));
}
