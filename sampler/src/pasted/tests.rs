//! Tests on outputs that people pasted, on mutated copies of them, and on random bytes.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::quantity::Quantity;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/pasted")
}

/// Returns the text of a fixture.
fn paste(name: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap()
}

/// Returns every fixture by its name.
fn pastes() -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = files
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    all.sort();
    all
}

fn parse(text: &str) -> Pasted {
    let mut all = parse_paste(text.as_bytes(), None).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn sum(pasted: &Pasted, quantity: Quantity) -> Option<u64> {
    let regions = &pasted.snapshots[0].regions;
    regions
        .iter()
        .map(|region| region.quantities.get(quantity))
        .try_fold(0, |sum, bytes| Some(sum + bytes?))
}

fn virtual_bytes(pasted: &Pasted) -> u64 {
    pasted.snapshots[0].regions.iter().map(|region| region.identity.range.virtual_bytes()).sum()
}

/// Returns the text as people paste it: quoted, wrapped in a log, with other ends of lines.
fn disguises(text: &str) -> Vec<(&'static str, String)> {
    let each = |of: &dyn Fn(usize, &str) -> String| {
        let lines: Vec<String> = text.lines().enumerate().map(|(n, line)| of(n, line)).collect();
        lines.join("\n")
    };
    vec![
        ("CRLF", text.replace('\n', "\r\n")),
        ("quoted", each(&|_, line| format!("> {line}"))),
        ("quoted twice", each(&|_, line| format!(">> {line}"))),
        ("numbered", each(&|n, line| format!("{:>4}: {line}", n + 1))),
        ("logged", each(&|n, line| format!("2026-03-01T10:00:{:02}Z box app[7]: {line}", n % 60))),
        ("a prompt", format!("user@box:~$ run the tool\n{text}\nuser@box:~$ exit\n")),
        ("a fence", format!("```text\n{text}\n```\n")),
        ("no blanks at the ends", each(&|_, line| line.trim_end().to_owned())),
        ("indented", each(&|_, line| format!("    {line}"))),
    ]
}

mod linux {
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
            .map(|line| {
                match line.match_indices(' ').map(|(at, _)| at).filter(|at| *at > 55).min() {
                    Some(at) => format!("{}\n{}", &line[..at], &line[at + 1..]),
                    None => line.to_owned(),
                }
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
        let after =
            format!("{one}\nSun Mar  1 10:00:00 UTC 2026\n{two}\nSun Mar  1 10:00:05 UTC 2026");
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
}

mod macos {
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
        assert_eq!(
            (pasted.process.name.as_deref(), pasted.process.pid),
            (Some("app"), Some(70940))
        );
        assert_eq!(pasted.page_size_bytes, Some(16384));
        let snapshot = &pasted.snapshots[0];
        assert_eq!(snapshot.totals.footprint_bytes, Some(922 << 20));
        assert!(
            snapshot.regions.iter().all(|region| region.identity.range.known_bytes().is_none())
        );
        assert_eq!(
            (sum(&pasted, Quantity::Resident), sum(&pasted, Quantity::Swapped)),
            (None, None)
        );
        let exact = parse(&paste("footprint-arm64-bytes-format"));
        assert_eq!(exact.snapshots[0].totals.footprint_bytes, Some(9_954_533_592));
        assert_eq!(
            sum(&exact, Quantity::Dirty),
            Some(6_342_688_768 + 2_223_816_704 + 1_230_995_456)
        );
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
        let cut = parse(
            "__TEXT  1000-2000 [   4K] r-x/rwx SM=COW  /bin/a\n__DATA  2000-3000 [   4K] rw-\n",
        );
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
}

#[test]
fn a_paste_reads_the_same_in_every_disguise() {
    for (name, text) in pastes() {
        let text = String::from_utf8(text).unwrap();
        let Ok(expected) = parse_paste(text.as_bytes(), None) else { continue };
        for (how, disguised) in disguises(&text) {
            let read = parse_paste(disguised.as_bytes(), None)
                .unwrap_or_else(|error| panic!("{name}, {how}: {error}\n{disguised}"));
            for (read, expected) in read.iter().zip(&expected) {
                assert_eq!(read.process, expected.process, "{name}, {how}");
                assert_eq!(read.snapshots, expected.snapshots, "{name}, {how}");
            }
        }
    }
}

#[test]
fn failures_of_the_tools_are_reported_as_such() {
    let failed = |text: &str| parse_paste(text.as_bytes(), None).unwrap_err().to_string();
    assert_eq!(
        failed("$ cat /proc/1/smaps\ncat: /proc/1/smaps: Permission denied\n"),
        "line 2: cat failed and printed no memory: `cat: /proc/1/smaps: Permission denied`"
    );
    assert_eq!(parse_paste(b" \n\n", None), Err(BadPaste::Empty));
    assert_eq!(
        failed("\nhello\n"),
        "line 2, `hello`: this is the output of no tool that vmrec reads"
    );
    for (name, tool) in [("failed-vmmap", "vmmap"), ("failed-footprint", "footprint")] {
        let error = failed(&paste(name));
        assert!(
            error.starts_with(&format!("line 1: {tool} failed and printed no memory")),
            "{error}"
        );
    }
    let rows = "00400000 r-xp 00000000 103:04 1074351795        4        4 java\n";
    let error = parse_paste(rows.as_bytes(), Some(PasteFormat::Pmap)).unwrap_err();
    assert!(error.to_string().contains("paste the heading"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, format in proptest::option::of(0..PasteFormat::COUNT)) {
        let _ = parse_paste(&bytes, format.map(|index| PasteFormat::ALL[index]));
    }

    #[test]
    fn mutated_pastes_are_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec![
            "\n", " ", "\t", "9", "99999999999999999999", "-", "", ":", "K", "0x", "[", "]", "kB", "\u{a0}",
            "ffffffffffffffff", "...(snip)...", ",", "é", "(reserved)", "=====", "\r\n", "> ",
        ]), 0_usize..60), 1..8),
    ) {
        let all = pastes();
        let (_, text) = which.get(&all);
        let mut text = text.clone();
        for (at, with, over) in changes {
            let at = at.index(text.len() + 1);
            let to = (at + over).min(text.len());
            text.splice(at..to, with.bytes());
        }
        let _ = parse_paste(&text, None);
    }
}
