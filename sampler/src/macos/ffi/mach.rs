//! Mach: tasks and their memory maps. Errors are the kernel's codes (`kern_return_t`).
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::mem::size_of;

use mach2::kern_return::{KERN_FAILURE, KERN_SUCCESS, kern_return_t};
use mach2::mach_port::mach_port_deallocate;
use mach2::message::mach_msg_type_number_t;
use mach2::port::{MACH_PORT_NULL, mach_port_t};
use mach2::task::task_info;
use mach2::task_info::{
    TASK_DYLD_ALL_IMAGE_INFO_64, TASK_DYLD_INFO, TASK_DYLD_INFO_COUNT, TASK_VM_INFO,
    task_dyld_info, task_vm_info,
};
use mach2::traps::{mach_task_self, task_for_pid, task_name_for_pid};
use mach2::vm::{
    mach_vm_purgable_control, mach_vm_read_overwrite, mach_vm_region, mach_vm_region_recurse,
};
use mach2::vm_page_size::{vm_kernel_page_size, vm_page_size};
use mach2::vm_purgable::VM_PURGABLE_GET_STATE;
use mach2::vm_region::{
    VM_REGION_BASIC_INFO_64, VM_REGION_TOP_INFO, VM_REGION_TOP_INFO_COUNT, vm_region_basic_info_64,
    vm_region_submap_info_64, vm_region_top_info,
};
use mach2::vm_types::{mach_vm_address_t, mach_vm_size_t, natural_t};

use crate::darwin::entry::{Entry, Purge};
use crate::darwin::images::{DyldInfo, Read};

/// `task_for_pid` and `task_read_for_pid`.
type TaskByPid = unsafe extern "C" fn(mach_port_t, c_int, *mut mach_port_t) -> kern_return_t;

unsafe extern "C" {
    /// Of `mach/mach_vm.h`; from macOS 10.13 on.
    fn mach_vm_page_range_query(
        task: mach_port_t,
        address: mach_vm_address_t,
        size: mach_vm_size_t,
        states: mach_vm_address_t,
        count: *mut mach_vm_size_t,
    ) -> kern_return_t;
}

/// The right to read a task, released when dropped.
#[derive(Debug)]
pub(crate) struct Port(mach_port_t);

impl Drop for Port {
    fn drop(&mut self) {
        release(self.0);
    }
}

/// Gives a right up.
pub(crate) fn release(port: mach_port_t) {
    // SAFETY: `mach_task_self` only reads a static that the system sets before `main`.
    let own = unsafe { mach_task_self() };
    if port != MACH_PORT_NULL && port != own {
        // SAFETY: the kernel granted this right and nothing uses it afterwards.
        unsafe { mach_port_deallocate(own, port) };
    }
}

/// Returns a right to read the task of `pid`; where the system has none that only reads, the right
/// to control it.
///
/// All calls here do with the former, which asks for less and is granted more often.
pub(crate) fn open_task(pid: c_int) -> Result<Port, kern_return_t> {
    if u32::try_from(pid) == Ok(std::process::id()) {
        // SAFETY: `mach_task_self` only reads a static that the system sets before `main`.
        return Ok(Port(unsafe { mach_task_self() }));
    }
    open_by(task_read_for_pid().unwrap_or(task_for_pid), pid)
}

/// Returns a right to control the task of `pid`, which stopping it needs.
pub(crate) fn open_control(pid: c_int) -> Result<Port, kern_return_t> {
    open_by(task_for_pid, pid)
}

/// Returns a right to the totals of `pid` and nothing else, for which the same user is enough.
pub(crate) fn open_name(pid: c_int) -> Result<Port, kern_return_t> {
    open_by(task_name_for_pid, pid)
}

fn open_by(call: TaskByPid, pid: c_int) -> Result<Port, kern_return_t> {
    let mut port = MACH_PORT_NULL;
    // SAFETY: both calls have this signature and write to `port` only.
    let code = unsafe { call(mach_task_self(), pid, &raw mut port) };
    // A call that succeeds without a right is a refusal too.
    match code {
        KERN_SUCCESS if port != MACH_PORT_NULL => Ok(Port(port)),
        KERN_SUCCESS => Err(KERN_FAILURE),
        code => Err(code),
    }
}

/// Looks `task_read_for_pid` up: older systems lack it, and linking to it would keep vmrec from starting there.
fn task_read_for_pid() -> Option<TaskByPid> {
    // SAFETY: the name ends in a NUL.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"task_read_for_pid".as_ptr()) };
    if symbol.is_null() {
        return None;
    }
    // SAFETY: the symbol is the function of that name, whose signature is that of `task_for_pid`.
    Some(unsafe { std::mem::transmute::<*mut libc::c_void, TaskByPid>(symbol) })
}

/// Returns the kernel's text for a code.
pub(crate) fn reason(code: kern_return_t) -> String {
    // SAFETY: it returns null or a string that is never freed.
    let text = unsafe {
        let text = libc::mach_error_string(code);
        if text.is_null() { None } else { Some(CStr::from_ptr(text).to_string_lossy()) }
    };
    match text {
        Some(text) => format!("{text} ({code:#x})"),
        None => format!("{code:#x}"),
    }
}

/// Returns the page size of the kernel, which may be larger than that of a process (Rosetta).
pub(crate) fn kernel_page_bytes() -> u64 {
    // SAFETY: the system sets it before `main` and never again.
    unsafe { vm_kernel_page_size as u64 }
}

/// Returns the page size of this process.
pub(crate) fn own_page_bytes() -> u64 {
    // SAFETY: the system sets it before `main` and never again.
    unsafe { vm_page_size as u64 }
}

impl Port {
    /// Reads the region at or after `address`, down to `depth` submaps.
    pub(crate) fn region(&self, address: u64, depth: u32) -> Result<Entry, kern_return_t> {
        let (mut start, mut size, mut depth) = (address, 0, depth);
        let mut info = vm_region_submap_info_64::default();
        let mut count = vm_region_submap_info_64::count();
        // SAFETY: all pointers are to live variables; `count` is the size of `info`.
        let code = unsafe {
            mach_vm_region_recurse(
                self.0,
                &raw mut start,
                &raw mut size,
                &raw mut depth,
                (&raw mut info).cast(),
                &raw mut count,
            )
        };
        if code != KERN_SUCCESS {
            return Err(code);
        }
        Ok(Entry {
            start,
            size,
            depth,
            protection: bits(info.protection),
            max_protection: bits(info.max_protection),
            offset: info.offset,
            user_tag: info.user_tag,
            pages_resident: info.pages_resident,
            pages_shared_now_private: info.pages_shared_now_private,
            pages_swapped_out: info.pages_swapped_out,
            pages_dirtied: info.pages_dirtied,
            pages_reusable: info.pages_reusable,
            shadow_depth: info.shadow_depth,
            external_pager: info.external_pager != 0,
            share_mode: info.share_mode,
            is_submap: info.is_submap != 0,
            // From macOS 10.15 on; before, a hash of 32 bits that two objects may have.
            object_id: if count >= vm_region_submap_info_64::count() {
                info.object_id_full
            } else {
                info.object_id.into()
            },
            user_wired_count: info.user_wired_count,
        })
    }

    /// Reads the number of the kernel's pages of the region `start` and `size` that no other process
    /// maps; `None` if there is no such region.
    pub(crate) fn private_pages(&self, start: u64, size: u64) -> Option<u32> {
        let (mut at, mut bytes, mut object) = (start, 0, MACH_PORT_NULL);
        let mut info = vm_region_top_info::default();
        let mut count: mach_msg_type_number_t = VM_REGION_TOP_INFO_COUNT;
        // SAFETY: all pointers are to live variables; `count` is the size of `info`.
        let code = unsafe {
            mach_vm_region(
                self.0,
                &raw mut at,
                &raw mut bytes,
                VM_REGION_TOP_INFO,
                (&raw mut info).cast(),
                &raw mut count,
                &raw mut object,
            )
        };
        release(object);
        (code == KERN_SUCCESS && (at, bytes) == (start, size))
            .then_some(info.private_pages_resident)
    }

    /// Reads the size and end of the entry of the top level at or above `address`, and whether it is
    /// a submap.
    pub(crate) fn top_entry(&self, address: u64) -> Result<(u64, u64, bool), kern_return_t> {
        let (mut start, mut size, mut object) = (address, 0, MACH_PORT_NULL);
        let mut info = vm_region_basic_info_64::default();
        let mut count: mach_msg_type_number_t = vm_region_basic_info_64::count();
        // SAFETY: all pointers are to live variables; `count` is the size of `info`.
        let code = unsafe {
            mach_vm_region(
                self.0,
                &raw mut start,
                &raw mut size,
                VM_REGION_BASIC_INFO_64,
                (&raw mut info).cast(),
                &raw mut count,
                &raw mut object,
            )
        };
        release(object);
        // `reserved` is whether it is a submap.
        if code == KERN_SUCCESS {
            Ok((size, start.saturating_add(size), info.reserved != 0))
        } else {
            Err(code)
        }
    }

    /// Reads the state of purgeable memory; `None` for memory that is not purgeable.
    pub(crate) fn purge(&self, address: u64) -> Option<Purge> {
        let mut state = 0;
        // SAFETY: `state` is a live variable; asking for the state changes nothing.
        let code = unsafe {
            mach_vm_purgable_control(self.0, address, VM_PURGABLE_GET_STATE, &raw mut state)
        };
        (code == KERN_SUCCESS).then(|| Purge::from_state(state))
    }

    /// Reads the states of `count` pages that take `bytes` from `address` on; `None` if the kernel does
    /// not report each.
    pub(crate) fn page_states(&self, address: u64, bytes: u64, count: usize) -> Option<Vec<i32>> {
        let mut states = vec![0_i32; count];
        let mut known = count as u64;
        // SAFETY: `states` has as many numbers as `known` says, of which the kernel writes no more.
        let code = unsafe {
            let into = states.as_mut_ptr() as u64;
            mach_vm_page_range_query(self.0, address, bytes, into, &raw mut known)
        };
        (code == KERN_SUCCESS && known == count as u64).then_some(states)
    }

    /// Reads the totals of the task, and the number of words that the kernel returned.
    pub(crate) fn vm_info(&self) -> Result<(task_vm_info, usize), kern_return_t> {
        // SAFETY: the structure is plain numbers, for which zeros are valid.
        let mut info: task_vm_info = unsafe { std::mem::zeroed() };
        let words = size_of::<task_vm_info>() / size_of::<natural_t>();
        let mut count = mach_msg_type_number_t::try_from(words).unwrap_or(0);
        // SAFETY: all pointers are to live variables; `count` is the size of `info`.
        let code =
            unsafe { task_info(self.0, TASK_VM_INFO, (&raw mut info).cast(), &raw mut count) };
        if code == KERN_SUCCESS { Ok((info, count as usize)) } else { Err(code) }
    }
}

impl Port {
    /// Returns its name, for malloc's functions: valid for as long as this value lives.
    pub(crate) const fn number(&self) -> mach_port_t {
        self.0
    }

    /// Reads where dyld keeps its list of images.
    pub(crate) fn dyld_info(&self) -> Option<DyldInfo> {
        let mut info = task_dyld_info {
            all_image_info_addr: 0,
            all_image_info_size: 0,
            all_image_info_format: 0,
        };
        let mut count: mach_msg_type_number_t = TASK_DYLD_INFO_COUNT;
        // SAFETY: all pointers are to live variables; `count` is the size of `info`.
        let code =
            unsafe { task_info(self.0, TASK_DYLD_INFO, (&raw mut info).cast(), &raw mut count) };
        (code == KERN_SUCCESS).then(|| DyldInfo {
            address: info.all_image_info_addr,
            is_64_bit: info.all_image_info_format.cast_unsigned() == TASK_DYLD_ALL_IMAGE_INFO_64,
        })
    }
}

impl Read for &Port {
    fn read(&mut self, address: u64, into: &mut [u8]) -> bool {
        let wanted = into.len() as u64;
        let mut count = 0;
        // SAFETY: `into` has that many bytes, of which the kernel writes all or none.
        let code = unsafe {
            mach_vm_read_overwrite(
                self.0,
                address,
                wanted,
                into.as_mut_ptr() as u64,
                &raw mut count,
            )
        };
        code == KERN_SUCCESS && count == wanted
    }
}

fn bits(protection: i32) -> u8 {
    // Read, write, execute: the lowest three bits.
    (protection & 7) as u8
}
