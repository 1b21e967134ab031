//! `vmrec export --parquet`: the folder of Parquet files, which grows by what came since.
//!
//! A file is never changed: it is written under another name, synced and renamed. Its name says
//! which samples it has, so that the next run goes on where this one ended.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use jiff::Timestamp as WallClock;
use vmrec_report::{PARQUET_TABLES, ParquetStretch, units};
use vmrec_sampler::{Snapshot, stable_hash};
use vmrec_store::{Recording, RecordingId, Store};

use crate::failure::Failure;
use crate::output;

/// The name that Hive gives to the partition of what is unknown.
const UNKNOWN_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// Writes what the folder lacks of these recordings and returns a line on it.
pub(crate) fn write(store: &Store, ids: &[RecordingId], folder: &Path) -> Result<String, Failure> {
    let _lock = lock(folder)?;
    let mut written = Written::default();
    for id in ids {
        let recording = store.recording(*id)?;
        let exporter = Exporter { recording: &recording, key: key(&recording), folder };
        exporter.write(store, &mut written)?;
    }
    Ok(format!(
        "{} of {} in {} added to {}\n",
        units::counted(written.samples, "sample", "samples"),
        units::counted(written.recordings, "recording", "recordings"),
        units::counted(written.files, "file", "files"),
        vmrec_report::escape::terminal(&folder.display().to_string()),
    ))
}

/// Takes the folder for this run alone; released as the file is closed.
fn lock(folder: &Path) -> Result<File, Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::io("create", folder, error))?;
    let path = folder.join(".vmrec.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| Failure::io("write", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::usage(format!("another run exports to {}", folder.display()))
                .hint("wait until it has ended, or name another folder"))
        }
        Err(TryLockError::Error(error)) => Err(Failure::io("lock", &path, error)),
    }
}

#[derive(Default)]
struct Written {
    samples: u64,
    recordings: u64,
    files: u64,
}

/// Returns the name of a recording among those of all machines: FNV-1a of what distinguishes it.
fn key(recording: &Recording) -> String {
    let process = &recording.process;
    let text = format!(
        "{}\0{}\0{}\0{}\0{}",
        recording.host.name,
        process.id.boot_id,
        recording.begun.utc_ns,
        process.id.pid,
        recording.id.0
    );
    format!("{:016x}", stable_hash(text.bytes()))
}

/// Returns a text as the value of a partition: other characters than these as `%XX`.
fn partition(text: &str) -> String {
    if text.is_empty() {
        return UNKNOWN_PARTITION.to_owned();
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let dots_only = text.bytes().all(|byte| byte == b'.');
    text.bytes()
        .map(|byte| match byte {
            b'.' if !dots_only => ".".to_owned(),
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

struct Exporter<'a> {
    recording: &'a Recording,
    key: String,
    folder: &'a Path,
}

/// The files of a stretch being written.
struct Stretch {
    date: String,
    first: u64,
    last: u64,
    files: ParquetStretch<File>,
    /// The unfinished file of each table.
    paths: BTreeMap<&'static str, PathBuf>,
}

impl Exporter<'_> {
    fn table_folder(&self, table: &str) -> PathBuf {
        self.folder.join(table).join(format!("host={}", partition(&self.recording.host.name)))
    }

    /// Returns the number of the last sample that all tables have. Files beyond it are of a run that
    /// was killed between two tables, and go.
    fn exported(&self) -> Result<u64, Failure> {
        let mut files = Vec::new();
        let mut exported = u64::MAX;
        for table in PARQUET_TABLES {
            let of_table = self.files_of(&self.table_folder(table))?;
            exported = exported.min(of_table.iter().map(|(last, _)| *last).max().unwrap_or(0));
            files.extend(of_table);
        }
        for (_, path) in files.iter().filter(|(last, _)| *last > exported) {
            fs::remove_file(path).map_err(|error| Failure::io("remove", path, error))?;
        }
        Ok(exported)
    }

    /// Returns the files of this recording below a table's folder, with their last samples.
    fn files_of(&self, folder: &Path) -> Result<Vec<(u64, PathBuf)>, Failure> {
        let read = |folder: &Path| match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Failure::io("read", folder, error)),
            Ok(entries) => Ok(entries.filter_map(Result::ok).map(|entry| entry.path()).collect()),
        };
        let mut files = Vec::new();
        for date in read(folder)? {
            if !date.is_dir() {
                continue;
            }
            for file in read(&date)? {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                files.extend(self.last_of(&name).map(|last| (last, file)));
            }
        }
        Ok(files)
    }

    /// Returns the last sample that a file of that name has, if it is of this recording.
    fn last_of(&self, name: &str) -> Option<u64> {
        let numbers = name.strip_prefix(&self.key)?.strip_prefix('-')?.strip_suffix(".parquet")?;
        numbers.split_once('-')?.1.parse().ok()
    }

    fn write(&self, store: &Store, written: &mut Written) -> Result<(), Failure> {
        let exported = self.exported()?;
        let (mut stretch, mut before, mut failed) = (None::<Stretch>, None::<Snapshot>, None);
        let mut samples = 0;
        // The sample before shows which regions went on unchanged.
        let from = exported.max(1);
        store.for_each_snapshot(self.recording.id, from..=u64::MAX >> 1, |sample, snapshot| {
            if sample.number <= exported {
                before = snapshot.cloned();
                return ControlFlow::Continue(());
            }
            let date = date(sample.taken.utc_ns);
            let mut step = || -> Result<(), Failure> {
                if stretch.as_ref().is_some_and(|stretch| stretch.date != date)
                    && let Some(done) = stretch.take()
                {
                    self.finish(done, written)?;
                }
                let current = match &mut stretch {
                    Some(current) => current,
                    none => none.insert(self.begin(date.clone(), sample.number)?),
                };
                current.last = sample.number;
                let before = before.as_ref().filter(|_| current.first == sample.number);
                current
                    .files
                    .push(&self.key, self.recording, sample, snapshot, before)
                    .map_err(output::unwritable)
            };
            match step() {
                Ok(()) => {
                    samples += 1;
                    before = snapshot.cloned().or_else(|| before.take());
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        if let Some(done) = stretch {
            self.finish(done, written)?;
        }
        written.samples += samples;
        written.recordings += u64::from(samples > 0);
        Ok(())
    }

    fn begin(&self, date: String, first: u64) -> Result<Stretch, Failure> {
        let mut paths = BTreeMap::new();
        let mut opened = BTreeMap::new();
        for table in PARQUET_TABLES {
            let folder = self.table_folder(table).join(format!("date={date}"));
            fs::create_dir_all(&folder).map_err(|error| Failure::io("create", &folder, error))?;
            let path = folder.join(format!(".{}-{first}.{}.tmp", self.key, std::process::id()));
            // The rest of a killed run of this name is of no use.
            let _ = fs::remove_file(&path);
            let file =
                File::create_new(&path).map_err(|error| Failure::io("write", &path, error))?;
            opened.insert(table, file);
            paths.insert(table, path);
        }
        let files = ParquetStretch::begin(|table| {
            opened.remove(table).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        })
        .map_err(output::unwritable)?;
        Ok(Stretch { date, first, last: first, files, paths })
    }

    fn finish(&self, stretch: Stretch, written: &mut Written) -> Result<(), Failure> {
        let Stretch { first, last, files, paths, .. } = stretch;
        for file in files.end(&self.key).map_err(output::unwritable)? {
            file.sync_all().map_err(|error| Failure::io("write to", self.folder, error))?;
        }
        for path in paths.values() {
            let to = path.with_file_name(format!("{}-{first}-{last}.parquet", self.key));
            fs::rename(path, &to).map_err(|error| Failure::io("write", &to, error))?;
            written.files += 1;
        }
        Ok(())
    }
}

/// Returns the date of a moment in UTC.
fn date(utc_ns: i64) -> String {
    let moment = WallClock::from_nanosecond(i128::from(utc_ns)).unwrap_or(WallClock::UNIX_EPOCH);
    moment.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_host_leads_out_of_no_folder() {
        assert_eq!(partition("web-1.example_x"), "web-1.example_x");
        assert_eq!(partition("../a b"), "..%2Fa%20b");
        assert_eq!(partition(".."), "%2E%2E");
        assert_eq!(partition(""), UNKNOWN_PARTITION);
    }

    #[test]
    fn dates_are_of_utc() {
        assert_eq!(date(1_709_301_600_000_000_000), "2024-03-01");
        assert_eq!(date(-1), "1969-12-31");
    }
}
