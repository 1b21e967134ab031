//! `record --via vmmap`: Apple's vmmap reads the process, which may read more than others, and the
//! importer's parser makes a sample of what it prints.
//!
//! vmmap suspends the process while it reads. It runs by its full path, never one found in PATH, with
//! bounds on its time and output.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use vmrec_sampler::{
    Consistency, Cost, Error as SamplerError, Evidence, MAX_PASTE_BYTES, PasteFormat, ProcessInfo,
    Sampler, Snapshot, Timestamp, UserRule, parse_paste,
};

use crate::{bounded, types_file};

/// Apple's program.
const VMMAP: &str = "/usr/bin/vmmap";
/// The time between two samples at least: the process stands still while one is taken.
pub(crate) const MIN_INTERVAL: Duration = Duration::from_secs(5);
/// How long vmmap may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The call named in errors.
const CALL: &str = "vmmap";

/// Takes samples of one process: itself, or by another program.
pub(crate) enum Reader {
    Kernel(Box<Sampler>),
    Vmmap(Box<Vmmap>),
}

impl Reader {
    /// Returns the process as it was at attach.
    pub(crate) fn process(&self) -> &ProcessInfo {
        match self {
            Self::Kernel(sampler) => sampler.process(),
            Self::Vmmap(vmmap) => &vmmap.process,
        }
    }

    /// Takes a snapshot.
    pub(crate) fn sample(&mut self) -> Result<Snapshot, SamplerError> {
        match self {
            Self::Kernel(sampler) => sampler.sample(),
            Self::Vmmap(vmmap) => vmmap.sample(),
        }
    }

    /// Returns the evidence of the last sample's types, where there is any.
    pub(crate) fn evidence(&self) -> Option<Evidence> {
        match self {
            Self::Kernel(sampler) => sampler.evidence(),
            Self::Vmmap(_) => None,
        }
    }

    /// Returns what to know about how the process is read.
    pub(crate) fn notes(&self) -> Vec<String> {
        match self {
            Self::Kernel(sampler) => sampler.notes(),
            Self::Vmmap(vmmap) => vec![vmmap.note()],
        }
    }
}

/// A process that vmmap reads.
#[derive(Debug)]
pub(crate) struct Vmmap {
    program: PathBuf,
    process: ProcessInfo,
    rules: Vec<UserRule>,
    /// Whether any sample was taken: a later one that fails is marked, the first one ends the recording.
    any: bool,
}

/// Returns the program for what the user named: `vmmap`, or the path of one like it.
pub(crate) fn program(named: &Path) -> PathBuf {
    if named == Path::new("vmmap") { PathBuf::from(VMMAP) } else { named.to_owned() }
}

impl Vmmap {
    /// Finds the process.
    pub(crate) fn attach(
        program: PathBuf,
        pid: u32,
        rules: Vec<UserRule>,
    ) -> Result<Self, SamplerError> {
        let process = vmrec_sampler::process_info(pid)?;
        Ok(Self { program, process, rules, any: false })
    }

    fn note(&self) -> String {
        format!("{} reads the process and suspends it meanwhile", self.program.display())
    }

    fn sample(&mut self) -> Result<Snapshot, SamplerError> {
        self.check()?;
        let (taken, begun) = (vmrec_sampler::now(), Instant::now());
        let read = self.read(taken);
        // A process that has ended since says so better than vmmap does.
        self.check()?;
        let mut snapshot = match read {
            Err(reason) if self.any => Snapshot {
                taken,
                cost: Cost::default(),
                consistency: Consistency::TotalsAlone(format!("vmmap failed: {reason}")),
                totals: vmrec_sampler::ProcessTotals::default(),
                regions: Vec::new(),
                images: None,
            },
            Err(reason) => {
                let pid = self.process.id.pid;
                return Err(SamplerError::Kernel { pid, call: CALL, reason });
            }
            Ok(snapshot) => snapshot,
        };
        self.any = true;
        types_file::apply(&self.rules, &mut snapshot.regions);
        // vmmap's own processor time is not vmrec's.
        snapshot.cost.wall_ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Ok(snapshot)
    }

    /// Fails if the process has ended, or another one has its number.
    fn check(&self) -> Result<(), SamplerError> {
        let pid = self.process.id.pid;
        match vmrec_sampler::process_info(pid) {
            Ok(now) if now.id.start_ticks == self.process.id.start_ticks => Ok(()),
            Ok(_) => Err(SamplerError::Reused { pid }),
            Err(error) => Err(error),
        }
    }

    fn read(&self, taken: Timestamp) -> Result<Snapshot, String> {
        let pid = self.process.id.pid;
        let page = page(&self.program, pid)?;
        let pasted = parse_paste(&page, Some(PasteFormat::Vmmap)).map_err(|e| e.to_string())?;
        let mut all = pasted.into_iter();
        let (Some(pasted), None) = (all.next(), all.next()) else {
            return Err("its output is not the page of one process".to_owned());
        };
        if pasted.process.pid.is_some_and(|of| of != pid) {
            return Err(format!("its output is the page of another process than {pid}"));
        }
        let Some(one) = pasted.snapshots.into_iter().next() else {
            return Err("its output has no regions".to_owned());
        };
        Ok(Snapshot {
            taken,
            cost: Cost::default(),
            consistency: one.consistency,
            totals: one.totals,
            regions: one.regions,
            images: None,
        })
    }
}

/// Runs vmmap and returns its page.
fn page(program: &Path, pid: u32) -> Result<Vec<u8>, String> {
    let mut command = Command::new(program);
    command.args(["-w", "-interleaved", "-noCoalesce", &pid.to_string()]);
    bounded::printed(&mut command, &program.display().to_string(), PATIENCE, MAX_PASTE_BYTES)
}
