//! Compiles the library that `record --allocs` preloads, by the compiler that compiles the crate.

// A build that cannot go on says why and ends.
#![allow(clippy::panic, clippy::print_stdout)]

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The folder of its source.
const SOURCE: &str = "shim";

fn main() {
    for source in [SOURCE, "src/stacks/draw.rs", "src/stacks/layout.rs"] {
        println!("cargo::rerun-if-changed={source}");
    }
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    // Others preload nothing.
    if variable("CARGO_CFG_TARGET_OS") != "linux" {
        return;
    }
    let library = PathBuf::from(variable("OUT_DIR")).join("allocs.so");
    let mut compiler = Command::new(variable("RUSTC"));
    compiler.args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", "vmrec_allocs"]);
    compiler.args(["--target", &variable("TARGET"), "-C", "panic=abort", "-C", "opt-level=s"]);
    compiler.args(["-C", "codegen-units=1", "-C", "strip=symbols"]);
    // The recorder unwinds from within it.
    compiler.args(["-C", "force-unwind-tables=yes"]);
    // Nothing of a C library: it is loaded beside whichever the program has.
    compiler.args(["-C", "target-feature=-crt-static", "-C", "link-arg=-nostartfiles"]);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        compiler.arg(format!("-Clinker={linker}"));
    }
    compiler.arg("-o").arg(&library).arg(format!("{SOURCE}/lib.rs"));
    // Another wrapper of the compiler would not know this library.
    let compiled = compiler.env_remove("RUSTC_WORKSPACE_WRAPPER").output();
    match compiled {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            panic!("cannot compile {SOURCE}/lib.rs: {}", String::from_utf8_lossy(&output.stderr))
        }
        Err(error) => panic!("cannot start {:?}: {error}", compiler.get_program()),
    }
}
