//! Encodes the sums over the regions of each type, sample by sample.
//!
//! ```text
//! sums    = snapshots, types, then each type (`types`)
//!           then for each measure: length of its columns, and a column for each type
//! measure = regions, virtual size, then the quantities in the order of `Quantity::ALL`
//! column  = for a measure that has a predictor (`Measure::predictor`): 1 if it is
//!           less that one's, else 0; then its values (`column`)
//! ```
//!
//! Pages an allocator touches become resident, private and dirty at once, so
//! most columns are constant after subtracting their predictor. The sums of a
//! type without regions are 0; a sum is unknown if the quantity of one region
//! is.

use vmrec_sampler::{Quantities, Quantity, RegionType};

use crate::codec::chunk::column::Column;
use crate::codec::chunk::measure::{MEASURES, Measure};
use crate::codec::chunk::types::put_type;
use crate::codec::varint::put;

/// The columns of one type under construction.
#[derive(Clone, Debug)]
struct TypeColumns {
    region_type: RegionType,
    columns: [Column; MEASURES],
}

/// The sums of a chunk under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct SumColumns {
    types: Vec<TypeColumns>,
    snapshots: u64,
    /// The sums of the current sample, one for each type.
    current: Vec<Sums>,
}

/// The sums of one type in one sample.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    /// Wide enough for any number of regions, so that each addition can be undone.
    sums: [u128; MEASURES],
    /// For each quantity, the number of regions where it is unknown.
    unknown: [u32; Quantity::COUNT],
    /// The number of regions whose virtual size is unknown.
    unknown_virtual: u32,
    /// Whether any sum differs from the sample before.
    changed: bool,
}

impl Sums {
    /// Applies `change` to each sum with the value of a region, and `count` to the number of
    /// unknown values.
    fn update(
        &mut self,
        quantities: &Quantities,
        virtual_bytes: Option<u64>,
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
        match virtual_bytes {
            Some(virtual_bytes) => *bytes = change(*bytes, virtual_bytes),
            None => self.unknown_virtual = count(self.unknown_virtual),
        }
        *regions = change(*regions, 1);
        self.changed = true;
    }

    fn value(&self, measure: Measure) -> Option<u64> {
        match measure {
            Measure::Virtual if self.unknown_virtual > 0 => None,
            Measure::Quantity(quantity) if self.unknown[quantity as usize] > 0 => None,
            _ => Some(u64::try_from(self.sums[measure.index()]).unwrap_or(u64::MAX)),
        }
    }
}

impl SumColumns {
    /// Returns the index of a type, adding the type if it is new.
    pub(crate) fn index_of(&mut self, region_type: &RegionType) -> usize {
        let found = self.types.iter().position(|known| known.region_type == *region_type);
        found.unwrap_or_else(|| {
            let mut columns: [Column; MEASURES] = Default::default();
            columns.iter_mut().for_each(|column| column.push_same(self.snapshots));
            self.types.push(TypeColumns { region_type: region_type.clone(), columns });
            self.current.push(Sums::default());
            self.types.len() - 1
        })
    }

    /// Adds a region to the sums of the current sample, which begin as those of the one before;
    /// `index` is that of its type.
    pub(crate) fn add(
        &mut self,
        index: usize,
        quantities: &Quantities,
        virtual_bytes: Option<u64>,
    ) {
        let add = |sum: u128, value| sum + u128::from(value);
        self.current[index].update(quantities, virtual_bytes, add, |count| count + 1);
    }

    /// Subtracts a region that was added from the sums of the current sample.
    pub(crate) fn remove(
        &mut self,
        index: usize,
        quantities: &Quantities,
        virtual_bytes: Option<u64>,
    ) {
        let subtract = |sum: u128, value| sum - u128::from(value);
        self.current[index].update(quantities, virtual_bytes, subtract, |count| count - 1);
    }

    /// Ends the current sample.
    pub(crate) fn end_sample(&mut self) {
        self.snapshots += 1;
        for (of, sums) in self.types.iter_mut().zip(&mut self.current) {
            if !std::mem::take(&mut sums.changed) {
                of.columns.iter_mut().for_each(|column| column.push_same(1));
                continue;
            }
            for (measure, column) in Measure::ALL.into_iter().zip(&mut of.columns) {
                let predictor = measure.predictor().and_then(|predictor| sums.value(predictor));
                let predicted = predictor.unwrap_or(0);
                column.push(sums.value(measure).map(|value| value.wrapping_sub(predicted)));
            }
        }
    }

    /// Calls `each` with every type, every measure and its sums, type by type.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&RegionType, Measure, &[Option<u64>])) {
        for of in &self.types {
            for (measure, values) in Measure::ALL.into_iter().zip(of.values()) {
                each(&of.region_type, measure, &values);
            }
        }
    }

    /// Returns the bytes of these sums, in pieces of one measure each: those that most readers want,
    /// and the others.
    pub(crate) fn encode(&self) -> [Vec<Vec<u8>>; 2] {
        let mut out = Vec::new();
        put(&mut out, self.snapshots);
        put(&mut out, self.types.len() as u64);
        self.types.iter().for_each(|of| put_type(&of.region_type, &mut out));
        let mut columns: [Vec<u8>; MEASURES] = Default::default();
        for of in &self.types {
            of.put(&mut columns);
        }
        let mut pieces = vec![out];
        for measure in Measure::STORED {
            let columns = std::mem::take(&mut columns[measure.index()]);
            let mut piece = Vec::with_capacity(columns.len() + 2);
            put(&mut piece, columns.len() as u64);
            piece.extend(columns);
            pieces.push(piece);
        }
        let others = pieces.split_off(1 + Measure::WANTED_MOST);
        [pieces, others]
    }
}

impl TypeColumns {
    /// Appends the column of each measure in its shorter encoding.
    fn put(&self, out: &mut [Vec<u8>; MEASURES]) {
        let mut values: Option<[Vec<Option<u64>>; MEASURES]> = None;
        for (measure, column) in Measure::ALL.into_iter().zip(&self.columns) {
            let out = &mut out[measure.index()];
            if measure.predictor().is_none() {
                column.put(out);
                continue;
            }
            let mut less = vec![1];
            column.put(&mut less);
            if !column.is_constant() {
                let values = values.get_or_insert_with(|| self.values());
                let mut whole = vec![0];
                values[measure.index()].iter().copied().collect::<Column>().put(&mut whole);
                if whole.len() < less.len() {
                    less = whole;
                }
            }
            out.append(&mut less);
        }
    }

    /// Returns the values of each measure.
    fn values(&self) -> [Vec<Option<u64>>; MEASURES] {
        let mut all: [Vec<Option<u64>>; MEASURES] = Default::default();
        for (measure, column) in Measure::ALL.into_iter().zip(&self.columns) {
            let mut values: Vec<_> = column.values().collect();
            add(&mut values, measure.predictor().map(|predictor| &all[predictor.index()][..]));
            all[measure.index()] = values;
        }
        all
    }
}

/// Adds the values of the predictor that were subtracted from a column.
fn add(column: &mut [Option<u64>], predictor: Option<&[Option<u64>]>) {
    for (value, predicted) in column.iter_mut().zip(predictor.into_iter().flatten()) {
        *value = value.map(|value| value.wrapping_add(predicted.unwrap_or(0)));
    }
}
