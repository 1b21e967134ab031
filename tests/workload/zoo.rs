//! One mapping of every kind that Linux distinguishes, held until the process ends.

use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::Path;
use std::{io, ptr};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const READ_WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;
/// A file's name that is hard to show: words, a line break, an escape sequence that colours.
const STRANGE_NAME: &str = "two words\nand \x1b[31mred";

/// Maps everything, with files in `folder`; sizes are those the tests look for.
pub(crate) fn settle(folder: &Path) {
    written_file(folder);
    deleted_file(folder);
    memory_file();
    system_v();
    reservation();
    guarded();
    map(128 * KIB, READ_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_GROWSDOWN, -1)
        .touch();
    locked();
    same_but_for_a_flag();
    huge();
    // Last, so that the child holds all of it too.
    let inherited = anonymous(3 * MIB);
    inherited.touch();
    fork_a_sleeper();
}

/// A mapping that stays until the process ends.
#[derive(Clone, Copy)]
struct Mapped {
    start: *mut u8,
    bytes: usize,
}

impl Mapped {
    /// Writes to every page.
    fn touch(self) {
        for at in (0..self.bytes).step_by(4 * KIB) {
            // SAFETY: `at` is within a mapping that is writable and never unmapped.
            unsafe { self.start.add(at).write_volatile(1) };
        }
    }

    fn at(self, offset: usize) -> *mut libc::c_void {
        assert!(offset < self.bytes);
        // SAFETY: the offset is within the mapping.
        unsafe { self.start.add(offset).cast() }
    }
}

fn map(bytes: usize, protection: i32, flags: i32, file: i32) -> Mapped {
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory in use.
    let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, file, 0) };
    assert_ne!(start, libc::MAP_FAILED, "{}", io::Error::last_os_error());
    Mapped { start: start.cast(), bytes }
}

fn anonymous(bytes: usize) -> Mapped {
    map(bytes, READ_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)
}

fn done(status: i32) {
    assert_eq!(status, 0, "{}", io::Error::last_os_error());
}

/// A file under a strange name, shared, half of it written.
fn written_file(folder: &Path) {
    let path = folder.join(STRANGE_NAME);
    fs::write(&path, vec![1; 256 * KIB]).expect("a file to write");
    let file = File::options().read(true).write(true).open(&path).expect("the file");
    let whole = map(256 * KIB, READ_WRITE, libc::MAP_SHARED, file.as_raw_fd());
    Mapped { bytes: 128 * KIB, ..whole }.touch();
}

fn deleted_file(folder: &Path) {
    let path = folder.join("removed.bin");
    fs::write(&path, vec![1; 256 * KIB]).expect("a file to write");
    let file = File::open(&path).expect("the file");
    let whole = map(256 * KIB, READ_WRITE, libc::MAP_PRIVATE, file.as_raw_fd());
    Mapped { bytes: 64 * KIB, ..whole }.touch();
    fs::remove_file(&path).expect("to remove it");
}

/// A memfd mapped twice, as just-in-time compilers do.
fn memory_file() {
    let name = CString::new("zoo").expect("a name");
    // SAFETY: the name ends with a zero and the call only reads it.
    let number = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    assert!(number >= 0, "{}", io::Error::last_os_error());
    // SAFETY: the descriptor is new and nobody else's.
    let file = unsafe { File::from_raw_fd(number) };
    file.set_len(512 * KIB as u64).expect("a size");
    map(512 * KIB, READ_WRITE, libc::MAP_SHARED, number).touch();
    map(512 * KIB, libc::PROT_READ, libc::MAP_SHARED, number);
}

fn system_v() {
    // SAFETY: the segment is new, attached where the kernel likes, and goes with its last user.
    unsafe {
        let segment = libc::shmget(libc::IPC_PRIVATE, 192 * KIB, libc::IPC_CREAT | 0o600);
        assert!(segment >= 0, "{}", io::Error::last_os_error());
        let start = libc::shmat(segment, ptr::null(), 0);
        done(libc::shmctl(segment, libc::IPC_RMID, ptr::null_mut()));
        Mapped { start: start.cast(), bytes: 192 * KIB }.touch();
    }
}

fn reservation() {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    map(64 * MIB, libc::PROT_NONE, flags, -1);
}

fn guarded() {
    let whole = anonymous(5 * 64 * KIB);
    whole.touch();
    // SAFETY: the pages are of a mapping made here that nobody reads.
    done(unsafe { libc::mprotect(whole.at(0), 16 * KIB, libc::PROT_NONE) });
}

fn locked() {
    let whole = anonymous(32 * KIB);
    // SAFETY: it locks a mapping made here; where no locked memory is allowed it stays unlocked.
    unsafe { libc::mlock(whole.at(0), whole.bytes) };
    whole.touch();
}

/// Three mappings side by side that differ in how the kernel reads ahead alone.
fn same_but_for_a_flag() {
    let whole = anonymous(3 * 448 * KIB);
    whole.touch();
    // SAFETY: the advice changes nothing in memory.
    done(unsafe { libc::madvise(whole.at(448 * KIB), 448 * KIB, libc::MADV_RANDOM) });
}

/// Memory in huge pages, where the system has some to give.
fn huge() {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB;
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory in use.
    let start = unsafe { libc::mmap(ptr::null_mut(), 2 * MIB, READ_WRITE, flags, -1, 0) };
    if start != libc::MAP_FAILED {
        Mapped { start: start.cast(), bytes: 2 * MIB }.touch();
    }
}

/// Starts a child that holds its inherited memory until this process ends.
fn fork_a_sleeper() {
    // SAFETY: the child calls nothing but prctl and pause, which need no lock it might inherit.
    unsafe {
        if libc::fork() == 0 {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            loop {
                libc::pause();
            }
        }
    }
}
