//! libproc: the list of processes and the facts about each.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_void};
use std::io;
use std::mem::{size_of, zeroed};

/// The maximum buffer size of `proc_pidpath`.
const PATH_BYTES: usize = libc::PROC_PIDPATHINFO_MAXSIZE as usize;

/// Returns the pids of all processes, in no order.
pub(crate) fn pids() -> Vec<c_int> {
    // SAFETY: without a buffer it only counts; the count is an upper bound.
    let count = unsafe { libc::proc_listallpids(std::ptr::null_mut(), 0) };
    // Some more, for processes that start in between.
    let mut pids = vec![0; usize::try_from(count).unwrap_or(0) + 64];
    let bytes = c_int::try_from(pids.len() * size_of::<c_int>()).unwrap_or(c_int::MAX);
    // SAFETY: the buffer has that many bytes.
    let count = unsafe { libc::proc_listallpids(pids.as_mut_ptr().cast::<c_void>(), bytes) };
    pids.truncate(usize::try_from(count).unwrap_or(0));
    pids
}

/// Returns the BSD facts about a process, zombies included.
pub(crate) fn bsd_info(pid: c_int) -> io::Result<libc::proc_bsdinfo> {
    // SAFETY: the structure is plain numbers, for which zeros are valid.
    let mut info: libc::proc_bsdinfo = unsafe { zeroed() };
    // An argument of 1 asks for zombies too.
    read_info(pid, libc::PROC_PIDTBSDINFO, 1, &mut info)?;
    Ok(info)
}

/// Returns the figures of a process's task.
pub(crate) fn task_figures(pid: c_int) -> io::Result<libc::proc_taskinfo> {
    // SAFETY: the structure is plain numbers, for which zeros are valid.
    let mut info: libc::proc_taskinfo = unsafe { zeroed() };
    read_info(pid, libc::PROC_PIDTASKINFO, 0, &mut info)?;
    Ok(info)
}

/// Returns the resources that a process used, its memory among them.
pub(crate) fn resources(pid: c_int) -> io::Result<libc::rusage_info_v4> {
    // SAFETY: the structure is plain numbers, for which zeros are valid.
    let mut usage: libc::rusage_info_v4 = unsafe { zeroed() };
    // SAFETY: `usage` is the structure of that flavor.
    let code = unsafe { libc::proc_pid_rusage(pid, libc::RUSAGE_INFO_V4, (&raw mut usage).cast()) };
    if code == 0 { Ok(usage) } else { Err(io::Error::last_os_error()) }
}

/// Returns the process that a process works for, where the system says so: no header has the function.
pub(crate) fn responsible(pid: c_int) -> Option<u32> {
    let symbol = symbol(c"responsibility_get_pid_responsible_for_pid")?;
    // SAFETY: the symbol is the function of that name, which takes a pid and returns one, or -1.
    let ask =
        unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn(c_int) -> c_int>(symbol) };
    // SAFETY: any number is a valid argument.
    u32::try_from(unsafe { ask(pid) }).ok()
}

/// Returns whether the system keeps an account of when a process may end by itself: no header that
/// Apple ships has the function.
pub(crate) fn is_tracked(pid: c_int) -> Option<bool> {
    const PROC_DIRTY_TRACKED: u32 = 1;
    let symbol = symbol(c"proc_get_dirty")?;
    // SAFETY: the symbol is the function of that name, which takes a pid and a place for its flags.
    let ask = unsafe {
        std::mem::transmute::<*mut c_void, unsafe extern "C" fn(c_int, *mut u32) -> c_int>(symbol)
    };
    let mut flags = 0;
    // SAFETY: `flags` is a live variable.
    let code = unsafe { ask(pid, &raw mut flags) };
    (code == 0).then_some(flags & PROC_DIRTY_TRACKED != 0)
}

/// The number of the question for the platform that a program is for, which no header that Apple
/// ships has; the answer is one word.
const PROC_PIDPLATFORMINFO: c_int = 30;

/// Returns the number of the platform that a process's program is for.
pub(crate) fn platform(pid: c_int) -> Option<u32> {
    let mut platform = 0_u32;
    read_info(pid, PROC_PIDPLATFORMINFO, 0, &mut platform).ok()?;
    Some(platform)
}

/// Finds a function of the system that may not be there.
fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name ends in a NUL.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!symbol.is_null()).then_some(symbol)
}

/// The number of the question for the processor that a program is for. No header that Apple ships
/// has the structure of its answer: `cputype` and `cpusubtype`.
const PROC_PIDARCHINFO: c_int = 19;

/// Returns the type and subtype of the processor that a process's program is for.
pub(crate) fn processor(pid: c_int) -> Option<(u32, u32)> {
    let mut words = [0_u32; 2];
    read_info(pid, PROC_PIDARCHINFO, 0, &mut words).ok()?;
    Some((words[0], words[1]))
}

/// Reads a structure of plain numbers.
fn read_info<T: Copy>(pid: c_int, flavor: c_int, argument: u64, info: &mut T) -> io::Result<()> {
    let size = c_int::try_from(size_of::<T>()).unwrap_or(0);
    // SAFETY: `info` has that many bytes.
    let count =
        unsafe { libc::proc_pidinfo(pid, flavor, argument, std::ptr::from_mut(info).cast(), size) };
    match count {
        count if count == size => Ok(()),
        count if count <= 0 => Err(io::Error::last_os_error()),
        _ => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
    }
}

/// Returns the path of a process's executable.
pub(crate) fn executable(pid: c_int) -> Option<Vec<u8>> {
    // SAFETY: the buffer has that many bytes.
    text(|buffer, bytes| unsafe { libc::proc_pidpath(pid, buffer, bytes) })
}

/// Returns a process's short name.
pub(crate) fn name(pid: c_int) -> Option<Vec<u8>> {
    // SAFETY: the buffer has that many bytes.
    text(|buffer, bytes| unsafe { libc::proc_name(pid, buffer, bytes) })
}

/// The numbers of the questions for regions: about the entry at or above an address, and for the
/// first one with a file. No header that Apple ships has the second.
const PROC_PIDREGIONPATHINFO: c_int = 8;
const PROC_PIDREGIONPATHINFO2: c_int = 22;

/// `struct proc_regioninfo` of sys/proc_info.h.
#[repr(C)]
#[derive(Clone, Copy)]
struct RegionInfo {
    /// Rights, flags, offset, counts of pages.
    _other: [u64; 10],
    address: u64,
    size: u64,
}

/// `struct proc_regionwithpathinfo` of sys/proc_info.h.
#[repr(C)]
#[derive(Clone, Copy)]
struct RegionWithPath {
    region: RegionInfo,
    file: libc::vnode_info_path,
}

const _: () = assert!(size_of::<RegionWithPath>() == 1272);

/// A region and its file.
pub(crate) struct MappedFile {
    pub(crate) start: u64,
    pub(crate) size: u64,
    /// Empty if there is no file, or if it has no name any more.
    pub(crate) path: Vec<u8>,
    pub(crate) device: u32,
    pub(crate) inode: u64,
}

/// Returns the first region with a file at or above `address`; looks at no page.
pub(crate) fn next_file(pid: c_int, address: u64) -> io::Result<MappedFile> {
    mapped_file(pid, PROC_PIDREGIONPATHINFO2, address)
}

/// Returns the region at or above `address` with its file; looks at all its pages.
pub(crate) fn file_of(pid: c_int, address: u64) -> io::Result<MappedFile> {
    mapped_file(pid, PROC_PIDREGIONPATHINFO, address)
}

fn mapped_file(pid: c_int, flavor: c_int, address: u64) -> io::Result<MappedFile> {
    // SAFETY: the structure is plain numbers, for which zeros are valid.
    let mut info: RegionWithPath = unsafe { zeroed() };
    read_info(pid, flavor, address, &mut info)?;
    let path = info.file.vip_path.as_flattened();
    let path = path.iter().take_while(|byte| **byte != 0);
    Ok(MappedFile {
        start: info.region.address,
        size: info.region.size,
        path: path.map(|byte| byte.cast_unsigned()).collect(),
        device: info.file.vip_vi.vi_stat.vst_dev,
        inode: info.file.vip_vi.vi_stat.vst_ino,
    })
}

fn text(call: impl FnOnce(*mut c_void, u32) -> c_int) -> Option<Vec<u8>> {
    let mut buffer = vec![0; PATH_BYTES];
    let count = call(buffer.as_mut_ptr().cast(), PATH_BYTES as u32);
    let count = usize::try_from(count).ok().filter(|count| *count > 0)?;
    buffer.truncate(count);
    Some(buffer)
}
