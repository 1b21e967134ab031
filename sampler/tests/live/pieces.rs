//! Regions that are parts of mappings, of a process that the test starts itself.

use std::sync::Arc;

use vmrec_sampler::Evidence;
use vmrec_sampler::{Consistency, Quantity, Sampler, Snapshot, send_signal, types};

use crate::child::{Owned, skipped, sum};

const ALLOCATOR: &str = "
import ctypes, sys, threading
c = ctypes.CDLL(None)
c.malloc.restype = ctypes.c_void_p
large = [c.malloc(n << 20) for n in (1, 3, 5)]
for place, n in zip(large, (1, 3, 5)):
    ctypes.memset(place, 1, n << 19)
small = [c.malloc(1000) for n in range(20000)]
for place in small[::7]:
    ctypes.memset(place, 1, 1000)
ends = [threading.Event(), threading.Event()]
threads = [threading.Thread(target=end.wait) for end in ends]
for thread in threads:
    thread.start()
print(*[thread.native_id for thread in threads], flush=True)
sys.stdin.readline()
ends[0].set()
threads[0].join()
print('ended', flush=True)
sys.stdin.readline()
";

/// Stops the process and takes a snapshot, then lets it go on. Also returns its smaps, and the
/// evidence if its types were derived anew.
///
/// What is private or shared changes while other processes that map the same libraries come and
/// go, even of a stopped one: only a moment in which it did not can be compared.
fn sample_stopped(sampler: &mut Sampler) -> (Snapshot, String, Option<Evidence>) {
    let pid = sampler.process().id.pid;
    let file = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
    send_signal(pid, 19).unwrap();
    while !file("stat").contains(") T ") {}
    let mut evidence = None;
    for _ in 0..1000 {
        let before = file("smaps");
        let snapshot = sampler.sample().unwrap();
        evidence = evidence.or_else(|| sampler.evidence());
        if file("smaps") == before {
            send_signal(pid, 18).unwrap();
            assert_eq!(snapshot.consistency, Consistency::Complete);
            return (snapshot, before, evidence);
        }
    }
    panic!("other processes never kept still");
}

/// Sums fields of smaps text, in bytes, without any of vmrec's code.
fn printed(text: &str, fields: &[&str]) -> u64 {
    text.lines()
        .filter_map(|line| line.strip_suffix(" kB")?.split_once(':'))
        .filter(|(name, _)| fields.contains(name))
        .map(|(_, kilobytes)| kilobytes.trim().parse::<u64>().unwrap() * 1024)
        .sum()
}

/// Returns the detail of the stack that `address` lies in.
fn stack_at(snapshot: &Snapshot, address: u64) -> Option<&str> {
    let identity = snapshot.regions.iter().map(|region| &region.identity);
    let mut found = identity.filter(|identity| {
        let range = identity.range;
        identity.label.region_type == types::STACK_THREAD
            && range.start <= address
            && address < range.end
    });
    found.next()?.label.detail.as_deref()
}

#[test]
fn stacks_and_chunks_are_distinguished_and_sums_stay_exact() {
    let mut child = Owned::start("python3", &["-c", ALLOCATOR]);
    let line = child.hear();
    let tids: Vec<&str> = line.split_whitespace().collect();
    if tids.len() != 2 || !cfg!(target_env = "gnu") {
        skipped("no python3, or no glibc");
        return;
    }
    let mut sampler = Sampler::attach(child.pid()).unwrap();
    let (first, smaps, evidence) = sample_stopped(&mut sampler);
    assert!(evidence.is_some_and(|evidence| evidence.facts.threads.len() == 3));
    for (quantity, fields) in [
        (Quantity::Resident, &["Rss", "Shared_Hugetlb", "Private_Hugetlb"][..]),
        (Quantity::Private, &["Private_Clean", "Private_Dirty", "Private_Hugetlb"]),
        (Quantity::Dirty, &["Private_Dirty", "Shared_Dirty"]),
        (Quantity::PrivateDirty, &["Private_Dirty", "Private_Hugetlb"]),
        (Quantity::Swapped, &["Swap"]),
        (Quantity::Anonymous, &["Anonymous"]),
        (Quantity::Reclaimable, &["LazyFree"]),
        (Quantity::Locked, &["Locked"]),
        (Quantity::Huge, &["AnonHugePages"]),
    ] {
        assert_eq!(sum(&first, quantity), printed(&smaps, fields), "{quantity:?}");
    }
    // Others that map the same files come and go meanwhile, and change its share of them.
    let pss_agrees = |(snapshot, smaps, _): &(Snapshot, String, _)| {
        sum(snapshot, Quantity::Pss) == printed(smaps, &["Pss"])
    };
    assert!((0..50).any(|_| pss_agrees(&sample_stopped(&mut sampler))), "Pss");
    let stack = |tid: &str| {
        let stacks = first.regions.iter().filter(|region| {
            let label = &region.identity.label;
            label.region_type == types::STACK_THREAD
                && label.detail.as_deref().is_some_and(|detail| detail.starts_with(tid))
        });
        stacks.map(|region| region.identity.range.end - 1).next_back().unwrap()
    };
    let stacks = [stack(tids[0]), stack(tids[1])];
    let mut large: Vec<u64> = first
        .regions
        .iter()
        .filter(|region| region.identity.label.region_type == types::MALLOC_LARGE)
        .map(|region| region.identity.range.virtual_bytes() >> 20)
        .collect();
    large.sort_unstable();
    for size in [1, 3, 5] {
        assert!(large.contains(&size), "{large:?}");
    }
    let heap =
        |region: &&vmrec_sampler::Region| region.identity.label.region_type == types::MALLOC_BRK;
    let heap = first.regions.iter().find(heap).unwrap();
    assert!(heap.identity.range.virtual_bytes() > 15 << 20);

    let (second, _, _) = sample_stopped(&mut sampler);
    assert!(sampler.evidence().is_none());
    assert_eq!(first.regions.len(), second.regions.len());
    for (old, new) in first.regions.iter().zip(&second.regions) {
        assert!(Arc::ptr_eq(&old.identity, &new.identity));
    }

    child.say("end one");
    assert_eq!(child.hear(), "ended\n");
    let (third, smaps, _) = sample_stopped(&mut sampler);
    assert_eq!(stack_at(&third, stacks[0]), Some("cached"));
    assert!(stack_at(&third, stacks[1]).is_some_and(|detail| detail.starts_with(tids[1])));
    assert_eq!(sum(&third, Quantity::Resident), printed(&smaps, &["Rss"]));
}
