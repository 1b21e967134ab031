//! Finds out whether a process may have changed its memory since its regions were read.
//!
//! Not whether others have: a child that writes to pages which it shares with the process, or another
//! program that maps the same file, changes which pages are private or shared, unseen from here.

use crate::procfs::stat::Stat;
use crate::procfs::statm::Statm;
use crate::region::Region;
use crate::snapshot::ProcessTotals;

/// How long regions are good for: then they are read again though the process has not run.
pub(crate) const REFRESH_NS: u64 = 60_000_000_000;

/// A clock whose readings are whole multiples of this is too coarse to show every run.
const COARSE_NS: u64 = 100_000;

/// The figures of a process that move whenever it changes its memory.
///
/// The processor time of its threads, in nanoseconds, stands still only while none of them runs, and
/// then none changes a mapping or a page. The totals show memory that the kernel takes away meanwhile,
/// and pages that others bring in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gate {
    cpu_ns: u64,
    pages: (u64, u64),
    faults: (u64, u64),
    threads: u64,
}

impl Gate {
    /// Returns that of a process from its time, read before the other files; `None` if it is running
    /// or has ended, or if its time is unknown or too coarse.
    pub(crate) fn of(cpu_ns: Option<u64>, stat: &Stat, statm: &Statm) -> Option<Self> {
        let cpu_ns = cpu_ns.filter(|ns| ns % COARSE_NS != 0)?;
        // The time of a thread that runs may lag.
        (stat.state != b'R' && !stat.ended()).then_some(Self {
            cpu_ns,
            pages: (statm.size, statm.resident),
            faults: (stat.minor_faults, stat.major_faults),
            threads: stat.threads,
        })
    }

    /// Returns whether the process's time is another one by now.
    pub(crate) fn has_run(&self, cpu_ns: Option<u64>) -> bool {
        cpu_ns != Some(self.cpu_ns)
    }
}

/// The last sample whose regions were read.
#[derive(Debug)]
pub(crate) struct LastRead {
    /// The gate as it was before they were.
    pub(crate) gate: Gate,
    /// Whether only mappings and resident pages were read.
    pub(crate) cheap: bool,
    /// When, on the monotonic clock.
    pub(crate) at_ns: u64,
    pub(crate) totals: ProcessTotals,
    pub(crate) regions: Vec<Region>,
}

impl LastRead {
    /// Returns whether its regions may stand for those at another time, if the gate has not moved.
    pub(crate) const fn is_fresh(&self, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.at_ns) < REFRESH_NS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATM: Statm = Statm { size: 100, resident: 10 };

    fn stat(state: u8) -> Stat {
        Stat {
            pid: 1,
            comm: String::new(),
            state,
            parent_pid: 0,
            kernel_thread: false,
            minor_faults: 5,
            major_faults: 6,
            cpu_ticks: 0,
            threads: 1,
            start_ticks: 0,
            stack_start: 0,
        }
    }

    #[test]
    fn every_figure_of_the_gate_moves_it() {
        let asleep = stat(b'S');
        let gate = Gate::of(Some(123_456), &asleep, &STATM).unwrap();
        assert_eq!(Gate::of(Some(123_456), &stat(b'T'), &STATM), Some(gate), "stopped");
        assert_ne!(Gate::of(Some(123_457), &asleep, &STATM), Some(gate));
        for moved in [
            Stat { minor_faults: 6, ..asleep.clone() },
            Stat { major_faults: 7, ..asleep.clone() },
            Stat { threads: 2, ..asleep.clone() },
        ] {
            assert_ne!(Gate::of(Some(123_456), &moved, &STATM), Some(gate));
        }
        for moved in [Statm { size: 101, ..STATM }, Statm { resident: 9, ..STATM }] {
            assert_ne!(Gate::of(Some(123_456), &asleep, &moved), Some(gate));
        }
    }

    #[test]
    fn a_process_that_runs_or_has_ended_or_a_coarse_clock_proves_nothing() {
        for state in [b'R', b'Z', b'X'] {
            assert_eq!(Gate::of(Some(123_456), &stat(state), &STATM), None);
        }
        let asleep = stat(b'S');
        assert_eq!(Gate::of(None, &asleep, &STATM), None);
        assert_eq!(Gate::of(Some(40_000_000), &asleep, &STATM), None);
        assert!(Gate::of(Some(123_456), &asleep, &STATM).unwrap().has_run(None));
    }

    #[test]
    fn regions_are_read_again_after_a_minute() {
        let gate = Gate::of(Some(123_456), &stat(b'S'), &STATM).unwrap();
        let totals = ProcessTotals::default();
        let last = LastRead { gate, cheap: false, at_ns: 5, totals, regions: Vec::new() };
        assert!(last.is_fresh(4 + REFRESH_NS) && !last.is_fresh(5 + REFRESH_NS));
    }
}
