//! Whole maps, of made-up snapshots.

use proptest::prelude::*;
use vmrec_sampler::{Host, ProcessInfo, ProcessTotals, Region, RegionType, Snapshot, types};

use super::*;
use crate::fixture::{K, before_and_after, heap, memory, region, snapshot};

const M: u64 = 1024 * K;

fn process(name: &str) -> ProcessInfo {
    ProcessInfo { executable: Some(format!("/usr/bin/{name}")), ..crate::fixture::process() }
}

fn host() -> Host {
    crate::fixture::recording(1).host
}

fn options(theme: Theme) -> AddressMapOptions {
    AddressMapOptions {
        theme,
        zone: TimeZone::UTC,
        naming: Naming::Linux,
        width: 960,
        max_height: 9000,
    }
}

fn draw(snapshot: &Snapshot, earlier: Option<&Snapshot>, theme: Theme) -> DrawnMap {
    let (process, host) = (process("server"), host());
    let source = PageSource::recorded(&process, &host);
    let drawn = address_map(&source, snapshot, earlier, &options(theme));
    roxmltree::Document::parse(&drawn.svg).unwrap();
    drawn
}

fn words(svg: &str) -> String {
    let document = roxmltree::Document::parse(svg).unwrap();
    let nodes = document
        .descendants()
        .filter(|node| node.has_tag_name("text") || node.has_tag_name("title"));
    nodes.map(|node| format!("{}\n", node.text().unwrap_or("").trim())).collect()
}

#[test]
fn a_map_names_what_came_went_and_grew() {
    let (before, after) = before_and_after();
    insta::assert_snapshot!(words(&draw(&after, Some(&before), Theme::Auto).svg));
}

#[test]
fn themes_differ_in_colours_alone() {
    let (before, after) = before_and_after();
    let [auto, light, dark] = [Theme::Auto, Theme::Light, Theme::Dark]
        .map(|theme| draw(&after, Some(&before), theme).svg);
    assert!(auto.contains("prefers-color-scheme") && !dark.contains("prefers-color-scheme"));
    assert_eq!(words(&light), words(&dark));
}

fn many(count: u64, each: u64, apart: u64, of: &dyn Fn(u64) -> RegionType) -> Vec<Region> {
    (0..count)
        .map(|n| {
            let start = 0x7000_0000_0000 + n * apart;
            region(start..start + each, of(n), None, &memory(each / 2, each / 2, 0))
        })
        .collect()
}

#[test]
fn many_alike_are_one_cell_with_their_sum() {
    let regions = many(257, 256 * K, 4 << 30, &|_| heap());
    let later = snapshot(9, ProcessTotals::default(), regions);
    let cells = cells::cells(&later, None, Naming::Linux);
    assert_eq!(cells.len(), 1);
    assert_eq!((cells[0].count, cells[0].virtual_bytes), (257, 257 * 256 * K));
    assert_eq!(cells[0].resident_bytes, Some(257 * 128 * K));
    // A few stay where they are.
    let regions = many(8, 256 * K, 4 << 30, &|_| heap());
    let later = snapshot(9, ProcessTotals::default(), regions);
    assert_eq!(cells::cells(&later, None, Naming::Linux).len(), 8);
}

#[test]
fn any_number_of_regions_stays_small() {
    let kinds = [heap(), types::TEXT, types::MAPPED_FILE, types::VSYSCALL];
    let of = |n: u64| kinds[(n * 7 % 4) as usize].clone();
    let mut regions = many(60_000, 4 * K, 3 << 30, &of);
    for (n, region) in (0u64..).zip(&mut regions) {
        let mut identity = (*region.identity).clone();
        identity.label.detail = Some(format!("detail {n} {}", "x".repeat(200)).into());
        identity.range.end += n % 1000 * 4096;
        region.identity = std::sync::Arc::new(identity);
    }
    let later = snapshot(9, ProcessTotals::default(), regions.clone());
    regions.truncate(20_000);
    let earlier = snapshot(5, ProcessTotals::default(), regions);
    let svg = draw(&later, Some(&earlier), Theme::Auto).svg;
    assert!(svg.len() < 200_000, "{}", svg.len());
    assert!(words(&svg).contains("40,000 regions new"), "{}", &words(&svg)[..200]);
}

#[test]
fn hostile_names_are_text() {
    let hostile = "<script>alert(1)</script>\"\u{0}\u{1b}[31m\u{202e}".to_owned();
    let regions =
        vec![region(0x1000..0x9000, types::MAPPED_FILE, Some(&hostile), &memory(K, 0, 0))];
    let later = snapshot(9, ProcessTotals::default(), regions);
    let (process, host) = (process(&hostile), host());
    let source = PageSource::recorded(&process, &host);
    let svg = address_map(&source, &later, None, &options(Theme::Auto)).svg;
    let document = roxmltree::Document::parse(&svg).unwrap();
    assert!(!document.descendants().any(|node| node.has_tag_name("script")));
    assert!(svg.chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn unknown_sizes_are_not_0() {
    let regions = vec![region(0x1000..0x9000, heap(), None, &[])];
    let later = snapshot(9, ProcessTotals::default(), regions);
    let words = words(&draw(&later, None, Theme::Auto).svg);
    assert!(words.contains("server has 1 region, - resident"), "{words}");
    assert!(words.contains("- of 32K resident"), "{words}");
}

#[test]
fn nothing_at_all_is_drawn_too() {
    let empty = snapshot(9, ProcessTotals::default(), Vec::new());
    assert!(draw(&empty, None, Theme::Auto).title.contains("0 regions"));
    let one = vec![region(0x1000..0x1000, heap(), None, &memory(0, 0, 0))];
    draw(&snapshot(9, ProcessTotals::default(), one), Some(&empty), Theme::Dark);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However cells are merged, they are all regions, all addresses and all changes.
    #[test]
    fn cells_conserve(
        before in proptest::collection::vec((0u64..600, 1u64..40, 0usize..4, 0u64..40), 0..80),
        after in proptest::collection::vec((0u64..600, 1u64..40, 0usize..4, 0u64..40), 0..600),
    ) {
        let kinds = [heap(), types::TEXT, types::MAPPED_FILE, types::VSYSCALL];
        let make = |seconds, parts: &[(u64, u64, usize, u64)]| {
            let mut at = 0x10_0000;
            let regions: Vec<Region> = parts
                .iter()
                .map(|(gap, pages, kind, resident)| {
                    let start = at + gap * 16 * M;
                    at = start + pages * 4 * K;
                    let resident = (resident * 4 * K).min(pages * 4 * K);
                    region(start..at, kinds[*kind].clone(), None, &memory(resident, 0, 0))
                })
                .collect();
            snapshot(seconds, ProcessTotals::default(), regions)
        };
        let (earlier, later) = (make(1, &before), make(2, &after));
        let resident = |snapshot: &Snapshot| -> i128 {
            let of = |region: &Region| {
                region.quantities.get(vmrec_sampler::Quantity::Resident).unwrap_or(0)
            };
            snapshot.regions.iter().map(|region| i128::from(of(region))).sum()
        };
        let cells = cells::cells(&later, Some(&earlier), Naming::Linux);
        let there = || cells.iter().filter(|cell| cell.fate != Fate::Gone);
        prop_assert_eq!(there().map(|cell| cell.count).sum::<u64>(), after.len() as u64);
        let bytes = |snapshot: &Snapshot| -> u64 {
            snapshot.regions.iter().map(|region| region.identity.range.virtual_bytes()).sum()
        };
        prop_assert_eq!(there().map(|cell| cell.virtual_bytes).sum::<u64>(), bytes(&later));
        let change: i128 = cells.iter().map(|cell| cell.change.unwrap()).sum();
        prop_assert_eq!(change, resident(&later) - resident(&earlier));
        let clusters = clusters::clusters(cells.clone());
        prop_assert_eq!(clusters.iter().map(|row| row.cells.len()).sum::<usize>(), cells.len());
        if let Some(free) = clusters::free(&later) {
            prop_assert_eq!(free.sum_bytes, (1u64 << free.bits) - bytes(&later));
            prop_assert!(free.largest.virtual_bytes() <= free.sum_bytes);
        }
        draw(&later, Some(&earlier), Theme::Light);
    }
}
