//! `vmrec map`: the regions of a process, live and from a recording.

use std::fs;

use insta::assert_snapshot;

use crate::harness::{Bench, Workload};

const MIB: u64 = 1 << 20;

fn recorded() -> (Bench, Workload) {
    let bench = Bench::new();
    let mut workload = Workload::start();
    fs::write(bench.path("model.bin"), vec![7; 2 << 20]).unwrap();
    workload.tell(&format!("map {}", bench.path("model.bin").display()));
    bench.run(&["record", &workload.pid_text(), "--samples", "2", "--every", "50ms"]);
    (bench, workload)
}

/// The lines of regions of a map: those between the two blank lines.
fn region_lines(text: &str) -> Vec<&str> {
    text.lines().skip_while(|line| !line.is_empty()).skip(1).take_while(|l| !l.is_empty()).collect()
}

#[test]
fn live_and_recorded_it_fits_80_columns_and_shows_every_region() {
    let (bench, workload) = recorded();
    for target in [&[&*workload.pid_text()][..], &["--at", "end"], &["--recording", "1"]] {
        let table = bench.out(&[&["map"], target].concat());
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        let regions = &bench.json(&[&["map", "--json"], target].concat())["regions"];
        assert_eq!(region_lines(&table).len(), regions.as_array().unwrap().len(), "{table}");
        let file = table.lines().find(|line| line.ends_with("model.bin")).unwrap();
        assert!(file.starts_with("mapped file "), "{file}");
        assert!(file.contains("2048K/2048K] r--/rwx SM="), "{file}");
        assert!(table.lines().last().unwrap().starts_with("TOTAL "), "{table}");
    }
}

#[test]
fn a_verbose_map_says_how_sure_it_is_and_cuts_nothing() {
    let (bench, workload) = recorded();
    let table = bench.out(&["map", "-v", &workload.pid_text()]);
    let path = bench.path("model.bin").display().to_string().len();
    let file = table.lines().find(|line| line.ends_with("DIR/model.bin")).unwrap();
    assert!(file.contains(" sure ") && file.contains(" R6 "), "{file}");
    assert!(path > 4);
    let wide = bench.out(&["map", "--wide", "--at", "end"]);
    assert!(wide.lines().any(|line| line.ends_with("DIR/model.bin")), "{wide}");
}

#[test]
fn json_has_the_sums_the_kernel_has() {
    let (bench, workload) = recorded();
    crate::harness::signal(workload.pid(), libc::SIGSTOP);
    let map = bench.json(&["map", "--json", &workload.pid_text()]);
    assert_eq!(map["pid"], workload.pid());
    assert_eq!(map["total"]["resident_bytes"], workload.smaps_sum("Rss"));
    assert_eq!(map["total"]["virtual_bytes"], workload.smaps_sum("Size"));
}

#[test]
fn types_of_ones_own_go_before_the_built_in_ones() {
    let (bench, workload) = recorded();
    fs::write(
        bench.path("types.toml"),
        "[[type]]\nname = \"Weights\"\nfamily = \"mapped file\"\nobject = \"*/model.*\"\nmin_size = \"1M\"\n",
    )
    .unwrap();
    for target in [&*workload.pid_text(), "--at=end"] {
        let map = bench.json(&["map", "--json", "--types", "types.toml", target]);
        let weights: Vec<_> = map["regions"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|region| region["type"] == "Weights")
            .collect();
        assert_eq!(weights.len(), 1, "{target}");
        assert_eq!(weights[0]["virtual_bytes"], 2 * MIB);
        assert_eq!(
            (&weights[0]["rule"], &weights[0]["family"]),
            (&"user".into(), &"mapped file".into())
        );
    }
}

#[test]
fn what_is_typed_wrong() {
    let (bench, workload) = recorded();
    let pid = workload.pid_text();
    assert_snapshot!(bench.run(&["map"]).failure(), @"
    error: the following required arguments were not provided:
      <TARGET>

    Usage: vmrec map [OPTIONS] <TARGET>
           vmrec map [OPTIONS] --at <TIME>

    For more information, try '--help'.
    [exit status: Some(2)]
    ");
    assert_snapshot!(bench.run(&["map", "no-such-program-runs"]).failure(), @"
    vmrec: no process has an executable named like `no-such-program-runs`
    hint: `ps -e` lists the processes; start one with `vmrec record -- COMMAND`
    [exit status: Some(3)]
    ");
    assert_snapshot!(bench.run(&["map", "--at", "yesterday"]).failure(), @r#"
    vmrec: time "yesterday" is not understood: it is neither a time nor a word known here
    hint: times are 2026-03-01T14:05:09Z, '2026-03-01 14:05', 14:05[:09] (local),
    hint: -1h30m (before the end, or before now while recording), +90s (after the start),
    hint: start, end, now, peak (largest footprint), #12 (a sample), @TEXT (a mark)
    [exit status: Some(2)]
    "#);
    assert_snapshot!(bench.run(&["map", &pid, "--types", "none.toml"]).failure(), @"
    vmrec: none.toml: it cannot be read: No such file or directory (os error 2)
    hint: name a file of types with --types FILE
    [exit status: Some(2)]
    ");
    let types = |text: &str| {
        fs::write(bench.path("types.toml"), text).unwrap();
        bench.run(&["map", &pid, "--types", "types.toml"]).failure()
    };
    assert_snapshot!(types("[[type]]\nname = \"a\"\ncolour = \"red\"\n"), @"
    vmrec: types.toml, line 3: unknown field `colour`, expected one of `name`, `family`, `object`, `anon_name`, `min_size`, `max_size`, `protection`
    hint: what is not known is refused, so that no condition goes unnoticed
    [exit status: Some(2)]
    ");
    assert_snapshot!(types("[[type]]\nname = \"a\"\nobject = \"*\"\nfamily = \"heaps\"\n"), @"
    vmrec: types.toml, line 4: there is no family `heaps`
    hint: the families are image, malloc, stack, runtime heap, JIT, mapped file, shared memory, kernel/device, VM_ALLOCATE, reserved
    [exit status: Some(2)]
    ");
    assert_snapshot!(types("[[type]]\nname = \"a\"\nmin_size = \"64 megs\"\n"), @r#"
    vmrec: types.toml, line 3: `64 megs` is no size
    hint: write bytes, or K, M, G or T of them: min_size = "64M"
    [exit status: Some(2)]
    "#);
    assert_snapshot!(types("[[type]]\nname = \"a\"\nmin_size = 6.5\n"), @r#"
    vmrec: types.toml, line 3: a size is a number of bytes or text such as "64M"
    hint: a type is [[type]], then name = "…" and its conditions
    [exit status: Some(2)]
    "#);
    assert_snapshot!(types("[[type]]\nname = \"a\"\nmin_size = 2\nmax_size = 1\n"), @"
    vmrec: types.toml, line 1: no region is so small and so large
    hint: min_size must not be above max_size
    [exit status: Some(2)]
    ");
    assert_snapshot!(types("[[type]]\nname = \"a\"\nprotection = \"rwz\"\n"), @r#"
    vmrec: types.toml, line 3: `rwz` are no rights
    hint: write rights as r, w and x or -: protection = "rw-"
    [exit status: Some(2)]
    "#);
    assert_snapshot!(types("[[type]]\nname = \"a\"\n"), @"
    vmrec: types.toml, line 1: the type has no condition, so that it would take all memory
    hint: add object, anon_name, min_size, max_size or protection
    [exit status: Some(2)]
    ");
    assert_snapshot!(types("[[type]]\nobject = \"*\"\n"), @r#"
    vmrec: types.toml, line 1: missing field `name`
    hint: a type is [[type]], then name = "…" and its conditions
    [exit status: Some(2)]
    "#);
    assert_snapshot!(types("[[type]\n"), @r#"
    vmrec: types.toml, line 1: unclosed array table, expected `]`
    hint: a type is [[type]], then name = "…" and its conditions
    [exit status: Some(2)]
    "#);
}
