//! The executable of a process: its path, and the machine it was built for.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::linux::files::{PROC, read};
use crate::linux::mounts::Mounts;
use crate::procfs::header::parse_header;
use crate::procfs::line::readable;
use crate::procfs::mapping::DELETED;
use crate::region::Object;

/// Returns the executable's path, if it may be read, and whether its file was deleted.
///
/// The kernel appends ` (deleted)` to the path of a deleted file, but a file may have such a name:
/// it exists if that path leads to the running file.
pub(crate) fn executable(folder: &Path) -> (Option<String>, bool) {
    let link = folder.join("exe");
    let Ok(path) = std::fs::read_link(&link) else { return (None, false) };
    let Some(name) = path.as_os_str().as_bytes().strip_suffix(DELETED.as_bytes()) else {
        return (Some(readable(path.as_os_str().as_bytes())), false);
    };
    let file = |path: &Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    if file(&link).is_some_and(|running| file(&path) == Some(running)) {
        return (Some(readable(path.as_os_str().as_bytes())), false);
    }
    (Some(readable(name)), true)
}

/// Returns the folder that a process works in, if it may be read.
pub fn working_folder(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(Path::new(PROC).join(pid.to_string()).join("cwd")).ok()
}

/// Returns the machine that the executable of the process in `folder` was built for, by the header
/// of its file; `None` if that may not be read, or lies on a file system that may keep us waiting.
pub(crate) fn architecture(folder: &Path) -> Option<String> {
    let path = std::fs::read_link(folder.join("exe")).ok()?;
    let path = path.as_os_str().as_bytes();
    let maps = read(folder.join("maps")).ok()?;
    let mut headers = maps.split(|byte| *byte == b'\n').filter_map(parse_header);
    let mapped = headers.find(|header| header.name == path)?;
    let object = Object {
        name: readable(path).into(),
        device: mapped.device,
        inode: mapped.inode,
        deleted: false,
    };
    if Mounts::read(folder).is_remote(&object) {
        return None;
    }
    let mut header = [0; 20];
    File::open(folder.join("exe")).ok()?.read_exact_at(&mut header, 0).ok()?;
    machine(&header)
}

/// Returns the machine of an ELF header, in the words of uname.
fn machine(header: &[u8; 20]) -> Option<String> {
    if header[..4] != *b"\x7fELF" {
        return None;
    }
    let number = [header[18], header[19]];
    let little = header[5] != 2;
    let number = if little { u16::from_le_bytes(number) } else { u16::from_be_bytes(number) };
    let wide = header[4] == 2;
    let name = match (number, wide) {
        (3, _) => "i386",
        (62, true) => "x86_64",
        (62, false) => "x32",
        (40, _) => "arm",
        (183, true) => "aarch64",
        (183, false) => "aarch64_ilp32",
        (243, true) => "riscv64",
        (243, false) => "riscv32",
        (21, _) if little => "ppc64le",
        (21, _) => "ppc64",
        (20, _) => "ppc",
        (22, true) => "s390x",
        (22, false) => "s390",
        (8, true) => "mips64",
        (8, false) => "mips",
        (258, _) => "loongarch64",
        _ => return Some(format!("ELF machine {number}")),
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executables_header_names_its_machine() {
        let mut header = [0; 20];
        header[..6].copy_from_slice(b"\x7fELF\x01\x01");
        header[18] = 3;
        assert_eq!(machine(&header).as_deref(), Some("i386"));
        header[18] = 62;
        assert_eq!(machine(&header).as_deref(), Some("x32"));
        header[4] = 2;
        assert_eq!(machine(&header).as_deref(), Some("x86_64"));
        header[18..].copy_from_slice(&[0xff, 0xfe]);
        assert_eq!(machine(&header).as_deref(), Some("ELF machine 65279"));
        assert_eq!(machine(&[0; 20]), None);
        let own = architecture(Path::new("/proc/self"));
        assert_eq!(own.as_deref(), Some(std::env::consts::ARCH));
    }
}
