//! `vmrec map`: the regions of a process, live and from a recording.

use std::fs;

use insta::assert_snapshot;
use vmrec_sampler::Rule;

use crate::fixture::fixed;
use crate::harness::{Bench, Workload};

const MIB: u64 = 1 << 20;

fn recorded() -> (Bench, Workload) {
    let bench = Bench::new();
    let mut workload = Workload::start();
    fs::write(bench.path("model.bin"), vec![7; 2 << 20]).unwrap();
    workload.order(&format!("map {}", bench.path("model.bin").display()));
    bench.run(&["record", &workload.pid_text(), "--samples", "2", "--every", "50ms"]);
    (bench, workload)
}

/// The lines of regions of a page: those of its lists, up to the legend.
fn region_lines(text: &str) -> Vec<&str> {
    text.lines()
        .skip_while(|line| !line.starts_with("===="))
        .take_while(|line| *line != "==== Legend")
        .filter(|line| line.contains(" SM="))
        .collect()
}

/// The line of what lies behind a region ending so.
fn line_of<'a>(text: &'a str, end: &str) -> &'a str {
    let found = region_lines(text).into_iter().find(|line| line.ends_with(end));
    assert!(found.is_some(), "no {end:?} in {text}");
    found.unwrap_or_default()
}

#[test]
fn rows_are_sorted_counted_and_chosen_by_type() {
    let bench = fixed();
    let at = |options: &[&str]| bench.run(&[&["map", "-r", "1", "--at", "end"], options].concat());
    let rows = |text: &str| text.lines().filter(|line| line.contains(" SM=")).count();
    let top = at(&["--top", "2"]).output;
    assert_eq!(rows(&top), 2, "{top}");
    assert!(top.contains("Regions by resident") && top.contains(" left out ("), "{top}");
    let libraries = at(&["--type", ".text", "--sort", "virtual"]).output;
    let all = rows(&at(&["--interleaved"]).output);
    assert!(rows(&libraries) > 0 && rows(&libraries) < all, "{libraries}");
    assert_eq!(at(&["-sortBySize"]).output, at(&["--sort", "virtual"]).output);
    let text = at(&["--type", ".text"]).output;
    let line = region_lines(&text)[0].to_owned();
    let start = line.split_whitespace().find_map(|word| word.split_once('-')).unwrap().0;
    let one = at(&["--address", &format!("0x{start}")]).output;
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(region_lines(&one).len(), 1, "{one}");
    assert_eq!(words(region_lines(&one)[0]), words(&line), "{one}");
    insta::assert_snapshot!(at(&["--address", "0x7"]).failure(), @"
    vmrec: no region holds the address 0x7
    hint: without an address, all regions are listed
    [exit status: Some(2)]
    ");
    insta::assert_snapshot!(at(&["--type", "txt"]).failure(), @"
    vmrec: there is no type or family `txt`
    hint: the types here are .text, mapped file, MALLOC (brk heap), shared memory, Stack, vdso
    [exit status: Some(2)]
    ");
}

#[test]
fn live_and_recorded_it_fits_80_columns_and_shows_every_region() {
    let (bench, workload) = recorded();
    for target in [&[&*workload.pid_text()][..], &["--at", "end"], &["--recording", "1"]] {
        let page = bench.out(&[&["map", "-noCoalesce", "-resident"], target].concat());
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
        let regions = &bench.json(&[&["map", "--json"], target].concat())["regions"];
        assert_eq!(region_lines(&page).len(), regions.as_array().unwrap().len(), "{page}");
        let file = line_of(&page, "model.bin");
        assert!(file.starts_with("mapped file "), "{file}");
        assert!(file.contains("2048K/2048K] r--/rwx SM="), "{file}");
        assert!(
            page.contains(&format!("\n==== Writable regions for process {}\n", workload.pid()))
        );
        assert!(page.contains("\nTOTAL, minus reserved VM space "), "{page}");
        let interleaved = bench.out(&[&["map", "-interleaved"], target].concat());
        let address = regions[0]["start"].as_str().unwrap().to_owned();
        let chosen = match target.first() {
            Some(&"--at" | &"--recording") => vec!["--address", &address],
            _ => vec![&*address],
        };
        let one = bench.out(&[&["map"], target, &chosen[..]].concat());
        assert_eq!(region_lines(&one).len(), 1, "{one}");
        assert!(!interleaved.contains("==== Writable"), "{interleaved}");
    }
}

#[test]
fn rules_show_their_meaning_and_how_sure_each_type_is_and_nothing_is_cut() {
    let (bench, workload) = recorded();
    let page = bench.out(&["map", "--rules", &workload.pid_text()]);
    let file = line_of(&page, "DIR/model.bin");
    assert!(file.contains(" sure ") && file.contains(" R6 "), "{file}");
    let (_, legend) = page.split_once("\n==== Rules that gave these types\n").unwrap();
    let (legend, _) = legend.split_once("\n\n").unwrap();
    let meaning = Rule::R6.meaning().unwrap();
    assert!(legend.lines().any(|line| line.starts_with("R6 ") && line.ends_with(meaning)));
    assert!(legend.lines().all(|line| line.len() <= 80), "{legend}");
    assert!(!legend.contains("macOS") && legend.lines().count() > 3, "{legend}");
    assert!(!bench.out(&["map", &workload.pid_text()]).contains("==== Rules"));
    for wide in ["--wide", "-w", "-wide"] {
        let page = bench.out(&["map", wide, "--at", "end"]);
        let file = line_of(&page, "DIR/model.bin");
        assert!(file.contains("[  2048K] r--/rwx SM=") || file.contains("[2048K] r--/rwx SM="));
    }
}

#[test]
fn verbose_is_all_of_vmmaps_options_but_those_of_order_and_unit() {
    let (bench, _workload) = recorded();
    let page = |options: &[&str]| bench.out(&[&["map", "--at", "end"], options].concat());
    let all = ["-w", "-resident", "-dirty", "-purge", "-submap", "-allSplitLibs", "-noCoalesce"];
    assert_eq!(page(&["-v"]), page(&all));
    assert_eq!(page(&["-verbose"]), page(&["--verbose"]));
    let kebab = ["--wide", "--resident", "--dirty", "--purge", "--submap", "--all-split-libs"];
    assert_eq!(page(&["-v"]), page(&[&kebab[..], &["--no-coalesce"]].concat()));
    for once in ["no VM submaps", "no purgeable memory", "no shared region of split libraries"] {
        assert_eq!(page(&["-v"]).matches(once).count(), 1, "{once}");
    }
    assert!(region_lines(&page(&["-summary"])).is_empty());
}

#[test]
fn called_as_vmmap_it_takes_vmmaps_arguments() {
    let (bench, workload) = recorded();
    let vmmap = bench.path("vmmap");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_vmrec"), &vmmap).unwrap();
    let said = |arguments: &[&str]| {
        let output = std::process::Command::new(&vmmap).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let page = said(&["-w", "-resident", "-pages", &workload.pid_text()]);
    assert!(page.contains("\n__TEXT ") && !page.contains("\n.text "), "{page}");
    assert!(page.contains("\nOutput report format:  2.4  -- 64-bit process\n"), "{page}");
    assert!(page.contains("\nPhysical footprint is derived: "), "{page}");
    let own = bench.out(&["map", &workload.pid_text()]);
    assert!(own.contains("\n.text ") && !own.contains("__TEXT"), "{own}");
    let model = bench.path("model.bin").display().to_string();
    assert!(line_of(&page, &model).contains(" [   512    512 "), "{page}");
    let delta = said(&["-d", "0.1", "-resident", &workload.pid_text()]);
    for set in ["that differ: ", "only in the first snapshot: ", "only in the second snapshot: "] {
        assert!(delta.contains(set), "{delta}");
    }
}

#[test]
fn a_delta_shows_new_and_gone_regions() {
    let mut delta = String::new();
    // The first snapshot is taken at once, unless the machine is busy: then with more time.
    for seconds in [0.5, 2.0, 8.0] {
        let (bench, mut workload) = recorded();
        let time = format!("{seconds}");
        let mut vmrec = bench.command(&["map", "-d", &time, "-w", &workload.pid_text()]);
        let running = vmrec.stdout(std::process::Stdio::piped()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_secs_f64(seconds / 2.0));
        workload.order("reserve 77594624");
        let output = running.wait_with_output().unwrap();
        delta = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{delta}");
        let came = region_lines(&delta).into_iter().find(|line| line.contains("[74.0M]"));
        if came.is_some_and(|line| line.starts_with("+ ")) {
            return;
        }
    }
    panic!("{delta}");
}

/// The page's columns of sizes, added up over its lines.
fn column_sums(page: &str) -> Vec<u64> {
    let mut sums = vec![0; 4];
    for line in region_lines(page) {
        let sizes = line.split_once('[').unwrap().1.split_once(']').unwrap().0;
        for (sum, size) in sums.iter_mut().zip(sizes.split('/')) {
            *sum += size.trim().parse::<u64>().unwrap();
        }
    }
    sums
}

#[test]
fn every_kind_of_mapping_adds_up_to_the_kernels_sums() {
    let bench = Bench::new();
    let mut workload = Workload::start();
    workload.order(&format!("zoo {}", bench.path("").display()));
    crate::harness::signal(workload.pid(), libc::SIGSTOP);
    let pid = workload.pid_text();
    // Not Pss: vmrec maps libc too while it looks, which takes from everyone's share of it.
    let fields: [(&str, &[&str]); 11] = [
        ("virtual_bytes", &["Size"]),
        ("resident_bytes", &["Rss", "Private_Hugetlb", "Shared_Hugetlb"]),
        ("dirty_bytes", &["Private_Dirty", "Shared_Dirty"]),
        ("swapped_bytes", &["Swap"]),
        ("private_bytes", &["Private_Clean", "Private_Dirty", "Private_Hugetlb"]),
        ("private_dirty_bytes", &["Private_Dirty", "Private_Hugetlb"]),
        ("anonymous_bytes", &["Anonymous"]),
        ("referenced_bytes", &["Referenced"]),
        ("reclaimable_bytes", &["LazyFree"]),
        ("locked_bytes", &["Locked"]),
        ("huge_bytes", &["AnonHugePages"]),
    ];
    let kernel = || {
        fields.map(|(_, fields)| fields.iter().map(|field| workload.smaps_sum(field)).sum::<u64>())
    };
    let page = |options: &[&str]| bench.out(&[&["map", "-w", "-pages", &*pid], options].concat());
    // Where memory is short the kernel cleans even a stopped process's pages: then anew.
    let agreed = (0..20).any(|_| {
        let sums = kernel();
        let total = bench.json(&["map", "--json", &pid])["total"].take();
        let all = page(&["-resident", "-dirty", "-noCoalesce"]);
        let fewer = page(&["-resident", "-dirty"]);
        if kernel() != sums {
            return false;
        }
        for ((key, _), sum) in fields.iter().zip(sums) {
            assert_eq!(total[key], sum, "{key}");
        }
        let columns = sums[..4].iter().map(|bytes| bytes / 4096).collect::<Vec<_>>();
        assert_eq!(column_sums(&all), columns, "{all}");
        assert_eq!(column_sums(&fewer), columns, "{fewer}");
        assert!(region_lines(&fewer).len() < region_lines(&all).len(), "{fewer}");
        true
    });
    assert!(agreed, "the kernel's sums never stayed the same");

    let page = page(&[]);
    let shown = |start: &str| {
        let found = region_lines(&page).into_iter().find(|line| line.starts_with(start));
        assert!(found.is_some(), "no {start:?} in {page}");
        found.unwrap_or_default().to_owned()
    };
    let shows =
        |end: &str, mode: &str| assert!(line_of(&page, end).contains(mode), "{end}: {page}");
    shows("/memfd:zoo (deleted)", " SM=ALI ");
    shows("removed.bin (deleted)", " SM=COW ");
    shows("SYSV00000000 (deleted)", " SM=SHM ");
    let strange = region_lines(&page).into_iter().find(|line| line.contains("two words"));
    assert!(strange.is_some_and(|line| line.contains(" SM=SHM ")), "{page}");
    assert!(!page.contains('\x1b'), "{page}");
    let inherited = shown("MALLOC (brk heap) ");
    assert!(inherited.contains(" SM=COW "), "a child holds it too: {page}");
    assert!(shown("reserved ").contains("[16384]"), "{page}");
    assert!(shown("reserved ").contains(" ---/rwx SM=NUL"), "{page}");
}

#[test]
fn types_of_ones_own_go_before_the_built_in_ones() {
    let (bench, workload) = recorded();
    fs::write(
        bench.path("types.toml"),
        "[[type]]\nname = \"Weights\"\nfamily = \"mapped file\"\nobject = \"*/model.*\"\nmin_size = \"1M\"\n",
    )
    .unwrap();
    for target in [&*workload.pid_text(), "--at=end"] {
        let map = bench.json(&["map", "--json", "--types", "types.toml", target]);
        let weights: Vec<_> = map["regions"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|region| region["type"] == "Weights")
            .collect();
        assert_eq!(weights.len(), 1, "{target}");
        assert_eq!(weights[0]["virtual_bytes"], 2 * MIB);
        assert_eq!(
            (&weights[0]["rule"], &weights[0]["family"]),
            (&"user".into(), &"mapped file".into())
        );
    }
}

#[test]
fn wrong_arguments_are_explained() {
    let (bench, workload) = recorded();
    let pid = workload.pid_text();
    assert_snapshot!(bench.run(&["map"]).failure(), @"
    error: the following required arguments were not provided:
      <TARGET>

    Usage: vmrec map [OPTIONS] <TARGET> [ADDRESS]
           vmrec map [OPTIONS] --at <TIME>

    For more information, try '--help'.
    [exit status: Some(2)]
    ");
    assert_snapshot!(bench.run(&["map", "no-such-program-runs"]).failure(), @"
    vmrec: no process has an executable named like `no-such-program-runs`
    hint: `ps -e` lists the processes; -f looks in whole command lines, --wait waits for one;
    hint: start one with `vmrec record -- COMMAND`
    [exit status: Some(3)]
    ");
    assert_snapshot!(bench.run(&["map", "it's.memgraph"]).failure(), @r"
    vmrec: `it's.memgraph` is a memory graph, no process: vmrec does not read that format
    hint: on a Mac, `/usr/bin/vmmap -w 'it'\''s.memgraph' | vmrec import -` stores its regions
    [exit status: Some(2)]
    ");
    assert_snapshot!(bench.run(&["map", "--at", "yesterday"]).failure(), @r#"
    vmrec: time "yesterday" is not understood: it is neither a time nor a word known here
    hint: a mark is @TEXT; `vmrec help` lists all forms of times
    [exit status: Some(2)]
    "#);
    assert_snapshot!(bench.run(&["map", &pid, "--types", "none.toml"]).failure(), @"
    vmrec: none.toml: it cannot be read: No such file or directory (os error 2)
    hint: name a file of types with --types FILE
    [exit status: Some(2)]
    ");
    let types = |text: &str| {
        fs::write(bench.path("types.toml"), text).unwrap();
        bench.run(&["map", &pid, "--types", "types.toml"]).failure()
    };
    assert_snapshot!(types("[[type]]\nname = \"a\"\ncolour = \"red\"\n"), @"
    vmrec: types.toml, line 3: unknown field `colour`, expected one of `name`, `family`, `object`, `anon_name`, `min_size`, `max_size`, `protection`
    hint: what is not known is refused, so that no condition goes unnoticed
    [exit status: Some(2)]
    ");
    assert_snapshot!(types("[[type]]\nname = \"a\"\nobject = \"*\"\nfamily = \"heaps\"\n"), @"
    vmrec: types.toml, line 4: there is no family `heaps`
    hint: the families are image (program + libraries), malloc, stack, runtime heap, JIT, mapped file, shared memory, kernel/device, VM_ALLOCATE (anonymous), reserved
    [exit status: Some(2)]
    ");
    assert_snapshot!(types("[[type]]\nname = \"a\"\nmin_size = \"64 megs\"\n"), @r#"
    vmrec: types.toml, line 3: `64 megs` is no size
    hint: write bytes, or K, M, G or T of them: min_size = "64M"
    [exit status: Some(2)]
    "#);
    assert_snapshot!(types("[[type]]\nname = \"a\"\nmin_size = 6.5\n"), @r#"
    vmrec: types.toml, line 3: a size is a number of bytes or text such as "64M"
    hint: a type is [[type]], then name = "…" and its conditions
    [exit status: Some(2)]
    "#);
    assert_snapshot!(types("[[type]]\nname = \"a\"\nmin_size = 2\nmax_size = 1\n"), @"
    vmrec: types.toml, line 1: min_size is larger than max_size
    hint: min_size must not be above max_size
    [exit status: Some(2)]
    ");
    assert_snapshot!(types("[[type]]\nname = \"a\"\nprotection = \"rwz\"\n"), @r#"
    vmrec: types.toml, line 3: `rwz` are no rights
    hint: write rights as r, w and x or -: protection = "rw-"
    [exit status: Some(2)]
    "#);
    assert_snapshot!(types("[[type]]\nname = \"a\"\n"), @"
    vmrec: types.toml, line 1: the type has no condition, so that it would take all memory
    hint: add object, anon_name, min_size, max_size or protection
    [exit status: Some(2)]
    ");
    assert_snapshot!(types("[[type]]\nobject = \"*\"\n"), @r#"
    vmrec: types.toml, line 1: missing field `name`
    hint: a type is [[type]], then name = "…" and its conditions
    [exit status: Some(2)]
    "#);
    assert_snapshot!(types("[[type]\n"), @r#"
    vmrec: types.toml, line 1: unclosed array table, expected `]`
    hint: a type is [[type]], then name = "…" and its conditions
    [exit status: Some(2)]
    "#);
}

#[test]
fn a_picture_of_the_address_space_shows_what_changed() {
    let bench = fixed();
    let said = bench.run(&[
        "map",
        "-r",
        "1",
        "--svg",
        "-o",
        "map.svg",
        "--at",
        "start",
        "--against",
        "end",
    ]);
    let (title, status) = (said.error.trim(), said.status);
    assert_eq!(status, Some(0), "{title}");
    assert_eq!(
        title,
        "map.svg: server since 2024-03-01 14:00:00: 1 region new, 1 gone, resident +13.8M"
    );
    let svg = std::fs::read_to_string(bench.path("map.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("/srv/model.bin"), "{svg}");
    // The order of the two times does not matter.
    let turned = ["map", "-r", "1", "--svg", "--at", "end", "--against", "start"];
    assert_eq!(bench.out(&turned), svg);
    assert!(!bench.out(&["map", "-r", "1", "--svg"]).contains("since"));
    assert_eq!(bench.run(&["map", "-r", "1", "--against", "start"]).status, Some(2));
}
