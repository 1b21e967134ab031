//! A page and all that it is made of.

use vmrec_sampler::Snapshot;
use vmrec_store::RecordingSummary;

use crate::chart::options::{ChartContext, ChartOptions};
use crate::finding::made_by::MadeBy;
use crate::page::heap::PageHeap;
use crate::page::plan::PagePlan;
use crate::series::Series;

/// All that a page is made of.
#[derive(Debug)]
pub struct PageInput<'a> {
    /// Its samples.
    pub plan: &'a PagePlan,
    /// Resident and private size by type, of every sample.
    pub series: &'a [Series],
    /// Each of [`crate::PAGE_METRICS`] by type, of the samples of the plan.
    pub columns: &'a [Series],
    /// Samples with their regions, and their numbers.
    pub snapshots: &'a [(u64, Snapshot)],
    /// How the picture for readers without scripts looks, and the time zone.
    pub options: &'a ChartOptions,
    /// The text beside the data.
    pub context: &'a ChartContext,
    /// The recording with the totals of its samples.
    pub recording: &'a RecordingSummary,
    /// The code that made the change between the ends of the plan, if call stacks were recorded.
    pub code: Option<PageCode>,
    /// Reports on its heap.
    pub heap: PageHeap,
    /// The name of its file.
    pub file: &'a str,
}

/// The code that made a change.
#[derive(Clone, Debug)]
pub struct PageCode {
    /// The picture of [`crate::flame`].
    pub flame: String,
    /// The function that made most of it, if one is sure to have.
    pub made_by: Option<MadeBy>,
}

/// A page, and its finding in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The HTML document.
    pub html: String,
    /// The finding. Its words may hold anything: escape them where they are shown.
    pub finding: String,
}
