//! The sums of a session over time: over all its processes, by process, name or type.
//!
//! The sum at a moment is over the processes there then, each by its newest sample at or before
//! that moment: the same as a diff counts. A process whose size is not known adds nothing, and is named
//! as unknown.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use vmrec_sampler::{Family, Naming, ProcessInfo, Timestamp};
use vmrec_store::RecordingId;

use crate::metric::Metric;
use crate::series::by::By;
use crate::series::column::SeriesColumn;
use crate::series::tick::{KeySeries, SeriesKey, SeriesTick, TickState};
use crate::series::{Series, gap};
use crate::session::diff::process_key;

/// How many processes, or parts of them, have a column of their own; the smallest others share one.
const MAX_KEYS: usize = 256;

/// A recording of a session: one process, or the time in which it ran one program.
#[derive(Clone, Copy, Debug)]
pub struct SessionMember<'a> {
    /// The recording.
    pub recording: RecordingId,
    /// Its process.
    pub process: &'a ProcessInfo,
    /// When the process was seen to be gone, by the monotonic clock; `None` if it was not.
    pub gone_ns: Option<u64>,
}

/// When a process was sampled, and when it was gone.
#[derive(Clone, Debug)]
pub struct SampledProcess {
    /// Its samples with regions, in order.
    pub samples: Vec<Timestamp>,
    /// When it was seen to be gone.
    pub gone: Option<Timestamp>,
}

/// Returns the moments of a session between two, both included: one for the samples that belong to
/// one tick, and both ends of a time without any process.
pub fn session_moments(
    processes: &[SampledProcess],
    (from, to): (Timestamp, Timestamp),
    interval_ns: u64,
) -> Vec<Timestamp> {
    let inside =
        |at: &Timestamp| (from.monotonic_ns + 1..=to.monotonic_ns).contains(&at.monotonic_ns);
    let mut samples: Vec<(Timestamp, usize)> = Vec::new();
    for (index, process) in processes.iter().enumerate() {
        samples.extend(process.samples.iter().filter(|at| inside(at)).map(|at| (*at, index)));
    }
    samples.sort_unstable_by_key(|(at, index)| (at.monotonic_ns, *index));
    let mut moments = vec![from];
    let mut begun = from.monotonic_ns;
    let mut seen: BTreeSet<usize> = (0..processes.len()).collect();
    for (at, index) in samples {
        let is_late = at.monotonic_ns - begun > interval_ns / 2;
        if is_late || !seen.insert(index) {
            begun = at.monotonic_ns;
            seen = BTreeSet::from([index]);
            moments.push(at);
        } else if let Some(last) = moments.last_mut().filter(|last| **last != from) {
            *last = at;
        } else {
            moments.push(at);
        }
    }
    moments.extend(ends_of_emptiness(processes).into_iter().filter(inside));
    moments.sort_unstable_by_key(|at| at.monotonic_ns);
    moments.dedup_by_key(|at| at.monotonic_ns);
    moments
}

/// Returns the first and the last moment of each time between processes.
fn ends_of_emptiness(processes: &[SampledProcess]) -> Vec<Timestamp> {
    let first = |process: &SampledProcess| process.samples.first().copied();
    let mut lives: Vec<(Timestamp, Option<Timestamp>)> =
        processes.iter().filter_map(|one| Some((first(one)?, one.gone))).collect();
    lives.sort_unstable_by_key(|(first, _)| first.monotonic_ns);
    let (mut ends, mut gone) = (Vec::new(), lives.first().and_then(|(_, gone)| *gone));
    for (begin, end) in lives.iter().skip(1) {
        let Some(last) = gone else { return ends };
        if last.monotonic_ns + 1 < begin.monotonic_ns {
            let before =
                Timestamp { utc_ns: begin.utc_ns - 1, monotonic_ns: begin.monotonic_ns - 1 };
            ends.extend([last, before]);
        }
        gone = end.map(|end| if end.monotonic_ns > last.monotonic_ns { end } else { last });
    }
    ends.extend(gone);
    ends
}

/// Adds up the recordings of a session, one after the other.
#[derive(Clone, Debug)]
pub struct SessionSeriesBuilder {
    metrics: Vec<Metric>,
    by: By,
    interval_ns: u64,
    naming: Naming,
    include_reserved: bool,
    ticks: Vec<SeriesTick>,
    /// At each tick, whether any process is there.
    inhabited: Vec<bool>,
    /// For each metric, at which ticks it is known of any process.
    known_at: Vec<Vec<bool>>,
    /// For each metric, the keys of which nothing is known.
    unknown: Vec<BTreeSet<SeriesKey>>,
    keys: Vec<Key>,
    index_of: HashMap<KeyId, usize>,
    /// Keys that share a column, and their sums for each metric.
    others: (u64, Vec<SeriesColumn>),
    missed: u64,
}

#[derive(Clone, Debug)]
struct Key {
    id: KeyId,
    key: SeriesKey,
    first: usize,
    /// For each metric.
    columns: Vec<SeriesColumn>,
}

/// The identity of a key: a process by its number and start, a name, a type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct KeyId {
    process: Option<(u64, u64)>,
    name: Option<String>,
    of: Option<SeriesKey>,
}

impl SessionSeriesBuilder {
    /// Creates a builder for these metrics at these moments. Reserved address space is no part of
    /// virtual sizes unless it is to be included.
    pub fn new(
        metrics: &[Metric],
        by: By,
        interval_ns: u64,
        naming: Naming,
        include_reserved: bool,
        moments: &[Timestamp],
    ) -> Self {
        let tick = |(index, taken): (usize, &Timestamp)| SeriesTick {
            number: index as u64 + 1,
            taken: *taken,
            state: TickState::Complete,
        };
        let zeros = zeros(moments.len());
        Self {
            metrics: metrics.to_vec(),
            by,
            interval_ns,
            naming,
            include_reserved,
            ticks: moments.iter().enumerate().map(tick).collect(),
            inhabited: vec![false; moments.len()],
            known_at: vec![vec![false; moments.len()]; metrics.len()],
            unknown: vec![BTreeSet::new(); metrics.len()],
            keys: Vec::new(),
            index_of: HashMap::new(),
            others: (0, vec![zeros; metrics.len()]),
            missed: 0,
        }
    }

    /// Adds a recording by its sums by type, one series for each metric.
    pub fn push(&mut self, member: &SessionMember<'_>, series: &[Series]) {
        let Some(first) = series.first() else { return };
        self.missed = self.missed.max(first.missed);
        let newest = self.newest(member, first);
        let Some(begin) = newest.iter().position(Option::is_some) else { return };
        for (index, (metric, of)) in self.metrics.clone().into_iter().zip(series).enumerate() {
            let reserved = metric == Metric::Virtual && !self.include_reserved;
            let counted = |key: &&KeySeries| !reserved || key.key.family != Family::Reserved;
            let mut known = false;
            for (at, sample) in newest.iter().enumerate() {
                let here = sample.is_some_and(|sample| of.totals.get(sample).is_some());
                self.known_at[index][at] |= here;
                known |= here;
            }
            if !known {
                self.unknown[index].insert(Self::process_key_of(member));
            } else if !self.by.is_of_processes() {
                self.unknown[index].extend(of.unknown.iter().cloned());
            }
            for key in of.keys.iter().filter(counted) {
                let slot = self.slot(member, &key.key, begin);
                let column = &mut self.keys[slot].columns[index];
                for (at, sample) in newest.iter().enumerate() {
                    let value = sample.and_then(|sample| key.values.get(sample));
                    if value.is_some_and(|value| value > 0) {
                        column.add_one(at, value);
                    }
                }
            }
        }
        if self.by.is_of_processes() {
            self.limit();
        }
    }

    /// Returns the key of a process of which nothing is known.
    fn process_key_of(member: &SessionMember<'_>) -> SeriesKey {
        let name = format!("{} ({})", member.process.name(), member.process.id.pid_text());
        SeriesKey { family: Family::VmAllocate, name: name.into() }
    }

    /// Returns for each tick the index of the member's newest sample, if it is there.
    fn newest(&mut self, member: &SessionMember<'_>, series: &Series) -> Vec<Option<usize>> {
        let samples = &series.ticks;
        let mut next = 0;
        let mut newest = None;
        let mut all = Vec::with_capacity(self.ticks.len());
        for (at, tick) in self.ticks.iter_mut().enumerate() {
            let now = tick.taken.monotonic_ns;
            while let Some(sample) =
                samples.get(next).filter(|sample| sample.taken.monotonic_ns <= now)
            {
                if series.counts(next) {
                    newest = Some(next);
                    if sample.state == TickState::Torn {
                        tick.state = TickState::Torn;
                    }
                }
                next += 1;
            }
            let is_gone = member.gone_ns.is_some_and(|gone| gone <= now);
            let here = newest.filter(|_| !is_gone);
            self.inhabited[at] |= here.is_some();
            all.push(here);
        }
        all
    }

    /// Returns the index of the key that a type of a member counts for.
    fn slot(&mut self, member: &SessionMember<'_>, of: &SeriesKey, begin: usize) -> usize {
        let process = || Some(process_key(member.recording, member.process));
        let name = member.process.name();
        let shown = || format!("{name} ({})", member.process.id.pid_text());
        let of_family = || SeriesKey { family: of.family, name: of.family.name().into() };
        let (id, name) = match self.by {
            By::Family => (KeyId { of: Some(of_family()), ..KeyId::default() }, None),
            // Functions of one name are one key; the sums of a session know no objects.
            By::Type | By::Object | By::Stack => {
                (KeyId { of: Some(of.clone()), ..KeyId::default() }, None)
            }
            By::Process => (KeyId { process: process(), ..KeyId::default() }, Some(shown())),
            By::Name => {
                let id = KeyId { name: Some(name.to_owned()), ..KeyId::default() };
                (id, Some(name.to_owned()))
            }
            By::ProcessAndType => {
                let label = of.label(By::Type, self.naming);
                let id = KeyId { process: process(), of: Some(of.clone()), name: None };
                (id, Some(format!("{} ▸ {label}", shown())))
            }
        };
        let key = match (&name, &id.of) {
            (Some(name), _) => SeriesKey { family: of.family, name: name.as_str().into() },
            (None, Some(key)) => key.clone(),
            (None, None) => of.clone(),
        };
        if let Some(known) = self.index_of.get(&id) {
            let known = *known;
            // A process that became another program has the name of that.
            self.keys[known].key.name = key.name;
            self.keys[known].first = self.keys[known].first.min(begin);
            return known;
        }
        self.index_of.insert(id.clone(), self.keys.len());
        let columns = vec![zeros(self.ticks.len()); self.metrics.len()];
        self.keys.push(Key { id, key, first: begin, columns });
        self.keys.len() - 1
    }

    /// Lets the smallest keys share one column where there are too many.
    fn limit(&mut self) {
        while self.keys.len() > MAX_KEYS {
            let weight = |key: &Key| key.columns.first().and_then(SeriesColumn::max).unwrap_or(0);
            let smallest = (0..self.keys.len()).min_by_key(|index| weight(&self.keys[*index]));
            let Some(smallest) = smallest else { return };
            let key = self.keys.swap_remove(smallest);
            self.index_of.remove(&key.id);
            if let Some(moved) = self.keys.get(smallest) {
                self.index_of.insert(moved.id.clone(), smallest);
            }
            self.others.0 += 1;
            self.others.1.iter_mut().zip(&key.columns).for_each(|(sum, of)| sum.add(of));
        }
    }

    /// Returns the series, one for each metric in the order they were asked for.
    pub fn finish(mut self) -> Vec<Series> {
        let processes = self.by.is_of_processes();
        self.keys.sort_by(|a, b| {
            let order = |key: &Key| (!processes).then_some(key.key.family);
            (order(a), a.first, &a.key.name).cmp(&(order(b), b.first, &b.key.name))
        });
        let ticks = Arc::new(self.ticks);
        let mut all = Vec::with_capacity(self.metrics.len());
        for index in (0..self.metrics.len()).rev() {
            let mut keys: Vec<KeySeries> = Vec::with_capacity(self.keys.len() + 1);
            for key in &mut self.keys {
                let values = key.columns.pop().unwrap_or_default();
                keys.push(KeySeries { key: key.key.clone(), merged: 1, values });
            }
            let shared = self.others.1.pop().unwrap_or_default();
            if self.others.0 > 0 {
                let name = format!("{} smaller {}", self.others.0, self.by.plural());
                let key = SeriesKey { family: Family::VmAllocate, name: name.into() };
                keys.push(KeySeries { key, merged: self.others.0, values: shared });
            }
            let known = self.known_at.pop().unwrap_or_default();
            let known = known.iter().zip(&self.inhabited);
            let known = known.map(|(known, inhabited)| *known || !inhabited);
            let mut totals: SeriesColumn = known.map(|known| known.then_some(0)).collect();
            keys.iter().for_each(|key| totals.add(&key.values));
            let mut gaps = gap::find(&ticks, &totals, self.interval_ns);
            // Without any process there is nothing to measure.
            gaps.retain(|gap| self.inhabited.get(gap.after).copied().unwrap_or(true));
            let known: BTreeSet<&SeriesKey> = keys.iter().map(|key| &key.key).collect();
            let unknown = self.unknown.pop().unwrap_or_default();
            let unknown = unknown.iter().filter(|key| !known.contains(key)).cloned().collect();
            all.push(Series {
                metric: self.metrics[index],
                by: self.by,
                ticks: Arc::clone(&ticks),
                unknown,
                keys,
                totals,
                gaps,
                missed: self.missed,
                torn_left_out: false,
                rest: None,
            });
        }
        all.reverse();
        all
    }
}

fn zeros(length: usize) -> SeriesColumn {
    let mut column = SeriesColumn::with_capacity(length);
    column.push_times(Some(0), length);
    column
}
