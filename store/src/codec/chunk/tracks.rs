//! The regions of a chunk in the making: one track for each identity.
//!
//! A track tells in which snapshots its region is there and how its readings
//! change. Regions that come back, as heaps do that are committed and given
//! back in turns, go on in their track, mostly with the reading they had.

use std::collections::HashMap;

use vmrec_sampler::{AddressRange, Region};

use crate::codec::chunk::encode_sums::SumColumns;
use crate::codec::region_change::{Change, Reading, Row};
use crate::codec::table_diff::{Edit, Operation};

/// What follows a track that has no twin.
const NONE: u32 = u32::MAX;

/// One identity of a chunk.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    /// Its number in the `region` table.
    pub(crate) identity: i64,
    /// The place of its type among the sums.
    sums: usize,
    start: u64,
    virtual_bytes: u64,
    reading: Reading,
    /// Whether the last snapshot has it.
    live: bool,
    /// The snapshot its last run began with.
    since: u32,
    /// The snapshot its last run ended before, unless it is live.
    until: u32,
    /// How many snapshots before its last run have it.
    before: u32,
    /// The track of the same identity where a torn snapshot shows it twice.
    twin: u32,
}

/// Snapshots `from..to` have a track's region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) track: u32,
    pub(crate) from: u32,
    pub(crate) to: u32,
}

/// A reading that differs from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) track: u32,
    /// How many snapshots before have the region.
    pub(crate) at: u32,
    /// Where its change is told in [`Tracks::changes`].
    pub(crate) change: u32,
}

/// The tracks of a chunk in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tracks {
    pub(crate) tracks: Vec<Track>,
    pub(crate) runs: Vec<Run>,
    pub(crate) events: Vec<Event>,
    /// What changed, as [`Change::put`] tells it.
    pub(crate) changes: Vec<u8>,
    /// Snapshots whose regions are not in the order of their start addresses, with their tracks in order.
    pub(crate) orders: Vec<(u32, Vec<u32>)>,
    pub(crate) snapshots: u32,
    /// The quantities that the first region knows.
    pub(crate) usual: u16,
    by_identity: HashMap<i64, u32>,
    /// The tracks of the snapshot before, in its order, which is not that of their start addresses
    /// if `unsorted`.
    live: Vec<u32>,
    unsorted: bool,
    spare: Vec<u32>,
    /// Tracks of the snapshot before that the one at hand may not have.
    left: Vec<u32>,
}

impl Tracks {
    /// Adds a snapshot that `edits` lead to from the one before, and brings `sums` up to it.
    pub(crate) fn push(
        &mut self,
        edits: &[Edit],
        identities: &[i64],
        regions: &[Region],
        sums: &mut SumColumns,
    ) {
        if self.snapshots == 0 {
            self.usual = regions.first().map_or(0, |region| region.quantities.known_mask());
        }
        if edits.iter().all(|edit| edit.operation == Operation::Change) {
            let mut place = 0;
            for edit in edits {
                place += edit.kept as usize;
                self.change(self.live[place], &regions[place], sums);
                place += 1;
            }
        } else {
            self.replace(edits, identities, regions, sums);
        }
        if self.unsorted {
            self.orders.push((self.snapshots, self.live.clone()));
        }
        self.snapshots += 1;
    }

    /// Returns edits that lead to a snapshot from the last one.
    pub(crate) fn edits(&self, identities: &[i64], regions: &[Region]) -> Vec<Edit> {
        let track = |place: usize| &self.tracks[self.live[place] as usize];
        let (old, new) = (self.live.len(), identities.len());
        let same = |(place, identity): &(usize, &i64)| track(*place).identity == **identity;
        let begin = (0..old).zip(identities).take_while(same).count();
        let most = old.min(new) - begin;
        let end = (0..old).rev().zip(identities.iter().rev()).take(most).take_while(same).count();

        let changed = |old: usize, new: usize| track(old).reading != Reading::of(&regions[new]);
        let (mut edits, mut kept) = (Vec::new(), 0);
        let mut edit = |operation| match operation {
            Some(operation) => edits.push(Edit { kept: std::mem::take(&mut kept), operation }),
            None => kept += 1,
        };
        (0..begin).for_each(|place| edit(changed(place, place).then_some(Operation::Change)));
        (begin..old - end).for_each(|_| edit(Some(Operation::Remove)));
        (begin..new - end).for_each(|_| edit(Some(Operation::Insert)));
        for (old, new) in (old - end..old).zip(new - end..) {
            edit(changed(old, new).then_some(Operation::Change));
        }
        edits
    }

    /// Ends the runs of what the last snapshot has.
    pub(crate) fn finish(&mut self) {
        for track in &self.live {
            let from = self.tracks[*track as usize].since;
            self.runs.push(Run { track: *track, from, to: self.snapshots });
        }
    }

    /// Returns the regions of the last snapshot.
    pub(crate) fn newest(&self) -> Vec<Row> {
        let row = |track: &u32| {
            let Track { identity, reading, .. } = self.tracks[*track as usize];
            Row { identity, reading }
        };
        self.live.iter().map(row).collect()
    }

    /// Brings the tracks up to a snapshot that has other regions than the one before.
    fn replace(
        &mut self,
        edits: &[Edit],
        identities: &[i64],
        regions: &[Region],
        sums: &mut SumColumns,
    ) {
        let before = std::mem::take(&mut self.live);
        let mut live = std::mem::take(&mut self.spare);
        live.clear();
        // All that go first: a torn snapshot may show a region again at another place.
        let mut old = 0;
        for Edit { kept, operation } in edits {
            old += *kept as usize;
            if matches!(operation, Operation::Replace | Operation::Remove) {
                self.leave(before[old], sums);
            }
            old += usize::from(*operation != Operation::Insert);
        }
        let (mut old, mut entered) = (0, Vec::new());
        for Edit { kept, operation } in edits {
            let end = old + *kept as usize;
            live.extend_from_slice(&before[old..end]);
            old = end + usize::from(*operation != Operation::Insert);
            let place = live.len();
            match operation {
                Operation::Remove => {}
                Operation::Change => {
                    self.change(before[end], &regions[place], sums);
                    live.push(before[end]);
                }
                Operation::Replace | Operation::Insert => {
                    live.push(self.enter(identities[place], &regions[place], sums));
                    entered.push(place);
                }
            }
        }
        live.extend_from_slice(&before[old..]);
        self.end_runs();
        self.unsorted = if self.unsorted {
            !live.is_sorted_by(|one, next| self.is_before(*one, *next))
        } else {
            // Only what entered can be out of order.
            entered.into_iter().any(|place| {
                let beside = &live[place.saturating_sub(1)..live.len().min(place + 2)];
                !beside.is_sorted_by(|one, next| self.is_before(*one, *next))
            })
        };
        self.live = live;
        self.spare = before;
    }

    /// Tells whether the region of a track stands before that of another where they are sorted.
    fn is_before(&self, one: u32, other: u32) -> bool {
        let key = |place: u32| {
            let Track { start, identity, .. } = self.tracks[place as usize];
            (start, identity, place)
        };
        key(one) < key(other)
    }

    /// Takes note that the snapshot at hand does not have a track's region, unless it enters again.
    fn leave(&mut self, place: u32, sums: &mut SumColumns) {
        let now = self.snapshots;
        let track = &mut self.tracks[place as usize];
        (track.live, track.until) = (false, now);
        sums.remove(track.sums, &track.reading.quantities, track.virtual_bytes);
        self.left.push(place);
    }

    /// Takes note that the snapshot at hand has a region that the one before did not have, or had
    /// at another place, and returns its track.
    fn enter(&mut self, identity: i64, region: &Region, sums: &mut SumColumns) -> u32 {
        let now = self.snapshots;
        let place = self.find(identity, region, sums);
        let track = &mut self.tracks[place as usize];
        if track.until != now {
            track.since = now;
        }
        track.live = true;
        self.read(place, region);
        let track = &self.tracks[place as usize];
        sums.add(track.sums, &track.reading.quantities, track.virtual_bytes);
        place
    }

    /// Ends the runs of what left and did not enter again.
    fn end_runs(&mut self) {
        for place in self.left.drain(..) {
            let track = &mut self.tracks[place as usize];
            if !track.live {
                let (from, to) = (track.since, track.until);
                track.before += to - from;
                self.runs.push(Run { track: place, from, to });
            }
        }
    }

    /// Returns the track of an identity that the snapshot at hand did not show yet.
    fn find(&mut self, identity: i64, region: &Region, sums: &mut SumColumns) -> u32 {
        let mut place = self.by_identity.get(&identity).copied().unwrap_or(NONE);
        let mut parent = NONE;
        while let Some(track) = self.tracks.get(place as usize) {
            if !track.live {
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
        let AddressRange { start, .. } = region.identity.range;
        self.tracks.push(Track {
            identity,
            sums: sums.place(&region.identity.label.region_type),
            start,
            virtual_bytes: region.identity.range.virtual_bytes(),
            reading: Reading::nothing(self.usual),
            live: false,
            since: 0,
            until: NONE,
            before: 0,
            twin: NONE,
        });
        new
    }

    /// Takes note of the reading of a region that the snapshot before has too.
    fn change(&mut self, place: u32, region: &Region, sums: &mut SumColumns) {
        let track = &self.tracks[place as usize];
        sums.remove(track.sums, &track.reading.quantities, track.virtual_bytes);
        self.read(place, region);
        let track = &self.tracks[place as usize];
        sums.add(track.sums, &track.reading.quantities, track.virtual_bytes);
    }

    /// Takes note of the reading of a track's region in the snapshot at hand.
    fn read(&mut self, place: u32, region: &Region) {
        let track = &mut self.tracks[place as usize];
        let reading = Reading::of(region);
        if track.reading != reading {
            let at = track.before + (self.snapshots - track.since);
            let change = self.changes.len() as u32;
            self.events.push(Event { track: place, at, change });
            Change::between(&track.reading, &reading).put(&mut self.changes);
            track.reading = reading;
        }
    }
}
