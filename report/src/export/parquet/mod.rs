//! A recording as Parquet files: samples, sums by type, and regions as changes with the samples that
//! they hold for. docs/parquet.md describes the columns.
//!
//! Rows are built here; which file they go to is the caller's.

pub(crate) mod regions;
pub(crate) mod rows;
pub(crate) mod table;

use std::io;

use vmrec_sampler::Snapshot;
use vmrec_store::{Recording, Sample};

use crate::export::parquet::regions::OpenRegions;
use crate::export::parquet::table::ParquetTable;

/// The three files of one stretch of a recording.
pub struct ParquetStretch<W: io::Write + Send> {
    samples: ParquetTable<W>,
    sums: ParquetTable<W>,
    regions: ParquetTable<W>,
    open: OpenRegions,
}

impl<W: io::Write + Send> ParquetStretch<W> {
    /// Begins a stretch; `file` opens the file of each table, by its name.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be opened or written to.
    pub fn begin(mut file: impl FnMut(&'static str) -> io::Result<W>) -> io::Result<Self> {
        let [samples, sums, regions] = PARQUET_TABLES;
        Ok(Self {
            samples: ParquetTable::begin(samples, rows::SAMPLE_COLUMNS.to_vec(), file(samples)?)?,
            sums: ParquetTable::begin(sums, rows::sum_columns(), file(sums)?)?,
            regions: ParquetTable::begin(regions, self::regions::columns(), file(regions)?)?,
            open: OpenRegions::default(),
        })
    }

    /// Adds a sample, with its regions unless it was missed. `before` are the regions of the sample
    /// before the stretch, at its first one.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written to.
    pub fn push(
        &mut self,
        key: &str,
        recording: &Recording,
        sample: &Sample,
        snapshot: Option<&Snapshot>,
        before: Option<&Snapshot>,
    ) -> io::Result<()> {
        self.samples.row(rows::sample(key, recording, sample))?;
        let Some(snapshot) = snapshot else { return Ok(()) };
        for row in rows::sums(key, sample, snapshot) {
            self.sums.row(row)?;
        }
        let before = before.map(|before| before.regions.as_slice());
        for row in self.open.next(key, sample, &snapshot.regions, before) {
            self.regions.row(row)?;
        }
        Ok(())
    }

    /// Ends the stretch and its files.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written to.
    pub fn end(mut self, key: &str) -> io::Result<[W; 3]> {
        for row in self.open.rest(key) {
            self.regions.row(row)?;
        }
        Ok([self.samples.end()?, self.sums.end()?, self.regions.end()?])
    }
}

/// The names of the tables, which are those of their folders.
pub const PARQUET_TABLES: [&str; 3] = ["samples", "sums", "regions"];
