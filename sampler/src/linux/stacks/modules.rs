//! The code that a process has mapped: its unwind tables, and the names of its functions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use framehop::{ExplicitModuleSectionInfo, Module, Unwinder as _};

use crate::demangle;
use crate::linux::stacks::code_names::CodeNames;
use crate::linux::stacks::files::{Files, Read, SeenMounts};
use crate::linux::stacks::machine::{Cache, Registers, Table, Unwinder, begin};
use crate::linux::system::page_size_bytes;
use crate::procfs::line::readable;
use crate::procfs::mapping::Mapping;
use crate::region::{AddressRange, Object, Protection};
use crate::stacks::model::StackFrame;
use crate::stacks::record::{NewMapping, Sampled};
use crate::stacks::symbols::{UnwindTable, name_at};

/// The maximum number of frames of a stack.
const MAX_FRAMES: usize = 256;
/// The maximum number of addresses whose names are kept.
const MAX_NAMES: usize = 1 << 16;
/// The kernel's code in each process.
const VDSO: &str = "[vdso]";
/// The frame that stands for callers which could not be found.
const UNKNOWN_CALLERS: &str = "[callers unknown]";

/// A mapping of code.
#[derive(Clone)]
struct Mapped {
    end: u64,
    /// What was added to the file's own addresses.
    bias: Option<u64>,
    read: Option<Arc<Read>>,
    name: Arc<str>,
}

/// The code of a process.
pub(crate) struct Modules {
    folder: PathBuf,
    unwinder: Unwinder,
    cache: Cache,
    files: Files,
    /// Whether the code of `maps` is still to be handed to the unwinder.
    is_copy: bool,
    maps: BTreeMap<u64, Mapped>,
    loaded: HashSet<(u64, Arc<str>)>,
    /// Names of addresses.
    known: HashMap<u64, StackFrame>,
    code_names: CodeNames,
    mounts: SeenMounts,
}

/// Returns the mapping of code that a record describes.
pub(crate) fn mapping_of(new: &NewMapping<'_>) -> Option<Mapping> {
    let object = Object {
        name: readable(new.name).into(),
        device: new.device,
        inode: new.inode,
        deleted: false,
    };
    Some(Mapping {
        range: AddressRange::new(new.start, new.start.checked_add(new.bytes)?),
        protection: Protection::READ.union(Protection::EXECUTE),
        max_protection: None,
        shared: false,
        object: Some(Arc::new(object)),
        offset: new.offset,
        flags: "".into(),
    })
}

/// Returns whether a mapping of this name is of a file with code, or the kernel's own code.
pub(crate) fn has_code(name: &str) -> bool {
    (name.starts_with('/') || name == VDSO) && !name.starts_with("//")
}

impl Modules {
    pub(crate) fn new(folder: PathBuf, files: Files) -> Self {
        Self {
            code_names: CodeNames::new(folder.clone()),
            folder,
            unwinder: Unwinder::new(),
            cache: Cache::new(),
            files,
            is_copy: false,
            maps: BTreeMap::new(),
            loaded: HashSet::new(),
            known: HashMap::new(),
            mounts: SeenMounts::default(),
        }
    }

    /// Forgets all code: the process runs another program.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(std::mem::take(&mut self.folder), self.files.clone());
    }

    /// Returns the code of a process that this one has just forked.
    pub(crate) fn forked(&self, folder: PathBuf) -> Self {
        // Most run another program at once.
        let (maps, is_copy) = (self.maps.clone(), true);
        Self { maps, is_copy, ..Self::new(folder, self.files.clone()) }
    }

    /// Hands the code of a copy to the unwinder.
    fn load_copy(&mut self) {
        if !std::mem::take(&mut self.is_copy) {
            return;
        }
        for mapped in self.maps.values().cloned().collect::<Vec<_>>() {
            if let (Some(read), Some(bias)) = (&mapped.read, mapped.bias)
                && self.loaded.insert((bias, Arc::clone(&mapped.name)))
            {
                self.load(read, bias, &mapped.name);
            }
        }
    }

    /// Adds the code that is mapped already.
    pub(crate) fn add_all(&mut self, mappings: &[Mapping]) {
        for mapping in mappings {
            if mapping.protection.contains(Protection::EXECUTE) && mapping.object.is_some() {
                self.add(mapping);
            }
        }
    }

    /// Adds the code of a new mapping.
    pub(crate) fn add_new(&mut self, new: &NewMapping<'_>) {
        if let Some(mapping) = mapping_of(new) {
            self.add(&mapping);
        }
    }

    fn add(&mut self, mapping: &Mapping) {
        let (range, name) = (mapping.range, mapping.name());
        let covered: Vec<u64> = self
            .maps
            .range(..range.end)
            .rev()
            .take_while(|(_, it)| it.end > range.start)
            .map(|(start, _)| *start)
            .collect();
        for start in covered {
            self.maps.remove(&start);
            self.known.clear();
        }
        // Memory without a file holds code that a runtime makes.
        if !has_code(name) {
            return;
        }
        let read = self.files.read(&self.folder, mapping, &mut self.mounts);
        let name: Arc<str> = name.into();
        let bias = read
            .as_ref()
            .and_then(|read| read.program.bias(range.start, mapping.offset, page_size_bytes()));
        if let (Some(read), Some(bias)) = (&read, bias)
            && self.loaded.insert((bias, Arc::clone(&name)))
        {
            self.load(read, bias, &name);
        }
        self.maps.insert(range.start, Mapped { end: range.end, bias, read, name });
    }

    fn load(&mut self, read: &Read, bias: u64, name: &str) {
        let Some((start, end)) = read.program.range() else { return };
        let address = |table: &Option<UnwindTable>, bytes: &Option<Table>| {
            let address = table.as_ref()?.address;
            Some(address..address.saturating_add(bytes.as_ref()?.len() as u64))
        };
        let range = |it: Option<(u64, u64)>| it.map(|(start, end)| start..end);
        let sections = ExplicitModuleSectionInfo {
            base_svma: start,
            text_svma: range(read.program.text),
            got_svma: range(read.program.got),
            eh_frame_svma: address(&read.program.frames, &read.frames),
            eh_frame: read.frames.clone(),
            eh_frame_hdr_svma: address(&read.program.frame_index, &read.frame_index),
            eh_frame_hdr: read.frame_index.clone(),
            ..ExplicitModuleSectionInfo::default()
        };
        let at = bias.wrapping_add(start)..bias.wrapping_add(end);
        if at.start >= at.end {
            return;
        }
        // The tables are untrusted.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let module = Module::new(name.to_owned(), at.clone(), at.start, sections);
            self.unwinder.add_module(module);
        }));
    }

    /// Adds the code that is mapped now and was not when it was last looked; returns whether there is any.
    pub(crate) fn add_others(&mut self, mappings: &[Mapping]) -> bool {
        let before = self.maps.len();
        let is_known = |it: &&Mapping| {
            let known = self.maps.get(&it.range.start);
            !known.is_some_and(|known| known.end == it.range.end && *known.name == *it.name())
        };
        let others: Vec<Mapping> = mappings.iter().filter(is_known).cloned().collect();
        self.add_all(&others);
        self.maps.len() != before
    }

    /// Returns whether an address is in code that is known.
    pub(crate) fn knows(&self, address: u64) -> bool {
        self.maps.range(..=address).next_back().is_some_and(|(_, it)| it.end > address)
    }

    /// Returns the frames of a sample's stack, outermost first.
    pub(crate) fn frames(&mut self, sample: &Sampled<'_>) -> Vec<StackFrame> {
        let Some(copied) = &sample.registers else { return Vec::new() };
        self.unwind(begin(copied), sample.stack).0
    }

    /// Returns the frames of a stack from these registers on, outermost first, and whether all are in
    /// code that is known.
    pub(crate) fn unwind(
        &mut self,
        (pc, sp, registers): (u64, u64, Registers),
        stack: &[u8],
    ) -> (Vec<StackFrame>, bool) {
        self.load_copy();
        let mut addresses: Vec<u64> = Vec::with_capacity(32);
        let mut is_whole = false;
        let mut read = |address: u64| -> Result<u64, ()> {
            let offset = usize::try_from(address.checked_sub(sp).ok_or(())?).map_err(|_| ())?;
            let bytes = stack.get(offset..).and_then(|rest| rest.first_chunk()).ok_or(())?;
            Ok(u64::from_ne_bytes(*bytes))
        };
        // The tables are untrusted.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let mut frames = self.unwinder.iter_frames(pc, registers, &mut self.cache, &mut read);
            while addresses.len() < MAX_FRAMES {
                match frames.next() {
                    Ok(Some(frame)) => addresses.push(frame.address_for_lookup()),
                    Ok(None) => {
                        is_whole = true;
                        break;
                    }
                    Err(_) => break,
                }
            }
        }));
        let unknown = (!is_whole).then(|| StackFrame {
            function: Some(UNKNOWN_CALLERS.to_owned()),
            ..StackFrame::default()
        });
        let are_known = addresses.iter().all(|address| self.knows(*address));
        let frames = addresses.iter().rev().map(|address| self.frame(*address));
        (unknown.into_iter().chain(frames.collect::<Vec<_>>()).collect(), are_known)
    }

    /// Returns the function at an address.
    fn frame(&mut self, address: u64) -> StackFrame {
        if let Some(frame) = self.known.get(&address) {
            return frame.clone();
        }
        let (frame, is_final) = self.name(address);
        if is_final {
            if self.known.len() >= MAX_NAMES {
                self.known.clear();
            }
            self.known.insert(address, frame.clone());
        }
        frame
    }

    /// Returns the function at an address, and whether a later look would find the same.
    fn name(&mut self, address: u64) -> (StackFrame, bool) {
        let mapped = self.maps.range(..=address).next_back().map(|(_, it)| it);
        let Some(mapped) = mapped.filter(|it| it.end > address) else {
            let function = self.code_names.name(address);
            let is_final = false; // runtimes write other code over it
            return (StackFrame { function, ..StackFrame::default() }, is_final);
        };
        let module = Some(mapped.name.to_string());
        if mapped.read.is_none()
            && let Some(function) = self.code_names.name(address)
        {
            return (StackFrame { function: Some(function), module, offset: None }, false);
        }
        let (Some(read), Some(bias)) = (&mapped.read, mapped.bias) else {
            return (StackFrame { module, ..StackFrame::default() }, true);
        };
        let offset = address.wrapping_sub(bias);
        let mut read_at = |offset, buffer: &mut [u8]| read.file.read_at(buffer, offset);
        let name = read.program.name_offset(offset).and_then(|at| name_at(&mut read_at, at));
        let frame = match name {
            Some(name) => {
                let function = Some(demangle::function(&name));
                StackFrame { function, module, offset: None }
            }
            None => StackFrame { function: None, module, offset: Some(offset) },
        };
        (frame, true)
    }
}
