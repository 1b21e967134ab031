//! Samples, as they come, to a chunk.

use vmrec_sampler::Region;

use crate::codec::chunk::encode_sums::SumColumns;
use crate::codec::chunk::header::Head;
use crate::codec::chunk::seal::{Place, Sealer};
use crate::codec::chunk::ticks::{Tick, Ticks};
use crate::codec::chunk::tracks::Tracks;
use crate::codec::chunk::{Groups, totals};
use crate::codec::region_change::Row;
use crate::codec::table_diff::{Edit, Table};
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
    pub(crate) sums: SumColumns,
    /// The regions of its last snapshot, in no order.
    pub(crate) newest: Vec<Row>,
}

impl Builder {
    /// Adds a sample; one that has regions comes with them and their identities' numbers.
    pub(crate) fn push(&mut self, sample: Sample, regions: Option<(&[i64], &[Region])>) {
        if let Some((identities, regions)) = regions {
            let edits = self.tracks.edits(identities, regions);
            self.push_edited(&edits, identities, regions);
        }
        self.samples.push(sample);
    }

    /// Adds a sample with the regions `table`, to which `edits` lead from those of the one before
    /// that has any.
    pub(crate) fn push_next(&mut self, sample: Sample, edits: &[Edit], table: &Table) {
        self.push_edited(edits, &table.identities, &table.regions);
        self.samples.push(sample);
    }

    fn push_edited(&mut self, edits: &[Edit], identities: &[i64], regions: &[Region]) {
        self.tracks.push(edits, identities, regions, &mut self.sums);
        self.sums.end_sample();
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
        let ticks = self.samples.iter().map(Tick::of).collect();
        let regions = self.tracks.encode();
        let regions = regions.map_err(|malformed| std::io::Error::other(malformed.0))?;
        let mut sealer = Sealer::new()?;
        let groups = Groups {
            ticks: sealer.seal(place, "ticks", &[Ticks::encode(&self.samples)])?,
            totals: sealer.seal(place, "totals", &[totals::encode(&self.samples)])?,
            sums: sealer.seal(place, "sums", &self.sums.encode())?,
            regions: sealer.seal(place, "regions", &regions)?,
        };
        let head = Head::of(first, last, &self.samples);
        let newest = self.tracks.newest();
        Ok(Built { head, groups, ticks, sums: self.sums, newest })
    }
}
