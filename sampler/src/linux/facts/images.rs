//! The ELF files a process has mapped.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::classify::facts::Image;
use crate::classify::name::kernel_object;
use crate::classify::predicates::is_executable;
use crate::elf::Elf;
use crate::elf::symbols::Symbols;
use crate::linux::facts::glibc::ThreadTable;
use crate::linux::facts::{glibc, jvm};
use crate::linux::mounts::Mounts;
use crate::linux::system;
use crate::procfs::mapping::Mapping;
use crate::region::Object;

/// The maximum number of files to read.
const MAX_FILES: usize = 4096;

/// A file: its device and inode.
type FileKey = ((u32, u32), u64);

/// The files of one process, cached between refreshes.
#[derive(Debug, Default)]
pub(crate) struct ImageCache {
    files: HashMap<FileKey, CachedImage>,
    turn: u64,
    /// Whether files on FUSE and network file systems are read too.
    pub(crate) read_remote_files: bool,
    /// Whether files are left for the next refresh.
    pending: bool,
}

/// The bytes of files that one refresh searches before it leaves the rest for the next.
const MAX_REFRESH_BYTES: u64 = 96 << 20;
/// How long one refresh reads files before it leaves the rest for the next.
const MAX_REFRESH_TIME: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct CachedImage {
    /// When it was last seen mapped, in turns.
    seen: u64,
    /// Its size and time of change: inode numbers are reused.
    stamp: Option<(u64, Option<SystemTime>)>,
    facts: Read,
}

/// The result of reading a file.
#[derive(Clone, Debug)]
enum Read {
    /// It may not be opened.
    Refused,
    /// Reading it may wait for another program, or for ever.
    Remote,
    /// It is not a readable ELF file.
    NotElf,
    Elf(Arc<FileFacts>),
}

/// The facts about an ELF file.
#[derive(Debug, Default)]
pub(crate) struct FileFacts {
    pub(crate) image: Arc<Image>,
    /// The address of ld.so's state, relative to the load base.
    pub(crate) rtld_global: Option<u64>,
    /// The description of threads that libc publishes for debuggers.
    pub(crate) threads: Option<ThreadTable>,
    /// The description of itself that libjvm publishes for debuggers.
    pub(crate) jvm: Option<Symbols>,
}

/// The image of a file at the address where it is mapped.
#[derive(Clone, Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) facts: &'a FileFacts,
    pub(crate) mapping: &'a Mapping,
    /// The load base.
    pub(crate) base: u64,
}

impl ImageCache {
    /// Reads newly mapped files.
    pub(crate) fn refresh(&mut self, folder: &Path, mappings: &[Mapping]) {
        self.turn += 1;
        self.pending = false;
        let (begun, mut read_bytes) = (Instant::now(), 0);
        let mut mounts = None;
        for mapping in mappings {
            let Some(key) = mapping.file().filter(|_| may_be_elf(mapping)) else { continue };
            let kept = self.files.get_mut(&key);
            let known = kept.map(|kept| {
                let is_new = kept.seen + 1 < self.turn;
                kept.seen = self.turn;
                is_new
            });
            if known == Some(false) || (known.is_none() && self.files.len() >= MAX_FILES) {
                continue;
            }
            if read_bytes >= MAX_REFRESH_BYTES || begun.elapsed() >= MAX_REFRESH_TIME {
                self.pending = true;
                continue;
            }
            let is_remote = |object: &Arc<Object>| {
                !self.read_remote_files
                    && mounts.get_or_insert_with(|| Mounts::read(folder)).is_remote(object)
            };
            let kept = if mapping.object.as_ref().is_some_and(is_remote) {
                CachedImage { seen: self.turn, stamp: None, facts: Read::Remote }
            } else {
                look(folder, mapping, self.files.remove(&key), self.turn, &mut read_bytes)
            };
            self.files.insert(key, kept);
        }
        self.files.retain(|_, kept| kept.seen + 64 > self.turn);
    }

    /// Returns the images by their names in the mappings.
    pub(crate) fn by_name(&self, mappings: &[Mapping]) -> BTreeMap<Arc<str>, Arc<Image>> {
        let mut images = BTreeMap::new();
        for mapping in mappings {
            let Some(object) = mapping.object.as_ref() else { continue };
            if let Some(facts) = self.facts(mapping)
                && !images.contains_key(&object.name)
            {
                images.insert(Arc::clone(&object.name), Arc::clone(&facts.image));
            }
        }
        images
    }

    /// Returns the first mapped file that matches `is_it`, and its load base.
    pub(crate) fn find<'a>(
        &'a self,
        mappings: &'a [Mapping],
        is_it: impl Fn(&FileFacts) -> bool,
    ) -> Option<Placed<'a>> {
        mappings.iter().find_map(|mapping| {
            let facts = self.facts(mapping).filter(|facts| is_it(facts))?;
            let first = facts.image.segments.first()?;
            let page = system::page_size_bytes();
            if mapping.offset != first.offset - first.offset % page {
                return None;
            }
            let in_file = mapping.range.start.wrapping_add(first.offset - mapping.offset);
            Some(Placed { facts, mapping, base: in_file.wrapping_sub(first.address) })
        })
    }

    /// Returns the number of files that may not be opened.
    pub(crate) fn refused(&self) -> usize {
        self.count(|facts| matches!(facts, Read::Refused))
    }

    /// Returns the number of files that are not opened because reading them may wait.
    pub(crate) fn remote(&self) -> usize {
        self.count(|facts| matches!(facts, Read::Remote))
    }

    /// Returns whether files are left for the next refresh.
    pub(crate) const fn is_pending(&self) -> bool {
        self.pending
    }

    fn count(&self, is_it: impl Fn(&Read) -> bool) -> usize {
        self.files.values().filter(|kept| kept.seen == self.turn && is_it(&kept.facts)).count()
    }

    fn facts(&self, mapping: &Mapping) -> Option<&FileFacts> {
        match &self.files.get(&mapping.file()?)?.facts {
            Read::Elf(facts) => Some(facts),
            Read::Refused | Read::Remote | Read::NotElf => None,
        }
    }
}

/// Returns whether to open the object of `mapping`: objects of the kernel and devices must not be.
fn may_be_elf(mapping: &Mapping) -> bool {
    let name = mapping.name();
    if !name.starts_with('/') || name.starts_with("/SYSV") || name == "/anon_hugepage" {
        return false;
    }
    if name.starts_with("/memfd:") {
        // Programs may be run from there.
        return is_executable(mapping);
    }
    name.starts_with("/dev/shm/") || kernel_object(mapping).is_none()
}

fn look(
    folder: &Path,
    mapping: &Mapping,
    before: Option<CachedImage>,
    turn: u64,
    read_bytes: &mut u64,
) -> CachedImage {
    let Ok((file, metadata)) = open(folder, mapping) else {
        return CachedImage { seen: turn, stamp: None, facts: Read::Refused };
    };
    let stamp = Some((metadata.size(), metadata.modified().ok()));
    match before {
        Some(before) if before.stamp == stamp => CachedImage { seen: turn, ..before },
        _ => CachedImage { seen: turn, stamp, facts: read(&file, read_bytes) },
    }
}

fn read(file: &File, read_bytes: &mut u64) -> Read {
    let read_at = &mut |offset, buffer: &mut [u8]| {
        let count = file.read_at(buffer, offset)?;
        *read_bytes += count as u64;
        Ok(count)
    };
    let Ok(elf) = Elf::read(read_at, &[glibc::STATE, glibc::SIZE, jvm::TABLE]) else {
        return Read::NotElf;
    };
    let image = Arc::new(elf.image.clone());
    let mut facts = FileFacts { image, ..FileFacts::default() };
    if elf.names.contains(&glibc::STATE) {
        facts.rtld_global = elf.symbols(read_at, &[glibc::STATE]).get(glibc::STATE).copied();
    }
    if elf.names.contains(&glibc::SIZE) {
        let symbols = elf.symbols(read_at, &glibc::DESCRIPTORS);
        facts.threads = ThreadTable::read(&facts.image, &symbols, read_at);
    }
    if elf.names.contains(&jvm::TABLE) {
        facts.jvm = Some(elf.symbols(read_at, &jvm::SYMBOLS)).filter(|it| !it.is_empty());
    }
    Read::Elf(Arc::new(facts))
}

/// Opens the file of `mapping`, by ways that cannot lead to another one.
pub(crate) fn open(folder: &Path, mapping: &Mapping) -> io::Result<(File, Metadata)> {
    let range = mapping.range;
    let by_range = folder.join(format!("map_files/{:x}-{:x}", range.start, range.end));
    if let Ok(opened) = open_regular(&by_range, |_| true) {
        return Ok(opened);
    }
    let object = mapping.object.as_deref().ok_or(io::ErrorKind::NotFound)?;
    // The name of a deleted file may be another's by now; one with escapes is not the real name.
    if object.deleted || object.name.contains('\\') {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut by_root = folder.join("root").into_os_string();
    by_root.push(&*object.name);
    // Some file systems report another device number than the mapping has.
    open_regular(Path::new(&by_root), |it| it.ino() == object.inode).or_else(|_| {
        open_regular(Path::new(&*object.name), |it| {
            it.ino() == object.inode
                && (libc::major(it.dev()), libc::minor(it.dev())) == object.device
        })
    })
}

/// Opens a file if it is a regular one and matches `is_it`; pipes and devices are not opened.
fn open_regular(path: &Path, is_it: impl Fn(&Metadata) -> bool) -> io::Result<(File, Metadata)> {
    let handle = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path)?;
    let metadata = handle.metadata()?;
    if !metadata.is_file() || !is_it(&metadata) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(format!("/proc/self/fd/{}", handle.as_raw_fd()))?;
    Ok((file, metadata))
}
