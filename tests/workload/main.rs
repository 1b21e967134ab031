//! A process that changes its memory as a test orders, line by line on
//! standard input, and answers each line once it is done:
//!
//!     heap BYTES      grow the brk heap by BYTES in blocks of 64 KiB, all touched
//!     free-half       free the newer half of those blocks and give their memory back
//!     map FILE        map FILE privately, read-only, and touch every page
//!     map-only FILE   map FILE privately, read-only, and touch nothing
//!     churn FOLDER    map other files in FOLDER every few milliseconds, whose names are long
//!     threads N       start N threads that wait
//!     reserve BYTES   reserve address space without any right to it
//!     zoo FOLDER      make one mapping of every kind (Linux), with files in FOLDER
//!     aio             set up a ring of asynchronous I/O, which the kernel maps (Linux)
//!     end-leader      end the first thread; another one goes on (Linux)
//!     exec PROGRAM    become PROGRAM
//!     exit STATUS     end with STATUS
//!
//! Any other line is an error and ends it with status 2.

#![allow(
    unsafe_code,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's own target may die of a mistake in the test"
)]

#[cfg(target_os = "linux")]
mod zoo;

use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;
use std::{ptr, thread};

const BLOCK_BYTES: usize = 64 << 10;
const PAGE_BYTES: usize = 4096;

fn main() {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    answer(&format!("pid {}", std::process::id()));
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let (word, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let number = || argument.parse::<usize>().expect("a number");
        match word {
            "heap" => blocks.extend((0..number() / BLOCK_BYTES).map(|_| vec![1; BLOCK_BYTES])),
            "free-half" => {
                blocks.truncate(blocks.len() / 2);
                give_back();
            }
            "map" => touch(map_file(argument)),
            "map-only" => _ = map_file(argument),
            "churn" => churn(argument.to_owned()),
            "threads" => (0..number()).for_each(|_| drop(thread::spawn(thread::park))),
            "reserve" => {
                _ = map(number(), libc::PROT_NONE, libc::MAP_ANONYMOUS | libc::MAP_NORESERVE, -1)
            }
            #[cfg(target_os = "linux")]
            "zoo" => zoo::settle(argument.as_ref()),
            #[cfg(target_os = "linux")]
            "aio" => set_up_aio(),
            #[cfg(target_os = "linux")]
            "end-leader" => end_leader(),
            "exec" => {
                let error = Command::new(argument).arg("60").exec();
                panic!("cannot become {argument}: {error}");
            }
            "exit" => std::process::exit(i32::try_from(number()).expect("a status")),
            _ => std::process::exit(2),
        }
        answer("ok");
    }
}

/// Starts a thread that maps new files in `folder` in place of those before, for as long as it can.
fn churn(folder: String) {
    const FILES: usize = 50;
    let name = move |turn: usize, file: usize| format!("{folder}/{:0>200}", turn * FILES + file);
    let map_new = move |turn: usize, file: usize| -> io::Result<&'static [u8]> {
        let path = name(turn, file);
        fs::write(&path, [1; PAGE_BYTES])?;
        let memory = map_file(&path);
        fs::remove_file(&path)?;
        touch(memory);
        Ok(memory)
    };
    thread::spawn(move || {
        let mut mapped: Vec<&'static [u8]> = Vec::new();
        for turn in 0.. {
            for memory in mapped.drain(..) {
                // SAFETY: it was mapped by this thread, and nothing refers to it any more.
                unsafe { libc::munmap(memory.as_ptr().cast_mut().cast(), memory.len()) };
            }
            // Its test has ended where the folder is gone.
            let Ok(new) = (0..FILES).map(|file| map_new(turn, file)).collect() else { return };
            mapped = new;
            thread::sleep(Duration::from_millis(20));
        }
    });
}

/// Sets up a ring of asynchronous I/O that stays until the process ends.
#[cfg(target_os = "linux")]
fn set_up_aio() {
    let mut context = 0_u64;
    // SAFETY: the kernel writes one number to `context`.
    let status = unsafe { libc::syscall(libc::SYS_io_setup, 64, &raw mut context) };
    assert_eq!(status, 0, "{}", io::Error::last_os_error());
}

/// Ends the first thread, after one that goes on has started.
#[cfg(target_os = "linux")]
fn end_leader() {
    drop(thread::spawn(thread::park));
    answer("ok");
    // SAFETY: it ends this thread alone, whose memory stays mapped.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
}

fn answer(text: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).expect("a reader");
}

/// Gives freed memory back to the kernel, which an allocation above it may otherwise prevent.
fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it only returns free memory, and takes malloc's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

fn map_file(path: &str) -> &'static [u8] {
    let file = File::open(path).expect("a file to map");
    let bytes =
        usize::try_from(file.metadata().expect("its size").len()).expect("a size that fits");
    map(bytes, libc::PROT_READ, 0, file.as_raw_fd())
}

fn map(bytes: usize, protection: i32, flags: i32, file: i32) -> &'static [u8] {
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory in use.
    let address = unsafe {
        libc::mmap(ptr::null_mut(), bytes, protection, libc::MAP_PRIVATE | flags, file, 0)
    };
    assert_ne!(address, libc::MAP_FAILED, "{}", io::Error::last_os_error());
    // SAFETY: `bytes` bytes are mapped there and never unmapped; callers read only what they mapped readable.
    unsafe { std::slice::from_raw_parts(address.cast(), bytes) }
}

fn touch(memory: &[u8]) {
    let sum: u64 = memory.iter().step_by(PAGE_BYTES).map(|&byte| u64::from(byte)).sum();
    std::hint::black_box(sum);
}
