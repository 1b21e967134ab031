//! Chunks and frames of a recording.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vmrec_store::fuzzing::chunk(bytes));
