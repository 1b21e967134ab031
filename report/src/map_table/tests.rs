//! What the table looks like.

use std::sync::Arc;

use vmrec_sampler::{ProcessTotals, types};

use super::*;
use crate::fixture::{before_and_after, detailed, memory, process, region, snapshot};

const EIGHTY: MapLayout = MapLayout { width: Some(80), verbose: false };

fn text(snapshot: &Snapshot, layout: &MapLayout) -> String {
    map_text(&process(), snapshot, layout, &TimeZone::UTC)
}

#[test]
fn eighty_columns_hold_every_region() {
    let text = text(&before_and_after().1, &EIGHTY);
    insta::assert_snapshot!(text, @"
    server (pid 4242), 2026-03-01 13:10:00.000 +00:00

    MALLOC…k heap) 555500000000-555501000000 [16.0M/14.0M] rw-/rwx SM=PRV [heap]
    Stack (thread) 7e0001000000-7e0001800000 [8192K/  40K] rw-/rwx SM=PRV worker 1
    __TEXT         7f0000000000-7f0000190000 [1600K/1200K] rw-/rwx SM=PRV libc.so.6
    __DATA         7f0000190000-7f0000196000 [  24K/  24K] rw-/rwx SM=PRV libc.so.6
    __TEXT         7f0004000000-7f0004019000 [ 100K/ 100K] rw-/rwx SM=PRV libz.so.1
    Stack          7ffc00000000-7ffc00021000 [ 132K/  32K] rw-/rwx SM=PRV [stack]
    vsyscall       ffffffffff600000-ffffffffff601000 [   4K/   0K] rw-/rwx SM=PRV

    TYPE               REGIONS  VIRTUAL  RESIDENT  PRIVATE  DIRTY  SWAPPED
    =================  =======  =======  ========  =======  =====  =======
    MALLOC (brk heap)        1    16.0M     14.0M    14.0M  14.0M       0K
    __TEXT                   2    1700K     1300K       0K     0K       0K
    Stack (thread)           1    8192K       40K      40K    40K       0K
    Stack                    1     132K       32K      32K    32K       0K
    __DATA                   1      24K       24K      20K    20K       0K
    vsyscall                 1       4K        0K       0K     0K       0K
    =================  =======  =======  ========  =======  =====  =======
    TOTAL                    7    25.8M     15.4M    14.1M  14.1M       0K
    ");
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
}

#[test]
fn a_wide_page_cuts_nothing_and_says_why() {
    let (mut snapshot, _) = before_and_after();
    snapshot.regions.truncate(2);
    snapshot.consistency = Consistency::Torn("a region moved".to_owned());
    let text = text(&snapshot, &MapLayout { width: None, verbose: true });
    insta::assert_snapshot!(text, @"
    server (pid 4242), 2026-03-01 13:00:00.000 +00:00
    torn: a region moved

    MALLOC (brk heap) 555500000000-555500400000 [4096K/3072K] rw-/rwx SM=PRV sure R1 [heap]
    Stack (thread)    7e0001000000-7e0001800000 [8192K/  40K] rw-/rwx SM=PRV sure R1 worker 1

    TYPE               REGIONS  VIRTUAL  RESIDENT  PRIVATE  DIRTY  SWAPPED
    =================  =======  =======  ========  =======  =====  =======
    MALLOC (brk heap)        1    4096K     3072K    3072K  3072K       0K
    Stack (thread)           1    8192K       40K      40K    40K       0K
    =================  =======  =======  ========  =======  =====  =======
    TOTAL                    2    12.0M     3112K    3112K  3112K       0K
    ");
}

#[test]
fn strange_names_are_escaped_and_unknown_is_no_zero() {
    let evil = "/tmp/\x1b[2Jevil\nname that is quite long";
    let mut strange =
        detailed(region(0x1000..0x3000, types::MAPPED_FILE, Some(evil), &[]), "\x07detail");
    let identity = Arc::make_mut(&mut strange.identity);
    identity.max_protection = None;
    strange.share_mode = None;
    let whole = region(
        0xffff_ffff_ff60_0000..0xffff_ffff_ff60_1000,
        types::VSYSCALL,
        Some("[vsyscall]"),
        &memory(0, 0, 0),
    );
    let snapshot = snapshot(1, ProcessTotals::default(), vec![strange, whole]);
    let text = text(&snapshot, &EIGHTY);
    insta::assert_snapshot!(text, @r"
    server (pid 4242), 2026-03-01 13:00:01.000 +00:00

    mapped file 1000-3000 [   8K/    -] rw-/-   SM=-   \x07detail \x1… is quite long
    vsyscall    ffffffffff600000-ffffffffff601000 [   4K/   0K] rw-/rwx SM=PRV [v…l]

    TYPE         REGIONS  VIRTUAL  RESIDENT  PRIVATE  DIRTY  SWAPPED
    ===========  =======  =======  ========  =======  =====  =======
    mapped file        1       8K         -        -      -        -
    vsyscall           1       4K        0K       0K     0K       0K
    ===========  =======  =======  ========  =======  =====  =======
    TOTAL              2      12K        0K       0K     0K       0K
    ");
    assert!(!text.replace('\n', "").chars().any(char::is_control));
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
}
