//! Reads malloc's zones of a process: in a child process of vmrec's, which prints them.
//!
//! malloc's own functions interpret the structures, but only those of this process, for zones whose
//! table of functions is at the same address as ours: no pointer found in the target is called.

use std::sync::Arc;

use crate::darwin::images::Images;
use crate::darwin::images::bytes::{Memory, u32_at, u64_at};
use crate::error::Error;
use crate::macos::ffi::libproc;
use crate::macos::ffi::zones::{OwnTable, addresses, end_after};
use crate::macos::process::{info, native};
use crate::macos::task::Task;
use crate::zones::{MAX_RANGES, MAX_ZONES, MallocZone, lines};

/// How long it may take, in seconds.
const MAX_SECONDS: u32 = 3;
/// The bits of a pointer that are an address: the others may sign it.
const ADDRESS: u64 = (1 << 47) - 1;
/// The bytes of `malloc_zone_t` up to and with its version.
const ZONE_BYTES: usize = 112;

/// A zone that was found in a process.
pub(crate) struct FoundZone {
    pub(crate) address: u64,
    pub(crate) name: Option<String>,
    /// Its functions; `None` of a zone of another allocator's.
    pub(crate) table: Option<OwnTable>,
}

/// Returns lines with the zones of the process `pid`, which [`crate::zones::parse_zones`] reads. To
/// be called in a process of its own: it may not return.
///
/// # Errors
///
/// Fails if the process may not be read, or if its libraries are not those of this process.
pub fn zone_lines(pid: u32) -> Result<String, Error> {
    end_after(MAX_SECONDS);
    let target = Task::open(&info(pid)?.0)?;
    let port = target.port().number();
    let mut zones: Vec<MallocZone> = Vec::new();
    let mut ranges = 0;
    for FoundZone { address, name, table } in find(&target, pid)? {
        let known = table.as_ref().and_then(|table| table.ranges(port, address));
        ranges += known.as_ref().map_or(0, Vec::len);
        if ranges > MAX_RANGES {
            return Err(failed(pid, "its zones have too many ranges"));
        }
        zones.push(MallocZone {
            address,
            name,
            in_use: table.filter(|_| known.is_some()).and_then(|t| t.in_use(port, address)),
            ranges: known,
        });
    }
    Ok(lines(&zones))
}

/// Returns the zones of the process `pid`, the `target`.
pub(crate) fn find(target: &Task, pid: u32) -> Result<Vec<FoundZone>, Error> {
    let own = Task::open(&info(std::process::id())?.0)?;
    let cache = |task: &Task| task.images(None).and_then(|images: Arc<Images>| images.cache);
    let own_pid = native(std::process::id())?;
    let processors = [libproc::processor(native(pid)?), libproc::processor(own_pid)];
    // malloc's variables and tables are then where they are here.
    if cache(target).is_none() || cache(target) != cache(&own) || processors[0] != processors[1] {
        return Err(failed(pid, "its libraries are not those of vmrec, or not where they are"));
    }
    let port = target.port();
    let found =
        addresses(port.number(), MAX_ZONES).map_err(|code| failed(pid, &Task::reason(code)))?;
    let tables = OwnTable::all();
    let zone = |address: u64| {
        let mut reader = port;
        let mut memory = Memory::new(&mut reader);
        let zone = memory.bytes(address, ZONE_BYTES);
        let zone = zone.as_deref().unwrap_or_default();
        let pointer = |at| u64_at(zone, at).map(|pointer| pointer & ADDRESS);
        let table = tables
            .iter()
            .find(|own| Some(own.address()) == pointer(96) && u32_at(zone, 104).is_some());
        let name = pointer(72).and_then(|name| memory.text(name));
        FoundZone { address, name, table: table.copied() }
    };
    Ok(found.into_iter().map(zone).collect())
}

fn failed(pid: u32, reason: &str) -> Error {
    Error::Kernel { pid, call: "malloc_get_all_zones", reason: reason.to_owned() }
}
