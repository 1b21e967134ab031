//! Reads which rights vmrec has to stop a process.

use std::path::Path;

use crate::linux::files::{PROC, read};
use crate::linux::process::process_info;
use crate::process::ProcessInfo;
use crate::procfs::line::{decimal, hexadecimal};
use crate::stop_refusal::Rights;

/// The bit of CAP_SYS_PTRACE.
const CAP_SYS_PTRACE: u32 = 19;

/// Reads the rights that decide whether `process` may be stopped.
pub(crate) fn rights(process: &ProcessInfo) -> Rights {
    let own = read(Path::new(PROC).join("self/status")).unwrap_or_default();
    let theirs = Path::new(PROC).join(process.id.pid.to_string()).join("status");
    let theirs = read(theirs).unwrap_or_default();
    let tracer = field(&theirs, b"TracerPid:", 0)
        .and_then(decimal)
        .and_then(|pid| u32::try_from(pid).ok())
        .filter(|pid| *pid != 0)
        // The kernel names the thread that traces it.
        .map(|tid| match process_info(tid) {
            Ok(info) => (info.id.pid, info.name().to_owned()),
            Err(_) => (tid, "a process".to_owned()),
        });
    let yama = read(Path::new(PROC).join("sys/kernel/yama/ptrace_scope")).ok();
    let capabilities = field(&own, b"CapEff:", 0).and_then(hexadecimal).unwrap_or(0);
    Rights {
        may_trace_all: capabilities >> CAP_SYS_PTRACE & 1 == 1,
        // The second number is the effective one.
        own_user_id: field(&own, b"Uid:", 1).and_then(decimal).and_then(|id| id.try_into().ok()),
        user_id: process.user_id,
        tracer,
        yama: yama.and_then(|text| decimal(text.trim_ascii())),
    }
}

/// Returns a word of the line that begins with `key`.
fn field<'t>(text: &'t [u8], key: &[u8], index: usize) -> Option<&'t [u8]> {
    let line = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(key))?;
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(index)
}
