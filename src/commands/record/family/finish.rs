//! The end of a session: the processes that are left, and what is said of it all.

use std::path::Path;

use vmrec_sampler::ListedProcess;
use vmrec_store::WhyEnded;

use crate::commands::record::family::name_counts::NameCounts;
use crate::commands::record::family::{Family, FamilyRecorded};
use crate::commands::record::stack_source::StackSource;
use crate::failure::Failure;

/// How many names of processes that go on are shown.
const SHOWN_LIVING: usize = 5;

impl Family<'_> {
    /// Ends all recordings, says what was recorded, and returns the status of the command.
    pub(super) fn finish(
        mut self,
        path: &Path,
        ended: Result<WhyEnded, Failure>,
    ) -> Result<FamilyRecorded, Failure> {
        let written = match &ended {
            Ok(why) => self.end(why, path),
            Err(failure) => {
                self.members.end_all(&WhyEnded::Failed(failure.sentence()));
                self.write()
            }
        };
        let Self { ledger, target, events, progress, .. } = self;
        drop(progress);
        let session = ledger.session();
        let closed = ledger.close();
        let recorded = ended.map(drop).and(written).and(closed);
        // A launched command outlives a failing recorder: its work is worth more than our sampling.
        let status = target.and_then(|mut target| target.wait(events));
        match recorded {
            Err(failure) if status.is_some_and(|status| status != 0) => {
                failure.report();
                Ok(FamilyRecorded { session: None, status })
            }
            Err(failure) => Err(failure),
            Ok(()) => Ok(FamilyRecorded { session, status }),
        }
    }

    fn end(&mut self, why: &WhyEnded, path: &Path) -> Result<(), Failure> {
        // Samples that came are kept, also of processes that have ended since.
        let mut written = self.write();
        let mut living = NameCounts::default();
        for (id, listed, name) in self.members.all() {
            match self.list.look(listed.pid) {
                Some(now) if now.start_ticks == listed.start_ticks && !now.ended => {
                    living.count(&name);
                }
                _ => {
                    let status = self.status_of(&listed, why);
                    self.members.remove_ended(id, status, vmrec_sampler::now());
                }
            }
        }
        let goes_on = match why {
            WhyEnded::TargetExited(_) => WhyEnded::Finished,
            other => other.clone(),
        };
        self.members.end_all(&goes_on);
        written = written.and(self.write());
        let mut lines = self.triggers.summary();
        if self.target.is_some() && living.total() > 0 {
            let names = living.words(SHOWN_LIVING);
            lines.push(format!("still running, not recorded any more: {names}"));
        }
        lines.extend(self.stacks.as_ref().and_then(StackSource::failure).map(str::to_owned));
        self.progress.summary(why, &self.members, path, self.ledger.session(), &lines);
        written
    }

    /// Returns the status of a process that has ended, if it is known.
    fn status_of(&self, listed: &ListedProcess, why: &WhyEnded) -> Option<i32> {
        match (&self.target, why) {
            (Some(target), WhyEnded::TargetExited(status)) if target.pid() == listed.pid => *status,
            (Some(_), _) if self.selection.adopts => vmrec_sampler::reap(listed.pid),
            _ => None,
        }
    }
}
