//! The stacks of all processes of a session, compared.

use vmrec_report::{Resolved, StackChoice, StackDiff, escape};
use vmrec_sampler::{Naming, StackMetric};

use crate::failure::{Failure, Status};
use crate::session::OpenedSession;
use crate::{output, stacks};

impl OpenedSession {
    /// Compares the stacks of two moments, in the regions of one type or of all; each stack begins with
    /// its process. Returns the name of the type with it.
    pub(crate) fn compared_stacks(
        &self,
        ends: [&Resolved; 2],
        choice: StackChoice<'_>,
    ) -> Result<(StackDiff, Option<String>), Failure> {
        let only_type = choice.only_type.map(|words| self.type_name(ends, words)).transpose()?;
        let choice = StackChoice { only_type: only_type.as_deref(), ..choice };
        let (processes, without) = self.stacks(ends, choice)?;
        if processes.is_empty() {
            return Err(self.without_stacks());
        }
        let all = || processes.iter().flat_map(|process| process.live.iter().flatten());
        if !all().all(|live| live.has(choice.metric)) {
            let of = format!("session {}", self.session.id.0);
            return Err(stacks::without_metric(&of, choice.metric));
        }
        if !without.is_empty() {
            let names: Vec<_> = without.values().map(|name| escape::terminal(name)).collect();
            output::note(&format!("note: not in it, without stacks: {}", names.join(", ")));
        }
        Ok((StackDiff::of_processes(processes, choice), only_type))
    }

    /// Returns the metric chosen, or that which explains its memory.
    pub(crate) fn chosen_metric(
        &self,
        metric: Option<StackMetric>,
    ) -> Result<StackMetric, Failure> {
        metric.map_or_else(|| self.leading_metric(), Ok)
    }

    /// Returns the metric of the stacks that explain its memory over time: if the blocks of a process were
    /// recorded, those.
    pub(crate) fn leading_metric(&self) -> Result<StackMetric, Failure> {
        for id in self.recordings()? {
            let live = self.store.live_stacks(id, u64::MAX)?;
            if let Some(live) = live.filter(|live| live.leading() != StackMetric::default()) {
                return Ok(live.leading());
            }
        }
        Ok(StackMetric::default())
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
                if let Some(found) = stacks::named_type(words, naming, &snapshot) {
                    return Ok(found);
                }
            }
        }
        Err(stacks::no_such_type(words))
    }
}
