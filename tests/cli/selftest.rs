//! `vmrec selftest`: on a system that is tested, all must agree.

use std::fs;

use crate::harness::Bench;

#[test]
fn all_figures_agree_with_the_kernel() {
    let bench = Bench::new();
    let shown = bench.out(&["selftest"]);
    assert!(shown.contains(env!("CARGO_PKG_VERSION")), "{shown}");
    for quantity in ["virtual", "resident", "private", "private dirty", "swapped"] {
        assert!(shown.lines().any(|line| line.starts_with(quantity)), "{quantity}: {shown}");
    }
    let last = shown.lines().last().unwrap();
    assert!(last.starts_with("all ") && last.contains("figures agree"), "{shown}");
}

#[test]
fn json_has_every_figure_with_its_source() {
    let document = Bench::new().json(&["selftest", "--json"]);
    assert_eq!(document["os"], "linux");
    assert_eq!(document["differ"], 0);
    let figures = document["figures"].as_array().unwrap();
    let of = |source: &str, quantity: &str| {
        figures
            .iter()
            .find(|figure| figure["source"] == source && figure["quantity"] == quantity)
            .unwrap_or_else(|| panic!("no {quantity} of {source}: {document}"))
    };
    // It looks at itself, and may map memory between the two looks of the system's.
    let size = of("statm", "virtual_bytes");
    let bytes = |key: &str| size[key].as_u64().unwrap();
    let system = bytes("system_min_bytes")..=bytes("system_max_bytes");
    assert!(system.contains(&bytes("vmrec_bytes")), "{size}");
    assert_eq!(of("smaps_rollup", "private_dirty_bytes")["difference_bytes"], 0);
    // The workload's large block is half used.
    assert!(of("smaps_rollup", "resident_bytes")["vmrec_bytes"].as_u64().unwrap() > 12 << 20);
}

#[test]
fn a_tool_that_is_missing_is_noted_and_leaves_its_figures_unknown() {
    let bench = Bench::new();
    let folder = bench.path("empty");
    fs::create_dir(&folder).unwrap();
    let output = bench.command(&["selftest"]).env("PATH", &folder).output().unwrap();
    let [shown, noted] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{shown}{noted}");
    assert!(noted.contains("note: pmap could not be run"), "{noted}");
    assert!(shown.trim_end().ends_with("3 unknown"), "{shown}");
}
