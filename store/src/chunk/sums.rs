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

use vmrec_sampler::{Family, Quantities, Quantity, Region, RegionType};

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
    /// Wide enough for any number of regions, so that what was added can be taken away again.
    sums: [u128; MEASURES],
    /// For each quantity, how many regions do not know it.
    unknown: [u32; Quantity::COUNT],
    /// Whether any differs from the sample before.
    changed: bool,
}

impl Sums {
    /// Lets `change` change each sum by that of a region, and `count` the number of those unknown.
    fn update(
        &mut self,
        quantities: &Quantities,
        virtual_bytes: u64,
        change: impl Fn(u128, u64) -> u128,
        count: impl Fn(u32) -> u32,
    ) {
        for (quantity, (sum, unknown)) in
            Quantity::ALL.into_iter().zip(self.sums.iter_mut().zip(&mut self.unknown))
        {
            match quantities.get(quantity) {
                Some(bytes) => *sum = change(*sum, bytes),
                None => *unknown = count(*unknown),
            }
        }
        let [.., bytes, regions] = &mut self.sums;
        *bytes = change(*bytes, virtual_bytes);
        *regions = change(*regions, 1);
        self.changed = true;
    }

    fn value(&self, measure: Measure) -> Option<u64> {
        match measure {
            Measure::Quantity(quantity) if self.unknown[quantity as usize] > 0 => None,
            _ => Some(u64::try_from(self.sums[measure.place()]).unwrap_or(u64::MAX)),
        }
    }
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

    /// Adds a sample that has these regions and no others.
    pub(crate) fn push(&mut self, regions: &[Region]) {
        self.at_hand.fill(Sums { changed: true, ..Sums::default() });
        for region in regions {
            let place = self.place(&region.identity.label.region_type);
            self.add(place, &region.quantities, region.identity.range.virtual_bytes());
        }
        self.end_sample();
    }

    /// Adds a region to the sums of the sample at hand, which begin as those of the one before;
    /// `place` is that of its type.
    pub(crate) fn add(&mut self, place: usize, quantities: &Quantities, virtual_bytes: u64) {
        let add = |sum: u128, value| sum + u128::from(value);
        self.at_hand[place].update(quantities, virtual_bytes, add, |count| count + 1);
    }

    /// Takes away from the sums of the sample at hand a region that was added.
    pub(crate) fn remove(&mut self, place: usize, quantities: &Quantities, virtual_bytes: u64) {
        let subtract = |sum: u128, value| sum - u128::from(value);
        self.at_hand[place].update(quantities, virtual_bytes, subtract, |count| count - 1);
    }

    /// Ends the sample at hand.
    pub(crate) fn end_sample(&mut self) {
        self.snapshots += 1;
        for (of, sums) in self.types.iter_mut().zip(&mut self.at_hand) {
            if !std::mem::take(&mut sums.changed) {
                of.columns.iter_mut().for_each(|column| column.push_same(1));
                continue;
            }
            for (measure, column) in Measure::ALL.into_iter().zip(&mut of.columns) {
                let like = measure.like().and_then(|like| sums.value(like)).unwrap_or(0);
                column.push(sums.value(measure).map(|value| value.wrapping_sub(like)));
            }
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
        for (of, values) in types.iter_mut().zip(values) {
            of.columns = wanted.iter().map(|measure| values[measure.place()].clone()).collect();
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
