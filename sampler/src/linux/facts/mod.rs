//! Reads the facts that the rules use from a live process.
//!
//! The target may be hostile: all its data is bounded, its memory is read only
//! where a page is present, and its files only if they are regular ones.

pub(crate) mod glibc;
pub(crate) mod images;
pub(crate) mod jvm;
pub(crate) mod jvm_attach;
pub(crate) mod listed_code;
pub(crate) mod memory;
pub(crate) mod native_memory;
pub(crate) mod pagemap;
pub(crate) mod peeks;
pub(crate) mod threads;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::classify::facts::{Facts, GlibcStack, Jvm};
use crate::linux::executable::executable;
use crate::linux::facts::images::ImageCache;
use crate::linux::facts::jvm::Fields;
use crate::linux::facts::listed_code::ListedCode;
use crate::linux::facts::memory::Memory;
use crate::linux::facts::native_memory::NativeMemory;
use crate::linux::facts::peeks::Peeks;
use crate::linux::facts::threads::Threads;
use crate::linux::files::{PROC, read};
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;

/// Reads the facts about one process, for as long as it runs the same program.
#[derive(Debug)]
pub struct FactReader {
    folder: PathBuf,
    facts: Facts,
    images: ImageCache,
    threads: Threads,
    memory: Memory,
    peeks: Peeks,
    /// The offset of the stack in glibc's descriptors.
    stack_offset: Option<u64>,
    jvm: JvmState,
    listed_code: ListedCode,
    /// `None` unless JVMs are asked.
    native_memory: Option<NativeMemory>,
}

/// Remaining searches for the JVM's table; a JVM takes time to start.
#[derive(Debug)]
enum JvmState {
    Unknown { tries: u32 },
    Known { base: u64, fields: Fields },
}

/// The maximum number of searches for the table of a JVM.
const MAX_JVM_TRIES: u32 = 64;

impl FactReader {
    /// Creates a reader for the process `pid`.
    pub fn new(pid: u32) -> Self {
        Self {
            folder: Path::new(PROC).join(pid.to_string()),
            facts: Facts { pid, ..Facts::default() },
            images: ImageCache::default(),
            threads: Threads::default(),
            memory: Memory::new(pid),
            peeks: Peeks::default(),
            stack_offset: None,
            jvm: JvmState::Unknown { tries: 0 },
            listed_code: ListedCode::default(),
            native_memory: None,
        }
    }

    /// Reads by the thread `tid` from now on: memory and files of a process are not reachable by a
    /// thread that has ended.
    pub(crate) fn follow(&mut self, tid: u32) {
        let folder = Path::new(PROC).join(tid.to_string());
        if folder != self.folder {
            self.folder = folder;
            self.memory = Memory::new(tid);
        }
    }

    /// Sets whether files on FUSE and network file systems are read too, though that may hang.
    pub(crate) fn set_read_remote_files(&mut self, read: bool) {
        self.images.read_remote_files = read;
    }

    /// Sets whether a JVM is asked for its list of its memory.
    pub(crate) fn set_asks_jvm(&mut self, asks: bool) {
        self.native_memory = asks.then(NativeMemory::default);
    }

    /// Returns whether there were more files than one refresh reads, or an answer is awaited.
    pub(crate) fn is_pending(&self) -> bool {
        self.images.is_pending()
            || self.native_memory.as_ref().is_some_and(NativeMemory::is_pending)
    }

    /// Updates the facts for these mappings.
    ///
    /// Known facts are not read again: files that stay mapped, and threads, except for a missing
    /// stack pointer.
    pub fn refresh(&mut self, mappings: &[Mapping]) -> &Facts {
        self.memory.refresh(&self.folder, mappings);
        let facts = &mut self.facts;
        if facts.executable.is_none() {
            facts.executable = executable(&self.folder).0.map(Into::into);
        }
        if facts.start_stack.is_none() || facts.start_brk.is_none() {
            let text = read(self.folder.join("stat")).unwrap_or_default();
            facts.start_stack = stat_field(&text, 28);
            facts.start_brk = stat_field(&text, 47);
        }
        facts.threads = self.threads.refresh(&self.folder);
        self.images.refresh(&self.folder, mappings);
        facts.images = self.images.by_name(mappings);
        facts.memory_readable = self.memory.readable();
        self.facts.glibc_stacks = self.glibc_stacks(mappings);
        self.facts.jvm = self.jvm(mappings);
        self.facts.listed_code = self.listed_code.refresh(&self.folder, mappings).to_vec();
        if self.images.find(mappings, |facts| facts.jvm.is_some()).is_some()
            && let Some(native) = &mut self.native_memory
        {
            self.facts.native_memory = native.refresh(&self.folder, self.facts.pid).to_vec();
        }
        &self.facts
    }

    /// Returns the facts of the last refresh.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Begins a classification: peeks until the next one share one budget, and their bytes are
    /// kept. The likely peeks in `changed` mappings are fetched at once.
    pub fn begin(&mut self, mappings: &[Mapping], changed: &[AddressRange]) {
        self.memory.refresh(&self.folder, mappings);
        self.peeks.begin(&mut self.memory, changed);
    }

    /// Ends a classification: the lines it read are dropped, except for the peeked bytes.
    pub fn end(&mut self) {
        self.peeks.end();
    }

    /// Fills `buffer` from `address` on, up to the end of the page.
    ///
    /// Returns the number of bytes read: 0 if the page is absent or may not be read, or if the
    /// budget is spent.
    pub fn peek(&mut self, address: u64, buffer: &mut [u8]) -> usize {
        self.peeks.peek(&mut self.memory, address, buffer)
    }

    /// Returns the bytes peeked since [`Self::begin`], by address; empty if nothing could be read.
    pub fn peeked(&self) -> &BTreeMap<u64, Box<[u8]>> {
        self.peeks.log()
    }

    /// Returns the bytes of the present pages in each of `ranges`, without the zero page if the
    /// kernel distinguishes it; `None` if that is not permitted or costs too much.
    pub fn present_bytes(&mut self, ranges: &[AddressRange]) -> Option<Vec<u64>> {
        let pagemap = self.memory.pagemap()?;
        ranges.iter().map(|range| pagemap.present_bytes(*range)).collect()
    }

    /// Returns messages for the user: which facts could not be read and the consequences for the
    /// types.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.facts.memory_readable {
            notes.push(
                "memory not readable: types go by maps, smaps and robust lists; the rights \
                 cap_sys_ptrace and cap_dac_read_search read it"
                    .to_owned(),
            );
        }
        if self.threads.stacks_refused {
            notes.push(
                "stack pointers not readable: stacks of threads without a robust list are not found"
                    .to_owned(),
            );
        }
        if self.threads.too_many {
            notes.push("too many threads: stacks of some are not named".to_owned());
        }
        let refused = self.images.refused();
        if refused > 0 {
            notes.push(format!(
                "{refused} mapped files not readable: runtimes in them are not recognised"
            ));
        }
        let remote = self.images.remote();
        if remote > 0 {
            notes.push(format!(
                "{remote} mapped files on FUSE or network file systems not read: \
                 runtimes in them are not recognised (see --read-remote-files)"
            ));
        }
        if self.images.is_pending() {
            notes
                .push("many mapped files: the rest of them is read at the next samples".to_owned());
        }
        if let Some(refusal) = self.native_memory.as_ref().and_then(NativeMemory::refusal) {
            notes.push(format!("the JVM gives no list of its memory: {refusal}"));
        }
        if self.peeks.spent() {
            notes.push("too much memory to inspect: some types are guesses".to_owned());
        }
        notes
    }

    fn glibc_stacks(&mut self, mappings: &[Mapping]) -> Option<Vec<GlibcStack>> {
        let libc = self.images.find(mappings, |facts| facts.threads.is_some())?;
        let loader = self.images.find(mappings, |facts| facts.rtld_global.is_some())?;
        let state = loader.base.wrapping_add(loader.facts.rtld_global?);
        let listed = crate::linux::facts::glibc::stacks(
            &mut self.memory,
            libc.facts.threads.as_ref()?,
            state,
            &mut self.stack_offset,
        )?;
        // The list has numbers of the process's own namespace. A thread that is not known by such
        // a number is left to the other rules.
        let translate = |stack: GlibcStack| match stack.tid {
            Some(tid) => {
                self.threads.translate(tid).map(|tid| GlibcStack { tid: Some(tid), ..stack })
            }
            None => Some(stack),
        };
        Some(listed.into_iter().filter_map(translate).collect())
    }

    fn jvm(&mut self, mappings: &[Mapping]) -> Option<Jvm> {
        let placed = self.images.find(mappings, |facts| facts.jvm.is_some())?;
        let known = matches!(&self.jvm, JvmState::Known { base, .. } if *base == placed.base);
        if !known {
            let tries = match self.jvm {
                JvmState::Unknown { tries } if tries >= MAX_JVM_TRIES => return None,
                JvmState::Unknown { tries } => tries,
                JvmState::Known { .. } => 0,
            };
            self.jvm = JvmState::Unknown { tries: tries + 1 };
            let (file, _) = crate::linux::facts::images::open(&self.folder, placed.mapping).ok()?;
            let symbols = placed.facts.jvm.as_ref()?;
            let image = &placed.facts.image;
            let fields = Fields::read(&mut self.memory, &file, image, symbols, placed.base)?;
            self.jvm = JvmState::Known { base: placed.base, fields };
        }
        match &self.jvm {
            JvmState::Known { fields, .. } => Some(fields.jvm(&mut self.memory)),
            JvmState::Unknown { .. } => None,
        }
    }
}

/// Returns a field of `/proc/PID/stat` by its number in the manual; `None` if it is 0.
fn stat_field(text: &[u8], number: usize) -> Option<u64> {
    let close = text.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
    let field = rest.split_ascii_whitespace().nth(number.checked_sub(3)?)?;
    field.parse().ok().filter(|value| *value != 0)
}
