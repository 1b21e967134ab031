//! Which pages a region's sizes are made of: on macOS a choice of the recorder (`--footprint`), which
//! changes what resident, private, dirty and swapped mean.

use vmrec_sampler::{Identity, Snapshot};

/// Which pages the sizes of regions count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// The pages of the objects in the regions, whoever maps them.
    Objects,
    /// The pages that the process maps, as its footprint counts them.
    Footprint,
}

impl Counting {
    /// Returns how the pages of a snapshot are counted; `None` where there is no such choice, or where
    /// another program counted them and does not say how.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        snapshot.regions.iter().find_map(|region| Self::of_region(&region.identity))
    }

    /// Returns how the pages of one region are counted.
    pub(crate) fn of_region(identity: &Identity) -> Option<Self> {
        let mut words = identity.flags.split_ascii_whitespace();
        if words.clone().any(|word| word == "footprint") {
            return Some(Self::Footprint);
        }
        words.any(|word| word.starts_with("tag=")).then_some(Self::Objects)
    }

    /// Returns the words for it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Objects => "pages of objects",
            Self::Footprint => "pages that the process maps (--footprint)",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vmrec_sampler::ProcessTotals;

    use super::*;
    use crate::fixture::{heap, region, snapshot};

    #[test]
    fn a_snapshot_is_counted_as_its_regions_say() {
        let of = |flags: &[&str]| {
            let regions = flags.iter().zip(0..).map(|(flags, at)| {
                let mut region = region(at << 12..(at + 1) << 12, heap(), None, &[]);
                Arc::make_mut(&mut region.identity).flags = (*flags).into();
                region
            });
            Counting::of(&snapshot(1, ProcessTotals::default(), regions.collect()))
        };
        assert_eq!(of(&["tag=1", "tag=2 wired"]), Some(Counting::Objects));
        assert_eq!(of(&["tag=1 footprint"]), Some(Counting::Footprint));
        // A page of vmmap says so too.
        assert_eq!(of(&["purge=N footprint"]), Some(Counting::Footprint));
        assert_eq!(of(&["p rd mr"]), None);
        assert_eq!(of(&[]), None);
    }
}
