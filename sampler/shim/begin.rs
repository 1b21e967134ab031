//! The begin of a process: its memory to share with the recorder, which it hands over through a socket.
//! It waits for nobody, and any failure leaves it as it would be without the shim.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::layout::{ALL_BYTES, MAGIC, VARIABLE, WITH_CHILDREN};
use crate::ring::Ring;
use crate::system::{call, map, number};

/// The variable's value, which stays good in processes that are forked.
pub(crate) static MEAN: AtomicU64 = AtomicU64::new(0);
static FLAGS: AtomicU64 = AtomicU64::new(0);
static mut SOCKET_NAME: [u8; MAX_NAME_BYTES] = [0; MAX_NAME_BYTES];
static NAME_BYTES: AtomicU32 = AtomicU32::new(0);
const MAX_NAME_BYTES: usize = 96;

const CLOSE_ON_EXEC: usize = 0o2_000_000;
const SHARED: usize = 1;

/// Begins a program; `None` if it is not to be recorded, or if that fails.
pub(crate) fn program() -> Option<Ring> {
    let mut value = [0_u8; 192];
    let bytes = variable(&mut value)?;
    let mut fields = Fields(value.get(..bytes)?);
    let recorder = fields.number()?;
    let flags = fields.number()?;
    let mean = fields.number()?;
    let name = fields.0;
    if mean == 0 || name.is_empty() || name.len() > MAX_NAME_BYTES {
        return None;
    }
    // SAFETY: the call has no arguments.
    let parent = unsafe { call(number::GETPPID, [0; 6]) };
    if flags & WITH_CHILDREN == 0 && u64::try_from(parent) != Ok(recorder) {
        return None;
    }
    MEAN.store(mean, Ordering::Relaxed);
    FLAGS.store(flags, Ordering::Relaxed);
    // SAFETY: the one thread that begins a program writes it, before any reads it.
    unsafe {
        let to: *mut u8 = (&raw mut SOCKET_NAME).cast();
        to.copy_from_nonoverlapping(name.as_ptr(), name.len());
    }
    NAME_BYTES.store(name.len() as u32, Ordering::Release);
    share()
}

/// Begins a process that was forked; `None` if it is not to be recorded.
pub(crate) fn forked() -> Option<Ring> {
    const PR_GET_SECCOMP: usize = 21;
    if FLAGS.load(Ordering::Relaxed) & WITH_CHILDREN == 0 {
        return None;
    }
    // A filter of system calls may end it at the next one.
    // SAFETY: asks for a number.
    if unsafe { call(number::PRCTL, [PR_GET_SECCOMP, 0, 0, 0, 0, 0]) } != 0 {
        return None;
    }
    share()
}

/// Makes the memory to share and sends it to the recorder.
fn share() -> Option<Ring> {
    const MFD_CLOEXEC_ALLOW_SEALING: usize = 3;
    const F_ADD_SEALS: usize = 1033;
    /// No other seals, no smaller, no larger: the recorder may rely on the size.
    const SEALS: usize = 1 | 2 | 4;
    const MADV_DONTFORK: usize = 10;
    let name = c"vmrec-allocs".as_ptr() as usize;
    // SAFETY: the name is text that ends with 0.
    let file = unsafe { call(number::MEMFD_CREATE, [name, MFD_CLOEXEC_ALLOW_SEALING, 0, 0, 0, 0]) };
    let file = usize::try_from(file).ok()?;
    // SAFETY: `file` is open, and this library's own.
    let is_made = unsafe {
        call(number::FTRUNCATE, [file, ALL_BYTES, 0, 0, 0, 0]) == 0
            && call(number::FCNTL, [file, F_ADD_SEALS, SEALS, 0, 0, 0]) == 0
    };
    let base = if is_made { map(ALL_BYTES, SHARED, file) } else { None };
    let is_sent = base.is_some_and(|base| {
        // SAFETY: the mapping is of this size, and no other refers to it yet.
        unsafe {
            base.cast::<u64>().write(MAGIC);
            call(number::MADVISE, [base as usize, ALL_BYTES, MADV_DONTFORK, 0, 0, 0]) == 0
                && send(file)
        }
    });
    // SAFETY: nobody else knows the file; the mapping, if it is not sent, has no user.
    unsafe {
        call(number::CLOSE, [file, 0, 0, 0, 0, 0]);
        if let (Some(base), false) = (base, is_sent) {
            call(number::MUNMAP, [base as usize, ALL_BYTES, 0, 0, 0, 0]);
        }
    }
    base.filter(|_| is_sent).map(Ring::new)
}

#[repr(C)]
struct Address {
    family: u16,
    /// A first byte of 0 is for names that are no files.
    name: [u8; 108],
}

#[repr(C)]
struct Message {
    name: usize,
    name_bytes: u64,
    parts: *const [usize; 2],
    part_count: usize,
    control: *const Control,
    control_bytes: usize,
    flags: u64,
}

#[repr(C)]
struct Control {
    bytes: usize,
    level: i32,
    kind: i32,
    file: i32,
    padding: i32,
}

/// Sends the file to the recorder; returns whether that was possible at once.
fn send(file: usize) -> bool {
    const UNIX: usize = 1;
    const STREAM_NONBLOCK: usize = 1 | 0o4000 | CLOSE_ON_EXEC;
    const NOSIGNAL: usize = 0x4000;
    // SAFETY: a new socket.
    let socket = unsafe { call(number::SOCKET, [UNIX, STREAM_NONBLOCK, 0, 0, 0, 0]) };
    let Ok(socket) = usize::try_from(socket) else { return false };
    let bytes = NAME_BYTES.load(Ordering::Acquire) as usize;
    let mut address = Address { family: UNIX as u16, name: [0; 108] };
    // SAFETY: nobody writes the name any more, and it is shorter than the room for it.
    unsafe {
        let from: *const u8 = (&raw const SOCKET_NAME).cast();
        address.name.as_mut_ptr().add(1).copy_from_nonoverlapping(from, bytes);
    }
    let byte = 0_u8;
    let part = [(&raw const byte) as usize, 1];
    let control = Control { bytes: 20, level: 1, kind: 1, file: file as i32, padding: 0 };
    let message = Message {
        name: 0,
        name_bytes: 0,
        parts: &raw const part,
        part_count: 1,
        control: &raw const control,
        control_bytes: size_of::<Control>(),
        flags: 0,
    };
    // SAFETY: all structures are the kernel's, and live until the calls return.
    unsafe {
        let at = (&raw const address) as usize;
        let sent = call(number::CONNECT, [socket, at, 2 + 1 + bytes, 0, 0, 0]) == 0
            && call(number::SENDMSG, [socket, (&raw const message) as usize, NOSIGNAL, 0, 0, 0])
                == 1;
        call(number::CLOSE, [socket, 0, 0, 0, 0, 0]);
        sent
    }
}

/// Fields of text between spaces.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn number(&mut self) -> Option<u64> {
        let end = self.0.iter().position(|byte| *byte == b' ')?;
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest.get(1..)?;
        digits.iter().try_fold(0_u64, |number, byte| {
            let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
            number.checked_mul(10)?.checked_add(digit.into())
        })
    }
}

/// Reads the variable as it was when the program began: the C library may not know its environment
/// yet. Returns the bytes of its value.
fn variable(value: &mut [u8]) -> Option<usize> {
    const HERE: usize = -100_isize as usize;
    let path = c"/proc/self/environ".as_ptr() as usize;
    // SAFETY: the path ends with 0.
    let file = unsafe { call(number::OPENAT, [HERE, path, CLOSE_ON_EXEC, 0, 0, 0]) };
    let file = usize::try_from(file).ok()?;
    let mut search = Search { matched: 0, is_other: false, bytes: 0, found: false };
    let mut part = [0_u8; 1024];
    loop {
        // SAFETY: `part` is room for so many bytes.
        let count =
            unsafe { call(number::READ, [file, part.as_mut_ptr() as usize, part.len(), 0, 0, 0]) };
        let count = usize::try_from(count).unwrap_or(0);
        let ends = part.get(..count)?.iter().any(|byte| search.ends(*byte, value));
        if count == 0 || ends {
            break;
        }
    }
    // SAFETY: it is open, and this library's own.
    unsafe { call(number::CLOSE, [file, 0, 0, 0, 0, 0]) };
    search.found.then_some(search.bytes)
}

/// Where the search for the variable is.
struct Search {
    /// The bytes of its name, and of the `=`, that matched so far.
    matched: usize,
    /// Whether this is another variable.
    is_other: bool,
    /// The bytes of its value so far.
    bytes: usize,
    found: bool,
}

impl Search {
    /// Looks at a byte; returns whether it ends the variable.
    fn ends(&mut self, byte: u8, value: &mut [u8]) -> bool {
        let name = VARIABLE.as_bytes();
        if byte == 0 {
            self.found = self.matched > name.len() && !self.is_other;
            if !self.found {
                (self.matched, self.is_other, self.bytes) = (0, false, 0);
            }
            return self.found;
        }
        if self.is_other {
            return false;
        }
        if self.matched > name.len() {
            match value.get_mut(self.bytes) {
                Some(room) => *room = byte,
                None => self.is_other = true,
            }
            self.bytes += 1;
            return false;
        }
        self.is_other = byte != name.get(self.matched).copied().unwrap_or(b'=');
        self.matched += 1;
        false
    }
}
