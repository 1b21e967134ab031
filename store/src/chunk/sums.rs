//! Sums over the regions of each type, sample by sample.
//!
//! ```text
//! sums    = snapshots, types, then each type: family (length, text), name (length, text)
//!           then for each measure: length of its columns, and a column for each type
//! measure = the quantities in the order of `Quantity::ALL`, then virtual size, then regions
//! ```
//!
//! A column has its measure's sum less that of the measure that usually changes
//! with it (`Measure::like`): pages an allocator touches are at once resident,
//! private and dirty, so most columns never change. Of a type that has no region
//! the sums are 0; where one of its regions has an unknown quantity, so is the sum.

use vmrec_sampler::{Family, Quantity, Region, RegionType};

use super::Column;
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

    /// Returns the measure that usually changes with it, which has an earlier place.
    const fn like(self) -> Option<Self> {
        Some(Self::Quantity(match self {
            Self::Quantity(Quantity::Private | Quantity::Referenced) => Quantity::Resident,
            Self::Quantity(Quantity::Dirty | Quantity::PrivateDirty | Quantity::Pss) => {
                Quantity::Private
            }
            Self::Quantity(Quantity::Anonymous) => Quantity::PrivateDirty,
            _ => return None,
        }))
    }

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

    /// Adds a sample with these regions.
    pub(crate) fn push(&mut self, regions: &[Region]) {
        for region in regions {
            let place = self.place(&region.identity.label.region_type);
            self.add(place, region);
        }
        self.end_sample();
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
            let value = |measure: Measure| match measure {
                Measure::Quantity(_) if sums.unknown & 1 << measure.place() != 0 => None,
                _ => Some(sums.sums[measure.place()]),
            };
            for (measure, column) in Measure::ALL.into_iter().zip(&mut of.columns) {
                let like = measure.like().and_then(value).unwrap_or(0);
                column.push(value(measure).map(|value| value.wrapping_sub(like)));
            }
            *sums = Sums::default();
        }
    }

    /// Calls `each` with every type, measure and the sums of the snapshots, type by type.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&RegionType, Measure, &[Option<u64>])) {
        let mut all: [Vec<Option<u64>>; MEASURES] = Default::default();
        for of in &self.types {
            for (measure, column) in Measure::ALL.into_iter().zip(&of.columns) {
                let (before, rest) = all.split_at_mut(measure.place());
                let like = measure.like().map(|like| &before[like.place()][..]);
                rest[0].clear();
                rest[0].extend(column.values());
                add(&mut rest[0], like);
                each(&of.region_type, measure, &rest[0]);
            }
        }
    }

    /// Returns the bytes of these sums, in pieces of one measure each.
    pub(crate) fn encode(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        put(&mut out, self.snapshots);
        put(&mut out, self.types.len() as u64);
        for TypeColumns { region_type, .. } in &self.types {
            for text in [region_type.family().name(), region_type.name()] {
                put(&mut out, text.len() as u64);
                out.extend_from_slice(text.as_bytes());
            }
        }
        let mut pieces = vec![out];
        for measure in 0..MEASURES {
            let mut columns = Vec::new();
            self.types.iter().for_each(|of| of.columns[measure].put(&mut columns));
            let mut piece = Vec::new();
            put(&mut piece, columns.len() as u64);
            piece.append(&mut columns);
            pieces.push(piece);
        }
        pieces
    }
}

impl Decoded {
    /// Returns the sums of [`SumColumns::encode`] of the measures `wanted`.
    pub(crate) fn decode(data: &[u8], wanted: &[Measure]) -> Result<Self, Malformed> {
        let mut cursor = Cursor(data);
        let snapshots = cursor.take_count(super::MOST_SAMPLES_READ)?;
        let kinds = cursor.take_count(data.len())?;
        let mut types = Vec::with_capacity(kinds);
        for _ in 0..kinds {
            let family =
                Family::from_name(cursor.take_text()?).ok_or(Malformed("an unknown family"))?;
            let region_type = RegionType::named(cursor.take_text()?, family);
            types.push(TypeColumns { region_type, columns: Vec::new() });
        }
        let needed = wanted.iter().fold(0_u16, |needed, measure| needed | closure(*measure));
        let mut values: Vec<Vec<Vec<Option<u64>>>> = vec![vec![Vec::new(); MEASURES]; kinds];
        for measure in Measure::ALL {
            let length = cursor.take_count(cursor.len())?;
            let columns = cursor.take_bytes(length)?;
            if needed & 1 << measure.place() == 0 {
                continue;
            }
            let mut columns = Cursor(columns);
            for of in &mut values {
                let mut column = Column::take(&mut columns, snapshots)?;
                add(&mut column, measure.like().map(|like| &of[like.place()][..]));
                of[measure.place()] = column;
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
                let column = &mut values[measure.place()];
                // One wanted twice is copied.
                let again = wanted[at + 1..].contains(measure);
                if again { column.clone() } else { std::mem::take(column) }
            };
            of.columns = wanted.iter().enumerate().map(column).collect();
        }
        Ok(Self { snapshots, types })
    }
}

/// Returns the measures needed to tell one, as bits of their places.
const fn closure(measure: Measure) -> u16 {
    let own = 1 << measure.place();
    match measure.like() {
        Some(like) => own | closure(like),
        None => own,
    }
}

/// Adds the values of the measure that a column was told less of.
fn add(column: &mut [Option<u64>], like: Option<&[Option<u64>]>) {
    for (value, like) in column.iter_mut().zip(like.into_iter().flatten()) {
        *value = value.map(|value| value.wrapping_add(like.unwrap_or(0)));
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
