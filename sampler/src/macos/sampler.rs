//! Takes snapshots of one process.

use std::time::Instant;

use crate::classify::facts::Evidence;
use crate::classify::user::UserRule;
use crate::error::Error;
use crate::governor::{Limits, Sharers};
use crate::macos::ffi::libproc;
use crate::macos::passes::{Passes, Read, gone_or};
use crate::macos::process::{ended, info, native};
use crate::macos::task::Task;
use crate::macos::totals;
use crate::posix;
use crate::process::ProcessInfo;
use crate::region::AddressRange;
use crate::region_pages::RegionPages;
use crate::snapshot::{Consistency, Cost, Snapshot};

/// The mark of a sample of a process whose regions are refused.
const TOTALS_ALONE: &str = "its regions may not be read: these are its totals alone";

/// Takes snapshots of one process, for as long as it runs the same program.
#[derive(Debug)]
pub struct Sampler {
    process: ProcessInfo,
    access: Access,
}

/// The parts of a process that may be read.
#[derive(Debug)]
enum Access {
    /// Everything.
    Regions(Box<Passes>),
    /// Its totals: those of its task or, without a right to those, of the resources it uses.
    Totals(Option<Task>),
}

impl Sampler {
    /// Requests the right to read the process `pid`.
    ///
    /// # Errors
    ///
    /// Fails if there is no such process, if it has no memory, or if it may not be read.
    pub fn attach(pid: u32) -> Result<Self, Error> {
        let process = living(pid)?;
        let task = Task::open(&process)?;
        Ok(Self { process, access: Access::Regions(Box::new(Passes::new(task))) })
    }

    /// Requests the right to read the process `pid`; where that is refused, to read its totals.
    ///
    /// # Errors
    ///
    /// Fails if there is no such process, if it has no memory, or if nothing of it may be read.
    pub fn attach_or_totals(pid: u32) -> Result<Self, Error> {
        match Self::attach(pid) {
            Err(refused @ Error::NotPermitted { .. }) => {
                let process = living(pid)?;
                let task = Task::open_totals(&process);
                if task.is_none() && libproc::resources(native(pid)?).is_err() {
                    return Err(refused);
                }
                Ok(Self { process, access: Access::Totals(task) })
            }
            attached => attached,
        }
    }

    /// Returns the process as it was at attach.
    pub fn process(&self) -> &ProcessInfo {
        &self.process
    }

    /// Sets the user's own rules, which apply from the next sample on.
    pub fn set_user_rules(&mut self, rules: Vec<UserRule>) {
        if let Access::Regions(passes) = &mut self.access {
            passes.set_user_rules(rules);
        }
    }

    /// Does nothing: no mapped files are read.
    pub const fn set_read_remote_files(&mut self, _: bool) {}

    /// Does nothing: types of macOS are those of the kernel.
    pub const fn set_asks_jvm(&mut self, _: bool) {}

    /// Does nothing: macOS has no figures that prove that a process left its memory as it was, so that
    /// each sample reads all regions.
    pub const fn set_skips_unchanged(&mut self, _: bool) {}

    /// Does nothing: how long a read keeps a process waiting is not known on macOS.
    pub const fn set_limits(&mut self, _: Option<Limits>, _: &Sharers) {}

    /// Returns whether the last sample left files for the next one to read: never.
    pub const fn is_pending(&self) -> bool {
        false
    }

    /// Returns the evidence of the last sample's types: always `None`, because the kernel's own
    /// attributes of a region decide, which are kept with it.
    pub const fn evidence(&self) -> Option<Evidence> {
        None
    }

    /// Returns which facts about the process could not be read, and why.
    pub fn notes(&self) -> Vec<String> {
        match self.access {
            Access::Regions(_) => Vec::new(),
            Access::Totals(_) => vec![TOTALS_ALONE.to_owned()],
        }
    }

    /// Takes a snapshot.
    ///
    /// Unchanged regions share their identity with the snapshot before.
    ///
    /// # Errors
    ///
    /// Fails with [`Error::Exited`], [`Error::Reused`] or [`Error::Replaced`] if the attached
    /// process no longer exists, and if the kernel does not report its memory.
    pub fn sample(&mut self) -> Result<Snapshot, Error> {
        let taken = posix::now();
        let (cpu_ns, begun) = (posix::thread_cpu_ns(), Instant::now());
        let (consistency, totals, regions, images) = self.read()?;
        Ok(Snapshot {
            taken,
            cost: Cost {
                cpu_ns: posix::thread_cpu_ns().saturating_sub(cpu_ns),
                wall_ns: u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
            },
            consistency,
            totals,
            regions,
            images,
        })
    }

    /// Reads the states of the pages of regions at `ranges`, as they are now; those that the kernel
    /// does not report are left out.
    pub fn pages(&self, ranges: &[AddressRange]) -> Vec<RegionPages> {
        match &self.access {
            Access::Regions(passes) => passes.pages(ranges),
            Access::Totals(_) => Vec::new(),
        }
    }

    fn read(&mut self) -> Result<Read, Error> {
        let id = &self.process.id;
        match &mut self.access {
            Access::Regions(passes) => passes.sample(id),
            Access::Totals(task) => {
                let totals = match task {
                    Some(task) => {
                        let (figures, words) = task.figures().map_err(|code| gone_or(id, code))?;
                        totals::of_task(id.pid, &figures, words)
                    }
                    None => totals::of_resources(id.pid)?,
                };
                if ended(id) {
                    return Err(Error::Exited { pid: id.pid });
                }
                Ok((Consistency::TotalsAlone(TOTALS_ALONE.to_owned()), totals, Vec::new(), None))
            }
        }
    }
}

/// Returns the process `pid` if it can have memory of its own.
fn living(pid: u32) -> Result<ProcessInfo, Error> {
    if pid == 0 {
        return Err(Error::KernelThread { pid, name: "kernel_task".to_owned() });
    }
    let (process, zombie) = info(pid)?;
    if zombie { Err(Error::Zombie { pid }) } else { Ok(process) }
}
