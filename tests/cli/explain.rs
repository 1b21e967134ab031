//! `vmrec explain`.

use crate::fixture::fixed;

#[test]
fn a_recorded_region_is_explained_by_its_address_and_by_its_type() {
    let bench = fixed();
    let by_address = bench.out(&["explain", "0x7f0000001000", "-r", "1", "--at", "#2"]);
    for text in ["MALLOC (large), guess", "rule      R18x: ", "[[type]]", "max_size = \"4100K\""] {
        assert!(by_address.contains(text), "{text} is not in {by_address}");
    }
    for name in ["malloc (large)", "MALLOC_LARGE"] {
        assert_eq!(bench.out(&["explain", name, "-r", "1", "--at", "#2"]), by_address);
    }
}

#[test]
fn what_is_not_there_is_named() {
    let bench = fixed();
    let failure = bench.run(&["explain", "Quantum heap", "-r", "1"]).failure();
    assert!(failure.contains("no region has the type Quantum heap"), "{failure}");
    assert!(failure.contains("hint: "), "{failure}");
    let failure = bench.run(&["explain", "0x1000", "-r", "1"]).failure();
    assert!(failure.contains("no region holds the address 0x1000"), "{failure}");
}
