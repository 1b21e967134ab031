//! Tests of single rules on lines as the kernel prints them.

use crate::classify::classify;
use crate::classify::facts::Facts;
use crate::classify::piece::Process;
use crate::label::Label;
use crate::procfs::mapping::tests::mappings;

/// Returns type, rule and detail of each line's mapping.
fn types_of(lines: &str) -> Vec<String> {
    let mappings = mappings(lines);
    let process = Process {
        mappings: &mappings,
        occupied: &vec![0; mappings.len()],
        facts: &Facts::default(),
        kept: &[],
        user_rules: &[],
    };
    let pieces = classify(&process, &mut |_, _| 0);
    assert_eq!(pieces.len(), mappings.len());
    pieces
        .iter()
        .zip(&mappings)
        .map(|(piece, mapping)| {
            assert_eq!(piece.range, mapping.range);
            let Label { region_type, rule, detail, .. } = &piece.label;
            match detail {
                Some(detail) => format!("{region_type} {rule} {detail}"),
                None => format!("{region_type} {rule}"),
            }
        })
        .collect()
}

#[test]
fn an_image_with_its_bss() {
    let found = types_of(
        "1000-2000 r--p 00000 8:1 9 /lib/a.so|rd mr mw me
         2000-3000 r-xp 01000 8:1 9 /lib/a.so|rd ex mr mw me
         3000-4000 r--p 02000 8:1 9 /lib/a.so|rd mr mw me
         4000-5000 ---p 03000 8:1 9 /lib/a.so|mr mw me
         5000-6000 r--p 03000 8:1 9 /lib/a.so|rd mr mw me ac
         6000-7000 rw-p 04000 8:1 9 /lib/a.so|rd wr mr mw me ac
         7000-8000 rw-p 00000 0:0 0 |rd wr mr mw me ac
         8000-9000 rw-p 00000 0:0 0 |rd wr mr mw me ac sd
         a000-b000 r--s 00000 8:1 9 /lib/a.so|rd mr me ms",
    );
    assert_eq!(
        found,
        [
            "__LINKEDIT R4",
            "__TEXT R4",
            "__RODATA R4",
            "ELF gap R4",
            "__DATA_CONST R4",
            "__DATA R4",
            "__BSS R5",
            "VM_ALLOCATE R20",
            "mapped file R6"
        ]
    );
}

#[test]
fn without_flags_the_order_distinguishes_constants() {
    let found = types_of(
        "1000-2000 r--p 01000 8:1 9 /bin/a
         2000-3000 r-xp 02000 8:1 9 /bin/a
         3000-4000 r--p 03000 8:1 9 /bin/a",
    );
    assert_eq!(found, ["__RODATA R4", "__TEXT R4", "__DATA_CONST R4"]);
}

#[test]
fn bss_needs_its_image_right_below() {
    let apart = "1000-2000 r-xp 0 8:1 9 /a\n2000-3000 rw-p 1000 8:1 9 /a\n4000-5000 rw-p 0 0:0 0 ";
    assert_eq!(types_of(apart)[2], "VM_ALLOCATE R20");
    let no_image = "2000-3000 rw-p 1000 8:1 9 /a\n3000-4000 rw-p 0 0:0 0 ";
    assert_eq!(types_of(no_image), ["mapped file R6", "VM_ALLOCATE R20"]);
}

#[test]
fn names_given_by_the_kernel_decide() {
    for (name, expected) in [
        ("[heap]", "MALLOC (brk heap) R7"),
        ("[stack]", "Stack R1"),
        ("[stack:12]", "Stack R1"),
        ("[vdso]", "vdso R1"),
        ("[vvar]", "vvar R1"),
        ("[vvar_vclock]", "vvar R1"),
        ("[vsyscall]", "vsyscall R1"),
        ("[of the future]", "VM_ALLOCATE R20"),
    ] {
        assert_eq!(types_of(&format!("1000-2000 rw-p 0 0:0 0 {name}")), [expected]);
    }
    assert_eq!(types_of("1000-2000 rw-p 0 0:0 0 |rd wr gd ac"), ["Stack R1"]);
}

#[test]
fn shared_memory_rings_and_devices() {
    for (line, expected) in [
        ("rw-s 0 0:1 7 /memfd:a (deleted)", "shared memory R3"),
        ("rw-s 0 0:1 7 /memfd:vmrec-allocs (deleted)", "vmrec buffer R3"),
        ("r-xs 0 0:1 7 /memfd:doublemapper (deleted)", "JIT code R3"),
        ("rw-s 0 0:1 7 /dev/zero (deleted)", "shared memory R3"),
        ("rw-p 0 0:5 7 /dev/zero", "VM_ALLOCATE R3"),
        ("rw-p 0 0:f 7 /anon_hugepage (deleted)", "VM_ALLOCATE R3"),
        ("rw-s 0 0:1 7 /SYSV0000 (deleted)", "shared memory R3"),
        ("rw-s 0 0:18 7 /dev/shm/x", "shared memory R3"),
        ("r--p 0 0:18 7 /dev/shm/x", "mapped file R6"),
        ("r-xp 0 0:18 7 /dev/shm/x.so", "__TEXT R4"),
        ("rw-s 0 0:e 7 anon_inode:[io_uring]", "kernel ring R3"),
        ("rw-s 0 0:6 7 /dev/dri/card0", "device R3"),
        ("rw-s 0 0:0 0 ", "shared memory R3"),
        ("rw-s 0 0:1 7 [anon_shmem:pool]", "shared memory R3 pool"),
        ("r--s 0 8:1 7 /usr/share/a", "mapped file R6"),
    ] {
        assert_eq!(types_of(&format!("1000-2000 {line}")), [expected], "{line}");
    }
}

#[test]
fn given_names_become_details() {
    assert_eq!(types_of("1000-2000 rw-p 0 0:0 0 [anon:pool]"), ["VM_ALLOCATE R2 pool"]);
    assert_eq!(types_of("1000-2000 ---p 0 0:0 0 [anon:pool]"), ["reserved R2 pool"]);
    assert_eq!(types_of("1000-2000 rwxp 0 0:0 0 [anon:made]"), ["JIT code R2 made"]);
}

#[test]
fn anonymous_memory_by_its_rights_and_position() {
    let stack = "200000-300000 rw-p 0 0:0 0 [stack]";
    for (line, expected) in [
        ("1ff000-200000 ---p 0 0:0 0 ", "STACK GUARD R9"),
        ("100000-200000 ---p 0 0:0 0 ", "STACK GUARD R9"),
        ("0ff000-200000 ---p 0 0:0 0 ", "reserved R19"),
        ("1fe000-1ff000 ---p 0 0:0 0 ", "guard R19"),
        ("1e0000-1f0000 ---p 0 0:0 0 ", "guard R19"),
        ("1e0000-1f1000 ---p 0 0:0 0 ", "reserved R19"),
        ("1e0000-1f1000 rwxp 0 0:0 0 ", "JIT code R16"),
        ("1e0000-1f1000 r--p 0 0:0 0 ", "VM_ALLOCATE R20"),
    ] {
        assert_eq!(types_of(&format!("{line}\n{stack}"))[0], expected, "{line}");
    }
}

#[test]
fn objects_of_the_kernel_are_no_files_and_files_of_their_names_are() {
    let found = types_of(
        "1000-2000 rw-p 0 0:e 9 /[aio] (deleted)|rd wr mr mw me
         3000-4000 rw-s 0 0:e 9 /secretmem (deleted)|rd wr sh
         5000-6000 rw-s 0 0:e 9 /dmabuf:name|rd wr sh
         7000-8000 rw-s 0 0:e 9 anon_inode:[perf_event]|rd wr sh
         9000-a000 rw-s 0 0:e 9 anon_inode:[io_uring]|rd wr sh
         b000-c000 rw-s 0 0:e 9 anon_inode:i915.gem|rd wr sh
         d000-e000 rw-s 0 0:1 9 /i915 (deleted)|rd wr sh
         f000-10000 rw-s 0 0:1 9 /drm mm object (deleted)|rd wr sh
         11000-12000 rw-s 0 0:1 9 /SYSV00000000 (deleted)|rd wr sh
         13000-14000 rw-s 0 0:1 9 /dev/zero (deleted)|rd wr sh
         15000-16000 rw-s 0 0:15 9 /sys/devices/pci0000:00/0000:00:02.0/resource0|rd wr sh
         17000-18000 rw-s 0 8:1 9 /[aio] (deleted)|rd wr sh
         19000-1a000 rw-s 0 8:1 9 /secretmem|rd wr sh
         1b000-1c000 rw-s 0 8:1 9 /i915-results|rd wr sh",
    );
    assert_eq!(
        found,
        [
            "kernel ring R3",
            "secret memory R3",
            "dma-buf R3",
            "kernel ring R3",
            "kernel ring R3",
            "device R3",
            "device R3",
            "device R3",
            "shared memory R3",
            "shared memory R3",
            "device R3",
            "mapped file R6",
            "mapped file R6",
            "mapped file R6",
        ]
    );
}
