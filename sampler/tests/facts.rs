//! Facts about processes that the tests start themselves.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use vmrec_sampler::AddressRange;
use vmrec_sampler::FactReader;
use vmrec_sampler::Mapping;
use vmrec_sampler::{Record, SmapsParser};

/// A child that is killed and collected when the test ends, however it ends.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn mappings(pid: u32) -> Vec<Mapping> {
    let text = std::fs::read(format!("/proc/{pid}/smaps")).unwrap();
    let mut mappings: Vec<Mapping> = Vec::new();
    let mut parser = SmapsParser::new();
    let mut push = |record: &Record<'_>| {
        let mapping = Mapping::read(record, mappings.last());
        mappings.extend(mapping);
        true
    };
    parser.feed(&text, |record| push(record)).unwrap();
    parser.finish(|record| push(record)).unwrap();
    mappings
}

/// Starts a program that prints a line when it is ready; says so and skips without it.
fn start(mut command: Command) -> Option<Owned> {
    let name = command.get_program().to_string_lossy().into_owned();
    let Ok(child) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        let _ = writeln!(std::io::stderr(), "skipped: no {name}");
        return None;
    };
    let mut child = Owned(child);
    let mut line = String::new();
    BufReader::new(child.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    if line.is_empty() {
        let _ = writeln!(std::io::stderr(), "skipped: {name} does not run");
        return None;
    }
    Some(child)
}

fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", script]);
    command
}

const THREADS: &str = "import threading, sys
for _ in range(3): threading.Thread(target=threading.Event().wait, daemon=True).start()
print('ready', flush=True); sys.stdin.read()";

#[test]
fn threads_lie_in_the_stacks_that_glibc_lists() {
    let Some(child) = start(python(THREADS)) else { return };
    let mappings = mappings(child.0.id());
    let mut reader = FactReader::new(child.0.id());
    let facts = reader.refresh(&mappings);
    assert_eq!(facts.threads.len(), 4);
    assert!(facts.memory_readable && facts.start_stack.is_some() && facts.start_brk.is_some());
    let Some(stacks) = &facts.glibc_stacks else {
        let _ = writeln!(std::io::stderr(), "skipped: another libc, or one that lists nothing");
        return;
    };
    for thread in facts.threads.iter().filter(|thread| thread.tid != facts.pid) {
        let stack = stacks.iter().find(|stack| stack.tid == Some(thread.tid)).unwrap();
        let inside = |address| stack.range.start <= address && address < stack.range.end;
        assert!(inside(thread.robust_list.unwrap()), "{thread:?} {stack:?}");
        assert!(thread.stack_pointer.is_none_or(inside), "{thread:?} {stack:?}");
        let usable = AddressRange::new(stack.range.start + stack.guard_bytes, stack.range.end);
        assert!(mappings.iter().any(|mapping| mapping.range == usable), "{stack:?}");
    }
    assert!(
        facts.images.values().any(|image| image.markers.iter().any(|it| **it == *"_PyRuntime"))
    );
}

#[test]
fn only_present_pages_are_read() {
    let mut command = python(
        "import mmap, ctypes, sys
m = mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
m[0:5] = b'hello'
print(hex(ctypes.addressof(ctypes.c_char.from_buffer(m))), flush=True); sys.stdin.read()",
    );
    let Ok(child) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        let _ = writeln!(std::io::stderr(), "skipped: no python3");
        return;
    };
    let mut child = Owned(child);
    let mut line = String::new();
    BufReader::new(child.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let Ok(address) = u64::from_str_radix(line.trim().trim_start_matches("0x"), 16) else {
        let _ = writeln!(std::io::stderr(), "skipped: python3 without mmap or ctypes");
        return;
    };
    let mappings = mappings(child.0.id());
    let mut reader = FactReader::new(child.0.id());
    reader.refresh(&mappings);
    let all = AddressRange::new(address, address + (1 << 20));
    let before = reader.present_bytes(&[all]).unwrap();
    reader.begin(&mappings, &[all]);
    let mut bytes = [0; 64];
    assert_eq!(reader.peek(address, &mut bytes), 64);
    assert_eq!(bytes[..5], *b"hello");
    assert_eq!(reader.peek(address + 4000, &mut [0; 1000]), 96);
    let absent = address + (1 << 20) - 4096;
    assert_eq!(reader.peek(absent, &mut bytes), 0);
    assert_eq!(reader.peek(0, &mut bytes), 0);
    assert_eq!(reader.peek(u64::MAX, &mut bytes), 0);
    // Nothing is kept of a page that is not there.
    assert!(reader.peeked().get(&absent).is_none_or(|bytes| bytes.is_empty()));
    assert_eq!(reader.peeked()[&address][..5], *b"hello");
    assert_eq!(reader.present_bytes(&[all]).unwrap(), before);
    let mut peeks = 0;
    while reader.peek(address, &mut bytes) > 0 {
        peeks += 1;
    }
    assert!(peeks < 100_000);
    drop(child);
    reader.begin(&mappings, &[all]);
    assert_eq!(reader.peek(address, &mut bytes), 0);
}

#[test]
fn the_heap_of_a_jvm_is_read_from_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("T.java");
    let text = "public class T { public static void main(String[] a) throws Exception {
        System.out.println(1); System.in.read(); } }";
    std::fs::write(&source, text).unwrap();
    let mut command = Command::new("java");
    command.arg("-Xmx64m").arg(&source);
    let Some(child) = start(command) else { return };
    let mappings = mappings(child.0.id());
    let mut reader = FactReader::new(child.0.id());
    let Some(jvm) = reader.refresh(&mappings).jvm.clone() else {
        let _ = writeln!(std::io::stderr(), "skipped: no facts could be read from this JVM");
        return;
    };
    assert!(
        jvm.heap
            .iter()
            .chain(&jvm.code)
            .all(|range| { mappings.iter().any(|mapping| mapping.range.overlaps(*range)) })
    );
    assert_eq!(jvm.heap[0].virtual_bytes(), 64 << 20);
    assert!(!jvm.code.is_empty());
}

#[test]
fn without_rights_nothing_is_read() {
    if std::env::var_os("FACTS_OF").is_none() {
        // The same test again, as another user.
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "without_rights_nothing_is_read"]);
        again.env("FACTS_OF", std::process::id().to_string()).uid(65534).gid(65534);
        match again.output() {
            Ok(output) => assert!(output.status.success(), "{output:?}"),
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "skipped: not root ({error})");
            }
        }
        return;
    }
    let pid: u32 = std::env::var("FACTS_OF").unwrap().parse().unwrap();
    let mut reader = FactReader::new(pid);
    let facts = reader.refresh(&[]);
    assert!(!facts.memory_readable && !facts.threads.is_empty());
    assert!(facts.threads.iter().all(|thread| thread.robust_list.is_none()));
    reader.begin(&[], &[]);
    assert_eq!(reader.peek(0x1000, &mut [0; 8]), 0);
    assert_eq!(reader.present_bytes(&[AddressRange::new(0x1000, 0x2000)]), None);
    assert!(reader.notes()[0].starts_with("memory not readable"));
}
