//! Imports run one way: no file imports from a floor above its own, and no files
//! import from each other in a circle.
//!
//! The text of the files is read, not compiled, so a method defined above its
//! type (`impl Store` in `maintain`) is not seen where it is called. Items under
//! `#[cfg(test)]` may import from anywhere.

// Clippy exempts tests, but not the functions they share.
#![allow(clippy::expect_used, clippy::panic)]

mod floors;
mod made_up;
mod paths;
mod tokens;
mod tree;

use std::fs::read_to_string;
use std::path::Path;

use crate::floors::House;
use crate::tree::Tree;

#[track_caller]
fn check(house: House<'_>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(house.folder);
    let tree = Tree::of(house.root, &|file| read_to_string(folder.join(file)).ok());
    let problems = house.problems(&tree);
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn store() {
    check(House {
        folder: "store/src",
        root: "lib.rs",
        floors: &[
            &["error", "recording"],
            &["codec"],
            &["db"],
            &["tables"],
            &["retention"],
            &["read", "write"],
            &["maintain"],
            &["lib", "fuzzing"],
        ],
        exceptions: &[],
    });
}

#[test]
fn sampler() {
    check(House {
        folder: "sampler/src",
        root: "lib.rs",
        floors: &[
            &[
                "named",
                "demangle",
                "alloc_refusal",
                "order",
                "governor",
                "rights_needed",
                "stable_hash",
                "stack_refusal",
                "stop_refusal",
            ],
            &[
                "error",
                "process",
                "program",
                "listing",
                "quantity",
                "vocabulary",
                "naming",
                "rule",
                "label",
                "region",
                "loaded",
            ],
            &["snapshot", "system_sum", "find", "region_pages"],
            &["posix"],
            // what the readers of processes and programs hand to the rules
            &["procfs", "classify/facts", "classify/markers"],
            &["elf", "classify", "heap", "stacks"],
            &["tracker"],
            &["zones"],
            &["linux", "macos", "darwin"],
            &["pasted"],
            &["lib", "fuzzing"],
        ],
        exceptions: &[],
    });
}

#[test]
fn report() {
    check(House {
        folder: "report/src",
        root: "lib.rs",
        floors: &[
            &["error", "text", "metric", "amounts", "counting", "limits"],
            &["time", "series", "diff", "recordings", "slope"],
            &["finding", "session"],
            &[
                "chart",
                "check",
                "compare",
                "trend",
                "trigger",
                "diff/table",
                "map_page",
                "export",
                "comparison",
                "watch",
            ],
            &["address_map", "stacks", "heap"],
            &["page"],
            &["lib"],
        ],
        exceptions: &[],
    });
}

#[test]
fn program() {
    check(House {
        folder: "src",
        root: "main.rs",
        floors: &[
            &["later", "shell", "parse", "zone", "toml_text", "types_file/error"],
            &["failure"],
            &["args", "bounded", "output", "pager", "picture", "process", "progress", "terminal"],
            &["file", "metric_choice", "misread", "recorders", "recording", "types_file"],
            &["session", "stacks", "heap_reports", "live_heap"],
            &["commands"],
            &["completion"],
            &["cli"],
            &["help"],
            &["main"],
        ],
        exceptions: &[
            ("commands/demo.rs", "cli.rs", "the demo parses each step as it would be typed"),
            ("commands/demo.rs", "main.rs", "and runs it like any command"),
        ],
    });
}
