//! The memory that a recorder takes, of a process with 1,000 regions: this one.

#![allow(unsafe_code, reason = "only libc maps regions")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use vmrec_sampler::parse_status;

/// Regions that are mapped: with those there are already, some 1,000.
const REGIONS: usize = 900;
const PAGE_BYTES: usize = 4096;

/// Returns the peak memory of `vmrec record`, in bytes; the recording goes to `db`.
pub(crate) fn peak_rss_bytes(db: &Path) -> u64 {
    map_regions();
    let mut recorder = Command::new(env!("CARGO_BIN_EXE_vmrec"))
        .args(["record", "--quiet", "--every", "50ms", "--samples", "400", "--db"])
        .arg(db)
        .arg(std::process::id().to_string())
        .spawn()
        .expect("vmrec runs");
    let mut peak = 0;
    let status = loop {
        // Gone as soon as it ends: the last one seen is that of some moments before.
        if let Ok(status) = fs::read(format!("/proc/{}/status", recorder.id())) {
            peak = parse_status(&status).peak_resident_bytes.unwrap_or(peak);
        }
        if let Some(status) = recorder.try_wait().expect("our own child") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(status.success(), "vmrec records this process");
    peak
}

/// Maps pages that the kernel cannot merge, as their rights differ.
fn map_regions() {
    let none = std::ptr::null_mut();
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: new memory that nothing else knows of and that is never given back.
    unsafe {
        let all = libc::mmap(none, REGIONS * PAGE_BYTES, libc::PROT_READ, flags, -1, 0);
        assert_ne!(all, libc::MAP_FAILED, "memory for regions");
        for region in (0..REGIONS).step_by(2) {
            let page = all.byte_add(region * PAGE_BYTES);
            let both = libc::PROT_READ | libc::PROT_WRITE;
            assert_eq!(libc::mprotect(page, PAGE_BYTES, both), 0, "rights of a page");
            page.cast::<u8>().write(1);
        }
    }
}
