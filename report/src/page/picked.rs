//! Sums of some samples of a block, so that a page of weeks keeps those of its own samples only.

use vmrec_store::{SumsBlock, TypeSums};

use crate::page::plan::PagePlan;

impl PagePlan {
    /// Returns the sums of the samples of the page.
    pub fn picked(&self, block: &SumsBlock) -> SumsBlock {
        let wanted = |number: &u64| self.samples.contains(number);
        let with_regions = block.ticks.iter().filter(|tick| tick.has_regions());
        let keep: Vec<bool> = with_regions.map(|tick| wanted(&tick.number)).collect();
        let picked = |of: &TypeSums| TypeSums {
            region_type: of.region_type.clone(),
            columns: of
                .columns
                .iter()
                .map(|column| {
                    let kept = column.values().zip(&keep).filter(|(_, keep)| **keep);
                    kept.map(|(value, _)| value).collect()
                })
                .collect(),
        };
        let ticks =
            block.ticks.iter().filter(|tick| tick.has_regions() && wanted(&tick.number)).cloned();
        SumsBlock { ticks: ticks.collect(), types: block.types.iter().map(picked).collect() }
    }
}
