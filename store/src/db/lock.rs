//! The writer's lock: a file beside the recording, `<path>-lock`, locked as
//! long as its recorder lives. The lock ends with the process, so a killed
//! recorder leaves at most an unlocked file. The file holds the recorder's pid
//! for the error message of a second recorder.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, thread};

use crate::error::{At, Error};

/// How often to try before the lock counts as another recorder's: a reader that calls [`held`]
/// takes it for an instant.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(5);
/// The folder may be writable by others: no link is followed, and no FIFO is waited for.
const UNTRUSTED: i32 = libc::O_NOFOLLOW | libc::O_NONBLOCK;

/// The right to write, released when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    /// Locked; closing it unlocks.
    file: File,
}

impl Lock {
    /// Takes the right to write to the recording at `path`, or fails at once.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        let lock_path = beside(path, "-lock");
        let mut tries = 0;
        loop {
            plain(&lock_path)?;
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(UNTRUSTED)
                .open(&lock_path)
                .at(&lock_path)?;
            if !file.metadata().at(&lock_path)?.is_file() {
                return Err(Error::NotPlain { path: lock_path });
            }
            match file.try_lock() {
                Ok(()) if !is_at(&file, &lock_path) => {} // its last holder removed it in between
                Ok(()) => {
                    write_pid(&mut file).at(&lock_path)?;
                    return Ok(Self { path: lock_path, file });
                }
                Err(TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Busy { path: path.to_owned(), pid: read_pid(&mut file) });
                }
                Err(TryLockError::Error(source)) => return Err(Error::io(&lock_path, source)),
            }
        }
    }
}

impl Lock {
    /// Returns whether the path of the lock still leads to the locked file: otherwise another
    /// recorder may hold the lock at that path.
    pub(crate) fn is_in_force(&self) -> bool {
        is_at(&self.file, &self.path)
    }
}

/// Checks that a file beside a recording, if it exists, is a regular file and not a link.
pub(crate) fn plain(path: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(Error::NotPlain { path: path.to_owned() }),
        _ => Ok(()),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while still locked: whoever opened it before finds it removed and tries again. A
        // file that stays does no harm; one of another recorder must not be removed.
        if self.is_in_force() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Returns whether a recorder holds the lock of the recording at `path`.
pub(crate) fn held(path: &Path) -> bool {
    another_holds(path).is_some()
}

/// Returns the open file of the lock of the recording at `path` while a recorder holds it.
fn another_holds(path: &Path) -> Option<File> {
    let lock = beside(path, "-lock");
    let file = OpenOptions::new().read(true).custom_flags(UNTRUSTED).open(lock).ok()?;
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then_some(file)
}

/// Returns the pid that the recorder of the file at `path` wrote into its lock; `None` if there is no recorder.
///
/// Others may be able to write to the lock: the process may be another one.
pub(crate) fn recorder(path: &Path) -> Option<u32> {
    read_pid(&mut another_holds(path)?)
}

/// Returns `path` with `suffix` appended, as SQLite names its own files.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_nothing_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        assert!(!held(&path));
        let lock = Lock::take(&path).unwrap();
        assert!(held(&path));
        assert_eq!(recorder(&path), Some(std::process::id()));
        let refused = Lock::take(&path).unwrap_err();
        assert!(matches!(refused, Error::Busy { pid: Some(pid), .. } if pid == std::process::id()));
        drop(lock);
        assert!(!held(&path));
        assert_eq!(recorder(&path), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_left_by_a_killed_recorder_locks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        fs::write(beside(&path, "-lock"), "1\n").unwrap();
        assert!(!held(&path));
        let _lock = Lock::take(&path).unwrap();
        let text = fs::read_to_string(beside(&path, "-lock")).unwrap();
        assert_eq!(text.trim(), std::process::id().to_string());
    }

    #[test]
    fn takers_racing_for_a_lock_that_comes_and_goes_never_share_it() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let holders = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if let Ok(_lock) = Lock::take(&path) {
                            assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                            assert_eq!(holders.fetch_sub(1, Ordering::SeqCst), 1);
                        }
                    }
                });
            }
        });
    }
}
