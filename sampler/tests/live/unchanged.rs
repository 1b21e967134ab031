//! Samples whose regions are not read again, of processes that the tests start themselves.

use std::fs;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use vmrec_sampler::{
    AddressRange, Consistency, Provenance, Quantity, Sampler, Snapshot, send_signal,
};

use crate::child::{Owned, skipped};

/// A process that changes its memory as it is ordered, and waits meanwhile.
const CHANGER: &str = "
import ctypes, os, sys, threading
c = ctypes.CDLL(None)
c.mmap.restype = ctypes.c_void_p
c.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
def place(at): return ctypes.c_void_p(area + at * 4096)
area = c.mmap(None, 64 * 4096, 3, 0x22, -1, 0)
file = os.open(sys.argv[1], os.O_RDONLY)
text = c.mmap(None, 16 * 4096, 1, 2, file, 0)
for at in range(16): ctypes.string_at(text + at * 4096, 1)
child = None
def act(word, at):
    global child
    if word == 'write': c.mprotect(place(at), 4096, 3); ctypes.memset(place(at), 1, 1)
    elif word == 'drop': c.madvise(place(at), 4096, 4)
    elif word == 'protect': c.mprotect(place(at), 4096, 1)
    elif word == 'unmap': c.munmap(place(at), 4096); c.mmap(place(at), 4096, 3, 0x32, -1, 0)
    elif word == 'map': c.mmap(None, 4096 * (at + 1), at % 4, 0x22, -1, 0)
    elif word == 'thread':
        thread = threading.Thread(target=act, args=('write', at)); thread.start(); thread.join()
    elif word == 'fork':
        if child:
            os.close(child[1]); os.waitpid(child[0], 0)
        ends = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ends[1]); os.read(ends[0], 1); os._exit(0)
        os.close(ends[0]); child = (pid, ends[1])
print(area, text, flush=True)
for line in sys.stdin:
    word, at = line.split()
    act(word, int(at))
    print('ok', flush=True)
";

const ORDERS: [&str; 7] = ["write", "drop", "protect", "unmap", "map", "thread", "fork"];

/// Starts the process, with a file of 16 pages that it maps; `None` if it cannot be.
fn start() -> Option<(Owned, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pages");
    fs::write(&file, vec![7; 16 * 4096]).unwrap();
    if std::process::Command::new("python3").arg("-c").output().is_err() {
        skipped("python3 is not installed");
        return None;
    }
    let child = Owned::start("python3", &["-c", CHANGER, file.to_str().unwrap()]);
    Some((child, folder))
}

fn order(child: &mut Owned, word: &str, at: usize) {
    child.say(&format!("{word} {at}"));
    assert_eq!(child.hear(), "ok\n");
}

/// Waits until no thread of the process runs.
fn rests(pid: u32) {
    let begun = Instant::now();
    let stat = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    while !stat().contains(") S ") && !stat().contains(") T ") {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never rested");
        std::thread::yield_now();
    }
}

/// Samples until the regions are not read again.
fn until_unchanged(sampler: &mut Sampler) -> Snapshot {
    let begun = Instant::now();
    loop {
        let snapshot = sampler.sample().unwrap();
        if snapshot.consistency == Consistency::Unchanged {
            return snapshot;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it never was unchanged");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn skipping(pid: u32) -> Sampler {
    let mut sampler = Sampler::attach(pid).unwrap();
    sampler.set_skips_unchanged(true);
    sampler
}

/// The figures of regions that only the process changes, or the kernel when it takes memory away.
fn own(snapshot: &Snapshot) -> Vec<(AddressRange, String, Option<u64>)> {
    let of = |region: &vmrec_sampler::Region| {
        let identity = &region.identity;
        let rights = format!("{:?} {}", identity.known_protection(), identity.flags);
        (identity.range, rights, region.quantities.get(Quantity::Resident))
    };
    snapshot.regions.iter().map(of).collect()
}

#[test]
fn a_process_that_sleeps_or_is_stopped_is_not_read_again() {
    let mut child = Owned::start("sh", &["-c", "echo ready; read line"]);
    child.hear();
    rests(child.pid());
    let mut sampler = skipping(child.pid());
    let first = sampler.sample().unwrap();
    assert_eq!(first.consistency, Consistency::Complete);
    let unchanged = until_unchanged(&mut sampler);
    assert_eq!(own(&unchanged), own(&first));
    assert_eq!(unchanged.totals.resident_bytes, first.totals.resident_bytes);
    assert!(unchanged.taken > first.taken && unchanged.cost.cpu_ns > 0);
    assert!(sampler.evidence().is_none(), "no types were derived");
    let region = &unchanged.regions[0];
    assert_eq!(unchanged.provenance_of(region), Provenance::Carried);
    assert_eq!(first.provenance_of(&first.regions[0]), first.regions[0].provenance);
    send_signal(child.pid(), 19).unwrap();
    let stopped = until_unchanged(&mut sampler);
    assert_eq!(own(&stopped), own(&first));
    send_signal(child.pid(), 18).unwrap();
    // A sampler of which it was not asked reads all.
    let mut full = Sampler::attach(child.pid()).unwrap();
    for _ in 0..5 {
        assert_eq!(full.sample().unwrap().consistency, Consistency::Complete);
    }
}

#[test]
fn the_end_of_a_process_that_was_unchanged_is_detected() {
    let mut child = Owned::start("sh", &["-c", "echo ready; read line"]);
    child.hear();
    let mut sampler = skipping(child.pid());
    until_unchanged(&mut sampler);
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    assert!(sampler.sample().is_err());
}

#[test]
fn each_change_is_read_at_the_next_sample() {
    let Some((mut child, _folder)) = start() else { return };
    child.hear();
    let mut sampler = skipping(child.pid());
    for (at, word) in ORDERS.iter().enumerate() {
        until_unchanged(&mut sampler);
        order(&mut child, word, 3 * at);
        let snapshot = sampler.sample().unwrap();
        assert_ne!(snapshot.consistency, Consistency::Unchanged, "{word}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a process does between samples, its regions and their resident sizes are the same
    /// with the gate and without it.
    #[test]
    fn samples_with_and_without_the_gate_agree(
        steps in prop::collection::vec(prop::option::of((0..ORDERS.len(), 0..64_usize)), 1..40),
    ) {
        let Some((mut child, _folder)) = start() else { return Ok(()) };
        child.hear();
        let mut gated = skipping(child.pid());
        let mut full = Sampler::attach(child.pid()).unwrap();
        for step in steps {
            if let Some((word, at)) = step {
                order(&mut child, ORDERS[word], at);
            }
            rests(child.pid());
            // The kernel may take memory away between the two; not time after time.
            let mut pair = || [&mut gated, &mut full].map(|of| own(&of.sample().unwrap()));
            let [mut one, mut other] = pair();
            for _ in 0..3 {
                if one != other {
                    [one, other] = pair();
                }
            }
            prop_assert_eq!(one, other);
        }
    }
}

/// Pages that others take away move the gate.
#[test]
fn memory_taken_away_from_a_sleeping_process_is_seen() {
    let Some((mut child, _folder)) = start() else { return };
    let line = child.hear();
    let text = line.split_whitespace().nth(1).unwrap().to_owned();
    let mut sampler = skipping(child.pid());
    let before = until_unchanged(&mut sampler);
    let script = format!(
        "import ctypes, sys\n\
         c = ctypes.CDLL(None)\n\
         class Range(ctypes.Structure): _fields_ = [('at', ctypes.c_void_p), ('bytes', ctypes.c_size_t)]\n\
         fd = c.syscall(434, {}, 0)\n\
         done = c.syscall(440, fd, ctypes.byref(Range({text}, 65536)), 1, 21, 0)\n\
         sys.exit(done != 65536)",
        child.pid()
    );
    let taker = std::process::Command::new("python3").args(["-c", &script]).status().unwrap();
    if !taker.success() {
        return skipped("this user or kernel may not page out memory of another process");
    }
    let after = sampler.sample().unwrap();
    if after.totals.resident_bytes == before.totals.resident_bytes {
        return skipped("the pages of the file stayed in memory");
    }
    assert_eq!(after.consistency, Consistency::Complete);
    assert!(after.totals.resident_bytes < before.totals.resident_bytes);
}
