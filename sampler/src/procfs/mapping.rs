//! A mapping (VMA) as Linux lists it, before it is classified.

use std::sync::Arc;

use crate::procfs::flags::{has_flag, max_protection};
use crate::procfs::header::{Header, parse_header};
use crate::procfs::line::readable;
use crate::procfs::smaps::Record;
use crate::region::{AddressRange, Object, Protection};

/// The end that the kernel gives to the name of a deleted file.
pub(crate) const DELETED: &str = " (deleted)";

/// One mapping, without its sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Its addresses.
    pub range: AddressRange,
    /// The rights in force.
    pub protection: Protection,
    /// The maximum rights, unknown on kernels that print no flags.
    pub max_protection: Option<Protection>,
    /// Whether writes are seen by others (`MAP_SHARED`).
    pub shared: bool,
    /// Its object.
    pub object: Option<Arc<Object>>,
    /// Offset of its start in the object, in bytes.
    pub offset: u64,
    /// `p` or `s`, then the kernel's flags.
    pub flags: Arc<str>,
}

impl Mapping {
    /// Reads the header and flags of `record`; equal objects and flags of `before` are shared with it.
    pub fn read(record: &Record<'_>, before: Option<&Self>) -> Option<Self> {
        let header = parse_header(record.header)?;
        let mut flags = String::from(if header.shared { "s" } else { "p" });
        let words = record.flags.map(readable);
        for word in words.iter().flat_map(|words| words.split_ascii_whitespace()) {
            flags.push(' ');
            flags.push_str(word);
        }
        Some(Self {
            range: header.range,
            protection: header.protection,
            max_protection: words.as_deref().map(max_protection),
            shared: header.shared,
            object: object(&header, before.and_then(|before| before.object.as_ref())),
            offset: header.offset,
            flags: before
                .filter(|before| *before.flags == *flags)
                .map_or_else(|| flags.into(), |before| Arc::clone(&before.flags)),
        })
    }

    /// Returns whether the kernel printed `flag` of two letters for it.
    pub fn has_flag(&self, flag: &str) -> bool {
        has_flag(&self.flags, flag)
    }

    /// Returns the object's name, empty for plain anonymous memory.
    pub fn name(&self) -> &str {
        self.object.as_deref().map_or("", |object| &object.name)
    }

    /// Returns the device and inode of its file, if it has one.
    pub fn file(&self) -> Option<((u32, u32), u64)> {
        self.object
            .as_deref()
            .filter(|object| object.inode != 0)
            .map(|object| (object.device, object.inode))
    }

    /// Returns whether it is the legacy system call page, which the kernel counts for no process.
    pub fn is_vsyscall(&self) -> bool {
        self.name() == "[vsyscall]"
    }
}

fn object(header: &Header<'_>, before: Option<&Arc<Object>>) -> Option<Arc<Object>> {
    if header.name.is_empty() && header.inode == 0 {
        return None;
    }
    let (name, deleted) = match header.name.strip_suffix(DELETED.as_bytes()) {
        Some(name) => (name, true),
        None => (header.name, false),
    };
    // Names given by prctl lose their brackets, which carry no information.
    let given = name
        .strip_prefix(b"[")
        .and_then(|name| name.strip_suffix(b"]"))
        .filter(|name| name.starts_with(b"anon:") || name.starts_with(b"anon_shmem:"));
    let name = readable(given.unwrap_or(name));
    let same = |object: &&Arc<Object>| {
        *object.name == *name
            && (object.device, object.inode, object.deleted)
                == (header.device, header.inode, deleted)
    };
    Some(match before.filter(same) {
        Some(before) => Arc::clone(before),
        None => Arc::new(Object {
            name: name.into(),
            device: header.device,
            inode: header.inode,
            deleted,
        }),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::procfs::sizes::Sizes;

    /// Reads mappings from lines of maps, each perhaps with flags after a `|`.
    pub(crate) fn mappings(lines: &str) -> Vec<Mapping> {
        lines
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| {
                let (header, flags) =
                    line.trim_start().split_once('|').unwrap_or((line.trim_start(), ""));
                let flags = Some(flags.as_bytes()).filter(|flags| !flags.is_empty());
                let record = Record { header: header.as_bytes(), flags, sizes: Sizes::default() };
                Mapping::read(&record, None).unwrap_or_else(|| panic!("{line}"))
            })
            .collect()
    }

    fn one(line: &str) -> Mapping {
        mappings(line).remove(0)
    }

    #[test]
    fn deleted_is_no_part_of_the_name() {
        let mapping =
            one("1000-2000 rw-s 00003000 00:01 77      /memfd:a (deleted)|rd wr sh mr mw ms");
        let object = mapping.object.as_deref().unwrap();
        assert_eq!((&*object.name, object.deleted), ("/memfd:a", true));
        assert_eq!((mapping.shared, mapping.offset), (true, 0x3000));
        assert_eq!(&*mapping.flags, "s rd wr sh mr mw ms");
        assert_eq!(mapping.max_protection.map(|most| most.to_string()).as_deref(), Some("rw-"));
        assert_eq!(mapping.file(), Some(((0, 1), 77)));
    }

    #[test]
    fn kernels_without_flags_leave_the_maximum_unknown() {
        let mapping = one("1000-2000 r--p 0 0:0 0 ");
        assert_eq!((mapping.max_protection, &*mapping.flags), (None, "p"));
        assert_eq!(mapping.object, None);
    }

    #[test]
    fn given_names_lose_their_brackets_and_the_kernels_own_keep_them() {
        assert_eq!(one("1000-2000 rw-p 0 0:0 0 [anon:v8]").name(), "anon:v8");
        assert_eq!(one("1000-2000 rw-s 0 0:1 5 [anon_shmem:x]").name(), "anon_shmem:x");
        assert_eq!(one("1000-2000 rw-p 0 0:0 0 [heap]").name(), "[heap]");
        assert_eq!(one("1000-2000 rw-p 0 8:1 9 /a\\012b").name(), "/a\\012b");
    }

    #[test]
    fn neighbours_share_their_object() {
        let first = one("1000-2000 r--p 0 8:1 9 /lib/a|rd");
        let record = Record {
            header: b"2000-3000 r-xp 1000 8:1 9 /lib/a",
            flags: Some(b"rd"),
            sizes: Sizes::default(),
        };
        let second = Mapping::read(&record, Some(&first)).unwrap();
        assert!(Arc::ptr_eq(first.object.as_ref().unwrap(), second.object.as_ref().unwrap()));
        assert!(Arc::ptr_eq(&first.flags, &second.flags));
    }
}
