//! Whether a command loads the library, found out before it is started.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::alloc_refusal::AllocRefusal;
use crate::elf::Elf;
use crate::elf::read_at::NotRead;
use crate::posix::own_user_id;

/// The maximum number of interpreters of interpreters, as in the kernel.
const MAX_INTERPRETERS: usize = 5;
/// The maximum bytes of the first line of a script.
const MAX_LINE_BYTES: usize = 256;
/// The bits of a mode by which a program gets the rights of its file's owner and group.
const SET_USER: u32 = 0o4000;
const SET_GROUP: u32 = 0o2000;

/// Checks that a command would load the library; one that cannot be read may.
pub(crate) fn check(program: &OsStr) -> Result<(), AllocRefusal> {
    let mut path = find(program);
    for _ in 0..MAX_INTERPRETERS {
        let Some(file) = path.as_ref().and_then(|path| File::open(path).ok()) else {
            return Ok(());
        };
        let Ok(metadata) = file.metadata() else { return Ok(()) };
        if !metadata.is_file() {
            return Ok(());
        }
        let mut line = [0; MAX_LINE_BYTES];
        let count = file.read_at(&mut line, 0).unwrap_or(0);
        match interpreter(&line[..count]) {
            Some(next) => path = Some(next),
            None => return check_file(&file, &metadata),
        }
    }
    Ok(())
}

/// Returns the file of a command, as the shell finds it.
fn find(program: &OsStr) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Some(program.into());
    }
    let folders = std::env::var_os("PATH")?;
    let is_program =
        |path: &PathBuf| path.metadata().is_ok_and(|it| it.is_file() && it.mode() & 0o111 != 0);
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(is_program)
}

/// Returns the interpreter that a script's first line names.
fn interpreter(start: &[u8]) -> Option<PathBuf> {
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let words = line.split(|byte| b" \t".contains(byte)).filter(|word| !word.is_empty());
    let mut words = words.map(|word| OsString::from_vec(word.to_vec()));
    let first = PathBuf::from(words.next()?);
    // `env` starts a command of its own.
    match words.find(|word| first.file_name() == Some(OsStr::new("env")) && !is_option(word)) {
        Some(command) => find(&command).or(Some(first)),
        None => Some(first),
    }
}

fn is_option(word: &OsStr) -> bool {
    word.as_bytes().first() == Some(&b'-') || word.as_bytes().contains(&b'=')
}

fn check_file(file: &File, metadata: &Metadata) -> Result<(), AllocRefusal> {
    let gets_rights = (metadata.mode() & SET_USER != 0 && metadata.uid() != own_user_id())
        || metadata.mode() & SET_GROUP != 0;
    if gets_rights {
        return Err(AllocRefusal::OtherRights);
    }
    let mut read_at = |offset, buffer: &mut [u8]| file.read_at(buffer, offset);
    let mut machine = [0; 20];
    let is_native = |machine: &[u8; 20]| machine[4] == 2 && machine[18..] == NATIVE;
    let elf = match Elf::headers(&mut read_at) {
        // The kernel refuses it, and says so.
        Err(NotRead::NotElf) => return Ok(()),
        Ok(elf) if file.read_exact_at(&mut machine, 0).is_ok() && is_native(&machine) => elf,
        _ => return Err(AllocRefusal::OtherMachine),
    };
    if elf.has_section(b".go.buildinfo") == Some(true) {
        return Err(AllocRefusal::Go);
    }
    // A file without sections may be anything.
    if elf.has_section(b".interp") == Some(false) {
        return Err(AllocRefusal::Static);
    }
    match elf.symbols(&mut read_at, &["malloc"]).is_empty() {
        true => Ok(()),
        false => Err(AllocRefusal::OwnAllocator),
    }
}

/// The number of this machine in an ELF header.
#[cfg(target_arch = "x86_64")]
const NATIVE: [u8; 2] = [62, 0];
#[cfg(target_arch = "aarch64")]
const NATIVE: [u8; 2] = [183, 0];

/// Returns the libraries to preload: this one, before those that the user wants.
pub(crate) fn preloaded(library: &Path) -> OsString {
    let mut all = library.as_os_str().to_owned();
    if let Some(others) = std::env::var_os("LD_PRELOAD").filter(|it| !it.is_empty()) {
        all.push(":");
        all.push(others);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_judged_by_the_program_that_runs_it() {
        assert_eq!(interpreter(b"#! /bin/sh -e\necho"), Some("/bin/sh".into()));
        let found = interpreter(b"#!/usr/bin/env -S A=1 sh -x\n").unwrap();
        assert!(found.ends_with("sh") && found.is_absolute(), "{}", found.display());
        assert_eq!(interpreter(b"\x7fELF"), None);
        assert_eq!(check(OsStr::new("/nonexistent/program")), Ok(()));
        assert_eq!(check(std::env::current_exe().unwrap().as_os_str()), Ok(()));
    }
}
