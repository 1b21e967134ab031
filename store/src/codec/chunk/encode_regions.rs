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

use crate::codec::chunk::tracks::Tracks;
use crate::codec::region_change::{Change, LANES};
use crate::codec::spread::Spread;
use crate::codec::varint::{Cursor, Malformed, put};

/// What numbers are told in separately, for those of one kind resemble each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lane {
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

pub(crate) const ALL_LANES: usize = Lane::Values as usize + LANES;

impl Tracks {
    /// Returns the bytes of these tracks, which are finished, in pieces of one kind each.
    pub(crate) fn encode(&self) -> Result<Vec<Vec<u8>>, Malformed> {
        let identities = self.tracks.iter().map(|track| track.identity);
        let mut order: Vec<(i64, u32)> = identities.zip(0..).collect();
        order.sort_unstable();
        let mut place_of = vec![0_u32; order.len()];
        for (place, (_, track)) in order.iter().enumerate() {
            place_of[*track as usize] = place as u32;
        }
        let place = |track: u32| place_of[track as usize] as usize;
        let runs = self.runs.iter().map(|run| (place(run.track), (run.from, run.to)));
        let runs = ByTrack::new(order.len(), runs);
        let events = self.events.iter().map(|event| (place(event.track), (event.at, event.change)));
        let events = ByTrack::new(order.len(), events);

        let mut lanes: [Vec<u8>; ALL_LANES] = Default::default();
        let mut before = 0;
        let mut told: HashMap<&[(u32, u32)], usize, Spread> = HashMap::default();
        for (place, (identity, _)) in order.into_iter().enumerate() {
            put(&mut lanes[Lane::Identity as usize], identity.abs_diff(before));
            before = identity;
            let own = runs.of(place);
            let different = told.len();
            if let Some(place) = told.get(own) {
                put(&mut lanes[Lane::Runs as usize], (different - place) as u64);
            } else {
                put(&mut lanes[Lane::Runs as usize], 0);
                put(&mut lanes[Lane::Runs as usize], own.len() as u64);
                let mut end = 0;
                for (from, to) in own {
                    put(&mut lanes[Lane::Gap as usize], u64::from(from - end));
                    let length = if *to == self.snapshots { 0 } else { to - from };
                    put(&mut lanes[Lane::Length as usize], u64::from(length));
                    end = *to;
                }
                told.insert(own, different);
            }
            let events = events.of(place);
            put(&mut lanes[Lane::Changes as usize], events.len() as u64);
            let mut last = 0;
            for (at, change) in events {
                put(&mut lanes[Lane::When as usize], u64::from(at - last));
                last = *at;
                let (heads, values) = lanes.split_at_mut(Lane::Values as usize);
                let heads = &mut heads[Lane::Mask as usize];
                Change::deal(&mut Cursor(&self.changes[*change as usize..]), heads, values)?;
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
struct ByTrack<T> {
    /// Track after track.
    all: Vec<T>,
    /// Where each track begins, and where the last one ends.
    begins: Vec<usize>,
}

impl<T: Copy + Default> ByTrack<T> {
    /// Puts `noted`, of which each comes with its track, in order.
    fn new(tracks: usize, noted: impl ExactSizeIterator<Item = (usize, T)> + Clone) -> Self {
        let mut begins = vec![0; tracks + 1];
        noted.clone().for_each(|(track, _)| begins[track + 1] += 1);
        for track in 1..begins.len() {
            begins[track] += begins[track - 1];
        }
        let mut next = begins.clone();
        let mut all = vec![T::default(); noted.len()];
        for (track, one) in noted {
            all[next[track]] = one;
            next[track] += 1;
        }
        Self { all, begins }
    }

    fn of(&self, track: usize) -> &[T] {
        &self.all[self.begins[track]..self.begins[track + 1]]
    }
}
