//! The thread that reads the buffers. Ticks take what it found, and wait for one record at most.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::linux::files::PROC;
use crate::linux::stacks::calls::tracepoints;
use crate::linux::stacks::events::{Begin, Events};
use crate::linux::stacks::files::{Files, SeenMounts};
use crate::linux::stacks::launch::wait_readable;
use crate::linux::stacks::machine;
use crate::linux::stacks::modules::{has_code, mapping_of};
use crate::linux::stacks::process::Process;
use crate::linux::stacks::ring::{Rings, Source};
use crate::linux::stacks::shared::{Asked, InTurn, Readings};
use crate::linux::stacks::state::State;
use crate::posix::{asleep_ns, now};
use crate::stack_refusal::StackRefusal;
use crate::stacks::model::StackOptions;
use crate::stacks::pace::Pace;
use crate::stacks::record::{Layout, NewMapping, Record};

/// The time between two readings of the buffers, unless one fills up before.
const READ_AGAIN: Duration = Duration::from_millis(100);

/// The machine sleeps for longer than that.
const MIN_SLEEP_NS: u64 = 10_000_000;

/// The state that the reading thread and ticks share.
pub(crate) struct Shared {
    pub(crate) state: InTurn<State>,
    pub(crate) readings: Readings,
    pub(crate) ended: AtomicBool,
}

/// The thread's own: it alone reads the buffers.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    rings: Rings,
    asked: Asked,
    files: Files,
    /// The mounts of the process whose new code was read last.
    mounts: (PathBuf, SeenMounts),
    /// How far the clock of calls is behind that of snapshots.
    asleep_ns: u64,
}

impl Reader {
    /// Makes the buffers and opens the events.
    pub(crate) fn open(
        pids: &[u32],
        options: &StackOptions,
        begin: Begin,
    ) -> Result<Self, StackRefusal> {
        let StackOptions { period, budget, children, several, calls } = *options;
        let pace = Pace::new(period, budget);
        let (sources, tracepoints) = match calls {
            true => (&[Source::Faults, Source::Calls][..], tracepoints()?),
            false => (&[Source::Faults][..], Vec::new()),
        };
        let rings = Rings::open(sources)?;
        let (owners, first) = (rings.owners(), pace.period());
        let events = match (several, begin) {
            (true, Begin::Now) => Events::of_several(pids, owners, tracepoints, first, children)?,
            _ => Events::open(pids, owners, tracepoints, first, begin, children, several)?,
        };
        let files = Files::default();
        let mut processes = HashMap::new();
        for pid in pids.iter().filter(|pid| events.has(**pid)) {
            let mut process = Process::new(*pid, &files);
            if begin == Begin::Now {
                // The events run already, so that no new mapping is missed.
                process.add_mapped(*pid);
            }
            processes.insert(*pid, process);
        }
        let (readings, asked) =
            Readings::new().map_err(|error| StackRefusal::Other(error.to_string()))?;
        let state = State::new(children, several, events, files.clone(), processes, pace);
        let shared = Shared { state: InTurn::new(state), readings, ended: AtomicBool::new(false) };
        let mounts = (PathBuf::new(), SeenMounts::default());
        Ok(Self { shared: Arc::new(shared), rings, asked, files, mounts, asleep_ns: asleep_ns() })
    }

    /// Returns what ticks share with this thread.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Reads until the recorder ends.
    pub(crate) fn read(mut self) {
        let owners = self.rings.owners();
        let mut files: Vec<RawFd> = owners.iter().map(|owner| owner.event.as_raw_fd()).collect();
        files.push(self.asked.file().as_raw_fd());
        while !self.shared.ended.load(Ordering::Relaxed) {
            if wait_readable(&files, READ_AGAIN) {
                self.asked.take();
            }
            self.drain();
            if self.shared.state.lock().closes_events() {
                // These are of the period before.
                self.drain();
                self.shared.state.lock().open_events_again();
            }
            self.shared.state.lock().forget();
        }
    }

    /// Reads all records that are there.
    fn drain(&mut self) {
        let Self { shared, rings, files, mounts, asleep_ns: lag_ns, .. } = self;
        let Shared { state, readings, ended } = &**shared;
        let (asked, until) = (readings.asked(), now().monotonic_ns);
        // Clocks are read one after the other: small differences are none.
        let asleep_ns = asleep_ns();
        if asleep_ns.abs_diff(*lag_ns) > MIN_SLEEP_NS {
            *lag_ns = asleep_ns;
        }
        let lag_ns = *lag_ns;
        let registers = machine::MASK.count_ones() as usize;
        rings.drain(lag_ns, |source, record| {
            let calls = source == Source::Calls;
            let layout = Layout { registers, calls, lag_ns: if calls { lag_ns } else { 0 } };
            let record = Record::parse(record, layout);
            if ended.load(Ordering::Relaxed) {
                return;
            }
            if let Record::Mapping(mapping) = &record {
                prepare(files, mounts, mapping);
            }
            state.lock().record(source, &record);
        });
        let mut state = state.lock();
        state.count_losses();
        state.known_until(until);
        drop(state);
        readings.done(asked);
    }
}

/// Reads the file of new code, so that nobody waits for that.
fn prepare(files: &Files, mounts: &mut (PathBuf, SeenMounts), new: &NewMapping<'_>) {
    let Some(mapping) = mapping_of(new).filter(|mapping| has_code(mapping.name())) else { return };
    let folder = Path::new(PROC).join(new.pid.to_string());
    if mounts.0 != folder {
        *mounts = (folder, SeenMounts::default());
    }
    files.read(&mounts.0, &mapping, &mut mounts.1);
}
