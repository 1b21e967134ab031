//! Samples, as they come, to a chunk.

use vmrec_sampler::Region;

use super::seal::{Place, seal};
use super::sums::SumColumns;
use super::tracks::Tracks;
use super::{Groups, Head, MOST_SAMPLES, Ticks, totals};
use crate::recording::Sample;

/// A chunk is closed where its regions take about this many bytes before compression.
const MANY_BYTES: usize = 512 << 10;
/// What a change, a run and a track take of that, about.
const EVENT_BYTES: usize = 8;
const RUN_BYTES: usize = 4;
const TRACK_BYTES: usize = 16;

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
    /// Its samples.
    pub(crate) samples: Vec<Sample>,
    /// The sums of its snapshots, before they were sealed.
    pub(crate) sums: Vec<u8>,
}

impl Builder {
    /// Adds a sample; one that has regions comes with them and their identities' numbers.
    pub(crate) fn push(&mut self, sample: Sample, regions: Option<(&[i64], &[Region])>) {
        if let Some((identities, regions)) = regions {
            let Self { tracks, sums, .. } = self;
            tracks.push(identities, regions, |region| {
                sums.place(&region.identity.label.region_type)
            });
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

    /// Tells whether it holds as much as a chunk should.
    pub(crate) fn is_full(&self) -> bool {
        let Tracks { events, runs, tracks, .. } = &self.tracks;
        self.samples.len() >= MOST_SAMPLES
            || events.len() * EVENT_BYTES + runs.len() * RUN_BYTES + tracks.len() * TRACK_BYTES
                >= MANY_BYTES
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
        let groups = Groups {
            ticks: seal(place, "ticks", &Ticks::encode(first, &self.samples))?,
            totals: seal(place, "totals", &totals::encode(&self.samples))?,
            sums: seal(place, "sums", &sums)?,
            regions: seal(place, "regions", &self.tracks.encode())?,
        };
        let head = Head::of(first, last, &self.samples);
        Ok(Built { head, groups, samples: self.samples, sums })
    }
}
