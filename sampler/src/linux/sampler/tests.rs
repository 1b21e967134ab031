//! Tests of the sampler on a synthetic `/proc`, for events that are too rare in
//! real processes.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::linux::system::ticks_per_second;
use crate::quantity::Quantity;
use crate::region::ShareMode;
use crate::vocabulary::types;

const SMAPS: &str = "\
1000-3000 rw-p 00000000 00:00 0                          [heap]
Rss:                   8 kB
Private_Clean:         0 kB
Private_Dirty:         4 kB
Shared_Clean:          4 kB
Shared_Dirty:          0 kB
Swap:                  0 kB
VmFlags: rd wr mr mw me ac 
3000-4000 rw-p 00000000 00:00 0 
Rss:                   0 kB
Private_Clean:         0 kB
Private_Dirty:         0 kB
Shared_Clean:          0 kB
Shared_Dirty:          0 kB
Swap:                  4 kB
VmFlags: rd wr mr mw me ac 
";

/// A synthetic `/proc` with one process, pid 42.
struct Proc(tempfile::TempDir);

impl Proc {
    fn new() -> Self {
        let proc = Self(tempfile::tempdir().unwrap());
        proc.write("sys/kernel/random/boot_id", "b-o-o-t\n");
        proc.process("42", "S", 1, 500, 7000);
        proc.write("42/cmdline", "prog\0");
        symlink("/usr/bin/prog", proc.0.path().join("42/exe")).unwrap();
        proc
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn process(&self, folder: &str, state: &str, threads: u32, start: u64, stack: u64) {
        self.stat(folder, state, threads, start, stack);
        self.write(&format!("{folder}/status"), "Tgid:\t42\nUid:\t7\t7\t7\t7\nVmHWM:\t 12 kB\n");
        self.write(&format!("{folder}/statm"), "3 2 0 0 0 0 0\n");
        self.write(&format!("{folder}/smaps"), SMAPS);
    }

    fn stat(&self, folder: &str, state: &str, threads: u32, start: u64, stack: u64) {
        let stat = format!(
            "42 (prog) {state} 1 1 1 0 -1 0 5 0 6 0 1 2 0 0 20 0 {threads} 0 {start} 0 0 0 1 1 {stack} 0\n"
        );
        self.write(&format!("{folder}/stat"), &stat);
    }

    fn attach(&self) -> Result<Sampler, Error> {
        Sampler::attach_in(self.0.path(), 42)
    }
}

#[test]
fn a_sample_has_the_values_of_the_files() {
    let proc = Proc::new();
    let mut sampler = proc.attach().unwrap();
    let id = &sampler.process().id;
    assert_eq!((id.pid, id.start_ticks, id.boot_id.as_str()), (42, 500, "b-o-o-t"));
    let snapshot = sampler.sample().unwrap();
    assert_eq!(snapshot.consistency, Consistency::Complete);
    let page = page_size_bytes();
    let totals = &snapshot.totals;
    assert_eq!((totals.virtual_bytes, totals.resident_bytes), (Some(3 * page), Some(2 * page)));
    assert_eq!(totals.footprint_bytes, Some(8192));
    assert_eq!(totals.peak_resident_bytes, Some(12 << 10));
    assert_eq!(totals.swapped_bytes, Some(4096));
    assert_eq!((totals.minor_faults, totals.major_faults), (Some(5), Some(6)));
    assert_eq!(totals.cpu_ns, Some(3 * 1_000_000_000 / ticks_per_second()));
    let [heap, other] = &snapshot.regions[..] else { panic!() };
    assert_eq!(heap.identity.label.region_type, types::MALLOC_BRK);
    assert_eq!(heap.quantities.get(Quantity::Resident), Some(8192));
    assert_eq!(heap.quantities.get(Quantity::Pss), None);
    assert_eq!(heap.share_mode, Some(ShareMode::CopyOnWrite));
    assert_eq!(other.share_mode, Some(ShareMode::Private));
}

#[test]
fn a_sample_that_stays_torn_is_kept_with_its_figures() {
    let proc = Proc::new();
    let mut sampler = proc.attach().unwrap();
    proc.write("42/statm", "9 2 0 0 0 0 0\n");
    let snapshot = sampler.sample().unwrap();
    let total = 9 * page_size_bytes();
    let reason =
        format!("regions sum to 12288 bytes, the process to {total} before and {total} after");
    assert_eq!(snapshot.consistency, Consistency::Torn(reason));
    assert_eq!(snapshot.regions.len(), 2);
    // With another executable the memory is another program's.
    fs::remove_file(proc.0.path().join("42/exe")).unwrap();
    symlink("/usr/bin/other", proc.0.path().join("42/exe")).unwrap();
    assert!(matches!(sampler.sample(), Err(Error::Replaced { pid: 42 })));
}

#[test]
fn another_start_time_is_another_process() {
    let proc = Proc::new();
    let mut sampler = proc.attach().unwrap();
    proc.stat("42", "S", 1, 501, 7000);
    assert!(matches!(sampler.sample(), Err(Error::Reused { pid: 42 })));
}

#[test]
fn another_stack_is_another_program() {
    let proc = Proc::new();
    let mut sampler = proc.attach().unwrap();
    proc.stat("42", "S", 1, 500, 8000);
    assert!(matches!(sampler.sample(), Err(Error::Replaced { pid: 42 })));
    // An unknown address proves nothing.
    proc.stat("42", "S", 1, 500, 0);
    sampler.sample().unwrap();
}

#[test]
fn memory_released_while_the_process_lives_is_another_program() {
    let proc = Proc::new();
    let mut sampler = proc.attach().unwrap();
    proc.write("42/smaps", "");
    fs::rename(proc.0.path().join("42/smaps"), proc.0.path().join("old")).unwrap();
    proc.write("42/smaps", SMAPS);
    assert!(matches!(sampler.sample(), Err(Error::Replaced { pid: 42 })));
}

#[test]
fn memory_released_permanently_is_the_end() {
    let proc = Proc::new();
    let mut sampler = proc.attach().unwrap();
    proc.write("42/smaps", "");
    assert!(matches!(sampler.sample(), Err(Error::Exited { pid: 42 })));
    proc.stat("42", "Z", 1, 500, 0);
    assert!(matches!(sampler.sample(), Err(Error::Exited { pid: 42 })));
    assert!(matches!(proc.attach(), Err(Error::Zombie { pid: 42 })));
}

#[test]
fn the_first_thread_may_end_before_the_others() {
    let proc = Proc::new();
    let mut sampler = proc.attach().unwrap();
    sampler.sample().unwrap();
    proc.stat("42", "Z", 3, 500, 0);
    proc.write("42/statm", "0 0 0 0 0 0 0\n");
    proc.process("42/task/42", "Z", 3, 500, 0);
    proc.write("42/task/42/smaps", "");
    proc.process("42/task/44", "S", 3, 510, 0);
    for sampler in [&mut sampler, &mut proc.attach().unwrap()] {
        let snapshot = sampler.sample().unwrap();
        assert_eq!(snapshot.consistency, Consistency::Complete);
        assert_eq!(snapshot.regions.len(), 2);
    }
    // If it is back, a thread has started another program.
    proc.stat("42", "S", 1, 500, 0);
    assert!(matches!(sampler.sample(), Err(Error::Replaced { pid: 42 })));
}

#[test]
fn a_kernel_thread_and_a_strange_file_are_named() {
    let proc = Proc::new();
    let mut sampler = proc.attach().unwrap();
    proc.write("42/smaps", &format!("{SMAPS}5000-4000 rw-p 0 0:0 0 \n"));
    match sampler.sample() {
        Err(Error::BadLine { line: 17, text, path }) => {
            assert_eq!(text, "5000-4000 rw-p 0 0:0 0 ");
            assert!(path.ends_with("42/smaps"));
        }
        other => panic!("{other:?}"),
    }
    proc.write("42/smaps", SMAPS);
    sampler.sample().unwrap();
    proc.write("42/stat", "42 (kw) S 0 0 0 0 -1 2097152 0 0 0 0 0 0 0 0 20 0 1 0 30 0 0\n");
    assert!(matches!(proc.attach(), Err(Error::KernelThread { name, .. }) if name == "kw"));
}

#[test]
fn nobody_is_nobody() {
    let proc = Proc::new();
    assert!(matches!(Sampler::attach_in(proc.0.path(), 43), Err(Error::NotFound { pid: 43 })));
}

#[test]
fn a_sampler_may_work_on_another_thread() {
    let proc = Proc::new();
    let mut sampler = proc.attach().unwrap();
    let snapshot = std::thread::spawn(move || sampler.sample().unwrap()).join().unwrap();
    assert_eq!(snapshot.regions.len(), 2);
}

#[test]
fn the_resident_size_of_the_process_counts_hugetlb_as_its_regions_do() {
    let proc = Proc::new();
    proc.write(
        "42/smaps",
        &format!(
            "{SMAPS}400000-1400000 rw-p 00000000 00:0f 9 /anon_hugepage (deleted)\n\
             Rss: 0 kB\nPrivate_Clean: 0 kB\nPrivate_Dirty: 0 kB\nShared_Clean: 0 kB\n\
             Shared_Dirty: 0 kB\nAnonymous: 0 kB\nPrivate_Hugetlb: 16384 kB\nSwap: 0 kB\n\
             VmFlags: rd wr mr mw me ac ht\n"
        ),
    );
    proc.write("42/statm", "4099 2 0 0 0 0 0\n");
    proc.write(
        "42/status",
        "Tgid:\t42\nUid:\t7\t7\t7\t7\nVmHWM:\t 12 kB\nVmSwap:\t 0 kB\nHugetlbPages:\t 16384 kB\n",
    );
    let mut sampler = proc.attach().unwrap();
    let snapshot = sampler.sample().unwrap();
    let sum = |of| snapshot.regions.iter().map(|it| it.quantities.get(of).unwrap()).sum::<u64>();
    let totals = &snapshot.totals;
    assert_eq!(totals.resident_bytes, Some((16 << 20) + 8192));
    assert_eq!(totals.resident_bytes, Some(sum(Quantity::Resident)));
    assert_eq!(totals.swapped_bytes, Some(sum(Quantity::Swapped)));
    assert_eq!(totals.peak_resident_bytes, totals.resident_bytes);
    assert_eq!(totals.footprint_bytes, Some((16 << 20) + 4096 + 4096));
    assert_eq!(sum(Quantity::Dirty), (16 << 20) + 4096);
    // The maximum outlives the pages.
    proc.write("42/status", "Tgid:\t42\nUid:\t7\t7\t7\t7\nVmHWM:\t 12 kB\n");
    let later = sampler.sample().unwrap();
    assert_eq!(later.totals.peak_resident_bytes, Some((16 << 20) + 8192));
}

#[test]
fn a_files_device_and_inode_decide_whether_its_name_ends_in_deleted() {
    use std::os::unix::fs::MetadataExt;
    let proc = Proc::new();
    proc.write("42/root/data (deleted)", "data");
    let file = fs::metadata(proc.0.path().join("42/root/data (deleted)")).unwrap();
    let (major, minor, inode) = (libc::major(file.dev()), libc::minor(file.dev()), file.ino());
    let region = |start: u32, inode: u64| {
        let end = start + 1;
        let header = format!("{start}000-{end}000 r--p 0 {major:x}:{minor:x} {inode} ");
        let sizes = SMAPS.split_once('\n').unwrap().1.split("3000-4000").next().unwrap();
        format!("{header}/data (deleted)\n{sizes}")
    };
    proc.write("42/smaps", &format!("{}{}", region(5, inode), region(6, inode + 1)));
    proc.write("42/statm", "2 2 0 0 0 0 0\n");
    let mut sampler = proc.attach().unwrap();
    for _ in 0..2 {
        let snapshot = sampler.sample().unwrap();
        let objects = snapshot.regions.iter().map(|it| it.identity.object.as_deref().unwrap());
        let names: Vec<_> = objects.map(|it| (&*it.name, it.deleted)).collect();
        assert_eq!(names, [("/data (deleted)", false), ("/data", true)]);
    }
}

#[test]
fn a_process_with_nearly_all_mappings_it_may_have_is_noted() {
    let proc = Proc::new();
    let mut sampler = proc.attach().unwrap();
    proc.write("sys/vm/max_map_count", "3\n");
    sampler.sample().unwrap();
    assert_eq!(sampler.notes(), [""; 0]);
    proc.write("sys/vm/max_map_count", "2\n");
    let mut sampler = proc.attach().unwrap();
    sampler.sample().unwrap();
    assert_eq!(sampler.notes(), ["2 mappings of at most 2 (vm.max_map_count)"]);
}
