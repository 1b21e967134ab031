//! Summarizes the samples of a recording without decoding any.

use crate::db::columns::RECORDING;
use crate::error::{At, Error};
use crate::read::store::Store;
use crate::recording::{Recording, RecordingId, RecordingSummary, ResidentSizes, SampleState};
use crate::recording::{Session, SessionId};
use crate::tables::chunk::StoredChunk;
use crate::tables::sample::sample_columns;
use crate::tables::{recording, sample, session};

impl Store {
    /// Returns every recording with its summary, oldest first.
    pub fn recordings(&self) -> Result<Vec<RecordingSummary>, Error> {
        let recordings: Vec<Recording> = self.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT {} FROM recording ORDER BY id", RECORDING.list()))?
                .query_map([], |row| recording::recording_from_row(connection, row))?
                .collect()
        })?;
        recordings.into_iter().map(|recording| self.summarized(recording)).collect()
    }

    /// Returns every session, oldest first.
    pub fn sessions(&self) -> Result<Vec<Session>, Error> {
        self.read(session::all)
    }

    /// Returns the recordings of a session, oldest first.
    pub fn recordings_of(&self, session: SessionId) -> Result<Vec<Recording>, Error> {
        self.read(|connection| {
            let columns = RECORDING.list();
            connection
                .prepare_cached(&format!(
                    "SELECT {columns} FROM recording WHERE session = ? ORDER BY id"
                ))?
                .query_map([session.0], |row| recording::recording_from_row(connection, row))?
                .collect()
        })
    }

    /// Returns a recording with its summary.
    pub fn summary(&self, id: RecordingId) -> Result<RecordingSummary, Error> {
        self.summarized(self.recording(id)?)
    }

    fn summarized(&self, recording: Recording) -> Result<RecordingSummary, Error> {
        let id = recording.id;
        let mut summary = RecordingSummary {
            recording,
            samples: 0,
            unchanged: 0,
            cheap: 0,
            torn: 0,
            totals_alone: 0,
            missed_ticks: 0,
            cost_cpu_ns: 0,
            first: None,
            last: None,
            resident: ResidentSizes::default(),
        };
        let mut resident = Sizes::default();
        let _transaction = self.transaction().at(&self.path)?;
        let expected = self.each_chunk(id, |StoredChunk { header, .. }| {
            summary.samples += header.taken();
            summary.unchanged += header.unchanged;
            summary.cheap += header.cheap;
            summary.torn += header.torn;
            summary.totals_alone += header.totals_alone;
            summary.missed_ticks = summary.missed_ticks.saturating_add(header.missed_ticks);
            summary.cost_cpu_ns = summary.cost_cpu_ns.saturating_add(header.cost_cpu_ns);
            summary.first = summary.first.or(header.span.map(|(begin, _)| begin));
            summary.last = header.span.map(|(_, end)| end).or(summary.last);
            if header.taken() > 0 {
                resident.add(header.resident, header.torn < header.taken());
            }
        })?;
        self.sum_rows(id, expected, &mut summary, &mut resident)?;
        summary.resident = resident.all.unwrap_or_default();
        Ok(summary)
    }

    /// Adds the samples that are still rows, from number `expected` on, and checks each.
    fn sum_rows(
        &self,
        id: RecordingId,
        mut expected: u64,
        summary: &mut RecordingSummary,
        resident: &mut Sizes,
    ) -> Result<(), Error> {
        let text = format!(
            "SELECT {} FROM sample AS s WHERE s.recording = ? ORDER BY s.number",
            sample_columns()
        );
        let mut statement = self.connection.prepare_cached(&text).at(&self.path)?;
        let mut rows = statement.query([id.0]).at(&self.path)?;
        while let Some(row) = rows.next().at(&self.path)? {
            let sample = sample::sample_from_row(row).at(&self.path)?;
            self.follows(id, sample.number, expected)?;
            expected = sample.number.wrapping_add(1);
            summary.samples += u64::from(sample.is_taken());
            summary.unchanged += u64::from(sample.state.is_unchanged());
            summary.cheap += u64::from(sample.state.is_cheap());
            summary.torn += u64::from(matches!(sample.state, SampleState::Torn(_)));
            summary.totals_alone += u64::from(matches!(sample.state, SampleState::TotalsAlone(_)));
            if let SampleState::Missed { ticks, .. } = sample.state {
                summary.missed_ticks = summary.missed_ticks.saturating_add(ticks);
            }
            summary.cost_cpu_ns = summary.cost_cpu_ns.saturating_add(sample.cost.cpu_ns);
            summary.first = summary.first.or(Some(sample.taken));
            summary.last = Some(sample.taken);
            if sample.is_taken() {
                let steady = !sample.state.is_torn();
                resident.add(ResidentSizes::of(std::slice::from_ref(&sample)), steady);
            }
        }
        self.ends(id, expected)
    }
}

/// The resident sizes of parts of a recording, put together.
#[derive(Default)]
struct Sizes {
    all: Option<ResidentSizes>,
    /// Whether the peak is of a sample that is not torn.
    steady: bool,
}

impl Sizes {
    /// Adds those of the next part, which has `steady` samples or only torn ones.
    fn add(&mut self, next: ResidentSizes, steady: bool) {
        let Some(all) = &mut self.all else {
            (self.all, self.steady) = (Some(next), steady && next.peak_bytes.is_some());
            return;
        };
        all.last_bytes = next.last_bytes;
        if next.peak_bytes.map(|bytes| (steady, bytes))
            > all.peak_bytes.map(|bytes| (self.steady, bytes))
        {
            (all.peak_bytes, self.steady) = (next.peak_bytes, steady);
        }
    }
}
