//! Number, time and state of each sample of a chunk.
//!
//! ```text
//! ticks = count, then columns of count values each:
//!         numbers, less what they would be without holes
//!         utc − utc before, monotonic − monotonic before − that of utc
//!         regions + 1, or 0 if there are none; missed ticks
//!         then for each sample that has one: reason (length, UTF-8)
//! ```
//!
//! One column marks, by 1, the samples with a reason that were taken: torn ones, which have regions,
//! and those of totals alone, which have none; by 2 those with the regions of an earlier sample,
//! and by 3 those of which only mappings and resident pages were read.

use vmrec_sampler::Timestamp;

use crate::codec::chunk;
use crate::codec::chunk::column::Column;
use crate::codec::varint::{Cursor, Malformed, put};
use crate::recording::{Sample, SampleState};

/// When a sample was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Its number in the recording.
    pub number: u64,
    /// When it was taken, or was due.
    pub taken: Timestamp,
    /// Whether it can be trusted, or was taken at all.
    pub state: SampleState,
    /// How many regions it has; `None` if that is unknown, or if it was missed.
    pub regions: Option<u64>,
}

impl Tick {
    /// Returns the tick of a sample.
    pub(crate) fn of(sample: &Sample) -> Self {
        let Sample { number, taken, state, regions, .. } = sample;
        Self { number: *number, taken: *taken, state: state.clone(), regions: *regions }
    }

    /// Returns whether it has regions.
    pub const fn has_regions(&self) -> bool {
        self.regions.is_some()
    }

    /// Returns whether it was taken, with or without regions.
    pub const fn is_taken(&self) -> bool {
        self.state.is_taken()
    }
}

/// Returns for each snapshot among `ticks` whether means and extremes are of it: of torn ones only
/// if all are torn.
pub(crate) fn counted(ticks: &[Tick]) -> Vec<bool> {
    let steady: Vec<bool> =
        ticks.iter().filter(|tick| tick.has_regions()).map(|tick| !tick.state.is_torn()).collect();
    if steady.contains(&true) { steady } else { vec![true; steady.len()] }
}

/// The ticks of a chunk, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ticks(pub(crate) Vec<Tick>);

impl Ticks {
    /// Returns the bytes of the ticks of `samples`.
    pub(crate) fn encode(samples: &[Sample]) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, samples.len() as u64);
        let mut columns: [Column; 6] = Default::default();
        let mut reasons = Vec::new();
        let (mut number, mut utc, mut monotonic) = (0_u64, 0_i64, 0_u64);
        for sample in samples {
            let utc_step = sample.taken.utc_ns.wrapping_sub(utc).cast_unsigned();
            let step = sample.taken.monotonic_ns.wrapping_sub(monotonic);
            let (marked, ticks, reason) = match &sample.state {
                SampleState::Complete => (0, 0, None),
                SampleState::Unchanged => (2, 0, None),
                SampleState::Cheap => (3, 0, None),
                SampleState::Torn(reason) | SampleState::TotalsAlone(reason) => {
                    (1, 0, Some(reason))
                }
                SampleState::Missed { ticks, reason } => (0, *ticks, Some(reason)),
            };
            let values = [
                sample.number.wrapping_sub(number),
                utc_step,
                step.wrapping_sub(utc_step),
                sample.regions.map_or(0, |regions| regions + 1),
                marked,
                ticks,
            ];
            for (column, value) in columns.iter_mut().zip(values) {
                column.push(Some(value));
            }
            if let Some(reason) = reason {
                put(&mut reasons, reason.len() as u64);
                reasons.extend_from_slice(reason.as_bytes());
            }
            number = sample.number.wrapping_add(1);
            (utc, monotonic) = (sample.taken.utc_ns, sample.taken.monotonic_ns);
        }
        for column in &columns {
            column.put(&mut out);
        }
        out.append(&mut reasons);
        out
    }

    /// Returns the ticks that were encoded.
    pub(crate) fn decode(data: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor(data);
        let count = cursor.take_count(chunk::MAX_SAMPLES_READ)?;
        let mut column = || Column::take_known(&mut cursor, count);
        let (gaps, utc_steps, drifts) = (column()?, column()?, column()?);
        let (region_counts, marks, missed_ticks) = (column()?, column()?, column()?);
        let (mut number, mut taken) = (0_u64, Timestamp::default());
        let mut ticks = Vec::with_capacity(count);
        for index in 0..count {
            let utc_step = utc_steps[index];
            let monotonic_step = drifts[index].wrapping_add(utc_step);
            taken = Timestamp {
                utc_ns: taken.utc_ns.wrapping_add(utc_step.cast_signed()),
                monotonic_ns: taken.monotonic_ns.wrapping_add(monotonic_step),
            };
            let regions = region_counts[index].checked_sub(1);
            let state = match (regions, marks[index]) {
                (Some(_), 0) => SampleState::Complete,
                (Some(_), 2) => SampleState::Unchanged,
                (Some(_), 3) => SampleState::Cheap,
                (Some(_), _) => SampleState::Torn(cursor.take_text()?.to_owned()),
                (None, 1) => SampleState::TotalsAlone(cursor.take_text()?.to_owned()),
                (None, _) => {
                    let reason = cursor.take_text()?.to_owned();
                    SampleState::Missed { ticks: missed_ticks[index], reason }
                }
            };
            let at = number.wrapping_add(gaps[index]);
            ticks.push(Tick { number: at, taken, state, regions });
            number = at.wrapping_add(1);
        }
        if cursor.is_empty() { Ok(Self(ticks)) } else { Err(Malformed("bytes after its end")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torn_snapshots_count_only_if_all_are_torn() {
        let tick = |number, state: &SampleState| Tick {
            number,
            taken: Timestamp { utc_ns: 0, monotonic_ns: number },
            state: state.clone(),
            regions: state.has_regions().then_some(1),
        };
        let torn = SampleState::Torn("moved".to_owned());
        let missed = SampleState::Missed { ticks: 1, reason: "late".to_owned() };
        let of = |states: &[&SampleState]| {
            let ticks: Vec<Tick> =
                (1..).zip(states).map(|(number, state)| tick(number, state)).collect();
            counted(&ticks)
        };
        assert_eq!(of(&[&torn, &missed, &SampleState::Complete]), [false, true]);
        assert_eq!(of(&[&torn, &SampleState::Unchanged]), [false, true]);
        assert_eq!(of(&[&torn, &missed, &torn]), [true, true]);
        assert_eq!(of(&[&missed]), [false; 0]);
    }
}
