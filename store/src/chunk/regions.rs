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
use std::ops::Range;

use super::tracks::{Event, Run, Tracks};
use crate::frame::varint::{Cursor, put, put_signed};
use crate::frame::{Change, LANES, Malformed, Reading, Row, take_known};

/// What numbers are told in separately, for those of one kind resemble each other.
#[derive(Clone, Copy, Debug)]
enum Lane {
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

const ALL_LANES: usize = Lane::Values as usize + LANES;

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

/// The regions of a chunk as they are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Regions {
    tracks: Vec<ReadTrack>,
    runs: Vec<Range<u32>>,
    /// Where different runs are in `runs`.
    told: Vec<Range<u32>>,
    /// The snapshot each begins at, and the reading from there on.
    readings: Vec<(u32, Reading)>,
    orders: Vec<(u32, Vec<u32>)>,
    snapshots: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ReadTrack {
    identity: i64,
    runs: Range<u32>,
    readings: Range<u32>,
}

/// The regions of one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    /// The regions.
    pub(crate) rows: Vec<Row>,
    /// Whether they are in the snapshot's order; else that is by start address, stable.
    pub(crate) ordered: bool,
}

impl Regions {
    /// Returns the regions of [`Tracks::encode`].
    pub(crate) fn decode(data: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor(data);
        let snapshots = cursor.take_count(super::MOST_SAMPLES_READ)?;
        let count = cursor.take_count(data.len())?;
        let nothing = Reading::nothing(take_known(&mut cursor)?);
        let mut orders = Vec::new();
        for _ in 0..cursor.take_count(snapshots)? {
            let snapshot = cursor.take_count(snapshots)? as u32;
            let mut tracks = Vec::new();
            for _ in 0..cursor.take_count(data.len())? {
                let track = cursor.take()?;
                if track >= count as u64 {
                    return Err(Malformed("an order of tracks it does not have"));
                }
                tracks.push(track as u32);
            }
            orders.push((snapshot, tracks));
        }
        let mut lengths = [0; ALL_LANES];
        for length in &mut lengths {
            *length = cursor.take_count(data.len())?;
        }
        let mut lanes: [Cursor<'_>; ALL_LANES] = std::array::from_fn(|_| Cursor(&[]));
        for (lane, length) in lanes.iter_mut().zip(lengths) {
            lane.0 = cursor.take_bytes(length)?;
        }
        let mut regions = Self { orders, snapshots: snapshots as u32, ..Self::default() };
        regions.tracks.reserve(count);
        for _ in 0..count {
            regions.take_track(&mut lanes, &nothing)?;
        }
        if !cursor.is_empty() || lanes.iter().any(|lane| !lane.is_empty()) {
            return Err(Malformed("bytes after its end"));
        }
        Ok(regions)
    }

    fn take_track(
        &mut self,
        lanes: &mut [Cursor<'_>; ALL_LANES],
        nothing: &Reading,
    ) -> Result<(), Malformed> {
        let before = self.tracks.last();
        let above = lanes[Lane::Identity as usize].take()?;
        let identity = before.map_or(0, |track| track.identity).wrapping_add_unsigned(above);
        let runs = match lanes[Lane::Runs as usize].take()? {
            ago @ 1.. => {
                let ago = usize::try_from(ago).unwrap_or(usize::MAX);
                let place = self.told.len().checked_sub(ago);
                place.map(|place| self.told[place].clone()).ok_or(Malformed("runs never told"))?
            }
            0 => {
                let count = lanes[Lane::Runs as usize].take()?;
                let from = self.runs.len() as u32;
                let mut end = 0;
                for _ in 0..count {
                    let start = end + lanes[Lane::Gap as usize].take()?.min(u64::from(u32::MAX));
                    let length = lanes[Lane::Length as usize].take()?.min(u64::from(u32::MAX));
                    let snapshots = u64::from(self.snapshots);
                    end = if length == 0 { snapshots } else { start + length };
                    if start >= end || end > snapshots {
                        return Err(Malformed("a run beyond its chunk"));
                    }
                    self.runs.push(start as u32..end as u32);
                }
                let runs = from..self.runs.len() as u32;
                self.told.push(runs.clone());
                runs
            }
        };
        let from = self.readings.len() as u32;
        let mut reading = *nothing;
        let mut own = self.runs[runs.start as usize..runs.end as usize].iter();
        let mut run = own.next().ok_or(Malformed("a track without runs"))?.clone();
        let first = run.start;
        // How many snapshots had the region before the run.
        let (mut at, mut had) = (0_u64, 0_u64);
        let changes = lanes[Lane::Changes as usize].take()?;
        for place in 0..changes {
            at += lanes[Lane::When as usize].take()?.min(u64::from(u32::MAX));
            while at - had >= u64::from(run.end - run.start) {
                had += u64::from(run.end - run.start);
                run = own.next().ok_or(Malformed("a change of no region"))?.clone();
            }
            let snapshot = run.start + (at - had) as u32;
            if place == 0 && snapshot > first {
                self.readings.push((first, reading));
            }
            let mut change = Change::take_head(&mut lanes[Lane::Mask as usize])?;
            for lane in 0..LANES {
                if change.has(lane) {
                    change.set(lane, lanes[Lane::Values as usize + lane].take_signed()?);
                }
            }
            reading = change.apply(&reading);
            self.readings.push((snapshot, reading));
        }
        if changes == 0 {
            self.readings.push((first, reading));
        }
        let readings = from..self.readings.len() as u32;
        self.tracks.push(ReadTrack { identity, runs, readings });
        Ok(())
    }

    /// Returns the rows of the snapshot at `place` in the chunk.
    pub(crate) fn rows(&self, place: u32) -> Rows {
        let order = self.orders.iter().find(|(snapshot, _)| *snapshot == place);
        let rows = match order {
            Some((_, tracks)) => tracks
                .iter()
                .filter_map(|track| self.row(&self.tracks[*track as usize], place))
                .collect(),
            None => self.tracks.iter().filter_map(|track| self.row(track, place)).collect(),
        };
        Rows { rows, ordered: order.is_some() }
    }

    /// Returns the number of each identity that the chunk names, ascending.
    pub(crate) fn identities(&self) -> impl Iterator<Item = i64> + '_ {
        self.tracks.iter().map(|track| track.identity)
    }

    fn row(&self, track: &ReadTrack, place: u32) -> Option<Row> {
        let runs = &self.runs[track.runs.start as usize..track.runs.end as usize];
        let after = runs.partition_point(|run| run.start <= place);
        runs.get(after.checked_sub(1)?).filter(|run| run.contains(&place))?;
        let readings = &self.readings[track.readings.start as usize..track.readings.end as usize];
        let after = readings.partition_point(|(from, _)| *from <= place);
        let (_, reading) = readings.get(after.checked_sub(1)?)?;
        Some(Row { identity: track.identity, reading: *reading })
    }
}
