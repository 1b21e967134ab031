//! The table of chunks.

use std::sync::Arc;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use vmrec_sampler::Timestamp;

use crate::codec::chunk::Groups;
use crate::codec::chunk::builder::Built;
use crate::codec::chunk::header::ChunkHeader;
use crate::codec::chunk::seal::ChunkKey;
use crate::db::columns::CHUNK;
use crate::db::integer::{from_column, limit_to_column, to_column};
use crate::db::transaction::Transaction;
use crate::db::{bulk_read, insert, row_checksum};
use crate::recording::{RecordingId, ResidentSizes};
use crate::tables::rollup_row;

/// The number of columns of a header.
const HEADER_COLUMNS: usize = CHUNK.columns.len();

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
        number(header.unchanged),
        number(header.cheap),
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
        optional(header.resident.first_bytes.map(to_column)),
        optional(header.resident.last_bytes.map(to_column)),
        optional(header.resident.peak_bytes.map(to_column)),
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
            unchanged: number(7)?,
            cheap: number(8)?,
            totals_alone: number(9)?,
            missed_ticks: number(10)?,
            span: moment(11)?.zip(moment(13)?),
            utc_ns: optional(15)?.zip(optional(16)?),
            cost_cpu_ns: number(17)?,
            cost_wall_ns: number(18)?,
            max_footprint_bytes: optional(19)?.map(from_column),
            resident: ResidentSizes {
                first_bytes: optional(20)?.map(from_column),
                last_bytes: optional(21)?.map(from_column),
                peak_bytes: optional(22)?.map(from_column),
            },
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
