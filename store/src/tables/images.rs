//! The tables of images that the dynamic linker lists, and of the samples that had them.
//!
//! The images of a sample are those whose span covers it. No list is empty: where no span covers a
//! sample, its images are unknown.

use std::collections::HashSet;
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::sync::Arc;

use vmrec_sampler::{sort_by, sort_by_key};

use rusqlite::{Connection, OptionalExtension, Row, params};
use vmrec_sampler::{AddressRange, LoadedImage, LoadedImages, LoadedSegment, Timestamp};

use crate::codec::crc32::Crc;
use crate::db::columns::{IMAGE, IMAGE_SPAN};
use crate::db::integer::{from_column, limit_to_column, to_column};
use crate::db::transaction::Transaction;
use crate::db::{insert, row_checksum};
use crate::recording::RecordingId;

/// The most bytes that new images of one sample may take; large programs have a tenth of it. Where
/// they take more, the images are unknown from that sample on.
pub(crate) const MAX_NEW_BYTES: u64 = 8 << 20;
/// The approximate bytes of an image's rows and of their entries in indexes besides its texts.
const ROW_BYTES: usize = 128;

/// The values of a row of `image` besides its number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ImageRow {
    path: String,
    uuid: Option<String>,
    address: i64,
    segments: String,
}

/// A span that has not ended.
struct OpenSpan {
    image: i64,
    first: i64,
    first_utc_ns: i64,
    row: ImageRow,
}

impl ImageRow {
    fn of(image: &LoadedImage) -> Self {
        let mut segments = String::from("[");
        for segment in &image.segments {
            let separator = if segments.len() > 1 { "," } else { "" };
            let (start, bytes) = (segment.range.start, segment.range.virtual_bytes());
            segments.push_str(separator);
            segments.push('[');
            put_json(&mut segments, &segment.name);
            // Writing to a text cannot fail.
            let _ = write!(segments, ",{},{}]", to_column(start), to_column(bytes));
        }
        segments.push(']');
        let uuid = image.uuid.map(|uuid| format!("{:032X}", u128::from_be_bytes(uuid)));
        Self { path: image.path.to_string(), uuid, address: to_column(image.address), segments }
    }

    fn bytes(&self) -> usize {
        ROW_BYTES + self.path.len() + self.segments.len()
    }

    fn fingerprint(&self) -> u32 {
        let uuid = self.uuid.as_deref().unwrap_or_default();
        Crc::new()
            .and(self.path.as_bytes())
            .and(&[0])
            .and(uuid.as_bytes())
            .and(&self.address.to_le_bytes())
            .and(self.segments.as_bytes())
            .sum()
    }

    /// Returns the number of the row, which is written if it is new.
    fn number(&self, transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
        let Self { path, uuid, address, segments } = self;
        let fingerprint = self.fingerprint();
        let known = transaction
            .prepare_cached(
                "SELECT id FROM image WHERE fingerprint = ? AND path = ? AND uuid IS ? \
                 AND address = ? AND segments = ?",
            )?
            .query_row(params![fingerprint, path, uuid, address, segments], |row| row.get(0))
            .optional()?;
        if let Some(number) = known {
            return Ok(number);
        }
        let number = insert::next_id(transaction, &IMAGE)?;
        let values = params![number, path, uuid, address, segments, fingerprint];
        insert::row(transaction, &IMAGE, values)?;
        Ok(number)
    }
}

/// Adds `value` as a text of JSON.
fn put_json(text: &mut String, value: &str) {
    text.push('"');
    for symbol in value.chars() {
        match symbol {
            '"' | '\\' => text.extend(['\\', symbol]),
            '\0'..='\x1f' => {
                // Writing to a text cannot fail.
                let _ = write!(text, "\\u{:04x}", u32::from(symbol));
            }
            _ => text.push(symbol),
        }
    }
    text.push('"');
}

/// Writes that the images of a recording from the sample `number` on are `images`, unknown if there
/// are none or if those that are new take more than `max_bytes`. Returns the approximate bytes written.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    (number, taken): (u64, Timestamp),
    images: Option<&LoadedImages>,
    max_bytes: u64,
) -> rusqlite::Result<usize> {
    let (number, utc_ns) = (to_column(number), taken.utc_ns);
    let there = open_spans(transaction, recording)?;
    let known: HashSet<&ImageRow> = there.iter().map(|span| &span.row).collect();
    let listed = images.map_or(&[][..], |images| &images[..]);
    let mut listed: HashSet<ImageRow> = listed.iter().map(|image| ImageRow::of(image)).collect();
    let new = |listed: &HashSet<ImageRow>| -> usize {
        listed.iter().filter(|row| !known.contains(row)).map(ImageRow::bytes).sum()
    };
    let mut bytes = new(&listed);
    if bytes as u64 > max_bytes {
        (listed, bytes) = (HashSet::new(), 0);
    }
    for span in there.iter().filter(|span| !listed.contains(&span.row)) {
        let OpenSpan { image, first, first_utc_ns, .. } = span;
        delete(transaction, recording, *image, *first)?;
        let values = params![recording.0, image, first, first_utc_ns, number, utc_ns];
        insert::row(transaction, &IMAGE_SPAN, values)?;
    }
    let mut came: Vec<&ImageRow> = listed.iter().filter(|row| !known.contains(row)).collect();
    // So that the same samples make the same file.
    sort_by_key(&mut came, |row| (row.address, &row.path));
    for row in came {
        let image = row.number(transaction)?;
        let values = params![recording.0, image, number, utc_ns, None::<i64>, None::<i64>];
        insert::row(transaction, &IMAGE_SPAN, values)?;
    }
    Ok(bytes)
}

/// Returns the images of sample `number`, by address; `None` if they are unknown.
pub(crate) fn at(
    connection: &Connection,
    recording: RecordingId,
    number: u64,
) -> rusqlite::Result<Option<LoadedImages>> {
    let sql = format!(
        "SELECT {} FROM image_span WHERE recording = ?1 AND first <= ?2 \
         AND (gone IS NULL OR gone > ?2)",
        IMAGE_SPAN.list()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![recording.0, limit_to_column(number)])?;
    let mut images = Vec::new();
    while let Some(row) = rows.next()? {
        row_checksum::check(&IMAGE_SPAN, row)?;
        let ImageRow { path, uuid, address, segments } = image(connection, row.get(1)?)?;
        images.push(Arc::new(LoadedImage {
            path: path.into(),
            uuid: uuid
                .and_then(|digits| u128::from_str_radix(&digits, 16).ok())
                .map(u128::to_be_bytes),
            address: from_column(address),
            segments: segments_of(connection, &segments)?,
        }));
    }
    sort_by(&mut images, |a, b| (a.address, &a.path).cmp(&(b.address, &b.path)));
    Ok(Some(images.into()).filter(|images: &LoadedImages| !images.is_empty()))
}

/// Returns the segments that are written as `json`.
fn segments_of(connection: &Connection, json: &str) -> rusqlite::Result<Vec<LoadedSegment>> {
    let segment = |row: &Row<'_>| {
        let (name, start, bytes): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (start, bytes) = (from_column(start), from_column(bytes));
        let range = AddressRange::new(start, start.saturating_add(bytes));
        Ok(LoadedSegment { range, name: name.into() })
    };
    connection
        .prepare_cached("SELECT value->>0, value->>1, value->>2 FROM json_each(?)")?
        .query_map([json], segment)?
        .collect()
}

fn open_spans(connection: &Connection, recording: RecordingId) -> rusqlite::Result<Vec<OpenSpan>> {
    let sql = format!(
        "SELECT {} FROM image_span WHERE recording = ? AND gone IS NULL",
        IMAGE_SPAN.list()
    );
    connection
        .prepare_cached(&sql)?
        .query_map([recording.0], |row| {
            row_checksum::check(&IMAGE_SPAN, row)?;
            let (number, first, first_utc_ns) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(OpenSpan { image: number, first, first_utc_ns, row: image(connection, number)? })
        })?
        .collect()
}

fn image(connection: &Connection, number: i64) -> rusqlite::Result<ImageRow> {
    let sql = format!("SELECT {} FROM image WHERE id = ?", IMAGE.list());
    connection.prepare_cached(&sql)?.query_row([number], |row| {
        row_checksum::check(&IMAGE, row)?;
        Ok(ImageRow {
            path: row.get(1)?,
            uuid: row.get(2)?,
            address: row.get(3)?,
            segments: row.get(4)?,
        })
    })
}

fn delete(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    image: i64,
    first: i64,
) -> rusqlite::Result<usize> {
    transaction
        .prepare_cached("DELETE FROM image_span WHERE recording = ? AND image = ? AND first = ?")?
        .execute(params![recording.0, image, first])
}

/// Deletes spans, and the images that no recording has any more; returns how many spans.
fn drop_spans(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    spans: &[(i64, i64)],
) -> rusqlite::Result<usize> {
    for (image, first) in spans {
        delete(transaction, recording, *image, *first)?;
        transaction
            .prepare_cached(
                "DELETE FROM image WHERE id = ?1 \
                 AND NOT EXISTS (SELECT 1 FROM image_span WHERE image = ?1)",
            )?
            .execute([image])?;
    }
    Ok(spans.len())
}

/// Deletes some of the spans that end before sample `number`; returns how many.
pub(crate) fn drop_before(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    number: u64,
    max: u32,
) -> rusqlite::Result<usize> {
    let spans: Vec<(i64, i64)> = transaction
        .prepare_cached(
            "SELECT image, first FROM image_span WHERE recording = ? AND gone <= ? LIMIT ?",
        )?
        .query_map(params![recording.0, limit_to_column(number), max], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    drop_spans(transaction, recording, &spans)
}

/// Deletes some of the spans within `range` that none of the samples `left` there lies in; returns how
/// many.
pub(crate) fn drop_between(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    range: &RangeInclusive<u64>,
    left: &[u64],
    max: usize,
) -> rusqlite::Result<usize> {
    let after = limit_to_column(range.end().saturating_add(1));
    let mut spans: Vec<(i64, i64, i64)> = transaction
        .prepare_cached(
            "SELECT image, first, gone FROM image_span WHERE recording = ? AND first >= ? AND gone <= ?",
        )?
        .query_map(params![recording.0, limit_to_column(*range.start()), after], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    spans.retain(|(_, first, gone)| {
        let from = left.partition_point(|number| to_column(*number) < *first);
        left.get(from).is_none_or(|number| to_column(*number) >= *gone)
    });
    let spans: Vec<(i64, i64)> = spans.iter().map(|(image, first, _)| (*image, *first)).collect();
    drop_spans(transaction, recording, &spans[..spans.len().min(max)])
}

/// Deletes some of the spans of a recording; returns how many.
pub(crate) fn drop_all(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    max: u32,
) -> rusqlite::Result<usize> {
    let spans: Vec<(i64, i64)> = transaction
        .prepare_cached("SELECT image, first FROM image_span WHERE recording = ? LIMIT ?")?
        .query_map(params![recording.0, max], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    drop_spans(transaction, recording, &spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_json_are_escaped() {
        let mut text = String::new();
        put_json(&mut text, "a\"b\\c\n\u{1}é");
        assert_eq!(text, "\"a\\\"b\\\\c\\u000a\\u0001é\"");
    }
}
