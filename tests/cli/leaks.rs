//! `vmrec leaks`: every planted leak is found, and no other.

use crate::harness::{Bench, Workload};
use crate::heap::Program;

#[test]
fn planted_leaks_are_found_and_no_others() {
    let bench = Bench::new();
    let Some(program) = Program::start(&bench, "leaks.cpp", &["-s"], &[]) else { return };
    let document = bench.json(&["leaks", "--json", &program.pid_text()]);
    assert_eq!(document["leaked_blocks"], 602, "{document}");
    // Each holds one, and of the circle one holds the other.
    assert_eq!(document["direct_blocks"], 301);
    let groups = document["groups"].as_array().unwrap();
    assert_eq!((groups.len(), &groups[0]["class"]), (1, &"Lost".into()), "{document}");
    assert_eq!((&groups[0]["blocks"], &groups[0]["held_blocks"]), (&301.into(), &301.into()));
    let page = bench.out(&["leaks", &program.pid_text()]);
    assert!(page.contains("\n602 blocks leaked, "), "{page}");
}

#[test]
fn a_limit_decides_the_exit_status() {
    let bench = Bench::new();
    let Some(program) = Program::start(&bench, "leaks.cpp", &[], &[]) else { return };
    let status = |at_most| bench.run(&["leaks", "--at-most", at_most, &program.pid_text()]).status;
    assert_eq!((status("601"), status("602")), (Some(1), Some(0)));
}

#[test]
fn a_program_without_leaks_has_none() {
    let bench = Bench::new();
    if let Some(program) = Program::start(&bench, "leaks.cpp", &[], &["clean"]) {
        let said = bench.run(&["leaks", "--at-most", "0", &program.pid_text()]);
        assert_eq!(said.status, Some(0), "{said:?}");
    }
    let mut workload = Workload::start();
    workload.order("threads 20");
    workload.order("heap 8388608");
    let said = bench.run(&["leaks", "--at-most", "0", &workload.pid_text()]);
    assert_eq!(said.status, Some(0), "{said:?}");
    assert!(said.output.contains("\n0 blocks leaked, 0K, of "), "{said:?}");
}

#[test]
fn a_corrupted_heap_has_no_leaks_shown() {
    let bench = Bench::new();
    let Some(program) = Program::start(&bench, "blocks.c", &[], &["corrupt"]) else { return };
    let said = bench.run(&["leaks", &program.pid_text()]);
    assert_eq!((said.status, &*said.output), (Some(3), ""));
    assert!(said.error.contains("cannot be derived: the chain of chunks breaks at 0x"));
    assert!(said.error.contains("\nhint: `vmrec heap` shows the part"), "{}", said.error);
}
