//! Samples of a process that shares its pages with its parent.

use vmrec_sampler::{Quantity, Sampler, Snapshot};

use crate::child::{Owned, skipped};

/// A process with many objects and a child that has not touched any since; it prints the child's pid.
const FORKED: &str = "
import os, sys
objects = [[number, str(number)] for number in range(200000)]
ends = os.pipe()
child = os.fork()
if child == 0:
    os.close(ends[1]); os.read(ends[0], 1); os._exit(0)
print(child, flush=True)
sys.stdin.readline()
";

fn private_bytes(snapshot: &Snapshot) -> u64 {
    let of = |region: &vmrec_sampler::Region, quantity| region.quantities.get(quantity).unwrap();
    let anonymous = snapshot
        .regions
        .iter()
        .filter(|region| of(region, Quantity::Anonymous) == of(region, Quantity::Resident));
    anonymous.map(|region| of(region, Quantity::Private)).sum()
}

/// Waits until a process has come to where it sleeps: until then it writes to pages by itself.
fn wait_until_it_waits(pid: u32) {
    let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let mut last = String::new();
    loop {
        let now = stat();
        if now == last && now.contains(") S ") {
            return;
        }
        last = now;
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn looking_into_memory_gives_a_process_no_copies_of_the_pages_it_shares() {
    if std::process::Command::new("python3").arg("-c").output().is_err() {
        return skipped("python3 is not installed");
    }
    let mut parent = Owned::start("python3", &["-c", FORKED]);
    let child = parent.hear().trim().parse().unwrap();
    wait_until_it_waits(child);
    let mut sampler = Sampler::attach(child).unwrap();
    // The sizes of a sample are read before the contents of its regions.
    let [before, after] = [(); 2].map(|()| sampler.sample().unwrap());
    assert!(before.totals.resident_bytes > Some(20 << 20));
    assert!(private_bytes(&before) < 4 << 20, "{}", private_bytes(&before));
    assert_eq!(private_bytes(&before), private_bytes(&after));
}
