//! Names of functions.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vmrec_sampler::fuzzing::symbol(bytes));
