//! Memory that a process names itself: by its map for perf, and as a JVM lists it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::{Bench, signal, skipped};

/// A process that ends with the test.
struct Started(Child);

impl Started {
    /// Starts a program and waits for its first line; `None` if it cannot be started.
    fn new(command: &mut Command) -> Option<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        (line == "ready\n").then_some(Self(child))
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the regions that a rule named, as type, confidence and detail.
fn named_by(document: &Value, rule: &str) -> Vec<String> {
    let regions = document["regions"].as_array().unwrap().iter();
    let regions = regions.filter(|region| region["rule"] == rule);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    regions
        .map(|it| [&it["type"], &it["confidence"], &it["detail"]].map(text).join(" / "))
        .collect()
}

#[test]
fn code_that_a_process_lists_for_perf_is_surely_code() {
    let bench = Bench::new();
    let script = "import mmap, time\n\
        kept = mmap.mmap(-1, 1 << 17, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)\n\
        kept[:] = bytes([1]) * len(kept)\n\
        print('ready', flush=True)\n\
        time.sleep(300)";
    let python = Started::new(Command::new("python3").args(["-c", script])).unwrap();
    let pid = python.pid();
    let found = bench.json(&["map", &pid, "--json"]);
    assert_eq!(named_by(&found, "R16"), ["JIT code / likely / -"]);

    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let code = maps.lines().find(|line| line.contains(" rwxp ")).unwrap();
    let start = code.split_once('-').unwrap().0;
    let listed = format!("/tmp/perf-{pid}.map");
    fs::write(&listed, format!("{start} 40 py::main\n")).unwrap();
    let found = bench.json(&["map", &pid, "--json"]);
    fs::remove_file(&listed).unwrap();
    assert_eq!(named_by(&found, "R16p"), ["JIT code / sure / -"]);
}

/// Starts a JVM that waits; `None` without Java.
fn jvm(bench: &Bench, options: &[&str]) -> Option<Started> {
    let source = bench.path("Wait.java");
    fs::write(
        &source,
        "public class Wait { public static void main(String[] a) throws Exception {\n\
         System.out.println(\"ready\"); Thread.sleep(300000); } }",
    )
    .unwrap();
    let mut java = Command::new("java");
    let started = Started::new(java.args(options).arg(&source).current_dir(bench.path(".")));
    if started.is_none() {
        skipped("java does not run a source file");
    }
    started
}

/// Returns whether a file that asks a JVM for its socket is left.
fn is_left(folder: &Path, pid: &str) -> bool {
    folder.join(format!(".attach_pid{pid}")).exists()
        || Path::new("/tmp").join(format!(".attach_pid{pid}")).exists()
}

#[test]
fn a_jvm_that_is_asked_names_its_memory() {
    let bench = Bench::new();
    let Some(java) = jvm(&bench, &["-XX:NativeMemoryTracking=detail"]) else { return };
    let found = bench.json(&["map", &java.pid(), "--json"]);
    assert_eq!(named_by(&found, "R8n"), Vec::<String>::new(), "nobody asked it");

    let found = bench.json(&["map", &java.pid(), "--json", "--ask-jvm"]);
    let named = named_by(&found, "R8n");
    for wanted in ["JVM metaspace / sure / -", "JVM other / sure / Safepoint"] {
        assert!(named.iter().any(|it| it == wanted), "{wanted} is not in {named:?}");
    }
    assert!(!is_left(&bench.path("."), &java.pid()));
    let explained = bench.out(&["explain", "jvm metaspace", &java.pid(), "--ask-jvm"]);
    assert!(explained.contains("R8n: The JVM lists the range"), "{explained}");
    assert!(!explained.contains("NativeMemoryTracking"), "{explained}");

    // A recording keeps the answer as evidence.
    let record = ["record", &java.pid(), "--samples", "40", "--every", "100ms", "-q", "--ask-jvm"];
    bench.out(&record);
    let stored = named_by(&bench.json(&["export", "--json", "--at", "end"]), "R8n");
    assert!(stored.iter().any(|it| it == "JVM other / sure / Safepoint"), "{stored:?}");
    bench.out(&["reclassify"]);
    assert_eq!(named_by(&bench.json(&["export", "--json", "--at", "end"]), "R8n"), stored);
}

#[test]
fn a_jvm_that_tracks_nothing_is_named_by_shape() {
    let bench = Bench::new();
    let Some(java) = jvm(&bench, &[]) else { return };
    let said = bench.run(&["map", &java.pid(), "--ask-jvm"]);
    let why = "note: the JVM gives no list of its memory: it runs without -XX:Native";
    assert!(said.error.contains(why), "{}", said.error);
    assert!(said.output.contains("JVM heap"), "{}", said.output);
    assert!(!is_left(&bench.path("."), &java.pid()));
}

/// A program may load the JVM's library and not run it: SIGQUIT would end it.
#[test]
fn a_process_that_does_not_handle_the_signal_gets_none() {
    let bench = Bench::new();
    let Some(java) = jvm(&bench, &[]) else { return };
    let maps = fs::read_to_string(format!("/proc/{}/maps", java.pid())).unwrap();
    let library = maps.split_whitespace().find(|word| word.ends_with("/libjvm.so")).unwrap();
    let script = "import ctypes, sys, time\n\
        ctypes.CDLL(sys.argv[1])\n\
        print('ready', flush=True)\n\
        time.sleep(300)";
    let mut python = Started::new(Command::new("python3").args(["-c", script, library])).unwrap();
    let said = bench.run(&["map", &python.pid(), "--ask-jvm"]);
    assert!(said.error.contains("it does not handle SIGQUIT"), "{}", said.error);
    assert_eq!(python.0.try_wait().unwrap(), None, "it still runs");
}

#[test]
fn a_jvm_that_does_not_answer_holds_nothing_up() {
    let bench = Bench::new();
    let Some(java) = jvm(&bench, &["-XX:NativeMemoryTracking=detail"]) else { return };
    signal(java.0.id(), libc::SIGSTOP);
    let record = ["record", &java.pid(), "--samples", "3", "--every", "100ms", "-q", "--ask-jvm"];
    bench.out(&record);
    let samples = bench.json(&["info", "--json"]);
    assert_eq!(samples["samples"], 3, "{samples}");
    signal(java.0.id(), libc::SIGCONT);
}
