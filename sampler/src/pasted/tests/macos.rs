//! Pastes of macOS tools.

use super::*;
use crate::region::{Identity, ShareMode};
use crate::snapshot::Consistency;

fn region(pasted: &Pasted, at: usize) -> (String, String, Option<u64>) {
    let region = &pasted.snapshots[0].regions[at];
    let object = region.identity.object.as_ref().map_or("", |object| &object.name);
    (
        region.identity.label.region_type.name().to_owned(),
        object.to_owned(),
        region.quantities.get(Quantity::Resident),
    )
}

#[test]
fn a_page_of_format_2_4_has_sizes_and_a_header() {
    let pasted = parse(&paste("vmmap-10.13.6-x86_64-go-wide"));
    let process = &pasted.process;
    assert_eq!((process.name.as_deref(), process.pid), (Some("go"), Some(83358)));
    assert_eq!(process.executable.as_deref(), Some("/usr/local/go/bin/go"));
    assert_eq!(
        (process.parent_pid, process.architecture.as_deref()),
        (Some(81343), Some("X86-64"))
    );
    assert_eq!(pasted.os_version.as_deref(), Some("Mac OS X 10.13.6 (17G14033)"));
    assert_eq!(pasted.page_size_bytes, Some(4096));
    let snapshot = &pasted.snapshots[0];
    assert_eq!(snapshot.taken_utc_ns, Some(1_609_380_069_005_000_000));
    assert_eq!(snapshot.totals.footprint_bytes, Some(10_695_475));
    assert_eq!(snapshot.consistency, Consistency::Complete);
    let expected = ("__TEXT".to_owned(), "/usr/local/go/bin/go".to_owned(), Some(4528 << 10));
    assert_eq!(region(&pasted, 0), expected);
    let stack = snapshot
        .regions
        .iter()
        .find(|region| region.identity.label.detail.as_deref() == Some("thread 0"));
    assert_eq!(stack.unwrap().share_mode, Some(ShareMode::Private));
    assert!(pasted.remarks.iter().any(|remark| remark.text.contains("1153433K in 16 types")));
}

#[test]
fn older_formats_say_less() {
    let old = parse(&paste("vmmap-10.5-ppc-i386-format2.0"));
    assert_eq!(
        (old.process.name.as_deref(), old.process.pid),
        (Some("git-fast-import"), Some(27270))
    );
    assert_eq!((old.snapshots[0].taken_utc_ns, old.page_size_bytes), (None, None));
    assert_eq!(region(&old, 0).2, None);
    let shell = parse(&paste("vmmap-10.10.5-x86_64-ocspd"));
    assert_eq!(sum(&shell, Quantity::Resident), None);
    assert_eq!(shell.snapshots[0].regions.len(), 20);
}

#[test]
fn rows_that_run_into_their_address_and_parts_of_pages() {
    let pasted = parse(&paste("vmmap-26.5.2-arm64-finder-interleaved"));
    let names: Vec<_> = (0..45).map(|at| region(&pasted, at).0).collect();
    assert!(names.contains(&"AttributeGraph Data (old".to_owned()));
    assert!(names.contains(&"IOAccelerator (graphics)".to_owned()));
    assert_eq!(pasted.process.architecture.as_deref(), Some("ARM64E"));
    assert!(pasted.remarks[0].text.contains("PhysFootprint mode"), "{:?}", pasted.remarks);
    let cache = parse(&paste("vmmap-15.x-x86_64-unused-rows"));
    // The two submaps contain the rows behind them.
    assert_eq!(cache.snapshots[0].regions.len(), 10);
    assert_eq!(cache.snapshots[0].consistency, Consistency::Complete);
    assert_eq!(cache.remarks, []);
    assert_eq!(region(&cache, 2).0, "unused __DATA");
    assert_eq!(region(&cache, 2).2, Some(8));
}

#[test]
fn memory_without_addresses_keeps_its_size() {
    let pasted = parse(&paste("vmmap-26.x-arm64-owned-unmapped-rows"));
    let regions = &pasted.snapshots[0].regions;
    let ranges: Vec<String> =
        regions.iter().map(|region| region.identity.range.to_string()).collect();
    assert_eq!(ranges[0], "unmapped-unmapped");
    assert_eq!(ranges[4], "kernel-kernel");
    assert_eq!(regions[4].identity.range.known_bytes(), Some(256 << 10));
    assert_eq!(&*regions[0].identity.flags, "purge=N");
    assert_eq!(regions[0].identity.known_offset(), None);
}

#[test]
fn sums_by_type_become_as_many_regions_and_stay_exact() {
    let pasted = parse(&paste("vmmap-26.4.1-arm64-python-summary"));
    let regions = &pasted.snapshots[0].regions;
    let of = |name: &str| {
        regions
            .iter()
            .filter(|region| region.identity.label.region_type.name() == name)
            .collect::<Vec<_>>()
    };
    assert_eq!((pasted.remarks.len(), regions.len()), (0, 4452));
    let graphics = of("IOAccelerator (graphics)");
    assert_eq!(graphics.len(), 1454);
    let bytes: u64 =
        graphics.iter().map(|region| region.identity.range.known_bytes().unwrap()).sum();
    assert_eq!(bytes, 1_610_612_736);
    assert_eq!(graphics[0].identity.known_protection(), None);
    assert_eq!(of("Memory Tag 22").len(), 1);
    let crash = parse(&paste("vmmap-rosetta-crash-region-summary"));
    assert_eq!((crash.format, sum(&crash, Quantity::Resident)), (PasteFormat::Crash, None));
    let near = parse(&paste("vmmap-10.13.4-i386-crash-regions-near"));
    assert_eq!((near.format, near.snapshots[0].regions.len()), (PasteFormat::Crash, 2));
}

#[test]
fn footprint_says_no_virtual_size() {
    let pasted = parse(&paste("footprint-26.6-arm64-app"));
    assert_eq!((pasted.process.name.as_deref(), pasted.process.pid), (Some("app"), Some(70940)));
    assert_eq!(pasted.page_size_bytes, Some(16384));
    let snapshot = &pasted.snapshots[0];
    assert_eq!(snapshot.totals.footprint_bytes, Some(922 << 20));
    assert!(snapshot.regions.iter().all(|region| region.identity.range.known_bytes().is_none()));
    assert_eq!((sum(&pasted, Quantity::Resident), sum(&pasted, Quantity::Swapped)), (None, None));
    let exact = parse(&paste("footprint-arm64-bytes-format"));
    assert_eq!(exact.snapshots[0].totals.footprint_bytes, Some(9_954_533_592));
    assert_eq!(sum(&exact, Quantity::Dirty), Some(6_342_688_768 + 2_223_816_704 + 1_230_995_456));
    assert!(exact.remarks[0].text.contains("Regions: 10327 printed, 7415 summed"));
}

#[test]
fn wrapped_rows_are_joined_and_cut_ones_are_said() {
    let whole = paste("vmmap-10.13.6-x86_64-go-wide");
    for width in [80, 100, 120] {
        let wrapped: Vec<String> = whole
            .lines()
            .map(|line| match line.split_at_checked(width) {
                Some((head, tail))
                    if super::super::vmmap::rows::begins(line) && !tail.trim().is_empty() =>
                {
                    format!("{head}\n{tail}")
                }
                _ => line.to_owned(),
            })
            .collect();
        let read = parse(&wrapped.join("\n"));
        let of = |pasted: &Pasted| {
            let regions = &pasted.snapshots[0].regions;
            regions
                .iter()
                .map(|region| (region.identity.range, region.share_mode, region.quantities))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&read), of(&parse(&whole)), "{width}");
    }
    let cut =
        parse("__TEXT  1000-2000 [   4K] r-x/rwx SM=COW  /bin/a\n__DATA  2000-3000 [   4K] rw-\n");
    assert_eq!((cut.snapshots[0].regions.len(), cut.remarks[0].line), (1, Some(2)));
}

#[test]
fn decimal_commas_and_json_within_a_crash_report() {
    let page = paste("vmmap-26.4.1-arm64-python-summary");
    let commas = with_commas(&page);
    assert_eq!(parse(&commas).snapshots[0].regions, parse(&page).snapshots[0].regions);
    let summary = paste("vmmap-12-arm64-crash-region-summary");
    let json = format!("{{\n  \"vmSummary\" : \"{}\",\n}}\n", summary.replace('\n', "\\n"));
    assert_eq!(parse(&json).snapshots, parse(&summary).snapshots);
}

/// Writes `1.5M` as `1,5M`.
fn with_commas(page: &str) -> String {
    let bytes: Vec<char> = page.chars().collect();
    let digit = |at: usize| bytes.get(at).is_some_and(char::is_ascii_digit);
    let unit = |at: usize| matches!(bytes.get(at), Some('K' | 'M' | 'G'));
    bytes
        .iter()
        .enumerate()
        .map(|(at, one)| match one {
            '.' if at > 0 && digit(at - 1) && digit(at + 1) && unit(at + 2) => ',',
            other => *other,
        })
        .collect()
}

#[test]
fn two_processes_of_one_text_are_two() {
    let (one, two) = (paste("vmmap-10.13.6-x86_64-go-wide"), paste("vmmap-14.0-arm64-demo"));
    let all = parse_paste(format!("{one}\n{two}").as_bytes(), None).unwrap();
    let pids: Vec<_> = all.iter().map(|pasted| pasted.process.pid).collect();
    assert_eq!(pids, [Some(83358), Some(66814)]);
    assert_eq!(Identity::UNKNOWN_OFFSET, all[0].snapshots[0].regions[0].identity.offset);
}
