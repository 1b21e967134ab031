//! Samples, as they come, to a chunk.

use vmrec_sampler::Region;

use super::seal::{Place, seal};
use super::sums::SumColumns;
use super::tracks::Tracks;
use super::{Decoded, Groups, Head, Measure, Tick, Ticks, totals};
use crate::frame::Row;
use crate::recording::Sample;

/// A chunk in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Builder {
    samples: Vec<Sample>,
    tracks: Tracks,
    sums: SumColumns,
}

/// A chunk made of samples.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    /// Its plain columns.
    pub(crate) head: Head,
    /// Its groups, sealed.
    pub(crate) groups: Groups,
    /// Its ticks.
    pub(crate) ticks: Vec<Tick>,
    /// The sums of its snapshots.
    pub(crate) sums: Decoded,
    /// The regions of its last snapshot, in no order.
    pub(crate) newest: Vec<Row>,
}

impl Builder {
    /// Adds a sample; one that has regions comes with them and their identities' numbers.
    pub(crate) fn push(&mut self, sample: Sample, regions: Option<(&[i64], &[Region])>) {
        if let Some((identities, regions)) = regions {
            let Self { tracks, sums, .. } = self;
            tracks
                .push(identities, regions, |region| sums.place(&region.identity.label.region_type));
            for (region, place) in regions.iter().zip(tracks.sums()) {
                sums.add(place, region);
            }
            sums.end_sample();
        }
        self.samples.push(sample);
    }

    /// Tells whether it holds nothing yet.
    pub(crate) const fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Makes the chunk that stands for all samples from `first` to `last` of a recording.
    pub(crate) fn finish(
        mut self,
        recording: i64,
        first: u64,
        last: u64,
    ) -> std::io::Result<Built> {
        self.tracks.finish();
        let place = Place { recording, last };
        let sums = self.sums.encode();
        let ticks = self.samples.iter().map(Tick::of).collect();
        let groups = Groups {
            ticks: seal(place, "ticks", &Ticks::encode(first, &self.samples))?,
            totals: seal(place, "totals", &totals::encode(&self.samples))?,
            sums: seal(place, "sums", &sums)?,
            regions: seal(place, "regions", &self.tracks.encode())?,
        };
        let head = Head::of(first, last, &self.samples);
        let sums = Decoded::decode(&sums, &Measure::ALL)
            .map_err(|malformed| std::io::Error::other(malformed.0))?;
        Ok(Built { head, groups, ticks, sums, newest: self.tracks.newest() })
    }
}
