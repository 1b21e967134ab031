//! Takes snapshots of one process.

pub(crate) mod cheap;
pub(crate) mod gate;
pub(crate) mod listing;
pub(crate) mod liveness;
pub(crate) mod maps;
pub(crate) mod process_reader;
#[cfg(test)]
mod tests;
pub(crate) mod totals;
pub(crate) mod unchanged;

use std::cell::OnceCell;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::classify::facts::Evidence;
use crate::classify::user::UserRule;
use crate::error::Error;
use crate::governor::{Depth, Limits, Sharers};
use crate::linux::files::{MemoryFiles, OpenFile, PROC, Refusal};
use crate::linux::mounts::Mounts;
use crate::linux::process::{explain_absence, loaded_info, refused, with_architecture};
use crate::linux::sampler::cheap::Restraint;
use crate::linux::sampler::gate::{Gate, LastRead};
use crate::linux::sampler::process_reader::ProcessReader;
use crate::linux::surroundings::{Freshness, Surroundings};
use crate::linux::system::{ProcessClock, page_size_bytes};
use crate::posix::{now, thread_cpu_ns};
use crate::process::ProcessInfo;
use crate::procfs::consistency::check;
use crate::procfs::mapping::DELETED;
use crate::procfs::smaps::SmapsParser;
use crate::procfs::stat::Stat;
use crate::procfs::statm::Statm;
use crate::procfs::status::Status;
use crate::region::Object;
use crate::snapshot::{Consistency, Cost, Snapshot, Timestamp};
use crate::tracker::RegionTracker;
use crate::tracker::source::Moment;

/// How often to check whether a process that released its memory has ended.
const ENDING_TRIES: usize = 200;

/// Takes snapshots of one process, for as long as it runs the same program.
#[derive(Debug)]
pub struct Sampler {
    folder: PathBuf,
    process: ProcessInfo,
    /// The start of the program's stack; another address means another program.
    stack_start: u64,
    stat: OpenFile,
    files: MemoryFiles,
    /// Whether `files` are those of another thread, because the first one has ended.
    by_thread: bool,
    parser: SmapsParser,
    tracker: RegionTracker,
    reader: ProcessReader,
    surroundings: Surroundings,
    /// Whether the rules ran in the last sample.
    classified: bool,
    /// The largest resident size so far.
    max_resident_bytes: u64,
    /// Whether regions are not read again while the process does not run.
    skips_unchanged: bool,
    /// The processor time of the process.
    clock: Option<ProcessClock>,
    /// The last sample whose regions were read, if they may stand for the next one's.
    last_read: Option<LastRead>,
    /// Keeps samples from stalling the process, if they are to.
    restraint: Option<Restraint>,
}

/// The result of reading all files once, without the mappings.
struct Pass {
    /// When its regions began to be read.
    taken: Timestamp,
    consistency: Consistency,
    stat: Stat,
    status: Status,
    statm: Statm,
    gate: Option<Gate>,
}

impl Sampler {
    /// Opens the files of the process `pid`.
    ///
    /// # Errors
    ///
    /// Fails if there is no such process, if it has no memory, or if it may not be read.
    pub fn attach(pid: u32) -> Result<Self, Error> {
        Self::attach_in(Path::new(PROC), pid).map_err(explain_absence)
    }

    /// The same as [`Self::attach`]: a process whose regions are refused is not read at all.
    ///
    /// # Errors
    ///
    /// Fails as that does.
    pub fn attach_or_totals(pid: u32) -> Result<Self, Error> {
        Self::attach(pid)
    }

    fn attach_in(root: &Path, pid: u32) -> Result<Self, Error> {
        let (process, stat) = loaded_info(root, pid).map_err(|refusal| refused(refusal, pid))?;
        if stat.kernel_thread {
            return Err(Error::KernelThread { pid, name: process.short_name });
        }
        if stat.ended() && stat.threads <= 1 {
            return Err(Error::Zombie { pid });
        }
        let process = with_architecture(root, process);
        // The number given may be a thread's.
        let pid = process.id.pid;
        let folder = root.join(pid.to_string());
        let by_thread = stat.ended();
        let open = || {
            let (files, tid) = if by_thread {
                MemoryFiles::open_by_thread(&folder)?
            } else {
                (MemoryFiles::open(&folder)?, pid)
            };
            Ok((OpenFile::open(folder.join("stat"))?, files, tid))
        };
        let (stat_file, files, tid) = match open() {
            Ok(files) => files,
            Err(Refusal::NotPermitted) => return Err(not_permitted(&process)),
            Err(refusal) => return Err(refused(refusal, pid)),
        };
        let surroundings = Surroundings::new(&folder);
        Ok(Self {
            folder,
            process,
            stack_start: stat.stack_start,
            stat: stat_file,
            files,
            by_thread,
            parser: SmapsParser::new(),
            tracker: RegionTracker::new(),
            // A test /proc has no memory behind it.
            reader: ProcessReader::new((root == Path::new(PROC)).then_some(pid), tid),
            surroundings,
            classified: false,
            max_resident_bytes: 0,
            skips_unchanged: false,
            clock: (root == Path::new(PROC)).then(|| ProcessClock::of(pid)).flatten(),
            last_read: None,
            restraint: None,
        })
    }

    /// Returns the process as it was at attach.
    pub fn process(&self) -> &ProcessInfo {
        &self.process
    }

    /// Sets the user's own rules, which apply from the next sample on.
    pub fn set_user_rules(&mut self, rules: Vec<UserRule>) {
        self.tracker.set_user_rules(rules);
    }

    /// Sets whether mapped files on FUSE and network file systems are read too, though a server
    /// that does not answer then keeps the sampler waiting.
    pub fn set_read_remote_files(&mut self, read: bool) {
        self.reader.set_read_remote_files(read);
    }

    /// Sets whether a JVM is asked once a minute for its list of its memory, as `jcmd` asks it.
    pub fn set_asks_jvm(&mut self, asks: bool) {
        self.reader.set_asks_jvm(asks);
    }

    /// Sets whether regions are not read again, for a minute at most, while the process does not run:
    /// such a sample is [`Consistency::Unchanged`].
    pub fn set_skips_unchanged(&mut self, skips: bool) {
        self.skips_unchanged = skips;
        self.last_read = None;
    }

    /// Sets the limits of the cost of samples: where all sizes would exceed them, samples are
    /// [`Consistency::Cheap`]. The processes of `sharers` share the processor time.
    pub fn set_limits(&mut self, limits: Option<Limits>, sharers: &Sharers) {
        self.restraint = limits.map(|limits| Restraint::new(limits, sharers, &self.folder));
        self.last_read = None;
    }

    /// Returns whether the last sample left mapped files, or a JVM's answer, for the next one.
    pub fn is_pending(&self) -> bool {
        self.reader.is_pending()
    }

    /// Returns the evidence of the last sample's types; `None` if the rules did not run in it.
    pub fn evidence(&self) -> Option<Evidence> {
        self.reader.evidence().filter(|_| self.classified)
    }

    /// Returns which facts about the process could not be read, and why.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.reader.notes();
        notes.extend(self.near_max_mappings());
        notes.extend(self.restraint.as_ref().and_then(Restraint::note));
        notes
    }

    /// Takes a snapshot.
    ///
    /// Unchanged regions share their identity with the snapshot before.
    ///
    /// # Errors
    ///
    /// Fails with [`Error::Exited`], [`Error::Reused`] or [`Error::Replaced`] if the attached
    /// process no longer exists, and if its files cannot be read or parsed.
    pub fn sample(&mut self) -> Result<Snapshot, Error> {
        let due = now();
        let (cpu_ns, begun) = (thread_cpu_ns(), Instant::now());
        let cost = || Cost {
            cpu_ns: thread_cpu_ns().saturating_sub(cpu_ns),
            wall_ns: u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
        };
        self.classified = false;
        if let Some(unchanged) = self.unchanged(due)? {
            self.restraint.iter_mut().for_each(Restraint::rest);
            return Ok(Snapshot { cost: cost(), ..unchanged });
        }
        let mut pass = self.pass()?;
        if pass.consistency.torn().is_some() {
            pass = self.pass()?;
        }
        if pass.consistency.torn().is_some() && self.runs_another_file() {
            return Err(Error::Replaced { pid: self.pid() });
        }
        if self.reader.is_pending() {
            self.tracker.require_rules();
        }
        let regions = match pass.consistency {
            Consistency::Complete | Consistency::Cheap | Consistency::Unchanged => {
                let threads = pass.status.threads.or(Some(pass.stat.threads));
                let moment = Moment { threads, monotonic_ns: due.monotonic_ns };
                let (regions, classified) = self.tracker.regions(&moment, &mut self.reader);
                self.classified = classified;
                if classified {
                    self.reader.end();
                }
                regions
            }
            Consistency::Torn(_) | Consistency::TotalsAlone(_) => self.tracker.torn_regions(),
        };
        let mut totals = totals::totals(&pass.stat, &pass.status, &pass.statm, &regions);
        // The kernel's maximum knows nothing of hugetlb that is gone by now.
        let peak = totals.peak_resident_bytes.map(|peak| peak.max(self.max_resident_bytes));
        self.max_resident_bytes = peak.unwrap_or(0);
        totals.peak_resident_bytes = peak;
        self.surroundings.add_to(&mut totals, due.monotonic_ns, Freshness::Current);
        let torn = pass.consistency.torn().is_some();
        self.last_read = pass.gate.filter(|_| !torn).map(|gate| LastRead {
            gate,
            cheap: pass.consistency.is_cheap(),
            at_ns: due.monotonic_ns,
            totals,
            regions: regions.clone(),
        });
        let Pass { taken, consistency, .. } = pass;
        Ok(Snapshot { taken, cost: cost(), consistency, totals, regions, images: None })
    }

    /// Returns a message if the process has nearly as many mappings as the kernel permits, which
    /// makes its next ones fail.
    fn near_max_mappings(&self) -> Option<String> {
        let limit = self.surroundings.max_mappings()?;
        let count = self.tracker.mappings().len() as u64;
        (count.saturating_mul(10) >= limit.saturating_mul(9))
            .then(|| format!("{count} mappings of at most {limit} (vm.max_map_count)"))
    }

    fn pid(&self) -> u32 {
        self.process.id.pid
    }

    fn pass(&mut self) -> Result<Pass, Error> {
        let mut tries = 0;
        loop {
            // Its time comes first: if it runs from here on, the next sample reads all again.
            let gate_ns = self.gate_ns();
            let stat = self.living_stat()?;
            if stat.ended() && !self.by_thread {
                self.reopen(true)?;
            } else if self.by_thread && !stat.ended() {
                // Only a thread that starts another program becomes the first one.
                return Err(Error::Replaced { pid: self.pid() });
            }
            let read = self.read(stat, gate_ns);
            match read {
                Ok(Some(pass)) => return Ok(pass),
                Ok(None) => self.explain_empty(tries)?,
                // A text cut off because the process ended is not a parse error.
                Err(Refusal::Other(error)) => {
                    return Err(self.living_stat().err().unwrap_or(error));
                }
                Err(Refusal::NotPermitted) => return Err(not_permitted(&self.process)),
                // If one thread has ended there may be others.
                Err(Refusal::Gone) if self.by_thread => self.reopen(true)?,
                Err(Refusal::Gone) => return Err(self.gone()),
            }
            tries += 1;
            if tries > ENDING_TRIES {
                return Err(Error::Exited { pid: self.pid() });
            }
        }
    }

    /// Reads all files once; `None` if smaps is empty.
    fn read(&mut self, stat: Stat, gate_ns: Option<u64>) -> Result<Option<Pass>, Refusal> {
        let before = self.files.statm.statm()?;
        let gate = Gate::of(gate_ns, &stat, &before);
        let status = self.files.status.status()?;
        let depth = match &mut self.restraint {
            Some(restraint) => restraint.choose(&self.files, before)?,
            None => Depth::Full,
        };
        // A first pass may have taken long, and the process gone on: what it did since is of this moment.
        let taken = now();
        let any = match depth {
            Depth::Full => self.read_smaps()?,
            Depth::Cheap => self.read_maps()?,
        };
        if !any {
            return Ok(None);
        }
        let after = self.files.statm.statm()?;
        let tracker = &mut self.tracker;
        tracker.end();
        if let Some(restraint) = &mut self.restraint {
            match depth {
                Depth::Full => restraint.walked(tracker, before),
                Depth::Cheap => restraint.count(tracker, before),
            }
            tracker.keep_sizes();
        }
        let folder = &self.folder;
        let mounts = OnceCell::new();
        tracker.restore_names(&|object| {
            !mounts.get_or_init(|| Mounts::read(folder)).is_remote(object)
                && exists_as_listed(folder, object)
        });
        let page = page_size_bytes();
        let [before_bytes, after_bytes] =
            [before, after].map(|statm| statm.size.saturating_mul(page));
        let consistency = match check(tracker.mappings(), Some(before_bytes), Some(after_bytes)) {
            Consistency::Complete if depth == Depth::Cheap => Consistency::Cheap,
            consistency => consistency,
        };
        if let (Some(restraint), Consistency::Complete) = (&mut self.restraint, &consistency) {
            restraint.complete();
        }
        // The totals should be from the same moment as the regions.
        let of_before =
            check(tracker.mappings(), Some(before_bytes), None) == Consistency::Complete;
        let statm = if of_before { before } else { after };
        Ok(Some(Pass { taken, consistency, stat, status, statm, gate }))
    }
}

/// Returns whether the file of `object`, listed as deleted, is where its listed name leads: then
/// that name is its own, and the file is not deleted.
fn exists_as_listed(folder: &Path, object: &Object) -> bool {
    if !object.name.starts_with('/') || object.name.contains('\\') {
        return false;
    }
    let mut path = folder.join("root").into_os_string();
    path.push(&*object.name);
    path.push(DELETED);
    let Ok(file) = std::fs::symlink_metadata(path) else { return false };
    let device = (libc::major(file.dev()), libc::minor(file.dev()));
    // File systems without a device of their own may list another number.
    file.ino() == object.inode && (device == object.device || (device.0, object.device.0) == (0, 0))
}

fn not_permitted(process: &ProcessInfo) -> Error {
    Error::NotPermitted {
        pid: process.id.pid,
        name: process.name().to_owned(),
        user_id: process.user_id,
    }
}
