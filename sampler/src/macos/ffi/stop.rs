//! Suspends a task, and reads the registers of its threads.
#![allow(unsafe_code)]

use std::mem::size_of;

use mach2::kern_return::{KERN_SUCCESS, kern_return_t};
use mach2::message::mach_msg_type_number_t;
use mach2::port::mach_port_t;
use mach2::task::{task_resume, task_suspend, task_threads};
use mach2::thread_act::thread_get_state;
use mach2::traps::mach_task_self;
use mach2::vm::mach_vm_deallocate;

use crate::heap::roots::ThreadRoots;
use crate::macos::ffi::mach::{Port, release};

/// The words of 64 bits of `x86_thread_state64_t` and of `arm_thread_state64_t`, their numbers, and the
/// places of the stack pointers.
#[cfg(not(target_arch = "aarch64"))]
const STATE: (i32, usize, usize) = (4, 21, 7);
#[cfg(target_arch = "aarch64")]
const STATE: (i32, usize, usize) = (6, 34, 31);
/// The bits of a word that are an address: others may sign it.
const ADDRESS: u64 = (1 << 47) - 1;

/// A task that stands still for as long as this value lives.
///
/// The kernel counts suspensions by the rights that it hands to the process that asks, and takes
/// this one back when that process ends in any way: the task runs on then too.
#[derive(Debug)]
pub(crate) struct Suspended<'p> {
    port: &'p Port,
}

impl<'p> Suspended<'p> {
    /// Suspends the task that `port` controls.
    pub(crate) fn begin(port: &'p Port) -> Result<Self, kern_return_t> {
        // SAFETY: the port is a right that this value borrows.
        match unsafe { task_suspend(port.number()) } {
            KERN_SUCCESS => Ok(Self { port }),
            code => Err(code),
        }
    }

    /// Returns the threads with their registers; one whose registers cannot be read has none.
    pub(crate) fn threads(&self) -> Result<Vec<ThreadRoots>, kern_return_t> {
        let mut list: *mut mach_port_t = std::ptr::null_mut();
        let mut count: mach_msg_type_number_t = 0;
        // SAFETY: both pointers are to live variables.
        let code = unsafe { task_threads(self.port.number(), &raw mut list, &raw mut count) };
        if code != KERN_SUCCESS {
            return Err(code);
        }
        if list.is_null() {
            return Ok(Vec::new());
        }
        // SAFETY: the kernel mapped an array of that many rights into this process.
        let threads = unsafe { std::slice::from_raw_parts(list, count as usize) };
        let found = threads.iter().map(|thread| registers(*thread)).collect();
        threads.iter().for_each(|thread| release(*thread));
        let bytes = u64::from(count).saturating_mul(size_of::<mach_port_t>() as u64);
        // SAFETY: the array is used no more.
        unsafe { mach_vm_deallocate(mach_task_self(), list as u64, bytes) };
        Ok(found)
    }
}

impl Drop for Suspended<'_> {
    fn drop(&mut self) {
        // SAFETY: the port is a right that this value borrows, whose task it suspended once.
        unsafe { task_resume(self.port.number()) };
    }
}

fn registers(thread: mach_port_t) -> ThreadRoots {
    let (flavor, words, pointer) = STATE;
    let mut state = vec![0_u64; words];
    let mut count = (words * 2) as mach_msg_type_number_t;
    // SAFETY: `state` has as many numbers of 32 bits as `count` says.
    let code =
        unsafe { thread_get_state(thread, flavor, state.as_mut_ptr().cast(), &raw mut count) };
    if code != KERN_SUCCESS {
        return ThreadRoots::default();
    }
    let registers: Vec<u64> = state.into_iter().map(|word| word & ADDRESS).collect();
    let stack_pointer = registers.get(pointer).copied();
    ThreadRoots { registers, stack_pointer, thread_pointer: None }
}
