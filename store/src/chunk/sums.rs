//! Sums over the regions of each type, sample by sample.
//!
//! ```text
//! sums    = snapshots, types, then each type: family (length, text), name (length, text)
//!           then for each measure: length of its columns, and a column for each type
//! measure = the quantities in the order of `Quantity::ALL`, then virtual size, then regions
//! ```
//!
//! Of a type that has no region the sums are 0; where one of its regions has
//! an unknown quantity, so is the sum.

use vmrec_sampler::{Family, Quantity, Region, RegionType};

use super::Column;
use super::ticks::take_text;
use crate::frame::Malformed;
use crate::frame::varint::{Cursor, put};

/// How many measures there are.
pub(crate) const MEASURES: usize = Quantity::COUNT + 2;

/// What regions are summed by. The order is that of the bits of table `quantity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A measured size.
    Quantity(Quantity),
    /// Their address ranges, bytes.
    Virtual,
    /// How many there are.
    Regions,
}

impl Measure {
    /// All measures, each at its own place.
    pub const ALL: [Self; MEASURES] = {
        let mut all = [Self::Virtual; MEASURES];
        let mut place = 0;
        while place < Quantity::COUNT {
            all[place] = Self::Quantity(Quantity::ALL[place]);
            place += 1;
        }
        all[MEASURES - 1] = Self::Regions;
        all
    };

    /// Returns its place among all.
    pub(crate) const fn place(self) -> usize {
        match self {
            Self::Quantity(quantity) => quantity as usize,
            Self::Virtual => Quantity::COUNT,
            Self::Regions => Quantity::COUNT + 1,
        }
    }
}

/// The columns of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypeColumns<T> {
    /// The type.
    pub(crate) region_type: RegionType,
    /// Its sums.
    pub(crate) columns: T,
}

/// The sums of a chunk in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct SumColumns {
    types: Vec<TypeColumns<[Column; MEASURES]>>,
    snapshots: u64,
    /// Of the sample at hand, one for each type.
    at_hand: Vec<Sums>,
}

/// The sums of one type in one sample.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    sums: [u64; MEASURES],
    /// The quantities that one of its regions does not know.
    unknown: u16,
}

impl SumColumns {
    /// Returns the place of a type, making one for it if it is new.
    pub(crate) fn place(&mut self, region_type: &RegionType) -> usize {
        let found = self.types.iter().position(|known| known.region_type == *region_type);
        found.unwrap_or_else(|| {
            let mut columns: [Column; MEASURES] = Default::default();
            columns.iter_mut().for_each(|column| column.push_same(self.snapshots));
            self.types.push(TypeColumns { region_type: region_type.clone(), columns });
            self.at_hand.push(Sums::default());
            self.types.len() - 1
        })
    }

    /// Adds a region to the sums of the sample at hand; `place` is that of its type.
    pub(crate) fn add(&mut self, place: usize, region: &Region) {
        let of = &mut self.at_hand[place];
        of.unknown |= !region.quantities.known_mask();
        for (sum, quantity) in of.sums.iter_mut().zip(Quantity::ALL) {
            *sum = sum.saturating_add(region.quantities.get(quantity).unwrap_or(0));
        }
        let size = region.identity.range.virtual_bytes();
        let [.., bytes, regions] = &mut of.sums;
        *bytes = bytes.saturating_add(size);
        *regions += 1;
    }

    /// Ends the sample at hand.
    pub(crate) fn end_sample(&mut self) {
        self.snapshots += 1;
        for (of, sums) in self.types.iter_mut().zip(&mut self.at_hand) {
            for (measure, column) in of.columns.iter_mut().enumerate() {
                let unknown = sums.unknown & 1 << measure != 0 && measure < Quantity::COUNT;
                column.push((!unknown).then_some(sums.sums[measure]));
            }
            *sums = Sums::default();
        }
    }

    /// Returns each type with its columns, one for each measure in its place.
    pub(crate) fn types(&self) -> impl Iterator<Item = (&RegionType, &[Column; MEASURES])> {
        self.types.iter().map(|of| (&of.region_type, &of.columns))
    }

    /// Returns the bytes of these sums.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.snapshots);
        put(&mut out, self.types.len() as u64);
        for TypeColumns { region_type, .. } in &self.types {
            for text in [region_type.family().name(), region_type.name()] {
                put(&mut out, text.len() as u64);
                out.extend_from_slice(text.as_bytes());
            }
        }
        let mut columns = Vec::new();
        for measure in 0..MEASURES {
            columns.clear();
            self.types.iter().for_each(|of| of.columns[measure].put(&mut columns));
            put(&mut out, columns.len() as u64);
            out.extend_from_slice(&columns);
        }
        out
    }
}

impl Decoded {
    /// Returns the sums of [`SumColumns::encode`] of the measures `wanted`.
    pub(crate) fn decode(data: &[u8], wanted: &[Measure]) -> Result<Self, Malformed> {
        let mut cursor = Cursor(data);
        let snapshots = count(&mut cursor, super::MOST_SAMPLES_READ)?;
        let kinds = count(&mut cursor, data.len())?;
        let mut types = Vec::with_capacity(kinds);
        for _ in 0..kinds {
            let family = Family::from_name(&take_text(&mut cursor)?)
                .ok_or(Malformed("an unknown family"))?;
            let region_type = RegionType::named(&take_text(&mut cursor)?, family);
            types.push(TypeColumns { region_type, columns: vec![Vec::new(); wanted.len()] });
        }
        for measure in 0..MEASURES {
            let most = cursor.len();
            let length = count(&mut cursor, most)?;
            let (columns, rest) =
                cursor.0.split_at_checked(length).ok_or(Malformed("columns cut short"))?;
            cursor.0 = rest;
            for (place, _) in
                wanted.iter().enumerate().filter(|(_, wanted)| wanted.place() == measure)
            {
                let mut columns = Cursor(columns);
                for of in &mut types {
                    of.columns[place] = Column::take(&mut columns, snapshots)?;
                }
                if !columns.is_empty() {
                    return Err(Malformed("bytes after the last column"));
                }
            }
        }
        if !cursor.is_empty() {
            return Err(Malformed("bytes after its end"));
        }
        Ok(Self { snapshots, types })
    }
}

/// Sums as they are read: for each type, the values of each measure asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// How many values each column has.
    pub(crate) snapshots: usize,
    /// The types that have regions in the chunk.
    pub(crate) types: Vec<TypeColumns<Vec<Vec<Option<u64>>>>>,
}

fn count(cursor: &mut Cursor<'_>, most: usize) -> Result<usize, Malformed> {
    usize::try_from(cursor.take()?)
        .ok()
        .filter(|count| *count <= most)
        .ok_or(Malformed("more than there can be"))
}
