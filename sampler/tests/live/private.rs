//! Private pages of samples that read no sizes, against the kernel's own sums.

use std::collections::BTreeMap;
use std::time::Duration;

use vmrec_sampler::{Consistency, Quantity, Sampler, Sharers};

use crate::child::{Owned, skipped, stall};

/// A process with memory of each kind, and a child that shares a part of it. It prints the names and
/// addresses; a line lets the child go.
const ZOO: &str = r#"
import ctypes, mmap, os, sys, tempfile
c = ctypes.CDLL(None, use_errno=True)
c.mmap.restype = ctypes.c_void_p
MB = 1 << 20
def area(name, size, fd=-1, flags=0x22):
    # Apart from its neighbours, at a multiple of 2 MiB.
    hole = c.mmap(None, ctypes.c_size_t(size + 4 * MB), 0, 0x4022, -1, ctypes.c_long(0))
    at = (hole + 2 * MB) // (2 * MB) * (2 * MB)
    at = c.mmap(ctypes.c_void_p(at), ctypes.c_size_t(size), 3, flags | 0x10, fd, ctypes.c_long(0))
    print(name, at)
    return at
def advise(at, size, advice):
    return c.madvise(ctypes.c_void_p(at), ctypes.c_size_t(size), advice)
def write(at, size):
    for page in range(at, at + size, 4096): ctypes.memset(page, 1, 1)
def read(at, size):
    for page in range(at, at + size, 4096): ctypes.string_at(page, 1)
SMALL, HUGE, ALONE, FREE = 15, 14, 10, 8
own = area('own', 4 * MB); advise(own, 4 * MB, SMALL); write(own, 3 * MB); advise(own, 4 * MB, ALONE)
zeros = area('zeros', 2 * MB); advise(zeros, 2 * MB, SMALL); read(zeros, 2 * MB)
lazy = area('lazy', 2 * MB); advise(lazy, 2 * MB, SMALL); write(lazy, 2 * MB); advise(lazy, MB, FREE)
huge = area('huge', 4 * MB); advise(huge, 4 * MB, HUGE); write(huge, 4 * MB); advise(huge, 4 * MB, ALONE)
forked = area('forked', 4 * MB); advise(forked, 4 * MB, SMALL); write(forked, 4 * MB)
split = area('split', 4 * MB); advise(split, 4 * MB, HUGE); write(split, 4 * MB)
def memory(name):
    fd = os.memfd_create(name); os.ftruncate(fd, 2 * MB)
    return fd
fd = memory('alone'); at = area('alone', 2 * MB, fd, 1); write(at, MB); advise(at, 2 * MB, ALONE)
fd = memory('twice'); at = area('twice', 2 * MB, fd, 1); write(at, MB); advise(at, 2 * MB, ALONE)
at = area('again', 2 * MB, fd, 1); read(at, MB // 2); advise(at, 2 * MB, ALONE)
fd = memory('both'); both = area('both', 2 * MB, fd, 1); write(both, MB)
with tempfile.TemporaryFile() as file:
    file.write(b'x' * 2 * MB); file.flush()
    at = area('file', 2 * MB, file.fileno(), 2); write(at, MB // 2); read(at, 2 * MB)
    advise(at, 2 * MB, ALONE)
ready, done = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    os.close(done[1])
    write(forked, MB); read(both, MB // 2); write(split + 8192, 4096)
    os.write(ready[1], b'x'); os.read(done[0], 1); os._exit(0)
os.close(done[0])
os.read(ready[0], 1)
write(forked + 3 * MB, MB // 2)
print('ready', 0, flush=True)
sys.stdin.readline()
os.write(done[1], b'x'); os.waitpid(child, 0)
print('alone', 0, flush=True)
sys.stdin.readline()
"#;

/// The sums of a mapping: resident, private, anonymous and proportional bytes.
type Sums = [Option<u64>; 4];

const QUANTITIES: [Quantity; 4] =
    [Quantity::Resident, Quantity::Private, Quantity::Anonymous, Quantity::Pss];

fn sums(sampler: &mut Sampler, areas: &BTreeMap<String, u64>) -> BTreeMap<String, Sums> {
    let snapshot = sampler.sample().unwrap();
    let of = |start: &u64| {
        let region = snapshot.regions.iter().find(|region| region.identity.range.start == *start);
        QUANTITIES.map(|quantity| region.unwrap().quantities.get(quantity))
    };
    areas.iter().map(|(name, start)| (name.clone(), of(start))).collect()
}

#[test]
fn private_pages_are_those_that_the_kernel_counts_or_unknown() {
    if std::process::Command::new("python3").arg("-c").output().is_err() {
        return skipped("python3 is not installed");
    }
    let mut child = Owned::start("python3", &["-c", ZOO]);
    let mut areas = BTreeMap::new();
    loop {
        let line = child.hear();
        let (name, address) = line.trim().split_once(' ').unwrap();
        if name == "ready" {
            break;
        }
        areas.insert(name.to_owned(), address.parse().unwrap());
    }
    let mut cheap = Sampler::attach(child.pid()).unwrap();
    cheap.set_limits(Some(stall(Duration::ZERO)), &Sharers::default());
    if cheap.sample().unwrap().consistency != Consistency::Cheap {
        return skipped("this kernel has no PAGEMAP_SCAN");
    }
    let mut full = Sampler::attach(child.pid()).unwrap();
    let mut compare = |unknown: &[&str]| {
        let exact = sums(&mut full, &areas);
        for (name, counted) in sums(&mut cheap, &areas) {
            let [resident, private, anonymous, pss] = exact[&name];
            assert_eq!([counted[0], counted[2]], [resident, anonymous], "{name}");
            if unknown.contains(&name.as_str()) && exact[&name][0] != Some(0) {
                assert_eq!([counted[1], counted[3]], [None, None], "{name}");
                continue;
            }
            assert_eq!(counted[1], private, "{name}");
            let expected = if private == resident { pss } else { None };
            assert_eq!(counted[3], expected, "{name}");
        }
        exact
    };
    // Without huge pages that one is like the others.
    let split = sums(&mut Sampler::attach(child.pid()).unwrap(), &areas)["split"];
    let blurred = split[1] != Some(0) && split[1] < Some(2 << 20);
    let exact = compare(if blurred { &["split"] } else { &[] });
    let mib = |name: &str| exact[name].map(|bytes| bytes.map(|bytes| bytes as f64 / 1048576.0));
    assert_eq!(mib("forked")[..2], [Some(4.0), Some(1.5)]);
    assert_eq!(mib("file")[..3], [Some(2.0), Some(2.0), Some(0.5)]);
    assert_eq!(mib("zeros")[0], Some(0.0));
    // Its child is gone: all are its own, and a minute later at most that shows.
    child.say("");
    child.hear();
    let mut cheap = Sampler::attach(child.pid()).unwrap();
    cheap.set_limits(Some(stall(Duration::ZERO)), &Sharers::default());
    let alone = sums(&mut cheap, &areas);
    for name in ["own", "lazy", "huge", "forked", "alone", "both"] {
        assert_eq!(alone[name][0], alone[name][1], "{name}");
        assert!(alone[name][0] > Some(0), "{name}");
    }
}
