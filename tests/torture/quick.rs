//! The short versions of `tests/torture/run` that take seconds.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::Path;
use std::process::Command;

fn well(name: &str) {
    // Cargo puts examples beside the programs.
    let program = Path::new(env!("CARGO_BIN_EXE_vmrec")).with_file_name("examples").join("torture");
    let output = Command::new(program).args([name, "--quick", "--seed", "1"]).output();
    let output = output.expect("the torture example, built by `cargo test`");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for line in said.lines().filter(|line| line.starts_with("skipped: ")) {
        // past the capture of passing tests' output
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

#[test]
fn kills() {
    well("kills");
}

#[test]
fn power_cuts() {
    well("powercuts");
}

#[test]
fn flips() {
    well("flips");
}

#[test]
fn killed_housekeeping() {
    well("housekeeping");
}

#[test]
fn a_clock_that_is_set() {
    well("clock");
}

#[test]
fn second_writers() {
    well("two_writers");
}
