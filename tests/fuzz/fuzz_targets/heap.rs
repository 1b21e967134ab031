//! The memory of a heap.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vmrec_sampler::fuzzing::heap(bytes));
