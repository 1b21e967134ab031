//! Decodes the sums of the requested measures.

use vmrec_sampler::RegionType;

use crate::codec::chunk;
use crate::codec::chunk::column::Column;
use crate::codec::chunk::measure::{MEASURES, Measure};
use crate::codec::chunk::runs::Runs;
use crate::codec::chunk::types::take_type;
use crate::codec::varint::{Cursor, Malformed};

/// The sums over the regions of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeSums {
    /// The type.
    pub region_type: RegionType,
    /// For each requested measure, the sum in each sample that has regions, in order: `None` where
    /// a region of the type has no known value, 0 where there is no region of the type.
    pub columns: Vec<Runs>,
}

/// Decoded sums: for each type, the values of each requested measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// How many values each column has.
    pub(crate) snapshots: usize,
    /// The types that have regions in the chunk.
    pub(crate) types: Vec<TypeSums>,
}

impl Decoded {
    /// Returns whether the measures `wanted` can be decoded from the first half of
    /// [`crate::codec::chunk::encode_sums::SumColumns::encode`] alone.
    pub(crate) fn needs_first(wanted: &[Measure]) -> bool {
        let needed = needed(wanted);
        Measure::STORED[Measure::WANTED_MOST..]
            .iter()
            .all(|measure| needed & 1 << measure.index() == 0)
    }

    /// Decodes the measures `wanted` from the bytes of
    /// [`crate::codec::chunk::encode_sums::SumColumns::encode`], or of its first half if that is all they
    /// need.
    pub(crate) fn decode(data: &[u8], wanted: &[Measure]) -> Result<Self, Malformed> {
        let mut cursor = Cursor(data);
        let snapshots = cursor.take_count(chunk::MAX_SAMPLES_READ)?;
        // Each type has a column of at least a byte for each measure.
        let kinds = cursor.take_count(data.len() / MEASURES)?;
        let mut types = Vec::with_capacity(kinds);
        for _ in 0..kinds {
            types.push(TypeSums { region_type: take_type(&mut cursor)?, columns: Vec::new() });
        }
        let needed = needed(wanted);
        let mut values: Vec<[Runs; MEASURES]> = vec![Default::default(); kinds];
        let mut scratch = Runs::default();
        let is_first = Self::needs_first(wanted);
        for (index, measure) in Measure::STORED.into_iter().enumerate() {
            if index == Measure::WANTED_MOST && is_first && cursor.is_empty() {
                break;
            }
            let length = cursor.take_count(cursor.len())?;
            let columns = cursor.take_bytes(length)?;
            if needed & 1 << measure.index() == 0 {
                continue;
            }
            let mut columns = Cursor(columns);
            for of in &mut values {
                let predictor = match measure.predictor() {
                    Some(predictor) if columns.take()? == 1 => Some(&of[predictor.index()]),
                    _ => None,
                };
                let column = Column::take(&mut columns, snapshots, &mut scratch)?;
                of[measure.index()] = match predictor {
                    Some(predictor) => column.plus(predictor),
                    None => column,
                };
            }
            if !columns.is_empty() {
                return Err(Malformed("bytes after the last column"));
            }
        }
        if !cursor.is_empty() {
            return Err(Malformed("bytes after its end"));
        }
        for (of, mut values) in types.iter_mut().zip(values) {
            let column = |(at, measure): (usize, &Measure)| {
                let column = &mut values[measure.index()];
                // A measure requested twice is copied.
                let again = wanted[at + 1..].contains(measure);
                if again { column.clone() } else { std::mem::take(column) }
            };
            of.columns = wanted.iter().enumerate().map(column).collect();
        }
        Ok(Self { snapshots, types })
    }
}

/// Returns the measures needed to decode those wanted, as bits of their indices.
fn needed(wanted: &[Measure]) -> u16 {
    wanted.iter().fold(0, |needed, measure| needed | measure.needed())
}
