//! A child that a test starts, talks to and watches.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use vmrec_sampler::{Quantity, Snapshot};

/// A child that is killed and collected when the test ends, however it ends.
pub(crate) struct Owned(pub(crate) Child);

impl Owned {
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = Self(command.spawn().unwrap());
        child.wait_for_its_program();
        child
    }

    /// Waits until it is no longer us: a parent goes on just before its child's memory is replaced.
    fn wait_for_its_program(&self) {
        let link = format!("/proc/{}/exe", self.pid());
        let begun = std::time::Instant::now();
        let ours = std::env::current_exe().unwrap();
        while std::fs::read_link(&link).is_ok_and(|program| program == ours) {
            assert!(begun.elapsed().as_secs() < 20, "it never became its program");
            std::thread::yield_now();
        }
        // Its program is named a moment before its stack and arguments are set up.
        std::thread::sleep(std::time::Duration::from_millis(5));
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.0.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        BufReader::with_capacity(1, self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn sum(snapshot: &Snapshot, quantity: Quantity) -> u64 {
    snapshot.regions.iter().map(|region| region.quantities.get(quantity).unwrap()).sum()
}

/// Limits of samples: this stall, and any overhead.
pub(crate) fn stall(max_stall: std::time::Duration) -> vmrec_sampler::Limits {
    vmrec_sampler::Limits { max_stall, max_overhead: 1.0 }
}

/// Prints that a test proved nothing here, past the capture of passing tests' output.
pub(crate) fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
