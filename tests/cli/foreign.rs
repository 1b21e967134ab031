//! Processes of another machine word, and files that other programs serve.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Bench, heeding_signals, signal, skipped};

/// A file system by FUSE in a namespace of mounts of its own, and a process that maps its one file.
struct Served {
    server: Child,
    orders: ChildStdin,
    lines: BufReader<ChildStdout>,
    holder: String,
}

impl Served {
    /// Returns `None` where FUSE cannot be mounted.
    fn start(bench: &Bench) -> Option<Self> {
        let folder = bench.path("served");
        fs::create_dir(&folder).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/workload/fuse.py");
        let mut server = Command::new("unshare")
            .args(["-m", "--propagation", "private", "python3", script])
            .args([folder, "/bin/true".into()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let orders = server.stdin.take()?;
        let mut lines = BufReader::new(server.stdout.take()?);
        let mut holder = String::new();
        lines.read_line(&mut holder).unwrap();
        if holder.is_empty() {
            server.wait().unwrap();
            return None;
        }
        Some(Self { server, orders, lines, holder: holder.trim().to_owned() })
    }

    /// Gives an order and returns how often the file was opened since it was mapped.
    fn order(&mut self, line: &str) -> u64 {
        writeln!(self.orders, "{line}").unwrap();
        let mut opens = String::new();
        self.lines.read_line(&mut opens).unwrap();
        opens.trim().parse().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        signal(self.holder.parse().unwrap(), libc::SIGKILL);
    }
}

#[test]
fn a_file_on_fuse_is_not_opened_unless_asked() {
    let bench = Bench::new();
    let Some(mut served) = Served::start(&bench) else {
        return skipped("mounting a file system of FUSE needs root, /dev/fuse and python3");
    };
    let pid = served.holder.clone();
    let said = bench.run(&["record", &pid, "--samples", "2", "--every", "50ms"]);
    assert_eq!(said.status, Some(0), "{}", said.error);
    assert!(said.error.contains("on FUSE or network file systems not read"), "{}", said.error);
    assert_eq!(served.order("opens"), 0, "the file was opened");
    bench.out(&["record", &pid, "--samples", "2", "--every", "50ms", "-q", "--read-remote-files"]);
    assert!(served.order("opens") > 0, "--read-remote-files does not open it");
}

#[test]
fn a_file_system_that_hangs_holds_no_recorder() {
    let bench = Bench::new();
    let Some(mut served) = Served::start(&bench) else {
        return skipped("mounting a file system of FUSE needs root, /dev/fuse and python3");
    };
    served.order("hang");
    let mut command = bench.command(&["record", &served.holder, "--every", "50ms", "-q"]);
    heeding_signals(&mut command);
    let mut recorder = command.stdin(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while bench.run(&["info"]).status != Some(0) {
        assert!(begun.elapsed() < Duration::from_secs(60), "no sample is taken");
        std::thread::sleep(Duration::from_millis(20));
    }
    signal(recorder.id(), libc::SIGINT);
    let asked = Instant::now();
    while recorder.try_wait().unwrap().is_none() {
        // A tenth of a second, but tests may run beside many others.
        assert!(asked.elapsed() < Duration::from_secs(10), "the recorder heeds no signal");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(served.order("opens"), 0, "the file was opened");
}

#[test]
fn a_process_of_32_bits_has_its_segments_and_its_sizes() {
    let bench = Bench::new();
    let program = bench.path("i386");
    let built = Command::new("gcc")
        .args(["-m32", "-nostdlib", "-static", "-fno-pie", "-no-pie", "-O1", "-o"])
        .arg(&program)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/workload/i386.c"))
        .stderr(Stdio::null())
        .status();
    if !cfg!(target_arch = "x86_64") || !built.is_ok_and(|built| built.success()) {
        return skipped("no compiler for i386");
    }
    let Ok(mut process) = Command::new(&program).spawn() else {
        return skipped("the kernel runs no programs for i386");
    };
    let pid = process.id().to_string();
    let bss = || {
        let page = bench.json(&["map", "--json", &pid]);
        let regions = page["regions"].as_array().unwrap().clone();
        let of_bss = regions.iter().filter(|region| region["label"] == ".bss");
        let resident = of_bss.map(|region| region["resident_bytes"].as_u64().unwrap()).sum::<u64>();
        (resident, regions)
    };
    let begun = Instant::now();
    while bss().0 < 3 << 20 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", bss());
    }
    let (resident, regions) = bss();
    assert_eq!(resident, 3 << 20);
    let named = |label: &str| regions.iter().filter(|region| region["label"] == label).count();
    assert!(named(".text") >= 1 && named("Stack") == 1, "{regions:?}");
    let ends = regions.iter().map(|region| region["end"].as_str().unwrap().len());
    assert!(ends.max() <= Some("0xffffe000".len()), "{regions:?}");
    let page = bench.out(&["map", &pid]);
    assert!(page.contains("Code Type:       i386"), "{page}");
    bench.out(&["record", &pid, "--samples", "2", "--every", "50ms", "-q"]);
    let recorded = bench.json(&["export", "--json"]);
    assert_eq!(recorded["regions"].as_array().unwrap().len(), regions.len());
    process.kill().unwrap();
    process.wait().unwrap();
}
