//! The table as a user sees it, within the width of a line.

use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr;
use vmrec_sampler::{
    Consistency, Family, Naming, ProcessTotals, Region, RegionType, Snapshot, types,
};
use vmrec_store::RecordingId;

use super::*;
use crate::diff::diff;
use crate::finding::made_by::MadeBy;
use crate::fixture::{K, before_and_after, detailed, heap, memory, process, region, snapshot};
use crate::time::spec::Resolved;

fn resolved(number: u64, snapshot: &Snapshot, off_by_ns: i64) -> Resolved {
    let asked_utc_ns = snapshot.taken.utc_ns - off_by_ns;
    Resolved { number, taken: snapshot.taken, asked_utc_ns, off_by_ns }
}

fn table(
    from: &Snapshot,
    to: &Snapshot,
    metric: Metric,
    view: View,
    rows: Option<usize>,
) -> String {
    table_made_by(None, from, to, metric, view, rows)
}

fn table_made_by(
    made_by: Option<MadeBy>,
    from: &Snapshot,
    to: &Snapshot,
    metric: Metric,
    view: View,
    rows: Option<usize>,
) -> String {
    let mut diff = diff(from, to);
    diff.sort_by(metric);
    let heading = Heading {
        process: &process(),
        recording: RecordingId(3),
        from: &resolved(1, from, 0),
        to: &resolved(301, to, -1_200_000_000),
        from_consistency: &Consistency::Complete,
        to_consistency: &Consistency::Complete,
        time_zone: &TimeZone::get("Europe/Paris").unwrap(),
        made_by,
    };
    let layout = DiffLayout { view, rows, naming: Naming::Linux, width: 80, color: false };
    let text = diff_table(&heading, &diff, &layout);
    for line in text.lines() {
        assert!(line.width() <= 80, "{line}");
    }
    text
}

#[test]
fn by_family() {
    let (from, to) = before_and_after();
    insta::assert_snapshot!(table(&from, &to, Metric::RESIDENT, View::Family, Some(20)), @r"
    server grew 11.1M in 10m 00s: malloc +11.0M (99%), other +60K
    server (pid 4242), recording 3
    from  #1 of 2026-03-01 14:00:00.000 +01:00
    to    #301 of 2026-03-01 14:10:00.000 +01:00, 1.2s before the time asked for
    10m 00s apart; sizes are changes, AFTER is resident at the end

    FAMILY               REGIONS  VIRTUAL  RESIDENT  PRIVATE   DIRTY  SHARE    AFTER
    ===================  =======  =======  ========  =======  ======  =====  =======
    malloc                     0   +12.0M    +11.0M   +11.0M  +11.0M    99%    14.0M
    program + libraries       +1  +100K     +100K     +16K    +16K      <1%     1.3M
    stack                     -1    -8.0M    -40K     -40K    -40K        -    72K
    ===================  =======  =======  ========  =======  ======  =====  =======
    TOTAL                      0    +4.1M    +11.1M   +11.0M  +11.0M           15.4M
    unattributed                    +3.9M   -332K                            +660K
    1 unchanged row left out (0K resident)
    libraries that came: libz.so.1
    ");
}

#[test]
fn code_is_named_below_a_change_of_resident_bytes_in_one_line() {
    let (from, to) = before_and_after();
    let made_by = MadeBy {
        function: format!("make\u{1b}[31m{}", "long".repeat(30)),
        caller: Some("handle_request".to_owned()),
        shrank: false,
        percent: 91,
        of_blocks: false,
    };
    let second = |metric| {
        let made_by = Some(made_by.clone());
        let text = table_made_by(made_by, &from, &to, metric, View::Family, Some(20));
        text.lines().nth(1).unwrap().to_owned()
    };
    insta::assert_snapshot!(second(Metric::RESIDENT), @r"about 91 % of what grew from make\x1b[3…onglonglonglonglonglong ← handle_request");
    assert!(second(Metric::PRIVATE).starts_with("server (pid 4242)"));
}

#[test]
fn by_type() {
    let (from, to) = before_and_after();
    insta::assert_snapshot!(table(&from, &to, Metric::RESIDENT, View::Type, Some(2)), @r"
    server grew 11.1M in 10m 00s: MALLOC (brk heap) +11.0M (99%), other +60K
    server (pid 4242), recording 3
    from  #1 of 2026-03-01 14:00:00.000 +01:00
    to    #301 of 2026-03-01 14:10:00.000 +01:00, 1.2s before the time asked for
    10m 00s apart; sizes are changes, AFTER is resident at the end

    TYPE               REGIONS  VIRTUAL  RESIDENT  PRIVATE   DIRTY  SHARE    AFTER
    =================  =======  =======  ========  =======  ======  =====  =======
    MALLOC (brk heap)        0   +12.0M    +11.0M   +11.0M  +11.0M    99%    14.0M
    .text                   +1  +100K     +100K       0K      0K      <1%     1.3M
    other (2 rows)          -1    -8.0M    -40K     -24K    -24K        -    64K
    =================  =======  =======  ========  =======  ======  =====  =======
    TOTAL                    0    +4.1M    +11.1M   +11.0M  +11.0M           15.4M
    unattributed                  +3.9M   -332K                            +660K
    2 unchanged rows left out (32K resident)
    libraries that came: libz.so.1
    ");
}

#[test]
fn by_object() {
    let (from, to) = before_and_after();
    let pss = Metric::Measured(Quantity::Pss);
    insta::assert_snapshot!(table(&from, &to, Metric::RESIDENT, View::Object, None), @r"
    server grew 11.1M in 10m 00s: MALLOC (brk heap) +11.0M (99%), other +60K
    server (pid 4242), recording 3
    from  #1 of 2026-03-01 14:00:00.000 +01:00
    to    #301 of 2026-03-01 14:10:00.000 +01:00, 1.2s before the time asked for
    10m 00s apart; sizes are changes, AFTER is resident at the end

    OBJECT                    REGIONS  VIRTUAL  RESIDENT  PRIVATE  SHARE    AFTER
    ========================  =======  =======  ========  =======  =====  =======
    MALLOC (brk heap)               0   +12.0M    +11.0M   +11.0M    99%    14.0M
    libz.so.1                      +1  +100K     +100K       0K      <1%   100K
    Stack (thread): worker 2       -1    -8.0M    -40K     -40K        -     0K
    libc.so.6                       0     0K        0K     +16K       0%     1.2M
    ========================  =======  =======  ========  =======  =====  =======
    TOTAL                           0    +4.1M    +11.1M   +11.0M           15.4M
    unattributed                         +3.9M   -332K                    +660K
    3 unchanged rows left out (72K resident)
    libraries that came:
      /opt/app/lib/libz.so.1
    ");
    assert!(
        table(&from, &to, pss, View::Object, None).contains("pss is unknown for up to 7 regions")
    );
}

#[test]
fn by_region() {
    let (from, to) = before_and_after();
    insta::assert_snapshot!(table(&from, &to, Metric::Virtual, View::Region, None), @r"
    virtual memory of server grew 4196K in 10m 00s
    server (pid 4242), recording 3
    from  #1 of 2026-03-01 14:00:00.000 +01:00
    to    #301 of 2026-03-01 14:10:00.000 +01:00, 1.2s before the time asked for
    10m 00s apart; sizes are changes

    REGION                    CHANGE          START  VIRTUAL  RESIDENT  PRIVATE
    ========================  =======  ============  =======  ========  =======
    MALLOC (brk heap) [heap]  grown    555500000000   +12.0M    +11.0M   +11.0M
    Stack (thread) worker 2   gone     7e0002000000    -8.0M    -40K     -40K
    .text libz.so.1           new      7f0004000000  +100K     +100K       0K
    .data libc.so.6           changed  7f0000190000     0K        0K     +16K
    ========================  =======  ============  =======  ========  =======
    TOTAL                                              +4.1M    +11.1M   +11.0M
    unattributed                                       +3.9M   -332K
    4 unchanged rows left out (9928K virtual)
    libraries that came:
      /opt/app/lib/libz.so.1
    ");
}

#[test]
fn numbers_of_regions_are_counts_in_one_column() {
    let (from, to) = before_and_after();
    insta::assert_snapshot!(table(&from, &to, Metric::Regions, View::Family, Some(20)), @r"
    the number of regions of server stayed at 7 (0)
    server (pid 4242), recording 3
    from  #1 of 2026-03-01 14:00:00.000 +01:00
    to    #301 of 2026-03-01 14:10:00.000 +01:00, 1.2s before the time asked for
    10m 00s apart; sizes are changes, AFTER is regions at the end

    FAMILY               REGIONS  VIRTUAL  RESIDENT  PRIVATE   DIRTY  SWAPPED  AFTER
    ===================  =======  =======  ========  =======  ======  =======  =====
    program + libraries       +1  +100K     +100K     +16K    +16K       0K        3
    stack                     -1    -8.0M    -40K     -40K    -40K       0K        2
    malloc                     0   +12.0M    +11.0M   +11.0M  +11.0M     0K        1
    ===================  =======  =======  ========  =======  ======  =======  =====
    TOTAL                      0    +4.1M    +11.1M   +11.0M  +11.0M     0K        7
    unattributed                    +3.9M   -332K                        0K
    1 unchanged row left out (1 region)
    libraries that came: libz.so.1
    ");
    let by_region = table(&from, &to, Metric::Regions, View::Region, None);
    assert!(by_region.contains("REGIONS") && !by_region.contains("+1B"), "{by_region}");
}

#[test]
fn reserved_address_space_is_in_one_total_and_not_in_the_other() {
    let reserved = |size| region(0x1000_0000..0x1000_0000 + size, types::RESERVED, None, &[]);
    let heap = |size| region(0x1000..0x1000 + size, heap(), None, &memory(size, size, size));
    let from = snapshot(0, ProcessTotals::default(), vec![heap(64 * K), reserved(64 * K * K)]);
    let to = snapshot(9, ProcessTotals::default(), vec![heap(96 * K), reserved(96 * K * K)]);
    let text = table(&from, &to, Metric::RESIDENT, View::Type, None);
    let sums: Vec<_> = text.lines().filter(|line| line.starts_with("TOTAL")).collect();
    assert_eq!(sums.len(), 2, "{text}");
    assert!(sums[0].contains("+32.0M") && sums[1].contains("+32K"), "{text}");
    // A total that nothing reserved moved is given once.
    let same = snapshot(9, ProcessTotals::default(), vec![heap(96 * K), reserved(64 * K * K)]);
    assert!(!table(&from, &same, Metric::RESIDENT, View::Type, None).contains("minus"));
    assert!(table(&from, &same, Metric::Virtual, View::Type, None).contains("minus"));
}

#[test]
fn private_memory_that_became_shared_is_not_called_freed() {
    const M: u64 = K * K;
    let text = |private| {
        region(0x1000..0x1000 + 40 * M, types::TEXT, Some("/x"), &memory(32 * M, private, 0))
    };
    let at = |seconds, private| snapshot(seconds, ProcessTotals::default(), vec![text(private)]);
    let shown = table(&at(0, 31 * M), &at(9, M), Metric::RESIDENT, View::Type, None);
    let note = "30.0M private became shared with other processes, not freed\n";
    assert!(shown.contains(note), "{shown}");
    // Given back, it is not resident either.
    let freed = region(0x1000..0x1000 + 40 * M, types::TEXT, Some("/x"), &memory(2 * M, M, 0));
    let freed = snapshot(9, ProcessTotals::default(), vec![freed]);
    let shown = table(&at(0, 31 * M), &freed, Metric::RESIDENT, View::Type, None);
    assert!(!shown.contains("became shared"), "{shown}");
}

#[test]
fn hostile_and_long_names_keep_the_line() {
    let named = |n: u64| -> Region {
        let region_type = RegionType::named(&"日本\x1b[31m".repeat(9), Family::Stack);
        let size = 1500 << 30;
        let range = n * 2 * size..n * 2 * size + size;
        detailed(
            region(
                range,
                region_type,
                Some(&format!("/tmp/{}\n", "é".repeat(99))),
                &memory(size, size - K, K),
            ),
            "\u{202e}x",
        )
    };
    let from = snapshot(600, ProcessTotals::default(), vec![named(1)]);
    let to = snapshot(0, ProcessTotals::default(), (2..40).map(named).collect());
    for view in View::ALL {
        for metric in Metric::SIZES {
            let text = table(&from, &to, metric, view, Some(20));
            assert!(!text.contains('\x1b') && text.contains("the second time is the earlier"));
        }
    }
}

#[test]
fn memory_given_back_but_resident_is_named() {
    const M: u64 = K * K;
    let at = |seconds, reclaimable| {
        let sizes = [
            (vmrec_sampler::Quantity::Resident, 64 * M),
            (vmrec_sampler::Quantity::Reclaimable, reclaimable),
        ];
        let heap = region(0x1000..0x1000 + 64 * M, heap(), None, &sizes);
        snapshot(seconds, ProcessTotals::default(), vec![heap])
    };
    let shown = table(&at(0, 0), &at(9, 64 * M), Metric::RESIDENT, View::Type, None);
    let note = "64.0M given back, still resident until memory is needed\n";
    assert!(shown.contains(note), "{shown}");
    let same = table(&at(0, M), &at(9, M), Metric::RESIDENT, View::Type, None);
    assert!(!same.contains("given back"), "{same}");
}

#[test]
fn alike_regions_are_one_row_and_rows_that_hardly_count_are_summed_up() {
    const M: u64 = K * K;
    let pages = |n: u64| {
        let start = (n + 1) << 30;
        let size = memory(4 * M, 4 * M, 0);
        region(start..start + 16 * M, types::MALLOC_LARGE, None, &size)
    };
    let libraries = |bytes: u64| {
        (0..3).map(move |n: u64| {
            let start = (n + 1) << 40;
            let name = ["/lib/a.so", "/lib/b.so", "/lib/c.so"][n as usize];
            region(start..start + M, types::TEXT, Some(name), &memory(bytes, 0, 0))
        })
    };
    let from = snapshot(0, ProcessTotals::default(), libraries(64 * K).collect());
    let regions = (0..12).map(pages).chain(libraries(68 * K)).collect();
    let to = snapshot(9, ProcessTotals::default(), regions);
    insta::assert_snapshot!(table(&from, &to, Metric::RESIDENT, View::Region, Some(20)), @r"
    server grew 48.0M in 9.0s: MALLOC (large) +48.0M (99%)
    server (pid 4242), recording 3
    from  #1 of 2026-03-01 14:00:00.000 +01:00
    to    #301 of 2026-03-01 14:00:09.000 +01:00, 1.2s before the time asked for
    9.0s apart; sizes are changes

    REGION                     CHANGE  START  VIRTUAL  RESIDENT  PRIVATE  SHARE
    =========================  ======  =====  =======  ========  =======  =====
    MALLOC (large) 16.0M × 12  new            +192.0M    +48.0M   +48.0M    99%
    other (3 rows)                               0K      +12K       0K      <1%
    =========================  ======  =====  =======  ========  =======  =====
    TOTAL                                     +192.0M    +48.0M   +48.0M
    ");
    let all = table(&from, &to, Metric::RESIDENT, View::Region, None);
    assert_eq!(
        all.lines().filter(|line| line.starts_with("MALLOC (large)  new")).count(),
        12,
        "{all}"
    );
    assert_eq!(all.lines().filter(|line| line.starts_with(".text ")).count(), 3, "{all}");
}

#[test]
fn libraries_that_came_and_went_are_named() {
    let image = |n: u64, path: &str| {
        region(n * 0x1000..(n + 1) * 0x1000, types::TEXT, Some(path), &memory(4 * K, 0, 0))
    };
    let at = |paths: &[&str]| {
        let regions = (1..).zip(paths).map(|(n, path)| image(n, path)).collect();
        snapshot(0, ProcessTotals::default(), regions)
    };
    let (from, to) = (at(&["/usr/lib/a.so", "/x/\u{1b}[31mb"]), at(&["/usr/lib/a.so", "/c", "/d"]));
    let text = table(&from, &to, Metric::RESIDENT, View::Type, Some(20));
    assert!(text.contains("\nlibraries that came: c, d\n"), "{text}");
    assert!(text.contains("\nlibraries that went: \\x1b[31mb\n"), "{text}");
    let text = table(&from, &to, Metric::RESIDENT, View::Type, None);
    assert!(text.contains("\nlibraries that came:\n  /c\n  /d\n"), "{text}");
    let many: Vec<String> = (1..40).map(|n| format!("/usr/lib/library{n}.so")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let text = table(&at(&[]), &at(&many), Metric::RESIDENT, View::Type, Some(20));
    let named = "library1.so, library10.so, library11.so and 36 more";
    assert!(text.contains(&format!("\nlibraries that came: {named}\n")), "{text}");
    assert!(!text.contains("went"), "{text}");
}
