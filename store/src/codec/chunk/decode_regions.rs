//! The regions of a chunk as they are read: all of them, or those of one snapshot.
//!
//! One snapshot needs one reading of each region, the sum of its changes until then; the others
//! are checked and stepped over.

use std::ops::Range;

use crate::codec::chunk;
use crate::codec::chunk::encode_regions::{ALL_LANES, Lane};
use crate::codec::region_change::{Change, Reading, Row, take_known};
use crate::codec::varint::{Cursor, Malformed};

/// Snapshots whose regions are not in the order of their addresses, with their tracks in order.
type Orders = Vec<(u32, Vec<u32>)>;

/// The regions of one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    /// The regions.
    pub(crate) rows: Vec<Row>,
    /// Whether they are in the snapshot's order; else that is by start address, stable.
    pub(crate) ordered: bool,
}

/// The regions of all snapshots of a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Regions {
    tracks: Vec<ReadTrack>,
    runs: Vec<Range<u32>>,
    /// The snapshot each begins at, and the reading from there on.
    readings: Vec<(u32, Reading)>,
    orders: Orders,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ReadTrack {
    identity: i64,
    runs: Range<u32>,
    readings: Range<u32>,
}

impl Regions {
    /// Returns the regions of [`crate::codec::chunk::tracks::Tracks::encode`].
    pub(crate) fn decode(data: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(data)?;
        let mut regions = Self::default();
        regions.tracks.reserve(reader.tracks);
        for _ in 0..reader.tracks {
            regions.take_track(&mut reader)?;
        }
        (regions.runs, regions.orders) = reader.end()?;
        Ok(regions)
    }

    fn take_track(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let (identity, runs) = reader.take_track()?;
        let from = self.readings.len() as u32;
        let mut reading = reader.nothing;
        let own = &reader.runs[runs.start as usize..runs.end as usize];
        let mut left = own.iter();
        let mut run = left.next().ok_or(Malformed("a track without runs"))?.clone();
        let first = run.start;
        // How many snapshots had the region before the run.
        let (mut at, mut had) = (0_u64, 0_u64);
        let changes = reader.lanes[Lane::Changes as usize].take()?;
        for place in 0..changes {
            at += take_when(&mut reader.lanes)?;
            while at - had >= u64::from(run.end - run.start) {
                had += u64::from(run.end - run.start);
                run = left.next().ok_or(Malformed("a change of no region"))?.clone();
            }
            let snapshot = run.start + (at - had) as u32;
            if place == 0 && snapshot > first {
                self.readings.push((first, reading));
            }
            reading = take_change(&mut reader.lanes)?.apply(&reading);
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
        match order_at(&self.orders, place) {
            Some(tracks) => {
                let tracks = tracks.iter().filter_map(|track| self.tracks.get(*track as usize));
                Rows { rows: tracks.filter_map(|of| self.row(of, place)).collect(), ordered: true }
            }
            None => {
                let rows = self.tracks.iter().filter_map(|of| self.row(of, place)).collect();
                Rows { rows, ordered: false }
            }
        }
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

impl Rows {
    /// Returns the same as [`Regions::rows`] of [`Regions::decode`], in a fraction of the time.
    pub(crate) fn decode(data: &[u8], place: u32) -> Result<Self, Malformed> {
        let mut reader = Reader::new(data)?;
        let mut of_tracks = Vec::with_capacity(reader.tracks);
        for _ in 0..reader.tracks {
            of_tracks.push(take_row(&mut reader, place)?);
        }
        let (_, orders) = reader.end()?;
        Ok(match order_at(&orders, place) {
            Some(tracks) => {
                let row = |track: &u32| of_tracks.get(*track as usize).copied().flatten();
                Self { rows: tracks.iter().filter_map(row).collect(), ordered: true }
            }
            None => Self { rows: of_tracks.into_iter().flatten().collect(), ordered: false },
        })
    }
}

/// Takes a track and returns its region in the snapshot at `place`.
fn take_row(reader: &mut Reader<'_>, place: u32) -> Result<Option<Row>, Malformed> {
    let (identity, runs) = reader.take_track()?;
    let own = &reader.runs[runs.start as usize..runs.end as usize];
    if own.is_empty() {
        return Err(Malformed("a track without runs"));
    }
    let snapshots = |run: &Range<u32>| u64::from(run.end - run.start);
    let present: u64 = own.iter().map(snapshots).sum();
    // How many snapshots had the region before the one wanted.
    let had = own
        .iter()
        .position(|run| run.contains(&place))
        .map(|at| own[..at].iter().map(snapshots).sum::<u64>() + u64::from(place - own[at].start));
    let mut reading = reader.nothing;
    let mut sum = Change::none();
    let mut at = 0_u64;
    for _ in 0..reader.lanes[Lane::Changes as usize].take()? {
        at += take_when(&mut reader.lanes)?;
        if at >= present {
            return Err(Malformed("a change of no region"));
        }
        let change = take_change(&mut reader.lanes)?;
        if had.is_none_or(|had| at > had) {
            continue;
        }
        if change.adds_up() {
            sum.add(&change);
        } else {
            reading = change.apply(&sum.apply(&reading));
            sum = Change::none();
        }
    }
    Ok(had.map(|_| Row { identity, reading: sum.apply(&reading) }))
}

/// The bytes of the regions of a chunk, read track by track.
struct Reader<'a> {
    tracks: usize,
    snapshots: u32,
    /// The reading that each region's first change is from.
    nothing: Reading,
    orders: Orders,
    lanes: [Cursor<'a>; ALL_LANES],
    /// The identity of the track before.
    identity: i64,
    runs: Vec<Range<u32>>,
    /// Where different runs are in `runs`.
    told: Vec<Range<u32>>,
}

impl<'a> Reader<'a> {
    fn new(data: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor(data);
        let snapshots = cursor.take_count(chunk::MOST_SAMPLES_READ)?;
        let tracks = cursor.take_count(data.len())?;
        let nothing = Reading::nothing(take_known(&mut cursor)?);
        let mut orders = Vec::new();
        for _ in 0..cursor.take_count(snapshots)? {
            let snapshot = cursor.take_count(snapshots)? as u32;
            let mut order = Vec::new();
            for _ in 0..cursor.take_count(data.len())? {
                let track = cursor.take()?;
                if track >= tracks as u64 {
                    return Err(Malformed("an order of tracks it does not have"));
                }
                order.push(track as u32);
            }
            orders.push((snapshot, order));
        }
        let mut lengths = [0; ALL_LANES];
        for length in &mut lengths {
            *length = cursor.take_count(data.len())?;
        }
        let mut lanes: [Cursor<'_>; ALL_LANES] = std::array::from_fn(|_| Cursor(&[]));
        for (lane, length) in lanes.iter_mut().zip(lengths) {
            lane.0 = cursor.take_bytes(length)?;
        }
        if !cursor.is_empty() {
            return Err(Malformed("bytes after its end"));
        }
        let snapshots = snapshots as u32;
        let (runs, told) = (Vec::new(), Vec::new());
        Ok(Self { tracks, snapshots, nothing, orders, lanes, identity: 0, runs, told })
    }

    /// Takes the identity of the next track, and where its runs are in `runs`.
    fn take_track(&mut self) -> Result<(i64, Range<u32>), Malformed> {
        let above = self.lanes[Lane::Identity as usize].take()?;
        self.identity = self.identity.wrapping_add_unsigned(above);
        let runs = match self.lanes[Lane::Runs as usize].take()? {
            0 => self.take_runs()?,
            ago => usize::try_from(ago)
                .ok()
                .and_then(|ago| self.told.len().checked_sub(ago))
                .and_then(|place| self.told.get(place).cloned())
                .ok_or(Malformed("runs never told"))?,
        };
        Ok((self.identity, runs))
    }

    /// Takes runs told for the first time.
    fn take_runs(&mut self) -> Result<Range<u32>, Malformed> {
        let count = self.lanes[Lane::Runs as usize].take()?;
        let from = self.runs.len() as u32;
        let snapshots = u64::from(self.snapshots);
        let mut end = 0;
        for _ in 0..count {
            let start = end + self.lanes[Lane::Gap as usize].take()?.min(u64::from(u32::MAX));
            let length = self.lanes[Lane::Length as usize].take()?.min(u64::from(u32::MAX));
            end = if length == 0 { snapshots } else { start + length };
            if start >= end || end > snapshots {
                return Err(Malformed("a run beyond its chunk"));
            }
            self.runs.push(start as u32..end as u32);
        }
        let runs = from..self.runs.len() as u32;
        self.told.push(runs.clone());
        Ok(runs)
    }

    /// Returns the runs and the orders, now that all tracks are taken.
    fn end(self) -> Result<(Vec<Range<u32>>, Orders), Malformed> {
        match self.lanes.iter().all(Cursor::is_empty) {
            true => Ok((self.runs, self.orders)),
            false => Err(Malformed("bytes after its end")),
        }
    }
}

fn order_at(orders: &[(u32, Vec<u32>)], place: u32) -> Option<&[u32]> {
    orders.iter().find(|(snapshot, _)| *snapshot == place).map(|(_, tracks)| &tracks[..])
}

/// Takes how many snapshots with the region lie between a change and the one before.
fn take_when(lanes: &mut [Cursor<'_>; ALL_LANES]) -> Result<u64, Malformed> {
    Ok(lanes[Lane::When as usize].take()?.min(u64::from(u32::MAX)))
}

fn take_change(lanes: &mut [Cursor<'_>; ALL_LANES]) -> Result<Change, Malformed> {
    let mut change = Change::take_head(&mut lanes[Lane::Mask as usize])?;
    for lane in change.lanes() {
        change.set(lane, lanes[Lane::Values as usize + lane].take_signed()?);
    }
    Ok(change)
}
