//! The regions of a chunk in the making: one track for each identity.
//!
//! A track tells in which snapshots its region is there and how its readings
//! change. Regions that come back, as heaps do that are committed and given
//! back in turns, go on in their track, mostly with the reading they had.

use std::collections::HashMap;

use vmrec_sampler::Region;

use crate::frame::{Change, Reading, Row};

/// What follows a track that has no twin.
const NONE: u32 = u32::MAX;

/// One identity of a chunk.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// Its number in the `region` table.
    pub(super) identity: i64,
    /// The place of its type among the sums.
    sums: usize,
    start: u64,
    reading: Reading,
    /// The snapshot after the last one that has it.
    seen: u32,
    /// The snapshot its present run began with.
    since: u32,
    /// How many snapshots have it.
    present: u32,
    /// The track of the same identity where a torn snapshot shows it twice.
    twin: u32,
}

/// Snapshots `from..to` have a track's region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) track: u32,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// A reading that differs from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) track: u32,
    /// How many snapshots before have the region.
    pub(super) at: u32,
    /// Where its change is told in [`Tracks::changes`].
    pub(super) change: u32,
}

/// The tracks of a chunk in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracks {
    pub(super) tracks: Vec<Track>,
    pub(super) runs: Vec<Run>,
    pub(super) events: Vec<Event>,
    /// What changed, as [`Change::put`] tells it.
    pub(super) changes: Vec<u8>,
    /// Snapshots whose regions are not in the order of their start addresses, with their tracks in order.
    pub(super) orders: Vec<(u32, Vec<u32>)>,
    pub(super) snapshots: u32,
    /// The quantities that the first region knows.
    pub(super) usual: u16,
    by_identity: HashMap<i64, u32>,
    /// The tracks of the snapshot before, in its order.
    live: Vec<u32>,
    spare: Vec<u32>,
}

impl Tracks {
    /// Adds a snapshot. `sums` returns the place of a region's type and is asked once for each track.
    pub(super) fn push(
        &mut self,
        identities: &[i64],
        regions: &[Region],
        mut sums: impl FnMut(&Region) -> usize,
    ) {
        if self.snapshots == 0 {
            self.usual = regions.first().map_or(0, |region| region.quantities.known_mask());
        }
        let before = std::mem::take(&mut self.live);
        let mut live = std::mem::take(&mut self.spare);
        live.clear();
        let mut aligned = before.len() == regions.len();
        let mut sorted = true;
        let mut last = (0, 0, 0);
        for (place, (identity, region)) in identities.iter().zip(regions).enumerate() {
            // Most snapshots have the same regions in the same places.
            let track = match before.get(place) {
                Some(track) if aligned && self.tracks[*track as usize].identity == *identity => {
                    *track
                }
                _ => {
                    aligned = false;
                    self.find(*identity, region, &mut sums)
                }
            };
            self.see(track, region);
            let at = (self.tracks[track as usize].start, *identity, track);
            sorted &= place == 0 || last < at;
            last = at;
            live.push(track);
        }
        if !aligned {
            for track in &before {
                self.end(*track);
            }
        }
        if !sorted {
            self.orders.push((self.snapshots, live.clone()));
        }
        self.snapshots += 1;
        self.live = live;
        self.spare = before;
    }

    /// Returns the place among the sums of each region of the last snapshot.
    pub(super) fn sums(&self) -> impl Iterator<Item = usize> + '_ {
        self.live.iter().map(|track| self.tracks[*track as usize].sums)
    }

    /// Ends the runs of what the last snapshot has.
    pub(super) fn finish(&mut self) {
        for track in &self.live {
            let Track { since, seen, .. } = self.tracks[*track as usize];
            self.runs.push(Run { track: *track, from: since, to: seen });
        }
    }

    /// Returns the regions of the last snapshot.
    pub(super) fn newest(&self) -> Vec<Row> {
        let row = |track: &u32| {
            let Track { identity, reading, .. } = self.tracks[*track as usize];
            Row { identity, reading }
        };
        self.live.iter().map(row).collect()
    }

    /// Returns the track of an identity that the snapshot at hand did not show yet.
    fn find(
        &mut self,
        identity: i64,
        region: &Region,
        sums: &mut impl FnMut(&Region) -> usize,
    ) -> u32 {
        let mut place = self.by_identity.get(&identity).copied().unwrap_or(NONE);
        let mut parent = NONE;
        while let Some(track) = self.tracks.get(place as usize) {
            if track.seen <= self.snapshots {
                return place;
            }
            (parent, place) = (place, track.twin);
        }
        let new = self.tracks.len() as u32;
        match self.tracks.get_mut(parent as usize) {
            Some(parent) => parent.twin = new,
            None => {
                self.by_identity.insert(identity, new);
            }
        }
        self.tracks.push(Track {
            identity,
            sums: sums(region),
            start: region.identity.range.start,
            reading: Reading::nothing(self.usual),
            seen: 0,
            since: 0,
            present: 0,
            twin: NONE,
        });
        new
    }

    /// Notes that the snapshot at hand has a track's region.
    fn see(&mut self, place: u32, region: &Region) {
        let now = self.snapshots;
        let track = &mut self.tracks[place as usize];
        if track.seen < now {
            // Its run before, if any, was noted as it went.
            track.since = now;
        }
        let reading = Reading::of(region);
        if track.reading != reading {
            let change = self.changes.len() as u32;
            self.events.push(Event { track: place, at: track.present, change });
            Change::between(&track.reading, &reading).put(&mut self.changes);
            track.reading = reading;
        }
        track.seen = now + 1;
        track.present += 1;
    }

    /// Ends the run of a track of the snapshot before, unless the one at hand has it too.
    fn end(&mut self, place: u32) {
        let Track { seen, since, .. } = self.tracks[place as usize];
        if seen <= self.snapshots {
            self.runs.push(Run { track: place, from: since, to: seen });
        }
    }
}
