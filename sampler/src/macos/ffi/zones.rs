//! malloc's introspection of another process. Its functions read that process through a callback of
//! ours; they run in a child process, since they may loop or fault on structures that are torn.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_uint, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

use mach2::kern_return::{KERN_FAILURE, KERN_SUCCESS, kern_return_t};
use mach2::port::mach_port_t;
use mach2::traps::mach_task_self;
use mach2::vm::mach_vm_read_overwrite;

use crate::darwin::heap::listed::ZoneLists;
use crate::region::AddressRange;

/// `memory_reader_t`: gives a place in this process with a copy of the target's memory.
type Reader = extern "C" fn(mach_port_t, usize, usize, *mut *mut c_void) -> kern_return_t;
/// `vm_range_recorder_t`.
type Recorder = extern "C" fn(mach_port_t, *mut c_void, c_uint, *const VmRange, c_uint);
type Enumerator =
    extern "C" fn(mach_port_t, *mut c_void, c_uint, usize, Reader, Recorder) -> kern_return_t;
type TaskStatistics = extern "C" fn(mach_port_t, usize, Reader, *mut Statistics);

/// `vm_range_t`.
#[repr(C)]
struct VmRange {
    address: usize,
    size: usize,
}

/// `malloc_statistics_t`.
#[repr(C)]
#[derive(Default)]
struct Statistics {
    blocks_in_use: c_uint,
    size_in_use: usize,
    max_size_in_use: usize,
    size_allocated: usize,
}

/// `malloc_introspection_t` of malloc/malloc.h.
#[repr(C)]
struct Introspection {
    enumerator: Option<Enumerator>,
    _others: [usize; 14],
    /// From version 12 of the zone on.
    task_statistics: Option<TaskStatistics>,
}

/// The first fields of `malloc_zone_t`.
#[repr(C)]
struct Zone {
    _functions: [usize; 12],
    introspect: *const Introspection,
    version: c_uint,
}

const _: () = assert!(std::mem::offset_of!(Introspection, task_statistics) == 120);
const _: () = assert!(std::mem::offset_of!(Zone, introspect) == 96);
const _: () = assert!(std::mem::offset_of!(Zone, version) == 104);

/// The first version of zones with `task_statistics`.
const WITH_TASK_STATISTICS: u32 = 12;
const PTR_IN_USE: c_uint = 1;
const PTR_REGION: c_uint = 2;
const ADMIN_REGION: c_uint = 4;
/// The most blocks of a zone that are listed: then it counts as unreadable. They take a gigabyte.
const MAX_BLOCKS: usize = 1 << 26;
/// The most bytes that are copied: then every read fails.
const MAX_COPIED: usize = 256 << 20;

unsafe extern "C" {
    fn malloc_get_all_zones(
        task: mach_port_t,
        reader: Option<Reader>,
        addresses: *mut *mut usize,
        count: *mut c_uint,
    ) -> kern_return_t;
    fn malloc_default_zone() -> *const Zone;
    fn malloc_create_zone(size: usize, flags: c_uint) -> *const Zone;
    fn alarm(seconds: c_uint) -> c_uint;
}

/// Ends this process after so many seconds, whatever it does.
pub(crate) fn end_after(seconds: u32) {
    // SAFETY: it accesses no memory; the signal ends the process, which handles it nowhere.
    unsafe { alarm(seconds) };
}

/// A table of functions that zones of this process have, and so those of a process with the same
/// libraries at the same addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnTable {
    address: u64,
    version: u32,
}

impl OwnTable {
    /// Returns the tables of this process's zones; a zone without one has no part in it.
    pub(crate) fn all() -> Vec<Self> {
        // SAFETY: neither call has an argument that could be wrong; a zone lives for ever.
        let mut zones = unsafe { vec![malloc_default_zone(), malloc_create_zone(0, 0)] };
        let (mut list, mut count) = (std::ptr::null_mut::<usize>(), 0);
        // SAFETY: both pointers are to live variables; without a reader it reads this process itself.
        let code =
            unsafe { malloc_get_all_zones(mach_task_self(), None, &raw mut list, &raw mut count) };
        // The default zone stands for another, which is one of these.
        if code == KERN_SUCCESS && !list.is_null() && count as usize <= crate::zones::MAX_ZONES {
            // SAFETY: malloc's own list of that many zones, none of which ends.
            let all = unsafe { std::slice::from_raw_parts(list, count as usize) };
            zones.extend(all.iter().map(|zone| *zone as *const Zone));
        }
        let table = |zone: *const Zone| {
            // SAFETY: malloc returned it, or null: a zone of this process, which nobody destroys.
            let Zone { introspect, version, .. } = unsafe { zone.as_ref() }?;
            let address = introspect.addr() as u64;
            (address != 0).then_some(Self { address, version: *version })
        };
        zones.into_iter().filter_map(table).collect()
    }

    /// Returns where it lies.
    pub(crate) const fn address(&self) -> u64 {
        self.address
    }

    /// Returns the memory of a zone of the target that has this table; `None` if it cannot be read.
    pub(crate) fn ranges(&self, task: mach_port_t, zone: u64) -> Option<Vec<AddressRange>> {
        let ZoneLists { mut ranges, own, .. } =
            self.lists_of(task, zone, PTR_REGION | ADMIN_REGION)?;
        ranges.extend(own);
        Some(ranges)
    }

    /// Returns the memory and the blocks in use of such a zone.
    pub(crate) fn lists(&self, task: mach_port_t, zone: u64) -> Option<ZoneLists> {
        self.lists_of(task, zone, PTR_IN_USE | PTR_REGION | ADMIN_REGION)
    }

    fn lists_of(&self, task: mach_port_t, zone: u64, kinds: c_uint) -> Option<ZoneLists> {
        let enumerator = self.table().enumerator?;
        let mut lists = ZoneLists::default();
        let into = (&raw mut lists).cast();
        let code = enumerator(task, into, kinds, usize::try_from(zone).ok()?, read, record);
        (code == KERN_SUCCESS && lists.blocks.len() < MAX_BLOCKS).then_some(lists)
    }

    /// Returns the number of blocks in use in such a zone, and their bytes.
    pub(crate) fn in_use(&self, task: mach_port_t, zone: u64) -> Option<(u64, u64)> {
        if self.version < WITH_TASK_STATISTICS {
            return None;
        }
        let statistics = self.table().task_statistics?;
        let mut found = Statistics::default();
        statistics(task, usize::try_from(zone).ok()?, read, &raw mut found);
        Some((found.blocks_in_use.into(), found.size_in_use as u64))
    }

    fn table(&self) -> &'static Introspection {
        // SAFETY: the address of a zone of this process, whose tables are constants of its library.
        unsafe { &*(self.address as *const Introspection) }
    }
}

/// Returns the addresses of the target's zones.
pub(crate) fn addresses(task: mach_port_t, max: usize) -> Result<Vec<u64>, kern_return_t> {
    let (mut list, mut count) = (std::ptr::null_mut(), 0);
    // SAFETY: both pointers are to live variables.
    let code = unsafe { malloc_get_all_zones(task, Some(read), &raw mut list, &raw mut count) };
    if code != KERN_SUCCESS {
        return Err(code);
    }
    if list.is_null() || count as usize > max {
        return Err(KERN_FAILURE);
    }
    // SAFETY: `read` copied that many addresses to memory that stays, aligned as malloc aligns.
    let list = unsafe { std::slice::from_raw_parts(list, count as usize) };
    Ok(list.iter().map(|address| *address as u64).collect())
}

/// Copies memory of `task`; the copy stays, as the caller may keep it.
extern "C" fn read(
    task: mach_port_t,
    address: usize,
    size: usize,
    into: *mut *mut c_void,
) -> kern_return_t {
    static COPIED: AtomicUsize = AtomicUsize::new(0);
    if COPIED.fetch_add(size, Ordering::Relaxed).saturating_add(size) > MAX_COPIED {
        return KERN_FAILURE;
    }
    // In words, which are aligned enough for every structure of malloc's.
    let copy = vec![0_u128; size.div_ceil(size_of::<u128>()).max(1)].leak();
    let mut count = 0;
    // SAFETY: the copy has at least that many bytes, of which the kernel writes all or none.
    let code = unsafe {
        mach_vm_read_overwrite(
            task,
            address as u64,
            size as u64,
            copy.as_mut_ptr() as u64,
            &raw mut count,
        )
    };
    if code != KERN_SUCCESS || count != size as u64 || into.is_null() {
        return KERN_FAILURE;
    }
    // SAFETY: malloc's functions give the address of a variable of theirs.
    unsafe { *into = copy.as_mut_ptr().cast() };
    KERN_SUCCESS
}

/// Adds ranges to the lists that `context` is, by their kinds.
extern "C" fn record(
    _: mach_port_t,
    context: *mut c_void,
    kinds: c_uint,
    ranges: *const VmRange,
    count: c_uint,
) {
    if ranges.is_null() || count > c_int::MAX.cast_unsigned() {
        return;
    }
    // SAFETY: `OwnTable::lists_of` gave its lists, and waits for the enumerator, which calls this.
    let lists = unsafe { &mut *context.cast::<ZoneLists>() };
    // SAFETY: the enumerator gives an array of that many ranges.
    for range in unsafe { std::slice::from_raw_parts(ranges, count as usize) } {
        let end = (range.address as u64).saturating_add(range.size as u64);
        let range = AddressRange::new(range.address as u64, end);
        for (kind, list, max) in [
            (PTR_REGION, &mut lists.ranges, crate::zones::MAX_RANGES),
            (ADMIN_REGION, &mut lists.own, crate::zones::MAX_RANGES),
            (PTR_IN_USE, &mut lists.blocks, MAX_BLOCKS),
        ] {
            if kinds & kind != 0 && range.virtual_bytes() > 0 && list.len() <= max {
                list.push(range);
            }
        }
    }
}
