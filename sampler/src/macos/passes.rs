//! Walks over all regions of a process, checked against the kernel's totals.

use std::sync::Arc;

use mach2::task_info::task_vm_info;

use crate::classify::user::UserRule;
use crate::darwin::images::Images;
use crate::darwin::totals::{Whole, difference, moved, stopped};
use crate::darwin::walk::{Stop, Walk};
use crate::darwin::{regions, user, walk};
use crate::error::Error;
use crate::loaded::LoadedImages;
use crate::macos::process::{ended, reused};
use crate::macos::task::{Reader, Task};
use crate::macos::totals;
use crate::process::ProcessId;
use crate::region::{AddressRange, Region};
use crate::region_pages::RegionPages;
use crate::snapshot::{Consistency, ProcessTotals};

/// Reads the regions of one process, sample after sample.
#[derive(Debug)]
pub(crate) struct Passes {
    task: Task,
    rules: Vec<UserRule>,
    /// The regions of the last sample.
    before: Vec<Region>,
    whole: Whole,
    /// The images of the last sample.
    images: Option<Arc<Images>>,
}

/// The parts of a sample.
pub(crate) type Read = (Consistency, ProcessTotals, Vec<Region>, Option<LoadedImages>);

/// One walk over all regions, with the totals read before it.
struct Pass {
    figures: task_vm_info,
    words: usize,
    walk: Walk,
}

impl Passes {
    pub(crate) fn new(task: Task) -> Self {
        Self { task, rules: Vec::new(), before: Vec::new(), whole: Whole::default(), images: None }
    }

    /// Sets the user's own rules, which apply from the next sample on.
    pub(crate) fn set_user_rules(&mut self, rules: Vec<UserRule>) {
        self.rules = rules;
        self.before.clear();
    }

    /// Reads the regions of the process `id` and its totals.
    pub(crate) fn sample(&mut self, id: &ProcessId) -> Result<Read, Error> {
        let (pass, consistency) = self.checked_pass(id)?;
        let totals = totals::of_task(id.pid, &pass.figures, pass.words);
        let page_bytes = Task::page_bytes(&pass.figures);
        // After the walk, so that its regions are of libraries that are listed.
        self.images = self.task.images(self.images.as_ref());
        let images = self.images.as_deref();
        let mut regions = regions::regions(&pass.walk.leaves, page_bytes, images, &self.before);
        user::apply(&self.rules, &mut regions, &self.before);
        self.before.clone_from(&regions);
        let images = self.images.as_ref().map(|images| Arc::clone(&images.loaded));
        Ok((consistency, totals, regions, images))
    }

    /// Reads the states of the pages of `ranges`.
    pub(crate) fn pages(&self, ranges: &[AddressRange]) -> Vec<RegionPages> {
        self.task.pages(ranges)
    }

    /// Walks the regions, twice if they changed in between.
    fn checked_pass(&mut self, id: &ProcessId) -> Result<(Pass, Consistency), Error> {
        let mut before = None;
        loop {
            let pass = self.pass(id)?;
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

    fn pass(&self, id: &ProcessId) -> Result<Pass, Error> {
        let (figures, words) = self.task.figures().map_err(|code| gone_or(id, code))?;
        let walk = walk::walk(&mut Reader::new(&self.task));
        if let Some(Stop::Failed { code, .. }) = walk.stop {
            self.must_live(id, code)?;
        }
        // Once the process has ended, calls about single regions fail silently.
        if ended(id) {
            return Err(gone(id));
        }
        Ok(Pass { figures, words, walk })
    }

    /// Fails if a lookup failed because the process ended or replaced its program.
    fn must_live(&self, id: &ProcessId, code: i32) -> Result<(), Error> {
        if ended(id) {
            return Err(gone(id));
        }
        match self.task.figures() {
            Ok(_) => Ok(()),
            // The process exists, but not the address space of the right: it runs another program.
            Err(_) => Err(gone_or(id, code)),
        }
    }
}

/// Returns the error for a task that the kernel does not report.
pub(crate) fn gone_or(id: &ProcessId, code: i32) -> Error {
    let pid = id.pid;
    if ended(id) {
        return gone(id);
    }
    match Task::is_dead(code) {
        true => Error::Replaced { pid },
        false => Error::Kernel { pid, call: "task_info", reason: Task::reason(code) },
    }
}

fn gone(id: &ProcessId) -> Error {
    let pid = id.pid;
    if reused(id) { Error::Reused { pid } } else { Error::Exited { pid } }
}
