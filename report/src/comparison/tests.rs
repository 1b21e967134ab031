//! Figures compared with those of the system.

use std::sync::Arc;

use vmrec_sampler::{Host, ProcessTotals};

use super::*;
use crate::comparison::shown::{Machine, text};
use crate::comparison::tools::TOOLS;
use crate::fixture::{K, heap, memory, region, snapshot};

const RESIDENT: SumOf = SumOf::Measured(Quantity::Resident);
const PSS: SumOf = SumOf::Measured(Quantity::Pss);

fn taken() -> Snapshot {
    let totals = ProcessTotals { footprint_bytes: Some(24 * K), ..ProcessTotals::default() };
    let regions = vec![
        region(0x1000..0x9000, heap(), Some("[heap]"), &memory(20 * K, 16 * K, 16 * K)),
        region(0x9000..0xa000, heap(), None, &memory(4 * K, 4 * K, 0)),
        region(0xffff_0000..0xffff_1000, types::VSYSCALL, Some("[vsyscall]"), &memory(0, 0, 0)),
    ];
    snapshot(0, totals, regions)
}

fn sum(of: SumOf, bytes: u64, slack_bytes: u64) -> SystemSum {
    SystemSum { source: "kernel", of, bytes, slack_bytes }
}

fn verdict(before: SystemSum, after: u64) -> Verdict {
    let figures = Figure::between(&[before], &[SystemSum { bytes: after, ..before }]);
    compare(&taken(), &figures)[0].verdict()
}

#[test]
fn a_figure_agrees_if_it_is_between_both_readings_or_as_near_as_the_source_is_exact() {
    assert_eq!(verdict(sum(RESIDENT, 24 * K, 0), 24 * K), Verdict::Agrees);
    assert_eq!(verdict(sum(RESIDENT, 30 * K, 0), 20 * K), Verdict::Agrees);
    assert_eq!(verdict(sum(RESIDENT, 28 * K, 0), 30 * K), Verdict::Differs);
    assert_eq!(verdict(sum(RESIDENT, 28 * K, 4 * K), 30 * K), Verdict::Agrees);
    assert_eq!(verdict(sum(RESIDENT, 20 * K, 4 * K - 1), 20 * K), Verdict::Differs);
}

#[test]
fn the_vsyscall_page_is_of_no_process() {
    assert_eq!(verdict(sum(SumOf::VirtualButVsyscall, 36 * K, 0), 36 * K), Verdict::Agrees);
    assert_eq!(verdict(sum(SumOf::Virtual, 40 * K, 0), 40 * K), Verdict::Agrees);
}

#[test]
fn what_is_not_known_is_not_compared() {
    assert_eq!(verdict(sum(SumOf::Measured(Quantity::Huge), 0, 0), 0), Verdict::Unknown);
    let rows = compare(&taken(), &Figure::of_tool(&TOOLS[0], None));
    assert!(rows.iter().all(|row| row.verdict() == Verdict::Unknown));
    assert!(!passed(&taken(), &rows), "nothing was compared");
}

#[test]
fn other_processes_may_move_shares_and_the_kernel_cuts_them() {
    let mut snapshot = taken();
    for region in &mut snapshot.regions {
        region.quantities.set(Quantity::Pss, 4 * K);
    }
    let verdict = |bytes| {
        let sums = [sum(PSS, bytes, 0)];
        compare(&snapshot, &Figure::between(&sums, &sums))[0].verdict()
    };
    assert_eq!(verdict(12 * K), Verdict::Agrees);
    assert_eq!(verdict(15 * K), Verdict::Agrees);
    assert_eq!(verdict(15 * K + 1), Verdict::Moves);
}

#[test]
fn the_table_tells_what_differs() {
    let host = Host {
        name: "secret".to_owned(),
        os: "linux".to_owned(),
        kernel: "6.18.44".to_owned(),
        architecture: "x86_64".to_owned(),
        page_size_bytes: 4096,
    };
    let machine = Machine::new("1.2.3", &host);
    let snapshot = taken();
    let sums =
        [sum(SumOf::Footprint, 24 * K, 0), sum(RESIDENT, 28 * K, 8 * K), sum(PSS, 900 * K, 0)];
    let mut figures = Figure::between(&sums, &sums);
    figures.extend(Figure::of_tool(&TOOLS[0], Some("total kB  40  20  -\n")));
    let rows = compare(&snapshot, &figures);
    insta::assert_snapshot!(text(&machine, &snapshot, &rows, 80), @r"
    vmrec 1.2.3, linux 6.18.44, x86_64, pages of 4096 bytes, 3 regions

    QUANTITY   VMREC  SYSTEM  SOURCE  DIFFERENCE  VERDICT
    =========  =====  ======  ======  ==========  ============
    footprint    24K     24K  kernel          0K  ok
    resident     24K     28K  kernel         -4K  ok within 8K
    pss            -    900K  kernel           -  unknown
    virtual      40K     40K  pmap            0K  ok
    resident     24K     20K  pmap           +4K  DIFFERS
    dirty        16K       -  pmap             -  unknown

    resident, pmap: pages in memory are missing, or counted twice

    To report it, paste the lines between the marks:
    ~~~
    vmrec 1.2.3, linux 6.18.44, x86_64, pages of 4096 bytes, 3 regions
    kernel footprint: vmrec 24576, system 24576, ok
    kernel resident: vmrec 24576, system 28672, ok
    kernel pss: vmrec -, system 921600, unknown
    pmap virtual: vmrec 40960, system 40960, ok
    pmap resident: vmrec 24576, system 20480, DIFFERS
    pmap dirty: vmrec 16384, system -, unknown
    ~~~

    1 of 6 figures differ, 2 unknown; please report this output
    ");
}

#[test]
fn on_macos_only_what_means_the_same_is_compared() {
    let host = Host {
        name: "secret".to_owned(),
        os: "macos".to_owned(),
        kernel: "25.5.0".to_owned(),
        architecture: "arm64".to_owned(),
        page_size_bytes: 16384,
    };
    let machine = Machine::new("1.2.3", &host);
    let mut snapshot = taken();
    Arc::make_mut(&mut snapshot.regions[1].identity).flags = "tag=0 file depth=1 submap".into();
    let kernel = |of, bytes| SystemSum { source: "TASK_VM_INFO", ..sum(of, bytes, 0) };
    let sums = [
        kernel(SumOf::VirtualButSubmaps, 36 * K),
        kernel(RESIDENT, 99 * K),
        kernel(SumOf::Footprint, 24 * K),
    ];
    let mut figures = Figure::between(&sums, &sums);
    let printed = "VIRTUAL RESIDENT DIRTY SWAPPED\nTOTAL  40K  1.5M  1.5M  0K\n";
    figures.extend(Figure::of_tool(&TOOLS[1], Some(printed)));
    let rows = compare(&snapshot, &figures);
    assert!(passed(&snapshot, &rows));
    insta::assert_snapshot!(text(&machine, &snapshot, &rows, 80), @r"
    vmrec 1.2.3, macos 25.5.0, arm64, pages of 16384 bytes, 3 regions

    QUANTITY             VMREC  SYSTEM  SOURCE        DIFFERENCE  VERDICT
    ===================  =====  ======  ============  ==========  =================
    virtual, no submaps    36K     36K  TASK_VM_INFO          0K  ok
    resident               24K     99K  TASK_VM_INFO        -75K  counted otherwise
    footprint              24K     24K  TASK_VM_INFO          0K  ok
    virtual                40K     40K  vmmap                 0K  ok
    resident               24K   1536K  vmmap             -1512K  counted otherwise
    dirty                  16K   1536K  vmmap             -1520K  counted otherwise
    swapped                 0K      0K  vmmap                 0K  ok
    footprint              24K       -  vmmap                  -  unknown

    resident: TASK_VM_INFO counts pages this process maps, not all of their objects
    resident: vmmap counts pages as the footprint does, and memory outside of regions
    dirty: vmmap counts pages as the footprint does, and memory outside of regions

    To report it, paste the lines between the marks:
    ~~~
    vmrec 1.2.3, macos 25.5.0, arm64, pages of 16384 bytes, 3 regions
    TASK_VM_INFO virtual, no submaps: vmrec 36864, system 36864, ok
    TASK_VM_INFO resident: vmrec 24576, system 101376, counted otherwise
    TASK_VM_INFO footprint: vmrec 24576, system 24576, ok
    vmmap virtual: vmrec 40960, system 40960, ok
    vmmap resident: vmrec 24576, system 1572864, counted otherwise
    vmmap dirty: vmrec 16384, system 1572864, counted otherwise
    vmmap swapped: vmrec 0, system 0, ok
    vmmap footprint: vmrec 24576, system -, unknown
    ~~~

    all 4 figures agree, 3 counted otherwise, 1 unknown
    ");
    let missing = [kernel(SumOf::VirtualButSubmaps, 72 * K)];
    let rows = compare(&snapshot, &Figure::between(&missing, &missing));
    assert!(!passed(&snapshot, &rows));
}

#[test]
fn a_torn_snapshot_does_not_pass() {
    let mut snapshot = taken();
    let sums = [sum(RESIDENT, 24 * K, 0)];
    let figures = Figure::between(&sums, &sums);
    assert!(passed(&snapshot, &compare(&snapshot, &figures)));
    snapshot.consistency = Consistency::Torn("a overlaps b".to_owned());
    assert!(!passed(&snapshot, &compare(&snapshot, &figures)));
}
