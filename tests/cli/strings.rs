//! `vmrec strings`: copies of texts are counted, and shown only if asked for.

use crate::harness::Bench;
use crate::heap::Program;

#[test]
fn copies_are_counted_and_shown_on_request_only() {
    let bench = Bench::new();
    let Some(program) = Program::start(&bench, "leaks.cpp", &[], &["clean"]) else { return };
    let document = bench.json(&["strings", "--json", &program.pid_text()]);
    let copies = document["copies"].as_array().unwrap();
    let ours: Vec<_> = copies.iter().filter(|it| it["length"] == 31).collect();
    assert_eq!(ours.len(), 5, "{document}");
    for text in ours {
        assert_eq!((&text["blocks"], &text["text"]), (&100.into(), &().into()));
        // Each block is of 48 bytes; one is needed.
        assert_eq!((&text["bytes"], &text["wasted_bytes"]), (&4800.into(), &4752.into()));
    }
    let page = bench.out(&["strings", &program.pid_text()]);
    assert!(!page.contains("a text that"), "{page}");
    let page = bench.out(&["strings", "--show", &program.pid_text()]);
    assert!(page.contains("a text that is copied, number 4"), "{page}");
}
