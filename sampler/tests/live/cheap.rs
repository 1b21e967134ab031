//! Samples that read only the mappings and resident pages, of processes that the tests start themselves.

use std::time::{Duration, Instant};

use vmrec_sampler::{Consistency, Limits, Provenance, Quantity, Sampler, Sharers, Snapshot};

use crate::child::{Owned, skipped, stall};

/// A process that touches so many pages of 16 MiB as each line says.
const TOUCHER: &str = "
import ctypes, sys
c = ctypes.CDLL(None)
c.mmap.restype = ctypes.c_void_p
area = c.mmap(None, ctypes.c_size_t(16 << 20), 3, 0x22, -1, 0)
c.madvise(ctypes.c_void_p(area), ctypes.c_size_t(16 << 20), 15)
print(area, flush=True)
touched = 0
for line in sys.stdin:
    for page in range(int(line)):
        ctypes.memset(area + (touched + page) * 4096, 1, 1)
    touched += int(line)
    print('ok', flush=True)
";

/// Starts it and returns the address of its memory; `None` if it cannot be started.
fn start() -> Option<(Owned, u64)> {
    if std::process::Command::new("python3").arg("-c").output().is_err() {
        skipped("python3 is not installed");
        return None;
    }
    let mut child = Owned::start("python3", &["-c", TOUCHER]);
    let area = child.hear().trim().parse().unwrap();
    Some((child, area))
}

fn touch(child: &mut Owned, pages: u64) {
    child.say(&pages.to_string());
    assert_eq!(child.hear(), "ok\n");
}

fn sizes(snapshot: &Snapshot, area: u64, of: Quantity) -> Option<u64> {
    let holds = |region: &&vmrec_sampler::Region| {
        let range = region.identity.range;
        (range.start..range.end).contains(&area)
    };
    snapshot.regions.iter().find(holds).unwrap().quantities.get(of)
}

/// A sampler that may not keep the process waiting at all; `None` where the kernel cannot count pages.
fn restrained(pid: u32) -> Option<Sampler> {
    let mut sampler = Sampler::attach(pid).unwrap();
    sampler.set_limits(Some(stall(Duration::ZERO)), &Sharers::default());
    if sampler.sample().unwrap().consistency == Consistency::Complete {
        skipped("this kernel has no PAGEMAP_SCAN");
        return None;
    }
    Some(sampler)
}

#[test]
fn resident_and_private_pages_are_exact_and_the_rest_is_unknown_until_it_was_read() {
    let Some((mut child, area)) = start() else { return };
    touch(&mut child, 100);
    let Some(mut sampler) = restrained(child.pid()) else { return };
    let cheap = sampler.sample().unwrap();
    assert_eq!(cheap.consistency, Consistency::Cheap);
    assert!(sampler.notes().iter().any(|note| note.contains("--reread")), "{:?}", sampler.notes());
    assert_eq!(sizes(&cheap, area, Quantity::Resident), Some(100 * 4096));
    for known in [Quantity::Private, Quantity::Pss, Quantity::Anonymous] {
        assert_eq!(sizes(&cheap, area, known), Some(100 * 4096));
    }
    for unknown in [Quantity::Dirty, Quantity::PrivateDirty, Quantity::Referenced] {
        assert_eq!(sizes(&cheap, area, unknown), None);
    }
    assert_eq!(cheap.totals.footprint_bytes, None);
    assert_eq!(cheap.provenance_of(&cheap.regions[0]), Provenance::Carried);
    // With room for it all is read; sizes grow from there.
    sampler.set_limits(Some(stall(Duration::from_secs(3600))), &Sharers::default());
    let full = sampler.sample().unwrap();
    assert_eq!(full.consistency, Consistency::Complete);
    assert_eq!(sizes(&full, area, Quantity::Private), Some(100 * 4096));
    sampler.set_limits(Some(stall(Duration::ZERO)), &Sharers::default());
    touch(&mut child, 50);
    let cheap = sampler.sample().unwrap();
    assert_eq!(cheap.consistency, Consistency::Cheap);
    let grown = [Quantity::Resident, Quantity::Private, Quantity::PrivateDirty];
    assert_eq!(grown.map(|of| sizes(&cheap, area, of)), [Some(150 * 4096); 3]);
}

/// Mappings and resident sizes are those that a full sample shows.
#[test]
fn cheap_and_full_samples_agree_on_mappings_and_resident_sizes() {
    let Some((mut child, _)) = start() else { return };
    let Some(mut cheap) = restrained(child.pid()) else { return };
    let mut full = Sampler::attach(child.pid()).unwrap();
    let of = |snapshot: &Snapshot| -> Vec<_> {
        let figures = snapshot
            .regions
            .iter()
            .map(|region| (region.identity.range.start, region.quantities.get(Quantity::Resident)));
        // Types may split what flags tell apart: sums over mappings are compared elsewhere.
        figures.collect()
    };
    for round in 0..20 {
        touch(&mut child, round);
        let begun = Instant::now();
        // The kernel may take memory away between the two; not time after time.
        while of(&cheap.sample().unwrap()) != of(&full.sample().unwrap()) {
            assert!(begun.elapsed() < Duration::from_secs(20), "they never agreed");
        }
    }
}

/// A process of 4000 mappings, which take more than two milliseconds to read, with a line for each page
/// that it touches.
const SPLIT: &str = "
import ctypes, sys
c = ctypes.CDLL(None)
c.mmap.restype = ctypes.c_void_p
area = c.mmap(None, ctypes.c_size_t(4000 << 12), 3, 0x22, -1, 0)
ctypes.memset(area, 1, 4000 << 12)
for page in range(0, 4000, 2):
    c.mprotect(ctypes.c_void_p(area + (page << 12)), ctypes.c_size_t(4096), 1)
print(area, flush=True)
for line in sys.stdin:
    c.madvise(ctypes.c_void_p(area + (int(line) << 12)), ctypes.c_size_t(4096), 4)
    print('ok', flush=True)
";

#[test]
fn sizes_that_cost_too_much_are_read_once_a_minute_and_pages_counted_between() {
    if std::process::Command::new("python3").arg("-c").output().is_err() {
        return skipped("python3 is not installed");
    }
    let mut child = Owned::start("python3", &["-c", SPLIT]);
    let area: u64 = child.hear().trim().parse().unwrap();
    if restrained(child.pid()).is_none() {
        return;
    }
    let mut sampler = Sampler::attach(child.pid()).unwrap();
    let max_stall = Duration::from_secs(3600);
    sampler.set_limits(Some(Limits { max_stall, max_overhead: 0.0 }), &Sharers::default());
    let of = |snapshot: &Snapshot, page: u64| {
        let quantities = [Quantity::Private, Quantity::PrivateDirty, Quantity::Pss];
        quantities.map(|quantity| sizes(snapshot, area + (page << 12), quantity))
    };
    let full = sampler.sample().unwrap();
    assert_eq!(full.consistency, Consistency::Complete);
    assert_eq!(of(&full, 1000), [Some(4096); 3]);
    child.say("1000");
    child.hear();
    for _ in 0..3 {
        let cheap = sampler.sample().unwrap();
        assert_eq!(cheap.consistency, Consistency::Cheap);
        assert_eq!([of(&cheap, 1000), of(&cheap, 1001)], [[Some(0); 3], [Some(4096); 3]]);
    }
    sampler.set_limits(Some(stall(max_stall)), &Sharers::default());
    assert_eq!(sampler.sample().unwrap().consistency, Consistency::Complete);
}
