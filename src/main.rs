//! vmrec.
fn main() {}
