//! The socket through which processes hand their memory over.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::ptr;
use std::time::Duration;

/// How long a process that came is waited for: it sends its memory at once.
const PATIENCE: Duration = Duration::from_millis(100);

/// A socket that processes of this user connect to. Its name is no file's.
pub(crate) struct Socket {
    listener: UnixListener,
    pub(crate) name: String,
}

impl Socket {
    /// Opens one of a name that nobody has.
    pub(crate) fn open() -> io::Result<Self> {
        let mut random = [0_u8; 16];
        // SAFETY: `random` is room for so many bytes.
        let count = unsafe { libc::getrandom(random.as_mut_ptr().cast(), random.len(), 0) };
        if count != random.len() as isize {
            return Err(io::Error::last_os_error());
        }
        let name = format!("vmrec-allocs-{:032x}", u128::from_ne_bytes(random));
        let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, name })
    }

    pub(crate) fn file(&self) -> RawFd {
        self.listener.as_raw_fd()
    }

    /// Returns the process that came next, with the file it sent; `None` if nobody came.
    pub(crate) fn next(&self) -> Option<(u32, Option<OwnedFd>)> {
        let (stream, _) = self.listener.accept().ok()?;
        let Some((pid, user)) = peer(&stream) else { return Some((0, None)) };
        let own = crate::posix::own_user_id();
        // Root may have started a command that gave its rights up.
        let file = (user == own || own == 0).then(|| receive(&stream)).flatten();
        Some((pid, file))
    }
}

/// Returns the number and the user of the process at the other end.
fn peer(stream: &UnixStream) -> Option<(u32, u32)> {
    let mut peer = MaybeUninit::<libc::ucred>::uninit();
    let mut bytes = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: `peer` is room for the structure.
    let done = unsafe {
        let (file, to) = (stream.as_raw_fd(), peer.as_mut_ptr().cast());
        libc::getsockopt(file, libc::SOL_SOCKET, libc::SO_PEERCRED, to, &raw mut bytes)
    };
    if done != 0 {
        return None;
    }
    // SAFETY: the kernel filled it in.
    let peer = unsafe { peer.assume_init() };
    Some((u32::try_from(peer.pid).ok()?, peer.uid))
}

/// Returns the file that a process sends.
fn receive(stream: &UnixStream) -> Option<OwnedFd> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut byte = 0_u8;
    let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // Room for one file, aligned as the kernel's header.
    let mut control = [0_u64; 4];
    // SAFETY: all zeros is a value of the structure.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    // SAFETY: only computes a length, that of a header with one file and no more.
    let of_file = unsafe { libc::CMSG_LEN(size_of::<RawFd>() as u32) };
    message.msg_controllen = of_file as _;
    // SAFETY: the message's parts are room for so many bytes, and outlive the call.
    let count =
        unsafe { libc::recvmsg(stream.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
    if count != 1 {
        return None;
    }
    // SAFETY: the kernel filled in as much as it says; the header it begins with is within that.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        let header = header.as_ref()?;
        let is_file = header.cmsg_level == libc::SOL_SOCKET && header.cmsg_type == libc::SCM_RIGHTS;
        if !is_file || header.cmsg_len as u64 != u64::from(of_file) {
            return None;
        }
        let file: RawFd = ptr::read_unaligned(libc::CMSG_DATA(header).cast());
        Some(OwnedFd::from_raw_fd(file))
    }
}
