//! Samples of processes that the tests start themselves.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vmrec_sampler::{
    Consistency, Error, Quantity, Sampler, matching, process_info, processes, send_signal, types,
};

use crate::child::{Owned, skipped, sum};

/// Samples until an error comes, as the process is about to give one.
fn error_of(sampler: &mut Sampler) -> Error {
    let begun = Instant::now();
    loop {
        match sampler.sample() {
            Err(error) => return error,
            Ok(_) => assert!(begun.elapsed() < Duration::from_secs(20), "no error came"),
        }
    }
}

#[test]
fn a_process_at_rest_is_complete_and_keeps_its_identities() {
    let mut child = Owned::start("sh", &["-c", "echo ready; read line"]);
    child.hear();
    let mut sampler = Sampler::attach(child.pid()).unwrap();
    assert_eq!(sampler.process().id.pid, child.pid());
    let first = sampler.sample().unwrap();
    let second = sampler.sample().unwrap();
    assert_eq!(first.consistency, Consistency::Complete);
    let total: u64 = first
        .regions
        .iter()
        .filter(|region| region.identity.label.region_type != types::VSYSCALL)
        .map(|region| region.identity.range.virtual_bytes())
        .sum();
    assert_eq!(first.totals.virtual_bytes, Some(total));
    let of_regions = first.regions.iter().map(|region| region.footprint_bytes().unwrap());
    let footprint: u64 = of_regions.sum();
    assert!(footprint <= sum(&first, Quantity::PrivateDirty) + sum(&first, Quantity::Swapped));
    assert_eq!(first.totals.footprint_bytes, Some(footprint));
    assert!(footprint > 0 && first.cost.cpu_ns > 0 && first.cost.wall_ns > 0);
    assert_eq!(first.totals.threads, Some(1));
    assert!(second.taken > first.taken);
    assert_eq!(first.regions.len(), second.regions.len());
    for (old, new) in first.regions.iter().zip(&second.regions) {
        assert!(Arc::ptr_eq(&old.identity, &new.identity));
    }
    for wanted in [types::TEXT, types::DATA, types::STACK, types::MALLOC_BRK] {
        assert!(
            first.regions.iter().any(|region| region.identity.label.region_type == wanted),
            "{wanted}"
        );
    }
}

#[test]
fn the_end_of_a_process_is_detected() {
    let mut child = Owned::start("sleep", &["60"]);
    let mut sampler = Sampler::attach(child.pid()).unwrap();
    sampler.sample().unwrap();
    child.0.kill().unwrap();
    assert!(matches!(error_of(&mut sampler), Error::Exited { .. }));
    // Not collected yet, it is a zombie to whoever comes now.
    assert!(matches!(Sampler::attach(child.pid()), Err(Error::Zombie { .. })));
    child.0.wait().unwrap();
    assert!(matches!(sampler.sample(), Err(Error::Exited { .. })));
    assert!(matches!(Sampler::attach(child.pid()), Err(Error::NotFound { .. })));
}

#[test]
fn another_program_is_detected_even_from_the_same_file() {
    for program in ["sleep 60", "sh -c 'read line'"] {
        let mut child =
            Owned::start("sh", &["-c", &format!("echo ready; read line; exec {program}")]);
        child.hear();
        let mut sampler = Sampler::attach(child.pid()).unwrap();
        sampler.sample().unwrap();
        child.say("go");
        let error = error_of(&mut sampler);
        assert!(matches!(error, Error::Replaced { .. }), "{error}");
    }
}

#[test]
fn kernel_threads_and_missing_processes_are_distinguished() {
    match process_info(2) {
        Ok(info) if info.short_name == "kthreadd" => {
            assert!(matches!(Sampler::attach(2), Err(Error::KernelThread { pid: 2, .. })));
        }
        _ => skipped("no kernel thread is visible here"),
    }
    for pid in [0, 4_194_305, u32::MAX] {
        assert!(matches!(Sampler::attach(pid), Err(Error::NotFound { .. })), "{pid}");
    }
}

const AS_NOBODY: &str = "VMREC_TEST_AS_NOBODY";

#[test]
fn a_process_of_another_user_is_refused_with_its_owner() {
    let name = "samples::a_process_of_another_user_is_refused_with_its_owner";
    if std::env::var_os(AS_NOBODY).is_some() {
        match Sampler::attach(1) {
            Err(Error::NotPermitted { pid: 1, user_id, .. }) => assert_eq!(user_id, Some(0)),
            other => panic!("{other:?}"),
        }
        return;
    }
    let me = process_info(std::process::id()).unwrap();
    if me.user_id != Some(0) || process_info(1).is_err() {
        skipped("needs root, to become another user in a child, and a visible pid 1");
        return;
    }
    // A copy, as the other user may not reach the folder this test was built in.
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new(program)
        .args(["--exact", name])
        .env(AS_NOBODY, "1")
        .current_dir("/")
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

const MOVER: &str = "
import mmap, sys
kept = [mmap.mmap(-1, 4096 * (1 + n % 7)) for n in range(400)]
print('ready', flush=True)
n = 0
while True:
    n = (n * 7 + 13) % len(kept)
    kept[n].close()
    kept[n] = mmap.mmap(-1, 4096 * (1 + n % 50))
";

#[test]
fn moving_regions_are_complete_or_called_torn() {
    let mut child = Owned::start("python3", &["-c", MOVER]);
    if child.hear().trim() != "ready" {
        skipped("no python3");
        return;
    }
    let mut sampler = Sampler::attach(child.pid()).unwrap();
    let mut complete = 0;
    for _ in 0..30 {
        let snapshot = sampler.sample().unwrap();
        let counted = || {
            snapshot
                .regions
                .iter()
                .filter(|region| region.identity.label.region_type != types::VSYSCALL)
        };
        let total: u64 = counted().map(|region| region.identity.range.virtual_bytes()).sum();
        match &snapshot.consistency {
            Consistency::Complete | Consistency::Cheap | Consistency::Unchanged => {
                complete += 1;
                assert_eq!(snapshot.totals.virtual_bytes, Some(total));
                assert!(
                    snapshot
                        .regions
                        .windows(2)
                        .all(|pair| { pair[0].identity.range.end <= pair[1].identity.range.start })
                );
            }
            Consistency::Torn(reason) | Consistency::TotalsAlone(reason) => {
                assert!(!reason.is_empty())
            }
        }
    }
    assert!(complete > 0);
}

const LEADERLESS: &str = "
import ctypes, os, threading, time
def wait():
    while ') Z ' not in open(f'/proc/self/task/{os.getpid()}/stat').read():
        time.sleep(0.002)
    print('ready', flush=True)
    time.sleep(60)
threading.Thread(target=wait).start()
ctypes.CDLL(None).syscall(60, 0)
";

#[test]
fn a_process_is_read_through_another_thread_when_the_first_has_ended() {
    if cfg!(not(target_arch = "x86_64")) {
        skipped("the number of exit(2) differs");
        return;
    }
    let mut child = Owned::start("python3", &["-c", LEADERLESS]);
    let mut early = Sampler::attach(child.pid()).unwrap();
    if child.hear().trim() != "ready" {
        skipped("no python3");
        return;
    }
    let mut late = Sampler::attach(child.pid()).unwrap();
    let snapshot = late.sample().unwrap();
    assert_eq!(snapshot.consistency, Consistency::Complete);
    assert!(snapshot.regions.len() > 20);
    assert!(snapshot.totals.peak_resident_bytes.is_some());
    // Attached before python started, this one may have seen another program.
    match early.sample() {
        Ok(snapshot) => assert_eq!(snapshot.consistency, Consistency::Complete),
        Err(error) => assert!(matches!(error, Error::Replaced { .. }), "{error}"),
    }
    child.0.kill().unwrap();
    assert!(matches!(error_of(&mut late), Error::Exited { .. }));
}

#[test]
fn names_of_more_than_fifteen_letters_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("a-sleeper-with-a-long-name");
    std::fs::copy("/bin/sleep", &program).unwrap();
    let child = Owned::start(program.to_str().unwrap(), &["60"]);
    // Between fork and exec a child still shows its parent's name.
    let begun = Instant::now();
    let found = loop {
        let all = processes();
        let found: Vec<u32> =
            matching("a-sleeper-with", &all).into_iter().map(|place| all[place].id.pid).collect();
        if !found.is_empty() || begun.elapsed() > Duration::from_secs(10) {
            break found;
        }
    };
    assert_eq!(found, [child.pid()]);
}

#[test]
fn signals_reach_the_process() {
    let mut child = Owned::start(
        "sh",
        &["-c", "trap 'echo caught; exit 0' TERM; echo ready; while :; do sleep 0.05; done"],
    );
    assert_eq!(child.hear(), "ready\n");
    send_signal(child.pid(), 15).unwrap();
    let mut rest = String::new();
    child.0.stdout.as_mut().unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "caught\n");
}
