//! The table of chunks.

use std::ops::RangeInclusive;
use std::sync::Arc;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use vmrec_sampler::Timestamp;

use crate::codec::chunk::builder::Built;
use crate::codec::chunk::decode_sums::Decoded;
use crate::codec::chunk::header::ChunkHeader;
use crate::codec::chunk::kind_sums::KindColumns;
use crate::codec::chunk::measure::Measure;
use crate::codec::chunk::regions::{RegionsDecoder, decode_kinds};
use crate::codec::chunk::runs::Runs;
use crate::codec::chunk::seal::{ChunkKey, unseal};
use crate::codec::chunk::ticks::{Tick, Ticks};
use crate::codec::chunk::{Groups, totals};
use crate::codec::region_state::RegionState;
use crate::codec::varint::Malformed;
use crate::db::columns::CHUNK;
use crate::db::integer::{from_column, limit_to_column, to_column};
use crate::db::row_checksum::{damaged, wrong};
use crate::db::transaction::Transaction;
use crate::db::{bulk_read, insert, row_checksum};
use crate::recording::{RecordingId, Sample};
use crate::tables::rollup_row;

/// The number of columns of a header.
const HEADER_COLUMNS: usize = CHUNK.columns.len();

/// The maximum stored size of a group, which no recorder comes near.
const MAX_GROUP_BYTES: usize = 64 << 20;

/// More than a week has.
const USUAL_CHUNKS: usize = 2048;

/// The headers of all chunks of a recording, and the state of the file they were read in.
#[derive(Clone, Debug)]
pub(crate) struct ChunkHeaders {
    pub(crate) recording: RecordingId,
    pub(crate) state: i64,
    pub(crate) chunks: Arc<Vec<StoredChunk>>,
}

/// A row of the chunk table, without the groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredChunk {
    pub(crate) id: i64,
    pub(crate) recording: RecordingId,
    pub(crate) header: ChunkHeader,
}

impl StoredChunk {
    /// Describes it for error messages.
    pub(crate) fn describe(&self) -> String {
        let ChunkHeader { first, last, .. } = self.header;
        format!("samples {first} to {last} of recording {}", self.recording.0)
    }

    /// Returns the key that its groups are sealed with.
    pub(crate) const fn key(&self) -> ChunkKey {
        ChunkKey { recording: self.recording.0, last: self.header.last }
    }
}

/// One of the groups of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Ticks,
    Totals,
    Sums,
    Kinds,
    Regions,
}

impl Group {
    /// Returns the name of its column, which its checksum covers too.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ticks => "ticks",
            Self::Totals => "totals",
            Self::Sums => "sums",
            Self::Kinds => "kinds",
            Self::Regions => "regions",
        }
    }
}

/// Writes a chunk with the sums of its types, and returns its id.
pub(crate) fn insert(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    built: &Built,
) -> rusqlite::Result<i64> {
    let id = insert::next_id(transaction, &CHUNK)?;
    write(transaction, "INSERT", id, recording, built)?;
    rollup_row::insert(transaction, id, built)?;
    Ok(id)
}

/// Replaces the chunk with the id `id` by its remaining samples. The sums of its types stay: they
/// cover all samples it had.
pub(crate) fn replace(
    transaction: &Transaction<'_>,
    id: i64,
    recording: RecordingId,
    built: &Built,
) -> rusqlite::Result<()> {
    write(transaction, "UPDATE", id, recording, built)
}

/// Writes the row of a chunk by an INSERT or an UPDATE.
fn write(
    transaction: &Transaction<'_>,
    how: &str,
    id: i64,
    recording: RecordingId,
    built: &Built,
) -> rusqlite::Result<()> {
    let values = values(id, recording, &built.header);
    let sum = row_checksum::sum(&CHUNK, values.iter().map(Into::into));
    let Groups { ticks, totals, sums, kinds, regions } = &built.groups;
    let columns = format!("{}, ticks, totals, sums, kinds, regions", CHUNK.list());
    let marks = "?, ".repeat(HEADER_COLUMNS + 5);
    let mut statement = transaction.prepare_cached(&match how {
        "UPDATE" => format!("UPDATE chunk SET ({columns}) = ({marks}?) WHERE id = ?1"),
        _ => format!("INSERT INTO chunk ({columns}) VALUES ({marks}?)"),
    })?;
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    statement.raw_bind_parameter(HEADER_COLUMNS + 1, sum)?;
    for (index, group) in [ticks, totals, sums, kinds, regions].into_iter().enumerate() {
        statement.raw_bind_parameter(HEADER_COLUMNS + 2 + index, group)?;
    }
    statement.raw_execute()?;
    Ok(())
}

/// The values of the columns of a header.
fn values(id: i64, recording: RecordingId, header: &ChunkHeader) -> Vec<Value> {
    let number = |number| Value::Integer(to_column(number));
    let optional = |value: Option<i64>| value.map_or(Value::Null, Value::Integer);
    let moment = |moment: Option<Timestamp>| {
        [
            optional(moment.map(|moment| moment.utc_ns)),
            optional(moment.map(|moment| to_column(moment.monotonic_ns))),
        ]
    };
    let [begin_utc_ns, begin_monotonic_ns] = moment(header.span.map(|(begin, _)| begin));
    let [end_utc_ns, end_monotonic_ns] = moment(header.span.map(|(_, end)| end));
    vec![
        Value::Integer(id),
        Value::Integer(recording.0),
        number(header.first),
        number(header.last),
        number(header.samples),
        number(header.snapshots),
        number(header.torn),
        number(header.totals_alone),
        number(header.missed_ticks),
        begin_utc_ns,
        begin_monotonic_ns,
        end_utc_ns,
        end_monotonic_ns,
        optional(header.utc_ns.map(|(min, _)| min)),
        optional(header.utc_ns.map(|(_, max)| max)),
        number(header.cost_cpu_ns),
        number(header.cost_wall_ns),
        optional(header.max_footprint_bytes.map(to_column)),
    ]
}

/// Returns the chunk of a row of the table's list.
fn from_row(row: &Row<'_>) -> rusqlite::Result<StoredChunk> {
    from_values(&row_checksum::values(&CHUNK, row)?)
}

/// Returns the chunk of these values.
fn from_values(values: &[ValueRef<'_>; HEADER_COLUMNS]) -> rusqlite::Result<StoredChunk> {
    let integer = |column: usize| values[column].as_i64();
    let number = |column| integer(column).map(from_column);
    let optional = |column: usize| values[column].as_i64_or_null();
    let moment = |column| -> rusqlite::Result<_> {
        Ok(optional(column)?
            .zip(optional(column + 1)?)
            .map(|(utc_ns, monotonic)| Timestamp { utc_ns, monotonic_ns: from_column(monotonic) }))
    };
    Ok(StoredChunk {
        id: integer(0)?,
        recording: RecordingId(integer(1)?),
        header: ChunkHeader {
            first: number(2)?,
            last: number(3)?,
            samples: number(4)?,
            snapshots: number(5)?,
            torn: number(6)?,
            totals_alone: number(7)?,
            missed_ticks: number(8)?,
            span: moment(9)?.zip(moment(11)?),
            utc_ns: optional(13)?.zip(optional(14)?),
            cost_cpu_ns: number(15)?,
            cost_wall_ns: number(16)?,
            max_footprint_bytes: optional(17)?.map(from_column),
        },
    })
}

/// Returns the chunk that covers sample `number`, or else the next one after it.
pub(crate) fn at_or_after(
    connection: &Connection,
    recording: RecordingId,
    number: u64,
) -> rusqlite::Result<Option<StoredChunk>> {
    let parameters = params![recording.0, limit_to_column(number)];
    one(connection, "WHERE recording = ? AND last >= ? ORDER BY last", parameters)
}

/// Returns the chunk of any recording with the next id after `id`.
pub(crate) fn after_id(connection: &Connection, id: i64) -> rusqlite::Result<Option<StoredChunk>> {
    one(connection, "WHERE id > ? ORDER BY id", [id])
}

/// Returns the last chunk of a recording.
pub(crate) fn last(
    connection: &Connection,
    recording: RecordingId,
) -> rusqlite::Result<Option<StoredChunk>> {
    before(connection, recording, u64::MAX)
}

/// Returns the last chunk of a recording that covers only samples before `number`.
pub(crate) fn before(
    connection: &Connection,
    recording: RecordingId,
    number: u64,
) -> rusqlite::Result<Option<StoredChunk>> {
    let parameters = params![recording.0, limit_to_column(number)];
    one(connection, "WHERE recording = ? AND last < ? ORDER BY last DESC", parameters)
}

/// Returns the first chunk of those that the clauses `which` select.
fn one(
    connection: &Connection,
    which: &str,
    parameters: impl Params,
) -> rusqlite::Result<Option<StoredChunk>> {
    connection
        .prepare_cached(&format!("SELECT {} FROM chunk {which} LIMIT 1", CHUNK.list()))?
        .query_row(parameters, from_row)
        .optional()
}

/// Returns every chunk of a recording, in order.
pub(crate) fn all(
    connection: &Connection,
    recording: RecordingId,
) -> rusqlite::Result<Vec<StoredChunk>> {
    // Unused capacity takes no memory; growing would copy the chunks again and again.
    let mut chunks = Vec::with_capacity(USUAL_CHUNKS);
    each(connection, recording, |chunk| {
        chunks.push(chunk);
        Ok(())
    })?;
    Ok(chunks)
}

/// Calls `visit` with every chunk of a recording, in order, until it fails.
pub(crate) fn each(
    connection: &Connection,
    recording: RecordingId,
    mut visit: impl FnMut(StoredChunk) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    // In order, as their index is.
    let sql = format!(
        "SELECT packed({}) FROM chunk INDEXED BY chunk_header WHERE recording = ?",
        CHUNK.list()
    );
    bulk_read::each(connection, &CHUNK, &sql, [[recording.0]], |values| visit(from_values(values)?))
}

/// Decodes a group of a chunk.
pub(crate) fn decoded<T>(
    connection: &Connection,
    chunk: &StoredChunk,
    group: Group,
    decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
) -> rusqlite::Result<T> {
    let [data] = groups(connection, chunk, [group])?;
    plain(chunk, group, &data, decode)
}

/// Decodes the bytes of a group of a chunk.
fn plain<T>(
    chunk: &StoredChunk,
    group: Group,
    data: &[u8],
    decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
) -> rusqlite::Result<T> {
    let (key, name) = (chunk.key(), group.name());
    let decoded = match group {
        Group::Ticks | Group::Totals | Group::Sums => {
            unseal(key, name, data).and_then(|plain| decode(&plain))
        }
        Group::Kinds | Group::Regions => key.unseal(name, data).and_then(decode),
    };
    decoded.map_err(|malformed| broken(group, &chunk.describe(), malformed))
}

/// Returns the numbers of the kinds that the regions of a chunk have.
pub(crate) fn kinds(connection: &Connection, chunk: &StoredChunk) -> rusqlite::Result<Vec<i64>> {
    decoded(connection, chunk, Group::Kinds, decode_kinds)
}

/// The stored regions of a chunk.
#[derive(Debug)]
pub(crate) struct StoredRegions {
    kinds: Vec<i64>,
    data: Vec<u8>,
    key: ChunkKey,
    of: String,
}

/// Decodes the regions of a chunk, snapshot by snapshot.
#[derive(Debug)]
pub(crate) struct Snapshots<'a> {
    decoder: RegionsDecoder<'a>,
    next: u32,
    of: &'a str,
}

/// Reads the regions of a chunk.
pub(crate) fn regions(
    connection: &Connection,
    chunk: &StoredChunk,
) -> rusqlite::Result<StoredRegions> {
    let [kinds, data] = groups(connection, chunk, [Group::Kinds, Group::Regions])?;
    let kinds = plain(chunk, Group::Kinds, &kinds, decode_kinds)?;
    Ok(StoredRegions { kinds, data, key: chunk.key(), of: chunk.describe() })
}

impl StoredRegions {
    /// Starts decoding them.
    pub(crate) fn snapshots(&self) -> rusqlite::Result<Snapshots<'_>> {
        let data = self.key.unseal(Group::Regions.name(), &self.data);
        let decoder = data.and_then(|data| RegionsDecoder::new(self.kinds.clone(), data));
        let decoder = decoder.map_err(|malformed| broken(Group::Regions, &self.of, malformed))?;
        Ok(Snapshots { decoder, next: 0, of: &self.of })
    }
}

impl Snapshots<'_> {
    /// Returns the regions of the snapshot at `index`, counted from 0; indices must increase from
    /// call to call.
    pub(crate) fn at(&mut self, index: u32) -> rusqlite::Result<Vec<RegionState>> {
        while self.next <= index {
            let is_there = self.decoder.advance();
            if !is_there.map_err(|malformed| broken(Group::Regions, self.of, malformed))? {
                let missing = Malformed("fewer snapshots than its ticks have");
                return Err(broken(Group::Regions, self.of, missing));
            }
            self.next += 1;
        }
        Ok(self.decoder.regions().collect())
    }
}

/// Columns of sums by the number of the kind that they are of.
pub(crate) type NumberedSums = Vec<(i64, Vec<Runs>)>;

/// Returns the ticks of a chunk, and the sums of some measures over the regions of each kind, by the
/// number of the kind.
pub(crate) fn kind_sums(
    connection: &Connection,
    chunk: &StoredChunk,
    measures: &[Measure],
) -> rusqlite::Result<(Ticks, NumberedSums)> {
    let ticks = decoded(connection, chunk, Group::Ticks, Ticks::decode)?;
    if !ticks.0.iter().any(Tick::has_regions) {
        return Ok((ticks, Vec::new()));
    }
    let stored = regions(connection, chunk)?;
    let mut decoder = stored.snapshots()?.decoder;
    let mut columns = KindColumns::new(measures);
    for regions in ticks.0.iter().filter_map(|tick| tick.regions) {
        let summed = decoder.advance_summing(&mut columns).and_then(|found| match found {
            Some(found) if found as u64 == regions => Ok(()),
            Some(_) => Err(Malformed("regions are missing")),
            None => Err(Malformed("fewer snapshots than its ticks have")),
        });
        summed.map_err(|malformed| broken(Group::Regions, &stored.of, malformed))?;
    }
    let sums = decoder.kinds().iter().copied().zip(columns.finish()).collect();
    Ok((ticks, sums))
}

fn broken(group: Group, of: &str, malformed: Malformed) -> rusqlite::Error {
    damaged(format!("{} of {of}: {}", group.name(), malformed.0))
}

/// Returns ticks of a chunk and the sums of some measures.
pub(crate) fn sums(
    connection: &Connection,
    chunk: &StoredChunk,
    measures: &[Measure],
) -> rusqlite::Result<(Ticks, Decoded)> {
    let [ticks, sums] = groups(connection, chunk, [Group::Ticks, Group::Sums])?;
    let ticks = plain(chunk, Group::Ticks, &ticks, Ticks::decode)?;
    Ok((ticks, plain(chunk, Group::Sums, &sums, |data| Decoded::decode(data, measures))?))
}

/// Returns the samples of a chunk.
pub(crate) fn samples(
    connection: &Connection,
    chunk: &StoredChunk,
) -> rusqlite::Result<Vec<Sample>> {
    let samples = samples_among(connection, chunk, &(0..=u64::MAX))?;
    Ok(samples.into_iter().map(|(_, sample)| sample).collect())
}

/// Returns the samples of a chunk whose numbers are in `numbers`, each with the number of snapshots
/// before it in the chunk.
pub(crate) fn samples_among(
    connection: &Connection,
    chunk: &StoredChunk,
    numbers: &RangeInclusive<u64>,
) -> rusqlite::Result<Vec<(u32, Sample)>> {
    let [ticks, totals] = groups(connection, chunk, [Group::Ticks, Group::Totals])?;
    let Ticks(ticks) = plain(chunk, Group::Ticks, &ticks, Ticks::decode)?;
    let count = ticks.len();
    let mut wanted = ticks.iter().enumerate().filter(|(_, tick)| numbers.contains(&tick.number));
    let of_one = match (wanted.next(), wanted.next()) {
        (Some((index, _)), None) => Some(index),
        _ => None,
    };
    let totals = plain(chunk, Group::Totals, &totals, |data| match of_one {
        Some(index) => totals::decode_at(count, index, data).map(|totals| vec![totals]),
        None => totals::decode(count, data),
    })?;
    let mut before = 0;
    let mut samples = Vec::with_capacity(totals.len());
    for (index, tick) in ticks.into_iter().enumerate() {
        let snapshot = before;
        before += u32::from(tick.has_regions());
        if !numbers.contains(&tick.number) {
            continue;
        }
        let (cost, totals) = totals[of_one.map_or(index, |_| 0)];
        let Tick { number, taken, state, regions } = tick;
        samples.push((snapshot, Sample { number, taken, state, cost, totals, regions }));
    }
    Ok(samples)
}

/// Returns the bytes of some groups of a chunk.
pub(crate) fn groups<const N: usize>(
    connection: &Connection,
    chunk: &StoredChunk,
    wanted: [Group; N],
) -> rusqlite::Result<[Vec<u8>; N]> {
    // The length is known without reading what is too long.
    let column = |name: &str| format!("iif(length({name}) <= {MAX_GROUP_BYTES}, {name}, NULL)");
    let columns = wanted.map(|group| column(group.name())).join(", ");
    connection
        .prepare_cached(&format!("SELECT {columns} FROM chunk WHERE id = ?"))?
        .query_row([chunk.id], |row| {
            let mut all = [const { Vec::new() }; N];
            for (index, data) in all.iter_mut().enumerate() {
                let Some(blob) = row.get_ref(index)?.as_blob_or_null()? else {
                    let name = wanted[index].name();
                    return Err(damaged(format!("{name} of {} are too long", chunk.describe())));
                };
                *data = blob.to_vec();
            }
            Ok(all)
        })
        .optional()?
        .ok_or_else(|| wrong(0, "a chunk that was deleted"))
}
