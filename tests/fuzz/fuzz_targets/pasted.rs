//! Text that a user pastes: output of vmmap, footprint, pmap, smaps.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(vmrec_sampler::parse_paste(bytes, None)));
