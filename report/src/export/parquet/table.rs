//! One Parquet file: rows gathered into columns, written in groups.

use std::io;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// Rows of a group: memory while writing against the size of the file.
const GROUP_ROWS: usize = 1 << 16;

/// The kind of values of a column. Each may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CellKind {
    /// A text in UTF-8.
    Text,
    /// A signed number of 64 bits.
    Integer,
    /// An unsigned number of 64 bits: an address.
    Unsigned,
    /// Microseconds since 1970-01-01 UTC.
    Time,
    /// True or false.
    Flag,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CellValue {
    /// Unknown.
    Null,
    /// A number, or a time.
    Integer(i64),
    /// A text.
    Text(String),
    /// True or false.
    Flag(bool),
}

impl From<Option<u64>> for CellValue {
    fn from(value: Option<u64>) -> Self {
        // The same bits: the column says whether they are signed.
        value.map_or(Self::Null, |value| Self::Integer(value as i64))
    }
}

impl From<u64> for CellValue {
    fn from(value: u64) -> Self {
        Some(value).into()
    }
}

impl From<&str> for CellValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<&str>> for CellValue {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

impl From<Option<String>> for CellValue {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// The gathered values of one column; nulls have a level and no value.
#[derive(Debug, Default)]
struct Gathered {
    integers: Vec<i64>,
    texts: Vec<ByteArray>,
    flags: Vec<bool>,
    levels: Vec<i16>,
}

/// A file being written.
pub(crate) struct ParquetTable<W: io::Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<(CellKind, Gathered)>,
    rows: usize,
}

impl<W: io::Write + Send> ParquetTable<W> {
    /// Begins the file of a table with these columns.
    pub(crate) fn begin(
        name: &str,
        columns: Vec<(&'static str, CellKind)>,
        file: W,
    ) -> io::Result<Self> {
        let mut schema = format!("message {name} {{\n");
        for (name, of) in &columns {
            let of = match of {
                CellKind::Text => format!("binary {name} (UTF8)"),
                CellKind::Integer => format!("int64 {name}"),
                CellKind::Unsigned => format!("int64 {name} (INTEGER(64,false))"),
                CellKind::Time => format!("int64 {name} (TIMESTAMP(MICROS,true))"),
                CellKind::Flag => format!("boolean {name}"),
            };
            schema.push_str(&format!("  optional {of};\n"));
        }
        schema.push('}');
        let schema = Arc::new(parse_message_type(&schema).map_err(unwritable)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(format!("vmrec {}", env!("CARGO_PKG_VERSION")))
            .build();
        let writer =
            SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(unwritable)?;
        let columns = columns.into_iter().map(|(_, of)| (of, Gathered::default())).collect();
        Ok(Self { writer, columns, rows: 0 })
    }

    /// Adds a row, which has a value for each column.
    pub(crate) fn row(&mut self, values: Vec<CellValue>) -> io::Result<()> {
        for ((_, gathered), value) in self.columns.iter_mut().zip(values) {
            gathered.levels.push(i16::from(value != CellValue::Null));
            match value {
                CellValue::Null => {}
                CellValue::Integer(value) => gathered.integers.push(value),
                CellValue::Text(text) => gathered.texts.push(text.into_bytes().into()),
                CellValue::Flag(flag) => gathered.flags.push(flag),
            }
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(unwritable)?;
        for (kind, gathered) in &mut self.columns {
            let Some(mut column) = group.next_column().map_err(unwritable)? else { break };
            let Gathered { integers, texts, flags, levels } = std::mem::take(gathered);
            let levels = Some(levels.as_slice());
            match kind {
                CellKind::Text => column.typed::<ByteArrayType>().write_batch(&texts, levels, None),
                CellKind::Flag => column.typed::<BoolType>().write_batch(&flags, levels, None),
                CellKind::Integer | CellKind::Unsigned | CellKind::Time => {
                    column.typed::<Int64Type>().write_batch(&integers, levels, None)
                }
            }
            .map_err(unwritable)?;
            column.close().map_err(unwritable)?;
        }
        group.close().map_err(unwritable)?;
        self.rows = 0;
        Ok(())
    }

    /// Ends the file.
    pub(crate) fn end(mut self) -> io::Result<W> {
        self.flush()?;
        self.writer.into_inner().map_err(unwritable)
    }
}

/// States that a file cannot be written: its folder, its disk.
fn unwritable(error: parquet::errors::ParquetError) -> io::Error {
    io::Error::other(error)
}
