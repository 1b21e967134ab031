//! The threads of a process.
#![allow(unsafe_code)]

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::classify::facts::Thread;
use crate::linux::files::{OpenFile, Refusal, read};
use crate::procfs::line::readable;
use crate::procfs::status::Status;

/// The maximum number of threads to read.
const MAX_THREADS: usize = 1 << 16;

/// How long after its first sight a thread's name is read again.
const NAME_SETTLES: Duration = Duration::from_secs(2);

/// The threads, cached between refreshes.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    known: BTreeMap<u32, Known>,
    /// Whether the kernel refuses to report stack pointers.
    pub(crate) stacks_refused: bool,
    /// Whether there were more threads than the maximum.
    pub(crate) too_many: bool,
    namespace: Namespace,
    /// The numbers of threads in /proc by those in their own namespace, where that is an inner one.
    outer: HashMap<u32, u32>,
}

/// Which namespace of pids the process is in, whose numbers its own memory has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Namespace {
    /// That of /proc: the numbers are the same.
    Same,
    /// An inner one: each thread lists its number there.
    Inner,
    #[default]
    Unknown,
}

impl Namespace {
    fn of(folder: &Path) -> Self {
        match status(folder).and_then(|status| status.inner_pid) {
            Some((_, 1)) => Self::Same,
            Some(_) => Self::Inner,
            // Kernels before 4.1 list no numbers, but link the namespaces.
            None => {
                let [theirs, ours] = [folder, Path::new("/proc/self")]
                    .map(|folder| std::fs::read_link(folder.join("ns/pid")).ok());
                if theirs.is_some() && theirs == ours { Self::Same } else { Self::Unknown }
            }
        }
    }
}

fn status(folder: &Path) -> Option<Status> {
    OpenFile::open(folder.join("status")).and_then(|file| file.status()).ok()
}

#[derive(Debug)]
struct Known {
    thread: Thread,
    /// Its number in its own namespace, where that is an inner one.
    inner_tid: Option<u32>,
    first_seen: Instant,
    /// A thread begins with the name of its creator, and soon gets its own.
    name_settled: bool,
}

impl Threads {
    /// Updates the threads.
    pub(crate) fn refresh(&mut self, folder: &Path) -> Vec<Thread> {
        let Ok(tasks) = std::fs::read_dir(folder.join("task")) else { return Vec::new() };
        let mut before = std::mem::take(&mut self.known);
        self.namespace = Namespace::of(folder);
        for task in tasks.flatten() {
            if self.known.len() >= MAX_THREADS {
                self.too_many = true;
                break;
            }
            let Some(tid) = task.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let known = self.look(&task.path(), tid, before.remove(&tid));
            self.known.extend(known.map(|known| (tid, known)));
        }
        let numbers = self.known.iter();
        self.outer = numbers.filter_map(|(tid, known)| Some((known.inner_tid?, *tid))).collect();
        self.known.values().map(|known| known.thread.clone()).collect()
    }

    /// Returns the number in /proc of the thread that the process's own memory calls `tid`; `None`
    /// if that is not known.
    pub(crate) fn translate(&self, tid: u32) -> Option<u32> {
        match self.namespace {
            Namespace::Same => Some(tid),
            Namespace::Inner => self.outer.get(&tid).copied(),
            Namespace::Unknown => None,
        }
    }

    fn look(&mut self, folder: &Path, tid: u32, before: Option<Known>) -> Option<Known> {
        let robust_list = robust_list(tid);
        // Another list belongs to another thread that got the same id.
        let before = before.filter(|before| {
            before.thread.robust_list.is_none() || before.thread.robust_list == robust_list
        });
        let mut known = match before {
            Some(known) if known.name_settled => known,
            Some(mut known) => {
                known.name_settled = known.first_seen.elapsed() > NAME_SETTLES;
                known.thread.name = name(folder)?;
                known
            }
            None => {
                let name = name(folder)?;
                let thread = Thread { tid, name, robust_list: None, stack_pointer: None };
                let inner = || Some(status(folder)?.inner_pid?.0);
                let inner_tid = (self.namespace == Namespace::Inner).then(inner).flatten();
                Known { thread, inner_tid, first_seen: Instant::now(), name_settled: false }
            }
        };
        known.thread.robust_list = robust_list;
        if known.thread.stack_pointer.is_none() && !self.stacks_refused {
            match read(folder.join("syscall")) {
                Ok(text) => known.thread.stack_pointer = stack_pointer(&text),
                Err(Refusal::NotPermitted) => self.stacks_refused = true,
                Err(_) => {}
            }
        }
        Some(known)
    }
}

fn name(folder: &Path) -> Option<Arc<str>> {
    let name = read(folder.join("comm")).ok()?;
    Some(readable(name.strip_suffix(b"\n").unwrap_or(&name)).into())
}

/// Returns the address of the thread's list of robust futexes; `None` if it never registered one.
fn robust_list(tid: u32) -> Option<u64> {
    let (mut head, mut bytes) = (0_usize, 0_usize);
    // SAFETY: the kernel writes one pointer and one size to these two variables.
    let result =
        unsafe { libc::syscall(libc::SYS_get_robust_list, tid, &raw mut head, &raw mut bytes) };
    (result == 0 && head != 0).then_some(head as u64)
}

/// Reads the last field but one of `/proc/PID/task/TID/syscall`; a running thread has none.
fn stack_pointer(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let field = text.split_ascii_whitespace().rev().nth(1)?;
    let address = u64::from_str_radix(field.strip_prefix("0x")?, 16).ok()?;
    (address != 0).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_pointer_is_the_last_field_but_one() {
        let text = b"230 0x1 0x1 0x7ffced1e65d0 0x0 0x0 0x0 0x7ffced1e6590 0x7f51dbeed545\n";
        assert_eq!(stack_pointer(text), Some(0x7ffc_ed1e_6590));
        assert_eq!(stack_pointer(b"-1 0x10 0x20\n"), Some(0x10));
        for text in [&b"running\n"[..], b"", b"0 0x0 0x0", b"\xff \xff", b"1 2 3"] {
            assert_eq!(stack_pointer(text), None);
        }
    }

    #[test]
    fn threads_of_this_process_are_found() {
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let thread =
            std::thread::Builder::new().name("a thread".into()).spawn(move || held.recv()).unwrap();
        let folder = Path::new("/proc/self");
        // Read again each time: on a busy machine a thread may name itself long after it is first
        // seen.
        let is_there =
            || Threads::default().refresh(folder).iter().any(|thread| &*thread.name == "a thread");
        wait_until(is_there);
        let mut threads = Threads::default();
        let all = threads.refresh(folder);
        assert!(all.iter().any(|thread| thread.tid == std::process::id()));
        assert!(all.is_sorted_by_key(|thread| thread.tid));
        drop(hold);
        let _ = thread.join();
        wait_until(|| !is_there());
    }

    fn wait_until(met: impl Fn() -> bool) {
        let begun = std::time::Instant::now();
        while !met() {
            assert!(begun.elapsed() < std::time::Duration::from_secs(60), "it never came");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}
