//! The sums of a session over time, between two moments and at its ends, and the text beside them.

use std::collections::{BTreeMap, BTreeSet};

use vmrec_report::{
    By, ChartContext, ChartMark, Metric, ProcessAt, ProcessSizes, ProcessStacks, Resolved,
    SampledProcess, Series, SeriesBuilder, SeriesTick, SessionDiff, SessionMember, SessionOverview,
    SessionSeriesBuilder, StackChoice, overhead, session_moments,
};
use vmrec_sampler::{Naming, Timestamp};
use vmrec_store::{Measure, Recording, RecordingId, RecordingSummary};

use crate::args::SpanArgs;
use crate::failure::{Failure, Status};
use crate::recording::Opened;
use crate::session::{Member, OpenedSession};

impl OpenedSession {
    /// Finds the moments that a part of the session begins and ends with.
    pub(crate) fn between(&self, span: &SpanArgs) -> Result<(Resolved, Resolved), Failure> {
        let (from, to) = (self.resolve(&span.from)?, self.resolve(&span.to)?);
        if to.taken.monotonic_ns < from.taken.monotonic_ns {
            return Err(Failure::usage(format!("`{}` is later than `{}`", span.from, span.to))
                .hint(format!("swap them: --from {} --to {}", span.to, span.from)));
        }
        Ok((from, to))
    }

    /// Sums the processes at every moment between two times. Reserved address space is left out of
    /// virtual sizes unless `include_reserved`.
    pub(crate) fn series(
        &self,
        metrics: &[Metric],
        by: By,
        span: &SpanArgs,
        include_reserved: bool,
    ) -> Result<Vec<Series>, Failure> {
        let (from, to) = self.between(span)?;
        let inside: Vec<&Member> = self.inside(&from, &to).collect();
        let mut present = Vec::with_capacity(inside.len());
        for member in &inside {
            present.push(SampledProcess { samples: self.times(member)?, gone: member.gone() });
        }
        let interval_ns = self.session.interval_ns;
        let moments = session_moments(&present, (from.taken, to.taken), interval_ns);
        drop(present);
        let naming = Naming::of(&self.session.host);
        let mut sums =
            SessionSeriesBuilder::new(metrics, by, interval_ns, naming, include_reserved, &moments);
        for member in inside {
            let mut builder = SeriesBuilder::new(metrics, By::Type, interval_ns);
            let measures = builder.measures().to_vec();
            let (id, numbers) = (member.recording.id, member.numbers());
            self.store.for_each_sums(id, numbers, &measures, |block| builder.push(block))?;
            sums.push(&member.as_session_member(), &builder.finish());
        }
        Ok(sums.finish())
    }

    /// Sums the processes at every moment between two times, each by the series by type that `read`
    /// returns of its whole recording.
    pub(crate) fn series_of(
        &self,
        metrics: &[Metric],
        by: By,
        span: &SpanArgs,
        include_reserved: bool,
        mut read: impl FnMut(&Opened) -> Result<Vec<Series>, Failure>,
    ) -> Result<Vec<Series>, Failure> {
        let (from, to) = self.between(span)?;
        let mut members: Vec<(&Member, Vec<Series>)> = Vec::new();
        for member in self.inside(&from, &to) {
            let opened = Opened::at(&self.path, member.recording.id)?;
            members.push((member, read(&opened)?));
        }
        let present: Vec<SampledProcess> = members
            .iter()
            .map(|(member, series)| {
                let ticks = series.iter().take(1).flat_map(|series| series.ticks.iter());
                let taken = ticks.filter(|tick| tick.state.has_regions()).map(|tick| tick.taken);
                SampledProcess { samples: taken.collect(), gone: member.gone() }
            })
            .collect();
        let interval_ns = self.session.interval_ns;
        let moments = session_moments(&present, (from.taken, to.taken), interval_ns);
        // Means are as far apart as chunks are long, which is no gap.
        let apart = |pair: &[Timestamp]| pair[1].monotonic_ns - pair[0].monotonic_ns;
        let longest = moments.windows(2).map(apart).max().unwrap_or(0).max(interval_ns);
        let naming = Naming::of(&self.session.host);
        let mut sums =
            SessionSeriesBuilder::new(metrics, by, longest, naming, include_reserved, &moments);
        for (member, series) in &members {
            sums.push(&member.as_session_member(), series);
        }
        Ok(sums.finish())
    }

    /// Returns the members that were there at some time between two moments.
    fn inside(&self, from: &Resolved, to: &Resolved) -> impl Iterator<Item = &Member> {
        let (from, to) = (from.taken.monotonic_ns, to.taken.monotonic_ns);
        self.members.iter().filter(move |member| {
            let begun = member.extent.first.taken.monotonic_ns <= to;
            begun && member.gone_ns().is_none_or(|gone| gone > from)
        })
    }

    /// Returns the processor time of all processes, each since its first sample, at some moments.
    pub(crate) fn cpu_ns(&self, ticks: &[SeriesTick]) -> Result<Vec<Option<u64>>, Failure> {
        let mut sums: Vec<Option<u64>> = vec![None; ticks.len()];
        for member in &self.members {
            let samples = self.store.samples(member.recording.id)?;
            let used: Vec<(u64, u64)> = samples
                .iter()
                .filter_map(|sample| Some((sample.taken.monotonic_ns, sample.totals.cpu_ns?)))
                .collect();
            let Some((_, first)) = used.first().copied() else { continue };
            for (sum, tick) in sums.iter_mut().zip(ticks) {
                let before = used.partition_point(|(at, _)| *at <= tick.taken.monotonic_ns);
                // That of a process that is gone stays part of the sum.
                if let Some((_, now)) = before.checked_sub(1).and_then(|at| used.get(at)) {
                    *sum = Some(sum.unwrap_or(0) + now.saturating_sub(first));
                }
            }
        }
        Ok(sums)
    }

    /// Returns when the samples of a member were taken.
    fn times(&self, member: &Member) -> Result<Vec<Timestamp>, Failure> {
        let mut times = Vec::new();
        self.store.for_each_sums(
            member.recording.id,
            member.numbers(),
            &[Measure::Regions],
            |block| {
                let taken = |tick: &&vmrec_store::Tick| tick.is_taken();
                times.extend(block.ticks.iter().filter(taken).map(|tick| tick.taken));
            },
        )?;
        Ok(times)
    }

    /// Returns the changes between two moments, the largest movers by a metric first.
    pub(crate) fn diff(
        &self,
        from: &Resolved,
        to: &Resolved,
        sorted_by: Metric,
    ) -> Result<SessionDiff, Failure> {
        let (before, after) = (self.processes_at(from)?, self.processes_at(to)?);
        Ok(SessionDiff::new(before, after, sorted_by))
    }

    /// Reads the stacks of the processes at two moments, each with the bytes that they are parts
    /// of, in the regions of one type or of all; with them the names of those that have none.
    pub(crate) fn stacks(
        &self,
        ends: [&Resolved; 2],
        choice: StackChoice<'_>,
    ) -> Result<(Vec<ProcessStacks>, BTreeMap<RecordingId, String>), Failure> {
        let mut without = BTreeMap::new();
        let mut found: BTreeMap<RecordingId, ProcessStacks> = BTreeMap::new();
        for (at, end) in ends.into_iter().enumerate() {
            for (member, number) in self.present_at(end)? {
                let Recording { id, process, .. } = &member.recording;
                let name = || format!("{} ({})", process.name(), process.id);
                let Some(live) = self.store.live_stacks(*id, number)? else {
                    without.insert(*id, name());
                    continue;
                };
                let snapshot = self.store.snapshot(*id, number)?;
                let Some(bytes) = choice.whole_bytes(&snapshot) else {
                    continue;
                };
                let of = found.entry(*id).or_insert_with(|| ProcessStacks {
                    name: name(),
                    nodes: Vec::new(),
                    live: [None, None],
                    whole_bytes: [0; 2],
                });
                of.live[at] = Some(live);
                of.whole_bytes[at] = bytes;
            }
        }
        // A recorder may add to them: those of pages are stored with the pages at the latest.
        for (id, of) in &mut found {
            of.nodes = self.store.stack_nodes(*id)?;
            without.remove(id);
        }
        Ok((found.into_values().collect(), without))
    }

    /// Returns how many processes there are at a moment, and their sums.
    pub(crate) fn sizes_at(&self, at: &Resolved) -> Result<(u64, ProcessSizes), Failure> {
        let processes = self.processes_at(at)?;
        Ok((processes.len() as u64, ProcessAt::sizes_of(&processes)))
    }

    /// Returns how many processes the recordings are of.
    pub(crate) fn process_count(&self) -> Result<u64, Failure> {
        let all = self.store.recordings_of(self.session.id)?;
        let key = |recording: &vmrec_store::Recording| {
            let id = &recording.process.id;
            let lost = id.known_pid().is_none().then_some(recording.id);
            (id.pid, id.start_ticks, lost)
        };
        Ok(all.iter().map(key).collect::<BTreeSet<_>>().len() as u64)
    }

    /// Returns the recordings with the totals of their samples.
    pub(crate) fn summaries(&self) -> Result<Vec<RecordingSummary>, Failure> {
        let all = self.store.recordings()?;
        Ok(all.into_iter().filter(|one| one.recording.session == self.session.id).collect())
    }

    /// Returns all that is known of it, with the totals of its recordings.
    pub(crate) fn overview<'a>(
        &'a self,
        summaries: &'a [RecordingSummary],
    ) -> Result<SessionOverview<'a>, Failure> {
        let ends = match self.extent {
            Some(_) => Some([
                self.sizes_at(&self.resolve("start")?)?,
                self.sizes_at(&self.resolve("end")?)?,
            ]),
            None => None,
        };
        Ok(SessionOverview {
            session: &self.session,
            recordings: summaries,
            processes: self.process_count()?,
            marks: &self.marks,
            running: self.running,
            ends,
        })
    }

    /// Returns the numbers of the recordings.
    pub(crate) fn recordings(&self) -> Result<Vec<RecordingId>, Failure> {
        let all = self.store.recordings_of(self.session.id)?;
        Ok(all.iter().map(|recording| recording.id).collect())
    }

    /// Opens each of its recordings.
    pub(crate) fn each(&self) -> Result<Vec<Opened>, Failure> {
        self.recordings()?.into_iter().map(|id| Opened::at(&self.path, id)).collect()
    }

    /// Collects the text beside the data.
    pub(crate) fn context(&self) -> Result<ChartContext, Failure> {
        let host = &self.session.host;
        let summaries = self.summaries()?;
        let cost_ns = summaries.iter().map(|one| one.cost_cpu_ns).sum::<u64>();
        let samples = summaries.iter().map(|one| one.samples).sum::<u64>();
        let ends = self.extent.as_ref().map(|extent| (extent.first.taken, extent.last.taken));
        let part = ends.and_then(|(first, last)| overhead(cost_ns, first, last));
        Ok(ChartContext {
            process: format!("session {}", self.session.id.0),
            processes: Some(self.process_count()?),
            host: host.name.clone(),
            naming: Naming::of(host),
            kernel: format!("{} {} {}", host.os, host.kernel, host.architecture),
            recording: Some(self.session.targets.clone()),
            interval_ns: self.session.interval_ns,
            cost_ns: cost_ns.checked_div(samples),
            cost_percent: part.map(|part| part * 100.0),
            marks: self
                .marks
                .iter()
                .map(|mark| ChartMark { utc_ns: mark.utc_ns, text: mark.text.clone() })
                .collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..ChartContext::default()
        })
    }

    /// Fails if no process of the session has a sample.
    pub(crate) fn must_have_samples(&self) -> Result<(), Failure> {
        match self.extent {
            Some(_) => Ok(()),
            None => Err(Failure::new(
                Status::Recording,
                anyhow::anyhow!("session {} has no sample yet", self.session.id.0),
            )),
        }
    }
}

impl Member {
    fn as_session_member(&self) -> SessionMember<'_> {
        SessionMember {
            recording: self.recording.id,
            process: &self.recording.process,
            gone_ns: self.gone_ns(),
        }
    }

    /// Returns the numbers from its first sample with regions to its last.
    const fn numbers(&self) -> std::ops::RangeInclusive<u64> {
        self.extent.first.number..=self.extent.last.number
    }
}
