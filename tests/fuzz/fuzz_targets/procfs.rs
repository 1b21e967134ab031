//! Texts of the kernel and of runtimes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vmrec_sampler::fuzzing::procfs(bytes));
