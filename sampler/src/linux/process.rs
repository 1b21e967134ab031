//! Reads facts about processes and the machine, besides memory.

use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::linux::executable::{architecture as machine_of, executable};
use crate::linux::files::{OpenFile, PROC, Refusal, living_threads, read, thread_folder};
use crate::linux::system::{architecture, page_size_bytes, ticks_per_second};
use crate::posix;
use crate::posix::now;
use crate::process::{Host, ProcessId, ProcessInfo};
use crate::procfs::line::readable;
use crate::procfs::stat::Stat;
use crate::procfs::status::Status;

/// Returns the facts about the process `pid`.
///
/// # Errors
///
/// Fails if there is no such process, or it is hidden.
pub fn process_info(pid: u32) -> Result<ProcessInfo, Error> {
    loaded_info(Path::new(PROC), pid)
        .map(|(info, _)| with_architecture(Path::new(PROC), info))
        .map_err(|refusal| explain_absence(refused(refusal, pid)))
}

/// Checks that procfs is mounted, without which every process seems to be missing.
///
/// # Errors
///
/// Fails with [`Error::NoProc`] if it is not, and with [`Error::OtherProc`] if it has the numbers of
/// another namespace of pids.
pub fn check_proc() -> Result<(), Error> {
    let Ok(own) = std::fs::read_link(Path::new(PROC).join("self")) else {
        return Err(Error::NoProc);
    };
    let own = own.to_str().and_then(|own| own.parse().ok());
    if own == Some(std::process::id()) { Ok(()) } else { Err(Error::OtherProc) }
}

/// Returns whether procfs hides processes of other users: it hides the first one, which always exists.
pub fn hides_processes() -> bool {
    check_proc().is_ok() && !Path::new(PROC).join("1").exists()
}

/// Finds out whether a process that procfs does not list exists nevertheless.
pub(crate) fn explain_absence(error: Error) -> Error {
    let Error::NotFound { pid } = error else { return error };
    if let Err(error) = check_proc() {
        return error;
    }
    // A process listed by now began only after the search for it.
    let listed = Path::new(PROC).join(pid.to_string()).exists();
    if !listed && posix::exists(pid) { Error::Hidden { pid } } else { Error::NotFound { pid } }
}

/// Returns every visible process that can have its own memory: no threads of the kernel.
pub fn processes() -> Vec<ProcessInfo> {
    all(Path::new(PROC))
}

/// Returns the file name of the program that a process runs; `None` if it may not be read.
///
/// Nothing is read that the process could keep waiting.
pub fn program_name(pid: u32) -> Option<String> {
    let (path, _) = executable(&Path::new(PROC).join(pid.to_string()));
    path?.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Returns the resident bytes of a process by the kernel's quick count; `None` if there is no such
/// process any more.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    let path = Path::new(PROC).join(pid.to_string()).join("statm");
    let statm = OpenFile::open(path).and_then(|file| file.statm()).ok()?;
    Some(statm.resident.saturating_mul(page_size_bytes()))
}

/// Returns the machine this runs on.
pub fn host() -> Host {
    let read_line = |name: &str| {
        let text = read(Path::new(PROC).join("sys/kernel").join(name)).unwrap_or_default();
        readable(text.trim_ascii())
    };
    Host {
        name: read_line("hostname"),
        os: "linux".to_owned(),
        kernel: read_line("osrelease"),
        architecture: architecture().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        page_size_bytes: page_size_bytes(),
    }
}

/// Converts a refusal before any facts about the process are known.
pub(crate) fn refused(refusal: Refusal, pid: u32) -> Error {
    match refusal {
        Refusal::Gone => Error::NotFound { pid },
        Refusal::NotPermitted => {
            Error::NotPermitted { pid, name: format!("process {pid}"), user_id: None }
        }
        Refusal::Other(error) => error,
    }
}

fn all(root: &Path) -> Vec<ProcessInfo> {
    let Ok(folders) = std::fs::read_dir(root) else { return Vec::new() };
    let mut pids: Vec<u32> =
        folders.flatten().filter_map(|folder| folder.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids.into_iter()
        .filter_map(|pid| info(root, pid).ok())
        .filter(|(_, stat)| !stat.kernel_thread)
        .map(|(info, _)| info)
        .collect()
}

/// Adds the machine of the executable, which is not read of every process listed.
pub(crate) fn with_architecture(root: &Path, info: ProcessInfo) -> ProcessInfo {
    let folder = root.join(info.id.pid.to_string());
    // The first thread may have ended.
    let living = living_threads(&folder).ok().and_then(|mut threads| threads.next());
    let folder = living.map_or(folder.clone(), |tid| thread_folder(&folder, tid));
    ProcessInfo { architecture: machine_of(&folder), ..info }
}

/// How often and how long is waited for the arguments of a program that begins.
const ARGUMENTS_TRIES: u32 = 10;
const ARGUMENTS_WAIT: Duration = Duration::from_millis(2);

/// Reads the facts about the process `pid` under `root`. While the kernel loads a new program its
/// arguments are empty for a moment, which is waited out.
pub(crate) fn loaded_info(root: &Path, pid: u32) -> Result<(ProcessInfo, Stat), Refusal> {
    let mut found = info(root, pid)?;
    for _ in 0..ARGUMENTS_TRIES {
        if !found.0.arguments.is_empty() || found.0.executable.is_none() {
            break;
        }
        thread::sleep(ARGUMENTS_WAIT);
        found = info(root, pid)?;
    }
    Ok(found)
}

/// Reads the facts about the process `pid` under `root`.
fn info(root: &Path, pid: u32) -> Result<(ProcessInfo, Stat), Refusal> {
    let folder = root.join(pid.to_string());
    let stat = OpenFile::open(folder.join("stat"))?.stat()?;
    let status = OpenFile::open(folder.join("status"))?.status()?;
    // A thread's number names its process.
    if let Some(process) = status.process_pid.filter(|process| *process != pid) {
        return info_of_process(root, process);
    }
    info_of(root, pid, stat, &status)
}

/// Reads the facts about a process by its number, which is its first thread's.
fn info_of_process(root: &Path, pid: u32) -> Result<(ProcessInfo, Stat), Refusal> {
    let folder = root.join(pid.to_string());
    let stat = OpenFile::open(folder.join("stat"))?.stat()?;
    let status = OpenFile::open(folder.join("status"))?.status()?;
    info_of(root, pid, stat, &status)
}

fn info_of(
    root: &Path,
    pid: u32,
    stat: Stat,
    status: &Status,
) -> Result<(ProcessInfo, Stat), Refusal> {
    let mut folder = root.join(pid.to_string());
    if stat.ended() && stat.threads > 1 {
        // A thread that has ended shows neither executable nor arguments; one that lives does.
        let living = living_threads(&folder)?.next();
        folder = living.map_or(folder.clone(), |tid| thread_folder(&folder, tid));
    }
    let (executable, executable_deleted) = executable(&folder);
    let info = ProcessInfo {
        id: ProcessId { pid, start_ticks: stat.start_ticks, boot_id: boot_id(root) },
        parent_pid: Some(stat.parent_pid).filter(|parent| *parent != 0),
        started_utc_ns: started_utc_ns(stat.start_ticks),
        executable,
        executable_deleted,
        architecture: None,
        arguments: read(folder.join("cmdline")).map(|text| arguments(&text)).unwrap_or_default(),
        short_name: stat.comm.clone(),
        user_id: status.user_id,
    };
    Ok((info, stat))
}

fn boot_id(root: &Path) -> String {
    let text = read(root.join("sys/kernel/random/boot_id")).unwrap_or_default();
    readable(text.trim_ascii())
}

fn started_utc_ns(start_ticks: u64) -> Option<i64> {
    let now = now();
    let boot_utc_ns = now.utc_ns.checked_sub(i64::try_from(now.monotonic_ns).ok()?)?;
    let since_boot_ns = start_ticks.checked_mul(1_000_000_000 / ticks_per_second())?;
    boot_utc_ns.checked_add(i64::try_from(since_boot_ns).ok()?)
}

/// Splits the text of cmdline, whose arguments each end in a NUL.
fn arguments(text: &[u8]) -> Vec<String> {
    // Processes that overwrite their arguments with a title leave many NULs behind it.
    let used = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let kept = if text.len() - used > 2 { &text[..used] } else { text };
    if kept.is_empty() {
        return Vec::new();
    }
    let kept = kept.strip_suffix(b"\0").unwrap_or(kept);
    kept.split(|byte| *byte == 0).map(readable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_may_be_empty_and_titles_leave_nothing_behind() {
        assert_eq!(arguments(b"a\0\0b\0"), ["a", "", "b"]);
        assert_eq!(arguments(b"a\0\0"), ["a", ""]);
        assert_eq!(arguments(b"title of it\0\0\0\0\0"), ["title of it"]);
        assert_eq!(arguments(b"cut \xff"), ["cut \\xff"]);
        assert_eq!(arguments(b""), [""; 0]);
    }

    #[test]
    fn we_know_ourselves() {
        let me = process_info(std::process::id()).unwrap();
        let exe = std::env::current_exe().unwrap();
        assert_eq!(me.executable.as_deref(), exe.to_str());
        assert_eq!(me.arguments, std::env::args().collect::<Vec<_>>());
        assert_eq!(me.parent_pid, Some(std::os::unix::process::parent_id()));
        assert!(!me.id.boot_id.is_empty());
        let age_ns = now().utc_ns - me.started_utc_ns.unwrap();
        assert!((0..600_000_000_000).contains(&age_ns), "{age_ns}");
        assert!(processes().iter().any(|process| process.id == me.id));
        assert!(processes().iter().all(|process| process.short_name != "kthreadd"));
    }

    #[test]
    fn a_threads_number_names_its_process() {
        let me = std::process::id();
        let named = std::thread::spawn(|| {
            let path = std::fs::read_link("/proc/thread-self").unwrap();
            let tid: u32 = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
            (tid, process_info(tid).unwrap().id)
        });
        let (tid, named) = named.join().unwrap();
        assert_ne!(tid, me);
        assert_eq!(named, process_info(me).unwrap().id);
        let listed = processes();
        assert!(listed.iter().all(|process| process.id.pid != tid));
    }

    #[test]
    fn the_host_is_named() {
        let host = host();
        assert_eq!(host.os, "linux");
        assert!(
            !host.name.is_empty() && host.kernel.contains('.') && !host.architecture.is_empty()
        );
        assert!(host.page_size_bytes.is_power_of_two());
    }
}
