//! The library that commands load, as a file that only this user may write.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs;
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::alloc_refusal::AllocRefusal;
use crate::posix::own_user_id;
use crate::stable_hash::stable_hash;

/// Its bytes; sampler/shim is its source.
const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/allocs.so"));

/// Its name, that of the file and of the module on stacks.
const NAME: &str = "vmrec-allocs";

/// Returns whether a module on a stack is the library.
pub(crate) fn is_library(module: &str) -> bool {
    module.rsplit('/').next().is_some_and(|name| name.starts_with(NAME) && name.ends_with(".so"))
}

/// Returns the library's file in a folder, and writes it unless it is there. All recorders of a version
/// share it, and it stays: programs that a command leaves behind still load it.
pub(crate) fn stored(folder: &Path) -> Result<PathBuf, AllocRefusal> {
    let sum = stable_hash(LIBRARY.iter().copied());
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let path = folder.join(format!("{NAME}-{sum:016x}.so"));
    let refusal = |error: io::Error| AllocRefusal::NoLibrary {
        path: path.display().to_string(),
        why: error.to_string(),
    };
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(refusal)?;
    if !is_executable(&folder).map_err(refusal)? {
        return Err(AllocRefusal::NoExecution { folder: folder.display().to_string() });
    }
    // The loader takes these as the ends of names.
    if path.as_os_str().as_bytes().iter().any(|byte| b" :\n\t".contains(byte)) {
        let why = io::Error::other("its name has a space or a colon, which LD_PRELOAD cannot hold");
        return Err(refusal(why));
    }
    if !is_there(&path) {
        write(&path).map_err(refusal)?;
    }
    Ok(path)
}

/// Returns whether the file is there, whole, and nobody else's.
fn is_there(path: &Path) -> bool {
    let options = || OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(path);
    let Ok(file) = options() else { return false };
    let is_own = file
        .metadata()
        .is_ok_and(|it| it.is_file() && it.uid() == own_user_id() && it.mode() & 0o022 == 0);
    let mut bytes = Vec::with_capacity(LIBRARY.len());
    is_own
        && file.take(LIBRARY.len() as u64 + 1).read_to_end(&mut bytes).is_ok()
        && bytes == LIBRARY
}

/// Writes the file under another name, which becomes its own once it is whole.
fn write(path: &Path) -> io::Result<()> {
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let _ = fs::remove_file(&new);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| file.write_all(LIBRARY))
        .and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// Returns whether programs may be loaded from a folder's file system.
fn is_executable(folder: &Path) -> io::Result<bool> {
    let path = CString::new(folder.as_os_str().as_bytes())?;
    let mut found = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with 0, and `found` is room for the structure.
    if unsafe { libc::statvfs(path.as_ptr(), found.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel filled it in.
    Ok(unsafe { found.assume_init() }.f_flag & libc::ST_NOEXEC == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_small_and_written_once_and_again_if_it_is_another() {
        assert!(LIBRARY.len() < 50_000, "{}", LIBRARY.len());
        let folder = tempfile::tempdir().unwrap();
        let path = stored(&folder.path().join("new")).unwrap();
        assert!(is_library(path.to_str().unwrap()) && !is_library("/lib/libc.so.6"));
        let inode = || fs::metadata(&path).unwrap().ino();
        let first = inode();
        assert_eq!(stored(path.parent().unwrap()).unwrap(), path);
        assert_eq!(inode(), first);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        fs::write(&path, "other").unwrap();
        stored(path.parent().unwrap()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), LIBRARY);
    }

    #[test]
    fn a_folder_that_the_loader_cannot_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let why = stored(&folder.path().join("a b")).unwrap_err().to_string();
        assert!(why.contains("LD_PRELOAD"), "{why}");
    }
}
