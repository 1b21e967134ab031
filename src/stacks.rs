//! The changes by call stack between two times of a recording, read for a command.

use vmrec_report::{Resolved, StackDiff};
use vmrec_sampler::{Consistency, Snapshot};

use crate::failure::{Failure, Status};
use crate::recording::Opened;

/// A comparison of the stacks of two samples.
pub(crate) struct ComparedStacks {
    pub(crate) diff: StackDiff,
    /// Whether the regions of both samples are known, and of one moment.
    pub(crate) consistency: [Consistency; 2],
}

impl ComparedStacks {
    /// Compares the stacks of two samples, in the regions of one type or of all.
    pub(crate) fn read(
        opened: &Opened,
        from: &Resolved,
        to: &Resolved,
        only_type: Option<&str>,
    ) -> Result<Self, Failure> {
        let id = opened.recording.id;
        let none = || {
            let why = format!("recording {} has no stacks at sample #{}", id.0, from.number);
            Failure::new(Status::Recording, anyhow::anyhow!(why))
                .hint("record them: vmrec record --stacks TARGET")
        };
        let live = |at: &Resolved| opened.store.live_stacks(id, at.number)?.ok_or_else(none);
        let (live_before, live_after) = (live(from)?, live(to)?);
        let (before, after) = (opened.snapshot(from)?, opened.snapshot(to)?);
        let has_type = |snapshot: &Snapshot, name: &str| {
            let mut types = snapshot.regions.iter().map(|it| it.identity.label.region_type.name());
            types.any(|one| one.eq_ignore_ascii_case(name))
        };
        if let Some(name) =
            only_type.filter(|name| ![&before, &after].iter().any(|it| has_type(it, name)))
        {
            return Err(Failure::usage(format!(
                "no region of either sample has the type `{name}`"
            ))
            .hint("`vmrec diff --by type` shows the types"));
        }
        let resident = |snapshot| {
            vmrec_report::resident_bytes(snapshot, only_type).ok_or_else(|| {
                Failure::new(Status::Recording, anyhow::anyhow!("resident sizes are unknown"))
            })
        };
        let diff = StackDiff::new(
            opened.store.stack_nodes(id)?,
            [&live_before, &live_after],
            only_type,
            [resident(&before)?, resident(&after)?],
        );
        Ok(Self { diff, consistency: [before.consistency, after.consistency] })
    }
}
