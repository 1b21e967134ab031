//! The files of code that were read: their unwind tables and symbols, which processes share.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::linux::facts::images::open;
use crate::linux::mounts::Mounts;
use crate::linux::stacks::machine::Table;
use crate::procfs::mapping::Mapping;
use crate::stacks::symbols::{Program, UnwindTable};

/// The maximum number of files to read.
const MAX_FILES: usize = 2048;
/// How long a reading of the mounts is good for.
const MOUNTS_AGE: Duration = Duration::from_secs(10);

/// The device and inode of a file.
type FileKey = ((u32, u32), u64);

/// A file that was read.
pub(crate) struct Read {
    pub(crate) program: Program,
    pub(crate) file: File,
    pub(crate) frames: Option<Table>,
    pub(crate) frame_index: Option<Table>,
}

/// The mounts of a process, and when they were read.
#[derive(Default)]
pub(crate) struct SeenMounts(Option<(Mounts, Instant)>);

impl SeenMounts {
    fn is_remote(&mut self, folder: &Path, mapping: &Mapping) -> bool {
        let fresh = |(_, read): &(Mounts, Instant)| read.elapsed() < MOUNTS_AGE;
        if !self.0.as_ref().is_some_and(fresh) {
            self.0 = Some((Mounts::read(folder), Instant::now()));
        }
        let mounts = self.0.as_ref().map(|(mounts, _)| mounts);
        mapping.object.as_ref().zip(mounts).is_some_and(|(object, mounts)| mounts.is_remote(object))
    }
}

/// The files that were read, or found to be of no use.
#[derive(Clone, Default)]
pub(crate) struct Files(Arc<Mutex<HashMap<FileKey, Option<Arc<Read>>>>>);

impl Files {
    fn lock(&self) -> MutexGuard<'_, HashMap<FileKey, Option<Arc<Read>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the file of a mapping of the process of a folder, read now if it was not before.
    pub(crate) fn read(
        &self,
        folder: &Path,
        mapping: &Mapping,
        mounts: &mut SeenMounts,
    ) -> Option<Arc<Read>> {
        let key = mapping.file()?;
        let (found, count) = {
            let files = self.lock();
            (files.get(&key).cloned(), files.len())
        };
        if let Some(read) = found {
            return read;
        }
        if count >= MAX_FILES || mounts.is_remote(folder, mapping) {
            return None;
        }
        let read = read(folder, mapping).map(Arc::new);
        self.lock().insert(key, read.clone());
        read
    }
}

fn read(folder: &Path, mapping: &Mapping) -> Option<Read> {
    let (file, _) = open(folder, mapping).ok()?;
    let mut read_at = |offset, buffer: &mut [u8]| file.read_at(buffer, offset);
    let mut program = Program::read(&mut read_at).ok()?;
    let take = |table: &mut Option<UnwindTable>| -> Option<Table> {
        Some(std::mem::take(&mut table.as_mut()?.bytes).into())
    };
    let (frames, frame_index) = (take(&mut program.frames), take(&mut program.frame_index));
    Some(Read { program, file, frames, frame_index })
}
