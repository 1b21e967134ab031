//! The samples of a chunk under construction, packed: a recorder of many processes holds hundreds
//! of samples of each.

use vmrec_sampler::{Cost, ProcessTotals, Timestamp};

use crate::codec::chunk::totals::{FIELDS, fields};
use crate::codec::varint::{Cursor, Malformed, put, put_signed};
use crate::recording::{Sample, SampleState};

/// The values of a sample that are always known: number, both clocks, both costs.
const KNOWN: usize = 5;
/// Those that may be unknown: the number of regions and the totals.
const UNSURE: usize = 1 + FIELDS;
const ALL: usize = KNOWN + UNSURE;
/// The bit, after those of the values that are known, of a sample with the regions of an earlier one.
const UNCHANGED: u64 = 1 << UNSURE;
/// The next one, of a sample of which only mappings and resident pages were read.
const CHEAP: u64 = UNCHANGED << 1;

/// Samples, each as its differences from the one before.
#[derive(Debug)]
pub(crate) struct PackedSamples {
    bytes: Vec<u8>,
    count: usize,
    last: [u64; ALL],
    /// The states of samples with a reason, by their index.
    states: Vec<(usize, SampleState)>,
}

impl Default for PackedSamples {
    fn default() -> Self {
        Self { bytes: Vec::new(), count: 0, last: [0; ALL], states: Vec::new() }
    }
}

impl PackedSamples {
    /// Returns whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a sample.
    pub(crate) fn push(&mut self, sample: Sample) {
        let (values, known) = values(&sample);
        let changed = |index: usize| values[index] != self.last[index];
        let mask = (0..ALL).filter(|index| changed(*index)).fold(0_u64, |mask, i| mask | 1 << i);
        put(&mut self.bytes, known);
        put(&mut self.bytes, mask);
        for index in (0..ALL).filter(|index| changed(*index)) {
            let difference = values[index].wrapping_sub(self.last[index]);
            put_signed(&mut self.bytes, difference.cast_signed());
        }
        self.last = values;
        if !matches!(
            sample.state,
            SampleState::Complete | SampleState::Unchanged | SampleState::Cheap
        ) {
            self.states.push((self.count, sample.state));
        }
        self.count += 1;
    }

    /// Returns all samples.
    pub(crate) fn unpack(&self) -> Result<Vec<Sample>, Malformed> {
        let mut cursor = Cursor(&self.bytes);
        let mut states = self.states.iter().peekable();
        let mut values = [0_u64; ALL];
        (0..self.count)
            .map(|index| {
                let (known, mask) = (cursor.take()?, cursor.take()?);
                for at in (0..ALL).filter(|at| mask & 1 << at != 0) {
                    let difference = cursor.take_signed()?.cast_unsigned();
                    values[at] = values[at].wrapping_add(difference);
                }
                let state = states.next_if(|(odd, _)| *odd == index);
                let plain = match known {
                    of if of & UNCHANGED != 0 => SampleState::Unchanged,
                    of if of & CHEAP != 0 => SampleState::Cheap,
                    _ => SampleState::Complete,
                };
                let state = state.map_or(plain, |(_, state)| state.clone());
                Ok(sample(&values, known, state))
            })
            .collect()
    }
}

/// Returns the values of a sample, 0 where unknown, and which of [`UNSURE`] are known, with the bit
/// of its state.
fn values(sample: &Sample) -> ([u64; ALL], u64) {
    let mut values = [0; ALL];
    values[..KNOWN].copy_from_slice(&[
        sample.number,
        sample.taken.utc_ns.cast_unsigned(),
        sample.taken.monotonic_ns,
        sample.cost.cpu_ns,
        sample.cost.wall_ns,
    ]);
    let mut totals = sample.totals;
    let unsure = std::iter::once(sample.regions).chain(fields(&mut totals).map(|field| *field));
    let mut known = match sample.state {
        SampleState::Unchanged => UNCHANGED,
        SampleState::Cheap => CHEAP,
        _ => 0,
    };
    for (index, value) in unsure.enumerate() {
        known |= u64::from(value.is_some()) << index;
        values[KNOWN + index] = value.unwrap_or(0);
    }
    (values, known)
}

fn sample(values: &[u64; ALL], known: u64, state: SampleState) -> Sample {
    let unsure = |index: usize| (known & 1 << index != 0).then(|| values[KNOWN + index]);
    let mut totals = ProcessTotals::default();
    for (index, field) in fields(&mut totals).into_iter().enumerate() {
        *field = unsure(index + 1);
    }
    Sample {
        number: values[0],
        taken: Timestamp { utc_ns: values[1].cast_signed(), monotonic_ns: values[2] },
        state,
        cost: Cost { cpu_ns: values[3], wall_ns: values[4] },
        totals,
        regions: unsure(0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn some_sample() -> impl Strategy<Value = Sample> {
        let state = prop_oneof![
            Just(SampleState::Complete),
            Just(SampleState::Unchanged),
            Just(SampleState::Cheap),
            any::<String>().prop_map(SampleState::Torn),
            any::<String>().prop_map(SampleState::TotalsAlone),
            (any::<u64>(), any::<String>())
                .prop_map(|(ticks, reason)| SampleState::Missed { ticks, reason }),
        ];
        let unsure = vec(option::of(prop_oneof![0..3_u64, any::<u64>()]), UNSURE);
        let known = prop::array::uniform5(any::<u64>());
        (known, unsure, state).prop_map(|(known, unsure, state)| {
            let mut values = [0; ALL];
            values[..KNOWN].copy_from_slice(&known);
            let mut mask = 0;
            for (index, value) in unsure.into_iter().enumerate() {
                mask |= u64::from(value.is_some()) << index;
                values[KNOWN + index] = value.unwrap_or(0);
            }
            sample(&values, mask, state)
        })
    }

    proptest! {
        #[test]
        fn samples_come_back(samples in vec(some_sample(), 0..20)) {
            let mut packed = PackedSamples::default();
            samples.iter().for_each(|sample| packed.push(sample.clone()));
            prop_assert_eq!(packed.is_empty(), samples.is_empty());
            prop_assert_eq!(packed.unpack().unwrap(), samples);
        }
    }

    #[test]
    fn an_idle_sample_takes_few_bytes() {
        let mut packed = PackedSamples::default();
        for number in 1..=600 {
            let ns = number * 2_000_000_000 + number * 7919 % 100_000;
            packed.push(Sample {
                number,
                taken: Timestamp { utc_ns: ns.cast_signed(), monotonic_ns: ns },
                state: SampleState::Complete,
                cost: Cost { cpu_ns: 100_000 + number * 997 % 5000, wall_ns: 150_000 },
                totals: ProcessTotals { resident_bytes: Some(1 << 20), ..ProcessTotals::default() },
                regions: Some(25),
            });
        }
        assert!(packed.bytes.len() < 600 * 24, "{}", packed.bytes.len());
    }
}
