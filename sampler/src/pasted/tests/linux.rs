//! Pastes of Linux tools.

use super::*;

#[test]
fn a_mapping_of_an_old_kernel_says_less() {
    let pasted = parse(&paste("smaps-2.6-swap-before-pss"));
    let region = &pasted.snapshots[0].regions[0];
    let get = |quantity| region.quantities.get(quantity);
    assert_eq!(region.identity.range.virtual_bytes(), 252 << 10);
    assert_eq!(get(Quantity::Resident), Some(12 << 10));
    assert_eq!(get(Quantity::Pss), Some(12 << 10));
    assert_eq!((get(Quantity::Anonymous), region.identity.max_protection), (None, None));
    assert_eq!(pasted.remarks, []);
}

#[test]
fn smaps_names_what_the_kernel_names() {
    let pasted = parse(&paste("smaps-3.10-ppc64le-java"));
    assert_eq!(pasted.page_size_bytes, Some(64 << 10));
    let region = &pasted.snapshots[0].regions[0];
    assert_eq!(region.identity.label.region_type.name(), "__TEXT");
    assert_eq!(region.identity.object.as_ref().unwrap().inode, 2_891_694);
    let shared = parse(&paste("smaps-6.8-x86_64-dev-zero-shared"));
    let region = &shared.snapshots[0].regions[0];
    assert!(region.identity.object.as_ref().unwrap().deleted);
    assert_eq!(region.identity.label.region_type.name(), "shared memory");
}

#[test]
fn pmap_is_read_by_its_heading_and_adds_up_to_its_sums() {
    let pasted = parse(&paste("pmap-X-3.10-x86_64-centos7"));
    assert_eq!(pasted.process.pid, Some(28722));
    assert_eq!(pasted.process.name.as_deref(), Some("memory-user.out"));
    assert_eq!(pasted.process.arguments, ["./memory-user.out", "10"]);
    assert_eq!(virtual_bytes(&pasted), 14_292 << 10);
    assert_eq!(sum(&pasted, Quantity::Resident), Some(10_716 << 10));
    assert_eq!(sum(&pasted, Quantity::Pss), Some(10_340 << 10));
    assert_eq!(sum(&pasted, Quantity::Private), None);
    assert_eq!(sum(&pasted, Quantity::Dirty), None);
    assert_eq!(pasted.remarks, []);
}

#[test]
fn sums_that_differ_are_said() {
    let pasted = parse(&paste("pmap-X-6.1-x86_64-pss_dirty-protectionkey"));
    let said = &pasted.remarks[0];
    assert_eq!(said.line, Some(15));
    assert!(
        said.text.starts_with("the sums differ: Size: 22976 KB printed, 22324 KB summed"),
        "{said:?}"
    );
}

#[test]
fn a_file_on_a_wide_device_and_a_region_of_100_gib() {
    let pasted = parse(&paste("pmap-X-3.10-java-103-04-device-swapped-columns"));
    let regions = &pasted.snapshots[0].regions;
    assert_eq!(regions[0].identity.object.as_ref().unwrap().device, (0x103, 4));
    let pasted = parse(&paste("pmap-X-kata-qemu-ksm-100GiB"));
    let guest = pasted.snapshots[0].regions.last().unwrap();
    assert_eq!(guest.identity.range.virtual_bytes(), 100 << 30);
    assert!(guest.identity.object.as_ref().unwrap().deleted);
}

#[test]
fn older_options_of_pmap_say_less_and_nothing_is_made_up() {
    let x = "9677:   bash -l\nAddress           Kbytes     RSS   Dirty Mode  Mapping\n\
        0000561ec1183000     188     188       0 r---- bash\n\
        0000561ec11b2000     772     696       8 r-x-- bash\n\
        0000561ec2000000     132      12      12 rw---   [ anon ]\n\
        ---------------- ------- ------- ------- \ntotal kB            1092     896      20\n";
    let pasted = parse(x);
    assert_eq!(pasted.remarks, []);
    assert_eq!(
        (sum(&pasted, Quantity::Dirty), sum(&pasted, Quantity::PrivateDirty)),
        (Some(20 << 10), None)
    );
    let regions = &pasted.snapshots[0].regions;
    let object = regions[1].identity.object.as_ref().unwrap();
    assert_eq!((&*object.name, object.device, object.inode), ("bash", (0, 0), 0));
    assert_eq!(regions[1].identity.label.region_type.name(), "__TEXT");
    assert!(regions.last().unwrap().identity.object.is_none());
    assert!(regions.iter().all(|region| region.share_mode.is_none()));

    let plain =
        parse("9677:   bash\n0000561ec1183000    188K r---- bash\n total              188K\n");
    assert_eq!((virtual_bytes(&plain), sum(&plain, Quantity::Resident)), (188 << 10, None));
    let d = "9677:   bash\nAddress           Kbytes Mode  Offset           Device    Mapping\n\
        0000561ec1183000     188 r---- 0000000000000000 0fe:00000 bash\n\
        mapped: 5436K    writeable/private: 1496K    shared: 28K\n";
    assert_eq!(virtual_bytes(&parse(d)), 188 << 10);
}

#[test]
fn flags_hold_blanks_and_names_may_look_like_flags() {
    let xx = "1:   a\n         Address Perm   Offset Device  Inode Size  Rss Locked              VmFlags Mapping\n    \
        561ec1183000 r--p 00000000  fe:00 247003  188  188      0       rd mr mw me sd ls\n    \
        561ec11b2000 r-xp 0002f000  fe:00 247003  772  696      0       rd ex mr mw me ld.so\n";
    let pasted = parse(xx);
    let regions = &pasted.snapshots[0].regions;
    assert_eq!(&*regions[0].identity.flags, "p rd mr mw me sd");
    assert_eq!(&*regions[0].identity.object.as_ref().unwrap().name, "ls");
    assert_eq!(regions[1].identity.max_protection.unwrap().to_string(), "rwx");
    // The heading of older versions runs both words together.
    let old = xx.replace("VmFlags Mapping", "VmFlagsMapping");
    assert_eq!(parse(&old).snapshots, pasted.snapshots);
}

#[test]
fn wrapped_rows_and_headings_are_joined() {
    let whole = paste("pmap-X-3.10-x86_64-centos7");
    let wrapped: Vec<String> = whole
        .lines()
        .map(|line| match line.match_indices(' ').map(|(at, _)| at).filter(|at| *at > 55).min() {
            Some(at) => format!("{}\n{}", &line[..at], &line[at + 1..]),
            None => line.to_owned(),
        })
        .collect();
    assert_eq!(parse(&wrapped.join("\n")).snapshots, parse(&whole).snapshots);
}

#[test]
fn snapshots_with_times_become_samples_and_others_one() {
    let one = paste("smaps-6.x-x86_64-container-pid1");
    let two = one.replace("188 kB", "192 kB");
    let timed = format!("2026-03-01T10:00:00Z\n{one}\n2026-03-01T10:00:05Z\n{two}");
    let pasted = parse(&timed);
    let taken: Vec<_> = pasted.snapshots.iter().map(|one| one.taken_utc_ns.unwrap()).collect();
    assert_eq!(taken[1] - taken[0], 5_000_000_000);
    let after = format!("{one}\nSun Mar  1 10:00:00 UTC 2026\n{two}\nSun Mar  1 10:00:05 UTC 2026");
    assert_eq!(parse(&after).snapshots, pasted.snapshots);
    let lower = one.replace("558be5467000-558be5496000", "558be5466000-558be5495000");
    let untimed = parse(&format!("$ cat /proc/1/smaps\n{one}\n{lower}"));
    assert_eq!((untimed.snapshots.len(), untimed.process.pid), (1, Some(1)));
    assert!(untimed.remarks[0].text.contains("only the last is read"), "{:?}", untimed.remarks);
}

#[test]
fn sums_of_smaps_rollup_are_checked() {
    let one = paste("smaps-3.10-ppc64le-java");
    let with = |rss: u32| {
        format!("{one}10000000-7fff00000000 ---p 00000000 00:00 0    [rollup]\nRss: {rss} kB\n")
    };
    assert_eq!(parse(&with(64)).remarks, []);
    assert!(parse(&with(65)).remarks[0].text.contains("Rss: 65 kB printed, 64 kB summed"));
}

#[test]
fn lines_run_together_are_taken_apart() {
    let run = paste("smaps-3.10-ppc64le-java").lines().collect::<Vec<_>>().join(" ");
    let apart = parse(&paste("smaps-3.10-ppc64le-java"));
    assert_eq!(parse(&run).snapshots, apart.snapshots);
}
