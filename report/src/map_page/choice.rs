//! Which rows of the page are listed, and in which order.

use std::cmp::Reverse;

use vmrec_sampler::sort_by_key;

use crate::amounts::Amounts;
use crate::map_page::row::PageRow;
use crate::metric::Metric;
use crate::series::filter::TypeFilter;
use crate::text::units;

/// A choice among the rows of the page, which is of all of them by default.
#[derive(Clone, Debug, Default)]
pub struct RowChoice {
    /// Only regions of these types.
    pub types: Option<TypeFilter>,
    /// Only the region that holds this address.
    pub address: Option<u64>,
    /// The largest by this metric first, unknown sizes last; by address without it.
    pub sorted_by: Option<Metric>,
    /// At most so many.
    pub max: Option<usize>,
}

/// The rows that are listed, and the others.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) title: String,
    pub(crate) rows: Vec<PageRow>,
    left_out: Vec<PageRow>,
}

impl RowChoice {
    /// Returns whether rows are chosen at all.
    pub(crate) const fn is_made(&self) -> bool {
        self.types.is_some()
            || self.address.is_some()
            || self.sorted_by.is_some()
            || self.max.is_some()
    }

    /// Chooses among `rows`, which are in the order of their addresses.
    pub(crate) fn among(&self, rows: Vec<PageRow>) -> Chosen {
        let fits = |row: &PageRow| {
            self.types.as_ref().is_none_or(|types| types.has(&row.kind.region_type))
                && self.address.is_none_or(|address| row.range.holds(address))
        };
        let (mut rows, mut left_out): (Vec<_>, Vec<_>) = rows.into_iter().partition(fits);
        if let Some(metric) = self.sorted_by {
            sort_by_key(&mut rows, |row| Reverse(row.sums.get(metric)));
        }
        left_out.extend(rows.split_off(rows.len().min(self.max.unwrap_or(usize::MAX))));
        let title = match self.sorted_by {
            Some(metric) => format!("Regions by {}", metric.words()),
            None => "Regions".to_owned(),
        };
        Chosen { title, rows, left_out }
    }
}

impl Chosen {
    /// Lists all of these rows.
    pub(crate) fn all(title: &str, rows: Vec<PageRow>) -> Self {
        Self { title: title.to_owned(), rows, left_out: Vec::new() }
    }

    /// Returns a line on the rows that are not listed, with their resident size; `None` if all are.
    pub(crate) fn remainder(&self) -> Option<String> {
        let mut sums = Amounts::default();
        self.left_out.iter().for_each(|row| sums.merge(&row.sums));
        let rows = units::counted(self.left_out.len() as u64, "row", "rows");
        let resident = Metric::RESIDENT.unit().plain_or_unknown(sums.get(Metric::RESIDENT));
        (!self.left_out.is_empty()).then(|| format!("{rows} left out ({resident} resident)\n"))
    }
}
