//! The target of made-up recordings and its machine, with values at the ends of
//! their ranges: shared by the tests of the store and the torture.

use vmrec_sampler::{Host, ProcessId, ProcessInfo, Timestamp};
use vmrec_store::{Error, SessionId, SessionStart, Writer};

pub(crate) const PAGE_BYTES: u64 = 4096;
/// Planned time between samples.
pub(crate) const INTERVAL_NS: u64 = 2_000_000_000;

pub(crate) fn process() -> ProcessInfo {
    ProcessInfo {
        id: ProcessId { pid: 4242, start_ticks: u64::MAX, boot_id: "b00t".to_owned() },
        parent_pid: Some(1),
        started_utc_ns: Some(-5),
        executable: Some("/usr/bin/made-up".to_owned()),
        executable_deleted: true,
        architecture: Some("i386".to_owned()),
        arguments: vec!["made-up".to_owned(), String::new(), "with \0 and \n".to_owned()],
        short_name: "made-up".to_owned(),
        user_id: Some(u32::MAX),
    }
}

pub(crate) fn host() -> Host {
    Host {
        name: "somewhere".to_owned(),
        os: "linux".to_owned(),
        kernel: "6.18.0".to_owned(),
        architecture: "x86_64".to_owned(),
        page_size_bytes: PAGE_BYTES,
    }
}

pub(crate) fn begin_session(writer: &mut Writer, at: Timestamp) -> Result<SessionId, Error> {
    let (process, host) = (process(), host());
    let boot_id = &process.id.boot_id;
    let start = SessionStart { targets: "made up", host: &host, boot_id, interval_ns: INTERVAL_NS };
    writer.begin_session(&start, at)
}
