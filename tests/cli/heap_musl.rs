//! Heaps of musl's malloc, in programs that load it and in static ones.

use crate::harness::Bench;
use crate::heap::Program;

#[test]
fn blocks_leaks_and_texts_of_musl_are_found() {
    let bench = Bench::new();
    for options in [&[][..], &["-static"]] {
        let Some(program) = Program::start(&bench, "musl.c", options, &[]) else { return };
        let pid = program.pid_text();
        let heap = bench.json(&["heap", "--json", &pid]);
        // One table of pointers, blocks of four sizes, of the first of which a third was freed.
        assert_eq!(heap["in_use"]["blocks"], 1 + 2000 + 500 + 20 + 700 + 50, "{options:?}");
        assert_eq!(heap["problems"], serde_json::json!([]), "{options:?}");
        let leaks = bench.json(&["leaks", "--json", &pid]);
        assert_eq!(leaks["leaked_blocks"], 700, "{options:?} {leaks}");
        let texts = bench.out(&["strings", &pid]);
        assert!(texts.contains(" 700 ") && texts.contains("  50 "), "{options:?} {texts}");
        let page = bench.out(&["heap", &pid]);
        assert!(page.contains("\nmusl's malloc (layout of 1.2.1 and newer), "), "{page}");
        assert!(page.contains("\nin use, in slots   3,271  "), "{page}");
    }
}
