//! `vmrec record --stacks`: memory is attributed to the functions that made it resident.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Bench, signal, skipped};

const MIB: i64 = 1 << 20;
/// How long a condition is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Builds the program that grows; `None` without a compiler.
fn built(bench: &Bench) -> Option<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks/grow.c");
    let program = bench.path("grow");
    let built = Command::new("gcc").args(["-O1", "-w", "-o"]).args([&program, &source]).output();
    if !built.is_ok_and(|built| built.status.success()) {
        skipped("gcc does not build grow.c");
        return None;
    }
    Some(program.display().to_string())
}

/// Returns the change of the memory that `function` made resident.
fn change(document: &Value, function: &str) -> i64 {
    let stacks = document["stacks"].as_array().unwrap().iter().filter(|stack| {
        let frames = stack["frames"].as_array().unwrap();
        frames.iter().any(|frame| frame["function"] == function)
    });
    stacks.map(|stack| stack["delta_bytes"].as_i64().unwrap()).sum()
}

/// Checks that all rows sum to the change of the snapshots.
fn sums_up(document: &Value) {
    let number = |value: &Value| value.as_i64().unwrap();
    let stacks = document["stacks"].as_array().unwrap().iter();
    let rows: i64 = stacks.map(|stack| number(&stack["delta_bytes"])).sum();
    let rest = [&document["few_samples"]["delta_bytes"], &document["unattributed_bytes"]];
    let sum = rows + rest.into_iter().map(number).sum::<i64>();
    assert_eq!(sum, number(&document["delta_bytes"]), "{document}");
}

/// Waits until the comparison of the first sample with the last meets a condition.
fn until(bench: &Bench, what: &str, is_met: impl Fn(i64, &Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let shown = bench.run(&["diff", "--by", "stack", "--json", "start", "end"]);
        if let Ok(document) = serde_json::from_str::<Value>(&shown.output)
            && document["delta_bytes"].as_i64().is_some_and(|delta| is_met(delta, &document))
        {
            sums_up(&document);
            return document;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {shown:?}");
        sleep(Duration::from_millis(50));
    }
}

fn grows(launched: bool) {
    let bench = Bench::new();
    let Some(program) = built(&bench) else { return };
    let options =
        ["record", "--stacks", "--stack-period", "61", "--every", "100ms", "--read-remote-files"];
    let piped = |command: &mut Command| {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let (mut target, mut vmrec) = if launched {
        let mut vmrec =
            piped(&mut bench.command(&[&options[..], &["-q", "--", &program]].concat()));
        ((vmrec.stdin.take(), vmrec.stdout.take(), None), vmrec)
    } else {
        let mut child = piped(&mut Command::new(&program));
        let pid = child.id().to_string();
        let vmrec = piped(&mut bench.command(&[&options[..], &["-q", &pid]].concat()));
        ((child.stdin.take(), child.stdout.take(), Some(child)), vmrec)
    };
    let begun = Instant::now();
    loop {
        if bench.run(&["diff", "--by", "stack", "start", "end"]).status == Some(0) {
            break;
        }
        if let Some(status) = vmrec.try_wait().unwrap() {
            let mut said = String::new();
            BufReader::new(vmrec.stderr.take().unwrap()).read_line(&mut said).unwrap();
            drop(target.2.take().map(|mut child| child.kill()));
            assert_eq!(status.code(), Some(3), "{said}");
            assert!(said.contains("cannot record the stacks of "), "{said}");
            return skipped(&said);
        }
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(20));
    }
    let mut input = target.0.take().unwrap();
    input.write_all(b"\n").unwrap();
    let mut lines = BufReader::new(target.1.take().unwrap()).lines();
    assert_eq!(lines.find(|line| line.as_deref().unwrap() == "grown").unwrap().unwrap(), "grown");
    let known = [("path_a", 96), ("path_b", 32), ("path_malloc", 64), ("path_read", 64)];
    let lost = |document: &Value| document["sampling"][1]["lost_faults"] != 0;
    // Page faults of a busy machine are read a while after the sample that has their pages.
    let document = until(&bench, "grown", |delta, document| {
        let sees_kernel = document["sampling"][1]["sees_kernel"] == true;
        let is_known = |(function, mib): &(&str, i64)| {
            // The C library finds some tables of its own at its first call.
            let error = (change(document, function) - mib * MIB).abs();
            let allowed = (mib * MIB / 50).max(2 * 61 * 4096);
            error <= allowed || *function == "path_read" && !sees_kernel
        };
        delta >= 255 * MIB && (lost(document) || known.iter().all(is_known))
    });
    if lost(&document) {
        skipped("this machine was too busy to read each page fault");
    }
    input.write_all(b"\n").unwrap();
    // The newest sample is stored a moment before its stacks.
    let given_back =
        |delta, document: &Value| delta < 210 * MIB && change(document, "path_a") < 56 * MIB;
    until(&bench, "given back", given_back);
    exports(&bench);
    let page = bench.out(&["diff", "--by", "stack", "start", "end"]);
    assert!(page.contains("path_b < main < ") && page.contains("unattributed"), "{page}");
    input.write_all(b"\n").unwrap();
    drop(input);
    let _ = vmrec.wait();
    if let Some(mut child) = target.2.take() {
        signal(child.id(), 9);
        child.wait().unwrap();
    }
    assert!(bench.run(&["info", "--verify"]).error.is_empty());
}

/// Checks that what other programs read sums to the change too.
fn exports(bench: &Bench) {
    let last = bench.json(&["diff", "--by", "stack", "--json"])["to"]["sample"].to_string();
    let to = format!("#{last}");
    let total = bench.json(&["diff", "--by", "stack", "--json", "start", &to]);
    let total = total["delta_bytes"].as_i64().unwrap();
    let lines = bench.out(&["export", "--folded", "--to", &to]);
    let value = |line: &str| line.rsplit_once(' ').unwrap().1.parse::<i64>().unwrap();
    assert_eq!(lines.lines().map(value).sum::<i64>(), total, "{lines}");
    assert!(lines.lines().any(|line| line.contains(";main;path_b")), "{lines}");
    let said = bench.run(&["flame", "start", &to, "-o", "growth.svg"]);
    assert_eq!((said.status, said.output.as_str()), (Some(0), ""), "{said:?}");
    assert!(said.error.contains("growth.svg: grow: resident +"), "{said:?}");
    let svg = std::fs::read_to_string(bench.path("growth.svg")).unwrap();
    assert!(svg.contains("<title>path_b: +") && svg.contains(">unattributed"), "{svg}");
    assert_eq!(bench.out(&["flame", "start", &to, "-o", "-"]), svg);
    let table = bench.out(&["diff", "start", &to]);
    assert!(table.lines().nth(1).unwrap().contains(" % of what grew from "), "{table}");
    let check = |limit: &str| bench.run(&["check", "--until", &to, "--max", limit]);
    assert_eq!(check("stack:path_b=48M").status, Some(0), "{:?}", check("stack:path_b=48M"));
    let exceeded = check("stack:path_b=24M");
    assert!(exceeded.status == Some(1), "{exceeded:?}");
    assert!(exceeded.output.contains("path_b (estimated)"), "{exceeded:?}");
    let misspelt = check("stack:path_x=24M");
    assert_eq!(misspelt.status, Some(2), "{misspelt:?}");
    assert!(misspelt.error.contains("no recorded stack has a function `path_x`"), "{misspelt:?}");
    assert_eq!(check("private:stack:path_b=48M").status, Some(2));
    let budget = "[[limit]]\nstack = \"path_malloc\"\ngrowth = \"16M\"\n";
    std::fs::write(bench.path("vmrec.toml"), budget).unwrap();
    assert_eq!(bench.run(&["check", "--budget", "vmrec.toml"]).status, Some(1));
    bench.out(&["report", "--to", &to, "-o", "page.html"]);
    let page = std::fs::read_to_string(bench.path("page.html")).unwrap();
    let parts = ["A → B: about ", "<section id=\"code\"", "<title>path_b: +", "all stacks: +"];
    assert!(parts.iter().all(|part| page.contains(part)), "{page}");
    let page = bench.out(&["map", "--by", "stack", "--at", &to]);
    let lines = ["grow (", "sample #", "  touch < path_b < main", "unattributed", "total"];
    assert!(lines.iter().all(|line| page.contains(line)) && !page.contains("  +"), "{page}");
    let map = bench.json(&["map", "--by", "stack", "--at", &to, "--json"]);
    let bytes = |row: &serde_json::Value| row["bytes"].as_i64().unwrap();
    let stacks: i64 = map["stacks"].as_array().unwrap().iter().map(bytes).sum();
    let unattributed = map["unattributed_bytes"].as_i64().unwrap();
    assert_eq!(stacks + bytes(&map["few_samples"]) + unattributed, bytes(&map), "{map:#}");
    let has_path = |row: &serde_json::Value| row["frames"][1]["function"] == "path_b";
    assert!(map["stacks"].as_array().unwrap().iter().any(has_path), "{map:#}");
    let all = bench.json(&["map", "--by", "stack", "--at", &to, "--json", "--type", ".text"]);
    assert!(bytes(&all) <= bytes(&map), "{all:#}");
    assert_eq!(bench.run(&["map", "--at", &to, "--json", "--type", ".text"]).status, Some(2));
    let chart = bench.out(&["chart", "--by", "stack", "--to", &to, "-o", "-"]);
    assert!(chart.contains("by stack (estimated)"), "{chart}");
    assert!(chart.contains("touch ← path_a: ") && chart.contains("unattributed: "), "{chart}");
    bench.out(&["export", "--pprof", "--to", &to, "-o", "p.pb.gz"]);
    let mut go = Command::new("go");
    go.args(["tool", "pprof", "-raw"]).arg(bench.path("p.pb.gz")).env("HOME", bench.path(""));
    let Some(raw) = go.output().ok().filter(|output| output.status.success()) else {
        return skipped("no `go tool pprof` reads the profile");
    };
    let raw = String::from_utf8(raw.stdout).unwrap();
    let samples = raw.lines().skip_while(|line| !line.starts_with("change/bytes")).skip(1);
    let samples = samples.take_while(|line| !line.starts_with("Locations"));
    let changes =
        samples.map(|line| -> i64 { line.split_whitespace().next().unwrap().parse().unwrap() });
    assert_eq!(changes.sum::<i64>(), total, "{raw}");
    assert!(raw.contains(" path_b"), "{raw}");
}

#[test]
fn a_running_program_grows_by_the_functions_that_touch_its_memory() {
    grows(false);
}

#[test]
fn a_launched_program_does_so_from_its_first_page_on() {
    grows(true);
}

#[test]
fn without_stacks_there_are_none_to_compare() {
    let bench = crate::harness::recorded(2);
    let said = bench.run(&["diff", "--by", "stack"]);
    assert_eq!(said.status, Some(4), "{said:?}");
    assert!(said.error.contains("has no stacks at sample #1\nhint: record them: "), "{said:?}");
    let said = bench.run(&["check", "--max", "stack:main=1M"]);
    assert_eq!(said.status, Some(4), "{said:?}");
    let said = bench.run(&["map", "--by", "stack"]);
    assert_eq!(said.status, Some(4), "{said:?}");
    let said = bench.run(&["chart", "--by", "stack", "-o", "growth.svg"]);
    assert_eq!(said.status, Some(4), "{said:?}");
    let said = bench.run(&["chart", "--by", "stack", "--metric", "private"]);
    assert_eq!(said.status, Some(2), "{said:?}");
    let said = bench.run(&["flame", "-o", "growth.svg"]);
    assert_eq!(said.status, Some(4), "{said:?}");
    assert!(!bench.path("growth.svg").exists());
    let said = bench.run(&["flame", "end", "start"]);
    let hint = "hint: swap them: vmrec flame start end\n";
    assert!(said.status == Some(2) && said.error.ends_with(hint), "{said:?}");
    let said = bench.run(&["export", "--folded"]);
    assert_eq!(said.status, Some(4), "{said:?}");
    let said = bench.run(&["export", "--pprof", "--folded"]);
    assert_eq!(said.status, Some(2), "{said:?}");
    let said = bench.run(&["export", "--type", "stack"]);
    assert_eq!(said.status, Some(2), "{said:?}");
    let said = bench.run(&["diff", "--type", "stack"]);
    assert_eq!(said.status, Some(2), "{said:?}");
}

#[test]
fn another_command_that_is_missing_is_not_recorded() {
    let bench = Bench::new();
    let said = bench.run(&["record", "--stacks", "--", "/nonexistent/program"]);
    let refused = said.error.contains("cannot record the stacks of ");
    assert!(refused || said.error.contains("cannot start `/nonexistent/program`"), "{said:?}");
    assert_eq!(said.status, Some(3), "{said:?}");
}
