//! The data that the view shows: read from the file, sample by sample as they come.

use std::process::{Command, Stdio};

use vmrec_report::{
    By, Diff, Metric, RegionRow, Series, SeriesBuilder, TornValues, WatchBase, WatchRow, diff,
    watch_counted, watch_rows,
};
use vmrec_sampler::Naming;

use crate::args::RecordingArgs;
use crate::commands::watch::state::{Effect, State};
use crate::failure::{Failure, Status};
use crate::recording::{Opened, now_utc_ns};

/// The maximum number of samples that the view holds: of a longer recording the last ones, but for the
/// sample that changes are counted from.
const MAX_HELD: u64 = 20_000;

/// A recording as the view shows it.
pub(crate) struct Data {
    pub(crate) opened: Opened,
    metric: Metric,
    builder: SeriesBuilder,
    /// The number of the first sample that the builder holds.
    held_from: u64,
    /// The number of the last one.
    held_to: u64,
    /// The metric, then the number of regions.
    series: [Series; 2],
    /// The sample that changes are counted from, of which metric.
    base: Option<(Metric, WatchBase)>,
    /// Index of the tick shown.
    pub(crate) at: usize,
    pub(crate) rows: Vec<WatchRow>,
    /// The samples that were compared region by region.
    compared: Option<(u64, u64)>,
    /// The changes between them; `None` if one was missed.
    changes: Option<Diff>,
    /// The name of the type that the regions shown have.
    regions_of: Option<String>,
}

impl Data {
    /// Reads a recording.
    pub(crate) fn read(args: &RecordingArgs, state: &State) -> Result<Self, Failure> {
        let opened = Opened::open(args)?;
        let (first, last) = ends(&opened)?;
        let held_from = first.max(last.saturating_sub(MAX_HELD - 1));
        let (builder, series) = build(&opened, state.metric(), held_from, last)?;
        let mut data = Self {
            opened,
            metric: state.metric(),
            builder,
            held_from,
            held_to: last,
            series,
            base: None,
            at: 0,
            rows: Vec::new(),
            compared: None,
            changes: None,
            regions_of: None,
        };
        data.show(state)?;
        Ok(data)
    }

    /// Reads what the recorder added, or what the user asks for now; returns whether anything changed.
    pub(crate) fn refresh(&mut self, state: &State) -> Result<bool, Failure> {
        let was_running = self.opened.running;
        let marks = self.opened.marks.len();
        if was_running {
            self.opened.read_again()?;
        }
        let (first, last) = ends(&self.opened)?;
        let came = last != self.held_to;
        let changed =
            came || was_running != self.opened.running || marks != self.opened.marks.len();
        if self.metric != state.metric() || last.saturating_sub(self.held_from) >= 2 * MAX_HELD {
            self.metric = state.metric();
            self.held_from = first.max(last.saturating_sub(MAX_HELD - 1));
            (self.builder, self.series) = build(&self.opened, self.metric, self.held_from, last)?;
        } else if came {
            self.opened.push_samples(&mut self.builder, self.held_to + 1..=last)?;
            self.series = finished(&self.builder)?;
        }
        self.held_to = last;
        if changed {
            self.show(state)?;
        }
        Ok(changed)
    }

    /// Does what is left to do after a key; returns whether what is shown may have changed.
    pub(crate) fn act(&mut self, state: &mut State, effect: Effect) -> Result<bool, Failure> {
        match effect {
            Effect::Nothing | Effect::Quit => return Ok(false),
            Effect::Redraw => {}
            Effect::Mark(text) => state.message = Some(self.mark(state, &text)?),
            Effect::Save => state.message = Some(self.save(state)?),
        }
        if self.metric != state.metric() {
            self.refresh(state)?;
        }
        self.show(state)?;
        Ok(true)
    }

    /// Derives what is shown from the series and the user's choices.
    fn show(&mut self, state: &State) -> Result<(), Failure> {
        let [metric, regions] = &self.series;
        let last = metric.ticks.len().saturating_sub(1);
        self.at = state.at.map_or(last, |number| {
            metric.ticks.partition_point(|tick| tick.number <= number).saturating_sub(1)
        });
        let first = self.opened.extent.as_ref().map(|extent| extent.first.number);
        let wanted = state.base.or(first).map(|number| (self.metric, number));
        if self.base.as_ref().map(|(metric, base)| (*metric, base.number)) != wanted {
            self.base = match wanted {
                Some((metric, number)) => {
                    base(&self.opened, metric, number)?.map(|base| (metric, base))
                }
                None => None,
            };
        }
        self.rows = match &self.base {
            Some((_, base)) => watch_rows(metric, regions, self.at, base),
            None => Vec::new(),
        };
        if state.regions { self.compare(state) } else { Ok(()) }
    }

    /// Compares the regions of the base and of the sample shown.
    fn compare(&mut self, state: &State) -> Result<(), Failure> {
        let name = self.chosen(state).map(|row| row.key.name.to_string());
        let from = self.base.as_ref().map(|(_, base)| base.number);
        let shown = self.series[0].ticks.get(self.at).map(|tick| tick.number);
        let (Some(from), Some(to)) = (from, shown) else { return Ok(()) };
        let id = self.opened.recording.id;
        if self.compared != Some((from, to)) {
            // A missed sample has no regions.
            self.changes =
                match (self.opened.store.snapshot(id, from), self.opened.store.snapshot(id, to)) {
                    (Ok(before), Ok(after)) => Some(diff(&before, &after)),
                    _ => None,
                };
            self.compared = Some((from, to));
        }
        if let Some(changes) = &mut self.changes {
            changes.sort_by(self.metric);
        }
        self.regions_of = name;
        Ok(())
    }

    /// Names the moment shown.
    fn mark(&mut self, state: &State, text: &str) -> Result<String, Failure> {
        let now = (state.at.is_none() && self.opened.running).then(now_utc_ns);
        let shown = self.series[0].ticks.get(self.at).map(|tick| tick.taken.utc_ns);
        let Some(utc_ns) = now.or(shown) else {
            return Ok("there is no sample to mark".to_owned());
        };
        let id = self.opened.recording.id;
        Ok(match vmrec_store::add_mark(&self.opened.path, id, utc_ns, text) {
            Ok(()) => {
                self.opened.marks = self.opened.store.marks(id)?;
                format!("marked `{text}`")
            }
            Err(error) => format!("not marked: {error}"),
        })
    }

    /// Writes the chart of what is shown, up to the sample shown.
    fn save(&self, state: &State) -> Result<String, Failure> {
        let id = self.opened.recording.id.0;
        let to =
            self.shown_number().map_or_else(|| "end".to_owned(), |number| format!("#{number}"));
        let file = format!("vmrec-{id}-{}.svg", state.metric().name());
        let vmrec = std::env::current_exe().map_err(|error| Failure::new(Status::Usage, error))?;
        let output = Command::new(vmrec)
            .args(["chart", "--by", "type", "--metric", &state.metric().name(), "--to", &to])
            .args(["--output", &file, "--recording", &id.to_string(), "--db"])
            .arg(&self.opened.path)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Failure::new(Status::Usage, error))?;
        let said = String::from_utf8_lossy(&output.stderr);
        Ok(said.lines().next().unwrap_or(&file).to_owned())
    }

    /// Returns the number of the sample that changes are counted from.
    pub(crate) fn base_number(&self) -> Option<u64> {
        self.base.as_ref().map(|(_, base)| base.number)
    }

    /// Returns whether the regions of the base and of the sample shown are known.
    pub(crate) const fn is_compared(&self) -> bool {
        self.changes.is_some()
    }

    /// Returns the metric in words.
    pub(crate) fn metric_words(&self) -> String {
        match self.metric {
            Metric::Virtual => "virtual without reserved".to_owned(),
            metric => metric.words(),
        }
    }

    /// Returns the metric, over the samples held.
    pub(crate) const fn metric(&self) -> &Series {
        &self.series[0]
    }

    /// Returns the planned time between samples.
    pub(crate) const fn interval_ns(&self) -> u64 {
        self.opened.recording.interval_ns
    }

    /// Returns the number of the sample shown.
    pub(crate) fn shown_number(&self) -> Option<u64> {
        self.series[0].ticks.get(self.at).map(|tick| tick.number)
    }

    /// Returns the number of the first sample held.
    pub(crate) fn first(&self) -> Option<u64> {
        self.series[0].ticks.first().map(|tick| tick.number)
    }

    /// Returns the sample that lies `by` samples from one; `None` is the newest.
    pub(crate) fn step(&self, at: Option<u64>, by: isize) -> Option<u64> {
        let ticks = &self.series[0].ticks;
        let newest = ticks.len().saturating_sub(1);
        let index = if at.is_some() { self.at } else { newest };
        let index = index.saturating_add_signed(by).min(newest);
        (index < newest).then(|| ticks[index].number)
    }

    /// Returns how many samples a long step passes.
    pub(crate) fn leap(&self) -> isize {
        isize::try_from(self.series[0].ticks.len() / 20).unwrap_or(1).max(1)
    }

    /// Returns the rows that pass the user's filter.
    pub(crate) fn passing(&self, state: &State) -> impl Iterator<Item = &WatchRow> {
        self.rows.iter().filter(|row| state.passes(self.label(row)))
    }

    /// Returns the labels of those.
    pub(crate) fn labels(&self, state: &State) -> Vec<String> {
        self.passing(state).map(|row| self.label(row).to_owned()).collect()
    }

    /// Returns the label of a row's type.
    pub(crate) fn label<'a>(&self, row: &'a WatchRow) -> &'a str {
        row.key.label(By::Type, Naming::of(&self.opened.recording.host))
    }

    /// Returns the row of the type chosen, or else the first one.
    pub(crate) fn chosen(&self, state: &State) -> Option<&WatchRow> {
        let chosen =
            self.passing(state).find(|row| Some(self.label(row)) == state.chosen.as_deref());
        chosen.or_else(|| self.passing(state).next())
    }

    /// Returns the regions of the type chosen that changed, those that moved most first.
    pub(crate) fn regions(&self) -> Vec<&RegionRow> {
        let of_type = |row: &&RegionRow| Some(row.region_type.name()) == self.regions_of.as_deref();
        self.changes.iter().flat_map(|changes| &changes.regions).filter(of_type).collect()
    }
}

/// Returns the numbers of the first and the last sample, missed ones included.
fn ends(opened: &Opened) -> Result<(u64, u64), Failure> {
    match &opened.extent {
        Some(extent) => Ok((extent.first.number, extent.last.number)),
        None => Err(Failure::new(
            Status::Recording,
            anyhow::anyhow!("recording {} has no sample yet", opened.recording.id.0),
        )),
    }
}

/// Returns a sample that changes are counted from.
fn base(opened: &Opened, metric: Metric, number: u64) -> Result<Option<WatchBase>, Failure> {
    let (_, [metric, regions]) = build(opened, metric, number, number)?;
    Ok(WatchBase::of(&metric, &regions, 0))
}

fn build(
    opened: &Opened,
    metric: Metric,
    from: u64,
    to: u64,
) -> Result<(SeriesBuilder, [Series; 2]), Failure> {
    let metrics = [metric, Metric::Regions];
    let mut builder =
        SeriesBuilder::new(&metrics, By::Type, opened.recording.interval_ns).torn(TornValues::Kept);
    opened.push_samples(&mut builder, from..=to)?;
    let series = finished(&builder)?;
    Ok((builder, series))
}

fn finished(builder: &SeriesBuilder) -> Result<[Series; 2], Failure> {
    let series: Vec<Series> = builder.clone().finish().into_iter().map(watch_counted).collect();
    series.try_into().map_err(|_| {
        Failure::new(Status::Recording, anyhow::anyhow!("its samples have no sums of types"))
    })
}
