//! Takes snapshots of one process.

use std::sync::Arc;
use std::time::Instant;

use mach2::task_info::task_vm_info;

use crate::classify::facts::Evidence;
use crate::classify::user::UserRule;
use crate::darwin::images::Images;
use crate::darwin::totals::{Whole, difference, moved, stopped};
use crate::darwin::walk::{Stop, Walk};
use crate::darwin::{regions, user, walk};
use crate::error::Error;
use crate::macos::ffi::{libproc, unix};
use crate::macos::process::{ended, info, native, reused};
use crate::macos::task::{Reader, Task};
use crate::posix;
use crate::process::ProcessInfo;
use crate::region::Region;
use crate::snapshot::{Consistency, Cost, ProcessTotals, Snapshot};

/// The number of words of TASK_VM_INFO up to `phys_footprint`, which older kernels leave out.
pub(crate) const WORDS_TO_FOOTPRINT: usize = std::mem::offset_of!(task_vm_info, min_address) / 4;

/// Takes snapshots of one process, for as long as it runs the same program.
#[derive(Debug)]
pub struct Sampler {
    process: ProcessInfo,
    task: Task,
    rules: Vec<UserRule>,
    /// The regions of the last sample.
    before: Vec<Region>,
    whole: Whole,
    /// The images of the last sample.
    images: Option<Arc<Images>>,
}

/// One walk over all regions, with the totals read before it.
struct Pass {
    figures: task_vm_info,
    words: usize,
    walk: Walk,
}

impl Sampler {
    /// Requests the right to read the process `pid`.
    ///
    /// # Errors
    ///
    /// Fails if there is no such process, if it has no memory, or if it may not be read.
    pub fn attach(pid: u32) -> Result<Self, Error> {
        if pid == 0 {
            return Err(Error::KernelThread { pid, name: "kernel_task".to_owned() });
        }
        let (process, zombie) = info(pid)?;
        if zombie {
            return Err(Error::Zombie { pid });
        }
        let task = Task::open(&process)?;
        Ok(Self {
            process,
            task,
            rules: Vec::new(),
            before: Vec::new(),
            whole: Whole::default(),
            images: None,
        })
    }

    /// Returns the process as it was at attach.
    pub fn process(&self) -> &ProcessInfo {
        &self.process
    }

    /// Sets the user's own rules, which apply from the next sample on.
    pub fn set_user_rules(&mut self, rules: Vec<UserRule>) {
        self.rules = rules;
        self.before.clear();
    }

    /// Does nothing: no mapped files are read.
    pub const fn set_read_remote_files(&mut self, _: bool) {}

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
    pub const fn notes(&self) -> Vec<String> {
        Vec::new()
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
        let (pass, consistency) = self.checked_pass()?;
        let totals = self.totals(&pass);
        let page_bytes = Task::page_bytes(&pass.figures);
        // After the walk, so that its regions are of libraries that are listed.
        self.images = self.task.images(self.images.as_ref());
        let images = self.images.as_deref();
        let mut regions = regions::regions(&pass.walk.leaves, page_bytes, images, &self.before);
        user::apply(&self.rules, &mut regions, &self.before);
        self.before.clone_from(&regions);
        Ok(Snapshot {
            taken,
            cost: Cost {
                cpu_ns: posix::thread_cpu_ns().saturating_sub(cpu_ns),
                wall_ns: u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
            },
            consistency,
            totals,
            regions,
        })
    }

    /// Walks the regions, twice if they changed in between.
    fn checked_pass(&mut self) -> Result<(Pass, Consistency), Error> {
        let mut before = None;
        loop {
            let pass = self.pass()?;
            if let Some(stop) = pass.walk.stop {
                let why = stopped(stop, Task::reason);
                return Ok((pass, Consistency::Torn(why)));
            }
            let difference = difference(&pass.walk, pass.figures.virtual_size);
            if self.whole.accepts(difference, before) {
                return Ok((pass, Consistency::Complete));
            }
            if before.is_some() {
                let why = moved(&pass.walk, pass.figures.virtual_size);
                return Ok((pass, Consistency::Torn(why)));
            }
            before = Some(difference);
        }
    }

    fn pass(&self) -> Result<Pass, Error> {
        let (figures, words) = self.task.figures().map_err(|code| self.gone_or(code))?;
        let walk = walk::walk(&mut Reader::new(&self.task));
        if let Some(Stop::Failed { code, .. }) = walk.stop {
            self.must_live(code)?;
        }
        // Once the process has ended, calls about single regions fail silently.
        if ended(&self.process.id) {
            return Err(self.gone());
        }
        Ok(Pass { figures, words, walk })
    }

    /// Fails if a lookup failed because the process ended or replaced its program.
    fn must_live(&self, code: i32) -> Result<(), Error> {
        if ended(&self.process.id) {
            return Err(self.gone());
        }
        match self.task.figures() {
            Ok(_) => Ok(()),
            // The process exists, but not the address space of the right: it runs another program.
            Err(_) => Err(self.gone_or(code)),
        }
    }

    /// Returns the error for a task that the kernel does not report.
    fn gone_or(&self, code: i32) -> Error {
        let pid = self.process.id.pid;
        if ended(&self.process.id) {
            return self.gone();
        }
        match Task::is_dead(code) {
            true => Error::Replaced { pid },
            false => Error::Kernel { pid, call: "task_info", reason: Task::reason(code) },
        }
    }

    fn gone(&self) -> Error {
        let pid = self.process.id.pid;
        if reused(&self.process.id) { Error::Reused { pid } } else { Error::Exited { pid } }
    }

    fn totals(&self, pass: &Pass) -> ProcessTotals {
        let figures = &pass.figures;
        let footprint = (pass.words >= WORDS_TO_FOOTPRINT).then_some(figures.phys_footprint);
        let task = native(self.process.id.pid).ok().and_then(|pid| libproc::task_figures(pid).ok());
        let count = |number: i32| u64::from(number.cast_unsigned());
        ProcessTotals {
            virtual_bytes: Some(figures.virtual_size),
            resident_bytes: Some(figures.resident_size),
            peak_resident_bytes: Some(figures.resident_size_peak),
            anonymous_resident_bytes: Some(figures.internal),
            file_resident_bytes: Some(figures.external),
            shmem_resident_bytes: None,
            swapped_bytes: Some(figures.compressed),
            page_table_bytes: None,
            footprint_bytes: footprint,
            threads: task.map(|task| count(task.pti_threadnum)),
            minor_faults: task
                .map(|task| count(task.pti_faults).saturating_sub(count(task.pti_pageins))),
            major_faults: task.map(|task| count(task.pti_pageins)),
            cpu_ns: task.map(|task| {
                unix::ticks_to_ns(task.pti_total_user.saturating_add(task.pti_total_system))
            }),
        }
    }
}
