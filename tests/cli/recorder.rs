//! A recorder running in the background while a test disturbs its target.

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Bench, Workload, signal};

const PATIENCE: Duration = Duration::from_secs(30);

/// `vmrec record` of a workload, every 50 ms.
pub(crate) struct Recorder<'a> {
    bench: &'a Bench,
    child: Option<Child>,
}

impl<'a> Recorder<'a> {
    /// Starts it and waits for its first sample.
    pub(crate) fn start(bench: &'a Bench, workload: &Workload) -> Self {
        let child = bench
            .command(&["record", &workload.pid_text(), "--every", "50ms"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let recorder = Self { bench, child: Some(child) };
        recorder.wait_for_samples(1);
        recorder
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Waits until `more` samples were kept that began after this call.
    pub(crate) fn wait_for_samples(&self, more: u64) {
        let now_ns = vmrec_sampler::now().utc_ns;
        let text = format!(
            "SELECT count(*) AS count FROM samples()
             WHERE taken_utc_ns > {now_ns} AND state != 'missed'"
        );
        let begun = Instant::now();
        let stored = || {
            let said = self.bench.run(&["sql", "--json", &text]);
            let rows: Option<serde_json::Value> = serde_json::from_str(&said.output).ok();
            rows.and_then(|rows| rows[0]["count"].as_u64()).unwrap_or(0)
        };
        while stored() < more {
            assert!(begun.elapsed() < PATIENCE, "no sample came");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Marks this moment, with at least one whole sample of it before and after.
    pub(crate) fn mark(&self, text: &str) {
        self.wait_for_samples(2);
        self.bench.out(&["mark", text]);
    }

    /// Ends it as Ctrl-C does and returns its status and standard error.
    pub(crate) fn interrupt(self) -> (Option<i32>, String) {
        signal(self.pid(), libc::SIGINT);
        self.finish()
    }

    /// Waits for its end and returns its status and standard error.
    pub(crate) fn finish(mut self) -> (Option<i32>, String) {
        let output = self.child.take().unwrap().wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

/// Waits until the last recording of the bench's file has this many samples.
pub(crate) fn wait_until_stored(bench: &Bench, wanted: u64) {
    let begun = Instant::now();
    while samples(bench) < wanted {
        assert!(begun.elapsed() < PATIENCE, "no sample came");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Returns how many samples the last recording of the bench's file has.
pub(crate) fn samples(bench: &Bench) -> u64 {
    let said = bench.run(&["info", "--json"]);
    if said.status != Some(0) {
        return 0; // the file is only just being made
    }
    let info: serde_json::Value = serde_json::from_str(&said.output).unwrap();
    info["samples"].as_u64().unwrap()
}

impl Drop for Recorder<'_> {
    /// A test that failed leaves no recorder behind.
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
