//! The page beside pages that vmmap printed: each is read by the importer, its regions are shown
//! again, and line by line the two are the same, up to what a list names.

use jiff::fmt::strtime;
use vmrec_sampler::{
    Cost, Host, Naming, Pasted, ProcessId, ProcessInfo, Snapshot, Timestamp, parse_paste,
};

use super::*;

/// Beginnings of lines of vmmap's that do not follow from what the importer keeps, each with why.
const UNKNOWABLE: [(&str, &str); 15] = [
    ("Identifier:", "the program's Info.plist says it, not its memory"),
    ("Version:", "likewise"),
    ("Build Info:", "likewise"),
    ("Platform:", "no region says it"),
    ("Target Type:", "vmrec reads live processes only"),
    ("Analysis Tool:", "another tool"),
    ("Idle exit:", "a private call of macOS says it"),
    ("Parent Process:", "the name of another process"),
    ("ReadOnly portion of Libraries:", "sums by type have no rights"),
    ("Writable regions:", "likewise"),
    ("Submap ", "it holds regions, and is none"),
    ("TOTAL", "a sum of exact sizes: the page has rounded ones"),
    ("MALLOC ZONE ", "zones are malloc's, not the kernel's"),
    ("DefaultMallocZone_", "likewise"),
    ("MallocHelperZone_", "likewise"),
];
/// More such lines: other zones, and what surrounds their table.
const ZONES: [&str; 5] = [
    "GFXMallocZone_",
    "QuartzCore_",
    "DefaultPurgeableMallocZone_",
    "LSBindingEvaluator_",
    "===========                      ",
];

/// Rows that stand a cell off their columns in the paste.
const MOVED: [&str; 3] = [
    "IOAccelerator                107c58000",
    "CoreAnimation                108710000",
    "ColorSync                    1087f4000",
];

/// Pages of vmmap, as they were pasted.
const PAGES: [(&str, &str); 4] = [
    ("14.0", include_str!("../../../../sampler/fixtures/pasted/vmmap-14.0-arm64-demo.txt")),
    (
        "14.1.1",
        include_str!("../../../../sampler/fixtures/pasted/vmmap-14.1.1-arm64-clion-summary.txt"),
    ),
    (
        "26.4.1",
        include_str!("../../../../sampler/fixtures/pasted/vmmap-26.4.1-arm64-python-summary.txt"),
    ),
    (
        "26.5.2",
        include_str!(
            "../../../../sampler/fixtures/pasted/vmmap-26.5.2-arm64-finder-interleaved.txt"
        ),
    ),
];
/// Rows without a page around them.
const ROWS: [(&str, &str); 2] = [
    ("15", include_str!("../../../../sampler/fixtures/pasted/vmmap-15.x-x86_64-unused-rows.txt")),
    (
        "26",
        include_str!(
            "../../../../sampler/fixtures/pasted/vmmap-26.x-arm64-owned-unmapped-rows.txt"
        ),
    ),
];

/// Shows what the importer read of a page.
fn shown(text: &str, options: &PageOptions) -> String {
    let mut pasted = parse_paste(text.as_bytes(), None).unwrap();
    assert_eq!(pasted.len(), 1);
    let Pasted { process, os, os_version, page_size_bytes, mut snapshots, .. } = pasted.remove(0);
    let one = snapshots.remove(0);
    let process = ProcessInfo {
        id: ProcessId { pid: process.pid.unwrap_or(0), start_ticks: 0, boot_id: String::new() },
        parent_pid: process.parent_pid,
        started_utc_ns: process.started_utc_ns,
        executable: process.executable,
        executable_deleted: false,
        architecture: process.architecture,
        arguments: Vec::new(),
        short_name: process.name.unwrap_or_default(),
        user_id: None,
    };
    let host = Host {
        name: String::new(),
        os: os.to_owned(),
        kernel: os_version.unwrap_or_default(),
        architecture: process.architecture.clone().unwrap_or_default(),
        page_size_bytes: page_size_bytes.unwrap_or(0),
    };
    let snapshot = Snapshot {
        taken: Timestamp { utc_ns: one.taken_utc_ns.unwrap_or(0), monotonic_ns: 0 },
        cost: Cost::default(),
        consistency: one.consistency,
        totals: one.totals,
        regions: one.regions,
        images: None,
    };
    let source = PageSource::recorded(&process, &host);
    page(&source, &snapshot, options, &zone(text))
}

/// Returns the zone of the clock of a page.
fn zone(text: &str) -> TimeZone {
    let offset = text.lines().find(|line| line.starts_with("Date/Time:"));
    let offset = offset.and_then(|line| line.split(' ').next_back());
    let parsed = offset.map(|offset| strtime::parse("%z", offset).unwrap().offset().unwrap());
    parsed.map_or(TimeZone::UTC, TimeZone::fixed)
}

/// Returns vmmap's line as far as it can be known: how much of a type is purgeable follows from
/// regions, not from their sums, and vmmap names the zone table that is not there.
fn knowable(line: &str, is_sums: bool) -> String {
    let line = line.split("         see MALLOC ZONE").next().unwrap_or(line).trim_end();
    let count = line.get(94..).and_then(|rest| rest.split_whitespace().next());
    match is_sums && count.is_some_and(|count| count.parse::<u64>().is_ok()) {
        true => format!("{}        -        -        -{}", &line[..66], &line[93..]),
        false => line.to_owned(),
    }
}

/// Compares a page of vmmap's with ours: how many of its lines are there in their order, and those
/// that are not.
fn compare(name: &str, theirs: &str, ours: &str, is_sums: bool) -> (usize, Vec<String>) {
    let ours: Vec<&str> = ours.lines().map(str::trim_end).collect();
    let (mut from, mut found, mut missing) = (0, 0, Vec::new());
    for line in theirs.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        let is_unknowable = UNKNOWABLE.iter().any(|(begin, _)| line.starts_with(begin))
            || ZONES.iter().any(|begin| line.starts_with(begin))
            || line.trim_start().ends_with("ALLOCATED  FRAG SIZE  % FRAG   COUNT")
            || line.trim_start().ends_with("BYTES DIRTY+SWAP          REGION")
            // Sums have no addresses.
            || (is_sums && line.starts_with("Load Address:"));
        if is_unknowable {
            continue;
        }
        let wanted = knowable(line, is_sums);
        // Whoever pasted these moved them.
        let moved = MOVED.iter().any(|begin| line.starts_with(begin));
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let is_same = |own: &&str| *own == wanted || (moved && words(own) == words(&wanted));
        match ours[from..].iter().position(is_same) {
            Some(at) => (from, found) = (from + at + 1, found + 1),
            None => missing.push(format!("{name}: {wanted}")),
        }
    }
    (found, missing)
}

const WIDE: PageOptions = PageOptions {
    layout: crate::map_page::options::PageLayout::Vmmap,
    width: None,
    naming: Naming::Apple,
    resident: true,
    dirty: true,
    purge: true,
    pages: false,
    interleaved: false,
    submap: false,
    all_split_libs: false,
    no_coalesce: true,
    rules: false,
    summary: false,
    color: false,
};

#[test]
fn real_pages_come_out_line_by_line() {
    let (mut compared, mut missing) = (0, Vec::new());
    let mut add = |(found, mut gone): (usize, Vec<String>)| {
        compared += found;
        missing.append(&mut gone);
    };
    for (name, text) in PAGES {
        // Lists and sums of a page that was cut do not belong together: each is read by itself.
        let (lists, sums) = match text.split_once("==== Summary for process") {
            Some((lists, sums)) => {
                let head = lists.split("Virtual Memory Map").next().unwrap_or_default();
                (lists, format!("{head}{}", sums.split_once('\n').unwrap().1))
            }
            None if text.contains("(non-coalesced)") => ("", text.to_owned()),
            None => (text, String::new()),
        };
        let interleaved = text.contains("are interleaved");
        if !lists.is_empty() {
            // A long name of a type is cut on pages without -w.
            let width = interleaved.then_some(80);
            let options = PageOptions { interleaved, width, ..WIDE };
            add(compare(name, lists, &shown(lists, &options), false));
        }
        if !sums.is_empty() {
            let options = PageOptions { summary: true, ..WIDE };
            add(compare(name, &sums, &shown(&sums, &options), true));
        }
    }
    for (name, text) in ROWS {
        let options = PageOptions { interleaved: true, ..WIDE };
        add(compare(name, text, &shown(text, &options), false));
    }
    assert_eq!(missing, Vec::<String>::new());
    assert!(compared > 200, "{compared} lines");
}

#[test]
fn each_line_that_cannot_be_known_is_on_a_page() {
    for (begin, why) in UNKNOWABLE {
        let seen = PAGES
            .iter()
            .chain(&ROWS)
            .any(|(_, text)| text.lines().any(|line| line.starts_with(begin)));
        assert!(seen, "{begin} ({why})");
    }
}

#[test]
fn names_lose_what_is_beyond_their_column() {
    let text = "AttributeGraph Data (old value)  1087fc000-1088fc000    [ 1024K     0K     0K  1024K] rw-/rwx SM=SHM  \n";
    let narrow = PageOptions { width: Some(80), ..WIDE };
    let line = "AttributeGraph Data (old    1087fc000-1088fc000    [ 1024K";
    assert!(shown(text, &narrow).contains(line), "{}", shown(text, &narrow));
    assert!(shown(text, &WIDE).contains("AttributeGraph Data (old value)"));
}
