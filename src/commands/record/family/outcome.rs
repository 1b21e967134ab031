//! The outcomes of looks at processes, and the ends of their recordings.

use vmrec_sampler::{Error as SamplerError, Timestamp};
use vmrec_store::{RecordingId, WhyEnded};

/// The end of a recording that waits to be stored.
pub(crate) struct Ending {
    pub(crate) recording: RecordingId,
    pub(crate) at: Timestamp,
    pub(crate) why: WhyEnded,
}

/// How a look at a process came out.
pub(crate) enum Outcome {
    /// There is a sample of it.
    Sampled,
    /// It runs another program now and is to be looked at again at once.
    Replaced,
    /// It is gone.
    Gone,
    /// It may not be read, or reading it failed.
    Refused(SamplerError),
    /// It had ended, or was left out, before.
    Unknown,
}

/// A process that stands out, with its private + swapped sizes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leader<'a> {
    pub(crate) name: &'a str,
    pub(crate) pid: u32,
    pub(crate) first: u64,
    pub(crate) last: u64,
}
