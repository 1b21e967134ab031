//! The stacks of all processes of a session, compared.

use vmrec_report::{Resolved, StackDiff};
use vmrec_sampler::Naming;

use crate::failure::{Failure, Status};
use crate::session::OpenedSession;

impl OpenedSession {
    /// Compares the stacks of two moments, in the regions of one type or of all; each stack begins with
    /// its process. Returns the name of the type with it.
    pub(crate) fn compared_stacks(
        &self,
        ends: [&Resolved; 2],
        only_type: Option<&str>,
    ) -> Result<(StackDiff, Option<String>), Failure> {
        let only_type = only_type.map(|words| self.type_name(ends, words)).transpose()?;
        let processes = self.stacks(ends, only_type.as_deref())?;
        if processes.is_empty() {
            return Err(self.without_stacks());
        }
        Ok((StackDiff::of_processes(processes, only_type.as_deref()), only_type))
    }

    /// States that a session has no stacks.
    pub(crate) fn without_stacks(&self) -> Failure {
        let why = format!("session {} has no stacks", self.session.id.0);
        Failure::new(Status::Recording, anyhow::anyhow!(why))
            .hint("record them: vmrec record --tree --stacks -- COMMAND")
    }

    /// Finds the type that words name, by its key or label, among those at two moments.
    fn type_name(&self, ends: [&Resolved; 2], words: &str) -> Result<String, Failure> {
        let naming = Naming::of(&self.session.host);
        for end in ends {
            for (id, number) in self.samples_at(end)? {
                let snapshot = self.store.snapshot(id, number)?;
                let mut types =
                    snapshot.regions.iter().map(|region| &region.identity.label.region_type);
                let is_meant = |name: &str| name.eq_ignore_ascii_case(words);
                if let Some(found) = types.find(|of| {
                    is_meant(of.name()) || is_meant(naming.type_label(of.name(), of.family()))
                }) {
                    return Ok(found.name().to_owned());
                }
            }
        }
        Err(Failure::usage(format!("no region there has the type `{words}`"))
            .hint("`vmrec diff --by type` shows the types"))
    }
}
