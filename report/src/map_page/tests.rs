//! The page as a user sees it.

use std::sync::Arc;

use unicode_width::UnicodeWidthStr;
use vmrec_sampler::{
    Confidence, Consistency, Host, Identity, Naming, ProcessTotals, Rule, ShareMode, types,
};

use super::*;
use crate::fixture::{K, before_and_after, detailed, memory, process, recording, region, snapshot};
use crate::map_page::delta::delta_text;
use crate::metric::Metric;
use crate::series::filter::TypeFilter;

const EIGHTY: PageOptions = PageOptions {
    layout: PageLayout::Own,
    width: Some(80),
    naming: Naming::Linux,
    resident: false,
    dirty: false,
    purge: false,
    pages: false,
    interleaved: false,
    submap: false,
    all_split_libs: false,
    no_coalesce: false,
    rules: false,
    summary: false,
    color: false,
};

fn text_on(os: &str, snapshot: &Snapshot, options: &PageOptions) -> String {
    let host = Host { os: os.into(), ..recording(1).host };
    let process = process();
    let source = PageSource { parent: Some("init"), ..PageSource::recorded(&process, &host) };
    let options = PageOptions { naming: Naming::of(&host), ..*options };
    page_text(&source, snapshot, &options, &RowChoice::default(), &TimeZone::UTC)
}

fn text(snapshot: &Snapshot, options: &PageOptions) -> String {
    text_on("linux", snapshot, options)
}

/// Returns a page from its first list on.
fn lists(text: &str) -> &str {
    &text[text.find("\n==== ").unwrap() + 1..]
}

fn fits(text: &str) {
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
}

/// Rights, share modes and flags as programs have them.
fn sample() -> Snapshot {
    let (_, mut after) = before_and_after();
    for region in &mut after.regions {
        let identity = Arc::make_mut(&mut region.identity);
        if identity.label.region_type == types::TEXT {
            identity.protection = vmrec_sampler::Protection::from_bits(5);
            region.share_mode = Some(ShareMode::CopyOnWrite);
        }
    }
    after
}

#[test]
fn the_page_in_80_columns() {
    let text = text(&sample(), &EIGHTY);
    fits(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn resident_sizes_and_all_regions_by_address() {
    let options = PageOptions { resident: true, interleaved: true, ..EIGHTY };
    let text = text(&sample(), &options);
    fits(&text);
    insta::assert_snapshot!(lists(&text));
}

#[test]
fn rows_are_chosen_and_the_others_counted() {
    let snapshot = sample();
    let (host, process) = (recording(1).host, process());
    let source = PageSource::recorded(&process, &host);
    let page = |choice: &RowChoice| {
        let text = page_text(&source, &snapshot, &EIGHTY, choice, &TimeZone::UTC);
        fits(&text);
        text
    };
    let largest =
        RowChoice { sorted_by: Some(Metric::RESIDENT), max: Some(2), ..RowChoice::default() };
    insta::assert_snapshot!(lists(&page(&largest)));
    let stacks = TypeFilter::find(&["stack".to_owned()], &[], Naming::Linux).unwrap();
    let only = page(&RowChoice { types: Some(stacks), ..RowChoice::default() });
    let whole = page(&RowChoice::default());
    let sums = |text: &str| text[text.find("==== Summary").unwrap()..].to_owned();
    assert_eq!(sums(&only), sums(&whole));
    let rows = |text: &str| text.lines().filter(|line| line.contains(" SM=")).count();
    let stack = &snapshot.regions.last().unwrap().identity.range;
    for (address, found) in [(stack.start, 1), (stack.end - 1, 1), (stack.end, 0)] {
        let one = page(&RowChoice { address: Some(address), ..RowChoice::default() });
        assert_eq!(rows(&one), found, "{one}");
        assert_eq!(sums(&one), sums(&whole));
    }
    assert!(rows(&only) > 0 && rows(&only) < rows(&whole), "{only}");
    assert!(only.contains(" left out ("), "{only}");
}

#[test]
fn everything_in_pages() {
    let options = PageOptions {
        width: None,
        resident: true,
        dirty: true,
        purge: true,
        pages: true,
        submap: true,
        all_split_libs: true,
        no_coalesce: true,
        rules: true,
        ..EIGHTY
    };
    let mut snapshot = sample();
    snapshot.consistency = Consistency::Torn("a region moved".to_owned());
    let text = text(&snapshot, &options);
    assert!(text.contains("\ntorn: a region moved\n"), "{text}");
    insta::assert_snapshot!(lists(&text));
}

#[test]
fn the_rules_that_decided_are_listed_with_their_meanings() {
    let mut snapshot = sample();
    let shown = |snapshot: &Snapshot| {
        let text = text(snapshot, &PageOptions { rules: true, ..EIGHTY });
        let (_, legend) = text.split_once("==== Rules that gave these types\n").unwrap();
        legend.split_once("\n\n").unwrap().0.to_owned()
    };
    assert_eq!(shown(&snapshot), format!("R1 {}", Rule::R1.meaning().unwrap()));
    for (region, rule) in snapshot.regions.iter_mut().zip(["R14a", "R9", "R99\x1b"]) {
        Arc::make_mut(&mut region.identity).label.rule = Rule::named(rule);
    }
    insta::assert_snapshot!(shown(&snapshot), @r"
    R1      The kernel names the mapping, such as [stack] or [vdso].
    R9      Inaccessible memory lies right below a thread's stack.
    R14a    The memory begins with the header of a large glibc chunk.
    R99\x1b A rule of a newer version of vmrec.
    ");
}

#[test]
fn a_mac_has_purgeable_memory_and_submaps() {
    let with = |mut region: Region, change: &dyn Fn(&mut Identity)| {
        change(Arc::make_mut(&mut region.identity));
        region
    };
    let at = |start: u64, kind, flags: &str| {
        let region = region(start..start + 64 * K, kind, None, &memory(16 * K, 16 * K, 8 * K));
        with(region, &|identity| identity.flags = flags.into())
    };
    let regions = vec![
        at(0x1_0000_0000, types::VM_ALLOCATE, "tag=7 purge=V"),
        at(0x1_0001_0000, types::VM_ALLOCATE, "tag=7 purge=V"),
        at(0x1_0002_0000, types::VM_ALLOCATE, "tag=7 purge=N"),
        at(0x1_0003_0000, types::VM_ALLOCATE, "tag=7 purge=E"),
        at(0x1_0004_0000, types::VM_ALLOCATE, "tag=7"),
        at(0x7fff_2000_0000, types::TEXT, "tag=0 depth=1 submap"),
        at(0x7fff_2001_0000, types::DATA, "tag=0 depth=1 submap"),
    ];
    let snapshot = snapshot(1, ProcessTotals::default(), regions);
    let options = PageOptions { purge: true, submap: true, ..EIGHTY };
    let text = text_on("macos", &snapshot, &options);
    fits(&text);
    insta::assert_snapshot!(lists(&text));
    assert!(!text_on("macos", &snapshot, &EIGHTY).contains("PURGE="));
}

#[test]
fn strange_names_are_escaped_and_unknown_is_no_zero() {
    let evil = "/tmp/\x1b[2Jevil folder\n/of many words/name that is quite long";
    let mut strange =
        detailed(region(0x1000..0x3000, types::MAPPED_FILE, Some(evil), &[]), "\x07detail");
    Arc::make_mut(&mut strange.identity).max_protection = None;
    strange.share_mode = None;
    let path = "/System/Library/Frameworks/Long.framework/Versions/A/libfoo.dylib";
    let library = region(0x8000..0x9000, types::DATA, Some(path), &memory(0, 0, 0));
    let snapshot = snapshot(1, ProcessTotals::default(), vec![strange, library]);
    let wide = text(&snapshot, &PageOptions { width: None, ..EIGHTY });
    assert!(
        wide.contains(r" SM=-   \x07detail /tmp/\x1b[2Jevil folder\n/of many words/"),
        "{wide}"
    );
    let text = text(&snapshot, &EIGHTY);
    fits(&text);
    assert!(!text.replace('\n', "").chars().any(char::is_control));
    insta::assert_snapshot!(lists(&text));
}

#[test]
fn heaps_of_arenas_are_told_apart_where_they_are_proved() {
    let at = |start: u64, kind, confidence| {
        let mut region = region(start..start + 132 * K, kind, None, &memory(8 * K, 8 * K, 8 * K));
        Arc::make_mut(&mut region.identity).label.confidence = confidence;
        region
    };
    let arena = types::MALLOC_ARENA;
    let regions = vec![
        at(0x5555_0000_0000, types::MALLOC_BRK, Confidence::Sure),
        at(0x7f00_0000_0000, arena.clone(), Confidence::Sure),
        at(0x7f00_0040_0000, arena.clone(), Confidence::Sure),
        at(0x7f00_0400_0000, arena.clone(), Confidence::Sure),
        at(0x7f00_0800_0000, arena, Confidence::Likely),
    ];
    let snapshot = snapshot(1, ProcessTotals::default(), regions);
    let text = text(&snapshot, &PageOptions { summary: true, ..EIGHTY });
    insta::assert_snapshot!(lists(&text));
}

#[test]
fn a_delta_has_three_sets_and_their_sums() {
    let (from, to) = before_and_after();
    let host = recording(1).host;
    let process = process();
    let source = PageSource::recorded(&process, &host);
    let options = PageOptions { resident: true, ..EIGHTY };
    let text = delta_text(&source, &from, &to, &options, &TimeZone::UTC);
    fits(&text);
    insta::assert_snapshot!(text);
    let same = delta_text(&source, &from, &from, &options, &TimeZone::UTC);
    assert!(same.ends_with("7 regions unchanged (virtual=21.7M resident=4408K)\n"), "{same}");
}

#[test]
fn memory_given_back_but_resident_is_stated_once_there_is_some() {
    let page = |bytes| {
        let quantities = [
            (vmrec_sampler::Quantity::Resident, 64 * K),
            (vmrec_sampler::Quantity::Reclaimable, bytes),
        ];
        let heap = region(0x1000..0x11000, types::MALLOC_BRK, None, &quantities);
        text(&snapshot(0, ProcessTotals::default(), vec![heap]), &EIGHTY)
    };
    let line = "Given back, resident until memory is needed: 48K\n";
    assert!(page(48 * K).contains(line), "{}", page(48 * K));
    assert!(!page(0).contains("Given back"));
}
