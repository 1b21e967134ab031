//! `vmrec record --allocs`: blocks are attributed to the functions that allocate them.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::harness::{Bench, signal, skipped};
use crate::heap_saved::until;

/// Builds a program that allocates to order; `None` without a compiler.
pub(crate) fn built(bench: &Bench, options: &[&str]) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks/blocks.c");
    let program = bench.path("blocks");
    let built = Command::new("gcc")
        .args(["-O1", "-w", "-pthread", "-fno-builtin"])
        .args(options)
        .arg("-o")
        .args([&program, &source])
        .output();
    if !built.is_ok_and(|built| built.status.success()) {
        skipped("gcc does not build blocks.c");
        return None;
    }
    Some(program)
}

/// A command that vmrec started.
pub(crate) struct Recorded {
    pub(crate) vmrec: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Recorded {
    pub(crate) fn start(bench: &Bench, options: &[&str], command: &[&str]) -> Self {
        let record = ["record", "-q", "--every", "100ms", "--read-remote-files"];
        Self::of(bench.command(&[&record[..], options, &["--"], command].concat()))
    }

    fn of(mut vmrec: Command) -> Self {
        vmrec.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut vmrec = vmrec.spawn().unwrap();
        let lines = BufReader::new(vmrec.stdout.take().unwrap()).lines();
        Self { input: vmrec.stdin.take(), lines, vmrec }
    }

    /// Starts the program that was built, and waits until it is ready.
    pub(crate) fn ready(bench: &Bench, options: &[&str], program: &Path) -> Self {
        let mut recorded = Self::start(bench, options, &[&program.display().to_string()]);
        assert_eq!(recorded.line(), "ready");
        until("the first stacks", || {
            bench.run(&["map", "--by", "stack", "--metric", "live"]).status == Some(0)
        });
        recorded
    }

    pub(crate) fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    /// Sends it a line, and waits for the answer.
    pub(crate) fn does(&mut self, order: &str) -> String {
        self.input.as_ref().unwrap().write_all(format!("{order}\n").as_bytes()).unwrap();
        self.line()
    }

    /// Lets it end, and waits for vmrec.
    pub(crate) fn end(mut self) {
        drop(self.input.take());
        assert!(self.vmrec.wait().unwrap().success());
    }
}

/// Returns the change of the bytes that `function` allocated, and the square of its error.
fn change(document: &Value, function: &str) -> (i64, f64) {
    let (mut bytes, mut variance) = (0, 0.0);
    for stack in document["stacks"].as_array().unwrap() {
        if stack["frames"].as_array().unwrap().iter().any(|frame| frame["function"] == function) {
            // Of one time, all that is there.
            let delta = &stack["delta_bytes"];
            let delta = if delta.is_null() { &stack["bytes"] } else { delta };
            bytes += delta.as_i64().unwrap();
            variance += stack["standard_error_bytes"].as_f64().unwrap().powi(2);
        }
    }
    (bytes, variance)
}

/// Waits until the estimates of functions are within four standard errors of their bytes, which they
/// are to be in 99.99 % of all runs; the errors themselves shall be small.
fn until_known(bench: &Bench, options: &[&str], known: &[(&str, i64)]) -> Value {
    until_shown(bench, &[&["diff", "--by", "stack", "--json"], options].concat(), known)
}

fn until_shown(bench: &Bench, arguments: &[&str], known: &[(&str, i64)]) -> Value {
    let mut last = Value::Null;
    until(&format!("{known:?} of {arguments:?}"), || {
        let said = bench.run(arguments);
        last = serde_json::from_str(&said.output).unwrap_or(Value::Null);
        last.is_object()
            && known.iter().all(|(function, bytes)| {
                let (found, variance) = change(&last, function);
                let error = variance.sqrt();
                let is_near = (found - bytes).abs() as f64 <= 4.0 * error + 0.001 * *bytes as f64;
                is_near && error <= 0.1 * (*bytes).max(30_000_000) as f64
            })
    });
    last
}

const LIVE: [&str; 2] = ["--metric", "live"];
const ALLOCATED: [&str; 2] = ["--metric", "allocated"];

#[test]
fn live_and_allocated_bytes_are_those_of_each_function() {
    let bench = Bench::new();
    let Some(program) = built(&bench, &[]) else { return };
    let mut recorded = Recorded::ready(&bench, &["--allocs=64K"], &program);
    assert_eq!(recorded.does("g"), "done");
    let grown =
        [("site_small", 60_000_000), ("site_zeroed", 40_000_000), ("site_moved", 30_000_000)];
    let document = until_known(&bench, &LIVE, &grown);
    assert_eq!(document["metric"], "live");
    assert_eq!(document["sampling"][1]["blocks"]["lost_samples"], 0, "{document}");
    assert_eq!(document["sampling"][1]["blocks"]["mean_bytes"], 64 << 10);
    let all = |document: &Value| -> i64 {
        let stacks = document["stacks"].as_array().unwrap().iter();
        let rows: i64 = stacks.map(|stack| stack["delta_bytes"].as_i64().unwrap()).sum();
        rows + document["few_samples"]["delta_bytes"].as_i64().unwrap()
    };
    assert_eq!(all(&document), document["delta_bytes"].as_i64().unwrap(), "{document}");
    assert_eq!(recorded.does("b"), "done");
    until_known(&bench, &LIVE, &[("site_small", 30_000_000), ("site_zeroed", 40_000_000)]);
    until_known(&bench, &ALLOCATED, &grown);
    assert_eq!(recorded.does("t"), "done");
    until_known(&bench, &LIVE, &[("in_thread", 64_000_000)]);
    until_known(&bench, &ALLOCATED, &[("in_thread", 160_000_000)]);
    let page = bench.out(&["diff", "--by", "stack", "--metric", "live"]);
    let parts = ["live +", "1 sampled in 64K allocated", "site_zeroed < grow < main <", " total"];
    assert!(parts.iter().all(|part| page.contains(part)), "{page}");
    assert!(!page.contains("unattributed"), "{page}");
    let folded = bench.out(&["export", "--folded", "--metric", "live"]);
    assert!(folded.lines().any(|line| line.contains(";main;grow;site_moved;realloc ")), "{folded}");
    assert!(!folded.contains("unattributed"), "{folded}");
    // Without a metric each command takes the one that there is.
    let page = bench.out(&["diff", "--by", "stack"]);
    assert!(parts.iter().all(|part| page.contains(part)), "{page}");
    let folded = bench.out(&["export", "--folded"]);
    assert!(folded.lines().any(|line| line.contains(";main;grow;site_moved;realloc ")), "{folded}");
    let said = bench.run(&["flame", "--metric", "resident", "-o", "-"]);
    assert_eq!(said.status, Some(4), "{said:?}");
    pictures(&bench);
    recorded.end();
    assert!(bench.run(&["info", "--verify"]).error.is_empty());
}

#[test]
fn blocks_and_page_faults_are_not_recorded_together() {
    let bench = Bench::new();
    let said = bench.run(&["record", "--allocs", "--stacks", "--", "touch", "begun"]);
    assert_eq!(said.status, Some(2), "{said:?}");
    let hint =
        "hint: record the blocks of a command, and meanwhile its page faults into another file: ";
    assert!(said.error.contains(hint), "{said:?}");
    assert!(!bench.path("begun").exists());
}

/// Checks that pictures and limits are of blocks, and say so.
fn pictures(bench: &Bench) {
    let table = bench.out(&["diff"]);
    assert!(table.lines().nth(1).unwrap().contains(" % of the new blocks from "), "{table}");
    let chart = bench.out(&["chart", "--by", "stack", "-o", "-"]);
    assert!(chart.contains("Allocated blocks by stack (estimated)"), "{chart}");
    assert!(chart.contains("site_zeroed ← grow: ") && !chart.contains("unattributed"), "{chart}");
    let flame = bench.out(&["flame", "-o", "-"]);
    assert!(flame.contains("estimated from blocks, 1 sampled in 64K allocated"), "{flame}");
    assert!(flame.contains("<title>site_moved: +") && !flame.contains("unattributed"), "{flame}");
    let check = |limit: &str| bench.run(&["check", "--max", limit]);
    let kept = check("stack:site_zeroed=80M");
    assert_eq!(kept.status, Some(0), "{kept:?}");
    assert!(kept.output.contains("site_zeroed (estimated): live highest"), "{kept:?}");
    assert_eq!(check("stack:site_zeroed=20M").status, Some(1));
    bench.out(&["report", "-o", "page.html"]);
    let page = std::fs::read_to_string(bench.path("page.html")).unwrap();
    let parts = ["A → B: about ", "of the new blocks", "<section id=\"code\"", "live +"];
    assert!(parts.iter().all(|part| page.contains(part)), "{}", parts.len());
}

#[test]
fn each_way_to_get_a_block_is_seen_and_large_blocks_are_exact() {
    let bench = Bench::new();
    let Some(program) = built(&bench, &[]) else { return };
    let mut recorded = Recorded::ready(&bench, &["--allocs=16K"], &program);
    for way in 0..5 {
        assert_eq!(recorded.does(&format!("a{way}")), "done");
        let all = (way + 1) << 26;
        let document = until_known(&bench, &ALLOCATED, &[("site_aligned", all)]);
        assert_eq!(change(&document, "site_aligned"), (all, 0.0), "{way}: {document}");
        let document = until_known(&bench, &LIVE, &[("site_aligned", 1 << 26)]);
        assert_eq!(change(&document, "site_aligned").0, 1 << 26, "{way}: {document}");
    }
    recorded.end();
}

#[test]
fn a_fork_has_samples_of_its_own_and_leaves_those_of_its_parent() {
    let bench = Bench::new();
    let Some(program) = built(&bench, &[]) else { return };
    let mut recorded = Recorded::ready(&bench, &["--tree", "--allocs=64K"], &program);
    assert_eq!(recorded.does("g"), "done");
    assert_eq!(recorded.does("f"), "child");
    let session = ["--metric", "live", "-s", "1"];
    let of_both = [("site_small", 60_000_000), ("site_child", 30_000_000)];
    until_known(&bench, &session, &of_both);
    assert_eq!(recorded.does("w"), "done");
    until_known(&bench, &session, &[("site_small", 60_000_000), ("site_child", 0)]);
    recorded.end();
}

#[test]
fn without_tree_neither_forks_nor_programs_that_they_start_are_recorded() {
    let bench = Bench::new();
    let Some(program) = built(&bench, &[]) else { return };
    let mut recorded = Recorded::ready(&bench, &["--allocs=64K"], &program);
    assert_eq!(recorded.does("g"), "done");
    assert_eq!(recorded.does("f"), "child");
    let known = [("site_small", 60_000_000), ("site_child", 0)];
    until_known(&bench, &LIVE, &known);
    assert_eq!(recorded.does("w"), "done");
    // The process begins its program anew, without any block.
    assert_eq!(recorded.does("x"), "ready");
    assert_eq!(recorded.does("g"), "done");
    until_shown(&bench, &["map", "--by", "stack", "--json", "--metric", "live"], &known);
    recorded.end();
}

#[test]
fn samples_that_find_no_room_are_counted_and_ends_are_known_nevertheless() {
    let bench = Bench::new();
    let Some(program) = built(&bench, &[]) else { return };
    let mut recorded = Recorded::ready(&bench, &["--allocs=64"], &program);
    let vmrec = recorded.vmrec.id();
    let counts = |document: &Value| -> ([u64; 2], u64) {
        let blocks = &document["sampling"][1]["blocks"];
        let lost = ["lost_samples", "lost_ends"].map(|key| blocks[key].as_u64().unwrap());
        let rows = document["stacks"].as_array().unwrap().iter().filter(|stack| {
            stack["frames"].as_array().unwrap().iter().any(|frame| frame["function"] == "churn")
        });
        let count = |at: usize| move |stack: &Value| stack["samples"][at].as_u64().unwrap();
        (lost, rows.map(count(1)).sum::<u64>())
    };
    signal(vmrec, libc::SIGSTOP);
    assert_eq!(recorded.does("c60000"), "done");
    signal(vmrec, libc::SIGCONT);
    let mut seen = ([0, 0], 0);
    until("all 60000 blocks", || {
        let said = bench.run(&["diff", "--by", "stack", "--json", "--metric", "allocated"]);
        let Ok(document) = serde_json::from_str::<Value>(&said.output) else { return false };
        seen = counts(&document);
        // Nothing else allocates: each block is a sample, in the ring or lost.
        seen.0[0] > 0 && seen.1 > 0 && seen.0[0] + seen.1 == 60_000
    });
    let document = bench.json(&["diff", "--by", "stack", "--json", "--metric", "live"]);
    assert_eq!(counts(&document).1, 0, "{document}");
    let page = bench.out(&["diff", "--by", "stack", "--metric", "allocated"]);
    assert!(page.contains(" were lost: vmrec read their buffer too late"), "{page}");
    recorded.end();
}

#[test]
fn the_history_of_an_address_names_who_allocated_and_who_freed_its_block() {
    let bench = Bench::new();
    let Some(program) = built(&bench, &[]) else { return };
    let mut recorded = Recorded::ready(&bench, &["--allocs=64"], &program);
    assert_eq!(recorded.does("s"), "done");
    let address = recorded.does("p0").strip_prefix("at 0x").unwrap().to_owned();
    let inside = u64::from_str_radix(&address, 16).unwrap() + 999;
    let (address, inside) = (format!("0x{address}"), format!("{inside:x}"));
    until("the block", || bench.run(&["history", &inside]).status == Some(0));
    let page = bench.out(&["history", &inside, "--at", "end"]);
    let begin = format!("1,000 bytes at {address}, 999 bytes before the address\n  allocated ");
    assert!(page.contains(&begin) && page.contains("\n  not freed\n"), "{page}");
    assert!(page.contains("    malloc\n    site_small\n    main\n"), "{page}");
    assert!(
        page.contains(&format!("0x{inside} in MALLOC")) || page.contains(" in malloc"),
        "{page}"
    );
    let said = bench.run(&["history", "10"]);
    assert_eq!(said.status, Some(1), "{said:?}");
    assert!(said.output.contains("not sampled (1 in 64B allocated is)"), "{said:?}");
    assert_eq!(recorded.does("u0"), "done");
    until("its end", || {
        let document = bench.json(&["history", &address, "--json"]);
        let freed = &document["blocks"][0]["freed"];
        freed["frames"][1]["function"] == "give_one_back" && freed["at"]["utc_ns"].is_i64()
    });
    let page = bench.out(&["history", &address]);
    assert!(page.contains("    free\n    give_one_back\n    main\n"), "{page}");
    assert_eq!(bench.run(&["history", &address, "--at", "end"]).status, Some(1));
    recorded.end();
    let bench = crate::harness::recorded(1);
    let said = bench.run(&["history", "1000"]);
    assert_eq!(said.status, Some(4), "{said:?}");
    assert!(said.error.contains("has no sampled blocks\nhint: record them: "), "{said:?}");
}

#[test]
fn an_allocator_that_is_preloaded_stays_the_one_behind_the_library() {
    let libraries = ["libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2"];
    let folder = Path::new("/usr/lib/x86_64-linux-gnu");
    let there = libraries.map(|name| folder.join(name)).into_iter().filter(|path| path.exists());
    let there: Vec<PathBuf> = there.collect();
    if there.is_empty() {
        return skipped("none of jemalloc, tcmalloc and mimalloc is installed");
    }
    for library in there {
        let bench = Bench::new();
        let Some(program) = built(&bench, &[]) else { return };
        let program = program.display().to_string();
        let arguments = ["record", "-q", "--every", "100ms", "--allocs=64K", "--", &program];
        let mut vmrec = bench.command(&arguments);
        vmrec.env("LD_PRELOAD", &library);
        let mut recorded = Recorded::of(vmrec);
        assert_eq!(recorded.line(), "ready");
        assert_eq!(recorded.does("g"), "done");
        assert_eq!(recorded.does("b"), "done");
        let live = ["map", "--by", "stack", "--json", "--metric", "live"];
        let known = [("site_small", 30_000_000), ("site_zeroed", 40_000_000)];
        until_shown(&bench, &live, &known);
        recorded.end();
    }
}

#[test]
fn python_blocks_are_those_of_its_interpreter() {
    let bench = Bench::new();
    let script = "import sys
keep = [bytearray(100000) for _ in range(500)]
print('ready', flush=True)
sys.stdin.readline()
";
    std::fs::write(bench.path("grow.py"), script).unwrap();
    let python = "/usr/bin/python3";
    if !Path::new(python).exists() {
        return skipped("no /usr/bin/python3");
    }
    let mut recorded = Recorded::start(&bench, &["--allocs"], &[python, "grow.py"]);
    assert_eq!(recorded.line(), "ready");
    until("50,000,000 bytes", || {
        let said = bench.run(&["map", "--by", "stack", "--metric", "live", "--json"]);
        let map: Value = serde_json::from_str(&said.output).unwrap_or(Value::Null);
        let error = 4.0 * (95.0_f64).sqrt() * f64::from(1 << 19);
        map["bytes"].as_i64().is_some_and(|bytes| (bytes - 50_000_000).abs() as f64 <= error)
    });
    recorded.end();
}

#[test]
fn commands_that_load_no_library_are_refused_before_they_start() {
    let bench = Bench::new();
    let refused = |command: &[&str], why: &str| {
        let said = bench.run(&[&["record", "--allocs", "--"], command].concat());
        assert_eq!((said.status, said.output.as_str()), (Some(3), ""), "{said:?}");
        assert!(said.error.contains(why) && said.error.contains("\nhint: "), "{said:?}");
        assert!(!bench.path("test.db").exists());
    };
    let said = bench.run(&["record", "--allocs", "1"]);
    assert_eq!(said.status, Some(2), "{said:?}");
    assert!(said.error.contains("hint: vmrec record --stacks"), "{said:?}");
    let said = bench.run(&["record", "--allocs=5", "--", "true"]);
    assert!(said.status == Some(2) && said.error.contains("64 bytes to 1T"), "{said:?}");
    let said = bench.run(&["record", "--allocs", "--", "/nonexistent/program"]);
    assert!(said.error.contains("cannot start `/nonexistent/program`"), "{said:?}");
    let Some(program) = built(&bench, &["-static"]) else { return };
    refused(&[program.to_str().unwrap()], "blocks: it is linked statically");
    let script = bench.path("script");
    crate::harness::write_script(&script, &format!("#!{}\n", program.display()));
    refused(&[script.to_str().unwrap()], "script: it is linked statically");
    let own = "void *malloc(unsigned long n) { return 0; }\nint main(void) { return 0; }\n";
    std::fs::write(bench.path("own.c"), own).unwrap();
    let own = bench.path("own");
    let source = bench.path("own.c");
    let built = Command::new("gcc").args(["-w", "-rdynamic", "-o"]).args([&own, &source]).status();
    assert!(built.unwrap().success());
    refused(&[own.to_str().unwrap()], "own: it has an allocator of its own");
    let mode = Command::new("chmod").args(["g+s"]).arg(&own).status();
    assert!(mode.unwrap().success());
    refused(&[own.to_str().unwrap()], "own: it runs with other rights");
}
