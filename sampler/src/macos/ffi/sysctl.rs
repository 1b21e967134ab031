//! sysctl: the machine, its boot, and the arguments of processes.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::mem::{size_of, zeroed};
use std::ptr::null_mut;

/// Returns the text of that name.
pub(crate) fn text(name: &CStr) -> Option<String> {
    let mut buffer = vec![0_u8; 256];
    let mut bytes = buffer.len();
    // SAFETY: the name ends in a NUL and the buffer has that many bytes.
    let code = unsafe {
        libc::sysctlbyname(name.as_ptr(), buffer.as_mut_ptr().cast(), &raw mut bytes, null_mut(), 0)
    };
    if code != 0 {
        return None;
    }
    buffer.truncate(bytes);
    let end = buffer.iter().position(|byte| *byte == 0).unwrap_or(buffer.len());
    String::from_utf8(buffer[..end].to_vec()).ok().filter(|text| !text.is_empty())
}

/// Lets the kernel count pages of regions as the footprint does, or as it did, for all that this
/// process asks from now on; returns whether it knows how.
pub(crate) fn count_as_footprint(is_wanted: bool) -> bool {
    set(c"vm.self_region_footprint", c_int::from(is_wanted))
}

/// Lets the kernel count pages of that size for all that this thread asks from now on; returns
/// whether it can.
pub(crate) fn count_pages_of(bytes: u64) -> bool {
    c_int::try_from(bytes).is_ok_and(|bytes| set(c"vm.self_region_page_size", bytes))
}

/// Sets the number of that name; returns whether the kernel knows it.
fn set(name: &CStr, mut value: c_int) -> bool {
    // SAFETY: the name ends in a NUL and `value` has that many bytes.
    let code = unsafe {
        libc::sysctlbyname(
            name.as_ptr(),
            null_mut(),
            null_mut(),
            (&raw mut value).cast(),
            size_of::<c_int>(),
        )
    };
    code == 0
}

/// Returns when the machine was booted, in microseconds since 1970. It changes when the clock is
/// set.
pub(crate) fn boot_time_us() -> Option<i64> {
    // SAFETY: the structure is plain numbers, for which zeros are valid.
    let mut time: libc::timeval = unsafe { zeroed() };
    let mut bytes = size_of::<libc::timeval>();
    // SAFETY: the name ends in a NUL and `time` has that many bytes.
    let code = unsafe {
        libc::sysctlbyname(
            c"kern.boottime".as_ptr(),
            (&raw mut time).cast(),
            &raw mut bytes,
            null_mut(),
            0,
        )
    };
    (code == 0).then(|| time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_usec.into()))
}

/// Returns the bytes of KERN_PROCARGS2: the number of arguments, the executable's path, padding, the arguments.
pub(crate) fn arguments(pid: c_int) -> Option<Vec<u8>> {
    let mut name = [libc::CTL_KERN, libc::KERN_PROCARGS2, pid];
    // The maximum bytes of the arguments; longer ones are cut.
    let mut buffer = vec![0_u8; 256 << 10];
    let mut bytes = buffer.len();
    // SAFETY: `name` has three numbers and the buffer has that many bytes.
    let code = unsafe {
        libc::sysctl(
            name.as_mut_ptr(),
            3,
            buffer.as_mut_ptr().cast(),
            &raw mut bytes,
            null_mut(),
            0,
        )
    };
    if code != 0 {
        return None;
    }
    buffer.truncate(bytes);
    Some(buffer)
}
