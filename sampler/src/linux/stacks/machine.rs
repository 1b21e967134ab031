//! The registers that the kernel copies, and the unwinder, of the machine that vmrec runs on.

use std::sync::Arc;

use framehop::MayAllocateDuringUnwind;

/// Bytes of a section, which the unwinder shares.
pub(crate) type Table = Arc<[u8]>;
/// The unwinder.
pub(crate) type Unwinder = framehop::UnwinderNative<Table, MayAllocateDuringUnwind>;
/// Its memory of what it derived.
pub(crate) type Cache = framehop::CacheNative<MayAllocateDuringUnwind>;
/// The registers that it follows.
pub(crate) type Registers = framehop::UnwindRegsNative;

/// The registers to copy: all of the integer unit, one bit each.
#[cfg(target_arch = "x86_64")]
pub(crate) const MASK: u64 = 0x00ff_0fff; // without ds, es, fs and gs
#[cfg(target_arch = "aarch64")]
pub(crate) const MASK: u64 = (1 << 33) - 1;

/// Returns the program counter, the stack pointer and the registers to begin with.
#[cfg(target_arch = "x86_64")]
pub(crate) fn begin(copied: &[u64; 33]) -> (u64, u64, Registers) {
    let [_, _, _, _, _, _, bp, sp, ip, ..] = *copied;
    (ip, sp, Registers::new(ip, sp, bp))
}
#[cfg(target_arch = "aarch64")]
pub(crate) fn begin(copied: &[u64; 33]) -> (u64, u64, Registers) {
    let [.., fp, lr, sp, pc] = *copied;
    // Addresses of user space have 48 bits; what is above is a signature.
    let mask = framehop::aarch64::PtrAuthMask::from_max_known_address((1 << 48) - 1);
    (pc, sp, Registers::new_with_ptr_auth_mask(mask, lr, sp, fp))
}

/// Returns the same of program counter, stack pointer, frame pointer and link register.
#[cfg(target_arch = "x86_64")]
pub(crate) fn begin_at([pc, sp, fp, _]: [u64; 4]) -> (u64, u64, Registers) {
    (pc, sp, Registers::new(pc, sp, fp))
}
#[cfg(target_arch = "aarch64")]
pub(crate) fn begin_at([pc, sp, fp, lr]: [u64; 4]) -> (u64, u64, Registers) {
    let mask = framehop::aarch64::PtrAuthMask::from_max_known_address((1 << 48) - 1);
    (pc, sp, Registers::new_with_ptr_auth_mask(mask, lr, sp, fp))
}
