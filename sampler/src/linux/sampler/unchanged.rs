//! Takes samples of a process that has not run without reading its regions again.

use crate::error::Error;
use crate::linux::sampler::Sampler;
use crate::linux::sampler::gate::Gate;
use crate::linux::surroundings::Freshness;
use crate::linux::system::ProcessClock;
use crate::snapshot::{Consistency, Cost, Snapshot, Timestamp};

impl Sampler {
    /// Returns the processor time of the process, if a gate is of use.
    pub(crate) fn gate_ns(&self) -> Option<u64> {
        self.clock.filter(|_| self.skips_unchanged).and_then(ProcessClock::ns)
    }

    /// Returns the regions and totals as they were read last, if they still hold.
    pub(crate) fn unchanged(&mut self, taken: Timestamp) -> Result<Option<Snapshot>, Error> {
        let Some(last) = &self.last_read else { return Ok(None) };
        let cpu_ns = self.gate_ns();
        let holds = last.is_fresh(taken.monotonic_ns)
            && !last.gate.has_run(cpu_ns)
            && !self.reader.is_pending()
            && !self.tracker.awaits_rules();
        if !holds {
            return Ok(None);
        }
        let stat = self.living_stat()?;
        // The error is found again, and explained, when all is read.
        let Ok(statm) = self.files.statm.statm() else { return Ok(None) };
        if Gate::of(cpu_ns, &stat, &statm) != Some(last.gate) {
            return Ok(None);
        }
        let (mut totals, regions) = (last.totals, last.regions.clone());
        self.surroundings.add_to(&mut totals, taken.monotonic_ns, Freshness::Recent);
        let cost = Cost::default();
        let consistency = if last.cheap { Consistency::Cheap } else { Consistency::Unchanged };
        Ok(Some(Snapshot { taken, cost, consistency, totals, regions, images: None }))
    }
}
