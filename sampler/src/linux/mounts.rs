//! Which files of a process may keep a reader waiting: those on FUSE and on network file systems.
//!
//! Only the list of mounts is read, because a question to such a file system may never be answered.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::procfs::line::{decimal, readable};
use crate::region::Object;

/// The maximum bytes of a list to read.
const MAX_BYTES: u64 = 8 << 20;
/// The device of the kernel's own tmpfs, which is mounted nowhere.
const KERNEL_TMPFS: (u32, u32) = (0, 1);
/// Types of file systems whose answers come over a network.
const NETWORK: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "pvfs2",
    "smb3",
    "smbfs",
];

/// The mounts of a process and of this one.
#[derive(Debug, Default)]
pub(crate) struct Mounts {
    /// Whether the file system of a device is remote.
    devices: HashMap<(u32, u32), bool>,
    /// Where remote ones are mounted, as the process sees it.
    remote_points: Vec<String>,
}

impl Mounts {
    /// Reads the mounts of the process in `folder`, and those of this one.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut mounts = Self::default();
        // The process's own come last: their types decide.
        for folder in [Path::new("/proc/self"), folder] {
            let mut text = Vec::new();
            let file = File::open(folder.join("mountinfo"));
            if file.and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text)).is_ok() {
                mounts.remote_points.clear();
                text.split(|byte| *byte == b'\n').for_each(|line| mounts.add(line));
            }
        }
        mounts
    }

    fn add(&mut self, line: &[u8]) {
        let mut words = line.split(|byte| *byte == b' ');
        let Some(device) = words.nth(2).and_then(device) else { return };
        let Some(point) = words.nth(1) else { return };
        // Optional fields end in a hyphen.
        let Some(kind) = words.skip_while(|word| *word != b"-").nth(1) else { return };
        let kind = readable(kind);
        let remote = kind == "fuse"
            || kind == "fuseblk"
            || kind.starts_with("fuse.")
            || NETWORK.contains(&&*kind);
        self.devices.insert(device, remote);
        if remote {
            self.remote_points.push(readable(point));
        }
    }

    /// Returns whether reading `object`, or walking to its name, may wait for another program.
    pub(crate) fn is_remote(&self, object: &Object) -> bool {
        // A device without a number of its own that is mounted nowhere may be anything.
        let unknown = object.device.0 == 0 && object.device != KERNEL_TMPFS;
        self.devices.get(&object.device).copied().unwrap_or(unknown)
            || self.remote_points.iter().any(|point| {
                let rest = object.name.strip_prefix(&**point);
                point == "/" || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
    }
}

fn device(text: &[u8]) -> Option<(u32, u32)> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let number = |text| decimal(text)?.try_into().ok();
    Some((number(&text[..colon])?, number(&text[colon + 1..])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_on_fuse_and_networks_are_remote_and_those_of_disks_are_not() {
        let mut mounts = Mounts::default();
        for line in [
            "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw",
            "23 22 0:44 / /mnt/f rw,nosuid shared:2 master:1 - fuse.sshfs host: rw",
            "24 22 0:45 / /mnt/n rw - nfs4 server:/ rw",
            "25 22 8:17 / /mnt/ntfs rw - fuseblk /dev/sdb1 rw",
            "26 22 0:46 / /run rw - tmpfs tmpfs rw",
            "cut",
        ] {
            mounts.add(line.as_bytes());
        }
        let remote = |device, name: &str| {
            mounts.is_remote(&Object { name: name.into(), device, inode: 9, deleted: false })
        };
        assert!(!remote((254, 0), "/usr/lib/libc.so.6"));
        assert!(!remote((0, 46), "/run/a"));
        assert!(!remote((0, 1), "/memfd:a"));
        assert!(!remote((8, 1), "/lib/of-another-namespace"));
        assert!(!remote((254, 0), "/mnt/free"));
        assert!(remote((0, 44), "/mnt/f/a"));
        assert!(remote((0, 45), "/mnt/n/a"));
        assert!(remote((8, 17), "/mnt/ntfs/a"));
        assert!(remote((0, 99), "/mounted/nowhere"));
        // A disk's file below which something was mounted later.
        assert!(remote((254, 0), "/mnt/f/hidden"));
    }
}
