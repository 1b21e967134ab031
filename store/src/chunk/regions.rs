//! The regions of a chunk, track by track.
//!
//! ```text
//! regions = snapshots, tracks, usual known mask, orders, lanes
//! orders  = count, count × (snapshot, regions, tracks in its order)
//! lanes   = the length of each of [`Lane`], then each: numbers of all tracks one after the other
//! ```
//!
//! Tracks are in the order of their identities' numbers. For each track the
//! lanes have: how much its identity's number is above that of the track
//! before; its runs: 0 and how many they are if no track before has the same,
//! else how many different runs ago they were told; where each of new runs
//! begins, counted from the end of the one before, and how long it is (0: to
//! the end of the chunk); how many changes of its reading; for each change how
//! many snapshots with the region lie between it and the change before, and
//! its mask; and the values of each quantity in a lane of their own.
//!
//! The regions of a snapshot are in the order of their start addresses, and of
//! their tracks where those are equal, unless it is among the orders.

use std::collections::HashMap;

use super::tracks::{Event, Run, Tracks};
use crate::frame::varint::{Cursor, put, put_signed};
use crate::frame::{Change, LANES, Malformed};

/// What numbers are told in separately, for those of one kind resemble each other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lane {
    Identity,
    Runs,
    Gap,
    Length,
    Changes,
    When,
    Mask,
    /// The first of as many as there are quantities.
    Values,
}

pub(super) const ALL_LANES: usize = Lane::Values as usize + LANES;

impl Tracks {
    /// Returns the bytes of these tracks, which are finished, in pieces of one kind each.
    pub(super) fn encode(&self) -> Result<Vec<Vec<u8>>, Malformed> {
        let mut order: Vec<u32> = (0..self.tracks.len() as u32).collect();
        order.sort_by_key(|track| (self.tracks[*track as usize].identity, *track));
        let mut place_of = vec![0_u32; order.len()];
        for (place, track) in order.iter().enumerate() {
            place_of[*track as usize] = place as u32;
        }
        let runs = ByTrack::new(&self.runs, order.len(), |run: &Run| place_of[run.track as usize]);
        let events =
            ByTrack::new(&self.events, order.len(), |event: &Event| place_of[event.track as usize]);

        let mut lanes: [Vec<u8>; ALL_LANES] = Default::default();
        let mut identity = 0;
        let mut told: HashMap<Vec<(u32, u32)>, usize> = HashMap::new();
        for (place, track) in order.iter().enumerate() {
            let track = &self.tracks[*track as usize];
            put(&mut lanes[Lane::Identity as usize], track.identity.abs_diff(identity));
            identity = track.identity;
            let own = runs.of(place);
            let own: Vec<(u32, u32)> = own.map(|run| (run.from, run.to)).collect();
            let different = told.len();
            if let Some(place) = told.get(&own) {
                put(&mut lanes[Lane::Runs as usize], (different - place) as u64);
            } else {
                put(&mut lanes[Lane::Runs as usize], 0);
                put(&mut lanes[Lane::Runs as usize], own.len() as u64);
                let mut end = 0;
                for (from, to) in &own {
                    put(&mut lanes[Lane::Gap as usize], u64::from(from - end));
                    let length = if *to == self.snapshots { 0 } else { to - from };
                    put(&mut lanes[Lane::Length as usize], u64::from(length));
                    end = *to;
                }
                told.insert(own, different);
            }
            let events = events.of(place);
            put(&mut lanes[Lane::Changes as usize], events.len() as u64);
            let mut at = 0;
            for event in events {
                put(&mut lanes[Lane::When as usize], u64::from(event.at - at));
                at = event.at;
                let change = Change::take(&mut Cursor(&self.changes[event.change as usize..]))?;
                change.put_head(&mut lanes[Lane::Mask as usize]);
                for (lane, value) in change.values() {
                    put_signed(&mut lanes[Lane::Values as usize + lane], value);
                }
            }
        }

        let mut out = Vec::new();
        put(&mut out, u64::from(self.snapshots));
        put(&mut out, self.tracks.len() as u64);
        put(&mut out, u64::from(self.usual));
        put(&mut out, self.orders.len() as u64);
        for (snapshot, tracks) in &self.orders {
            put(&mut out, u64::from(*snapshot));
            put(&mut out, tracks.len() as u64);
            tracks.iter().for_each(|track| put(&mut out, u64::from(place_of[*track as usize])));
        }
        lanes.iter().for_each(|lane| put(&mut out, lane.len() as u64));
        let mut pieces = vec![out];
        pieces.extend(lanes);
        Ok(pieces)
    }
}

/// What was noted in the order of time, by track.
struct ByTrack<'a, T> {
    all: &'a [T],
    /// Places in `all`, track after track.
    places: Vec<u32>,
    /// Where each track begins in `places`, and where the last one ends.
    begins: Vec<u32>,
}

impl<'a, T: Copy> ByTrack<'a, T> {
    fn new(all: &'a [T], tracks: usize, track_of: impl Fn(&T) -> u32) -> Self {
        let mut begins = vec![0_u32; tracks + 1];
        all.iter().for_each(|one| begins[track_of(one) as usize + 1] += 1);
        for place in 1..begins.len() {
            begins[place] += begins[place - 1];
        }
        let mut next = begins.clone();
        let mut places = vec![0; all.len()];
        for (place, one) in all.iter().enumerate() {
            let slot = &mut next[track_of(one) as usize];
            places[*slot as usize] = place as u32;
            *slot += 1;
        }
        Self { all, places, begins }
    }

    fn of(&self, track: usize) -> impl ExactSizeIterator<Item = T> + Clone + '_ {
        let range = self.begins[track] as usize..self.begins[track + 1] as usize;
        self.places[range].iter().map(|place| self.all[*place as usize])
    }
}
