//! The stacks of the processes of a session: one recorder for all, which follows those that they start.

use vmrec_sampler::{ListedProcess, StackTick};

use crate::commands::record::args::RecordArgs;
use crate::commands::record::events::Looked;
use crate::commands::record::kept_stacks::KeptStacks;
use crate::commands::record::stack_source::StackSource;
use crate::commands::record::target::Target;
use crate::failure::Failure;

/// The stacks of one process.
#[derive(Default)]
pub(crate) struct MemberStacks {
    /// Those of the sample that waits to be stored.
    pub(super) tick: Option<StackTick>,
    /// Those that its recording holds.
    pub(super) kept: KeptStacks,
    /// Whether it has none, though they are recorded.
    pub(super) refused: bool,
}

impl MemberStacks {
    /// Takes the stacks of a look, whose sample waits to be stored if it is `kept`.
    pub(crate) fn take(&mut self, tick: StackTick, kept: bool) {
        let left_out = if kept { self.tick.replace(tick) } else { Some(tick) };
        left_out.into_iter().for_each(|tick| self.kept.left_out(tick));
    }
}

/// Returns the stacks of the process that a look found; `None` if they cannot be recorded.
pub(super) fn tick(source: &StackSource, looked: &Looked, pid: u32) -> Option<StackTick> {
    let snapshot = looked.sampled.snapshot.as_ref().ok()?;
    source.tick(pid, looked.attached.is_some(), snapshot)
}

/// Begins to record the stacks of the processes there are, if that is asked for.
pub(super) fn source(
    args: &RecordArgs,
    target: Option<&mut Target>,
    roots: &[ListedProcess],
) -> Result<Option<StackSource>, Failure> {
    // Those of a command began as it was started.
    if let Some(target) = target {
        return Ok(target.stacks.take());
    }
    let Some(options) = args.stack_options() else { return Ok(None) };
    let pids: Vec<u32> = roots.iter().map(|root| root.pid).collect();
    Ok(Some(StackSource::attach(&pids, &options)?))
}
