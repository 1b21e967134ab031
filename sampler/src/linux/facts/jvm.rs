//! Reads the description of itself that a HotSpot JVM publishes for debuggers:
//! `gHotSpotVMStructs`, a table of the fields of its classes.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::classify::facts::{Image, Jvm};
use crate::elf::offset_of;
use crate::elf::read_at::{u32_at, u64_at};
use crate::elf::symbols::Symbols;
use crate::linux::facts::memory::Memory;
use crate::region::{AddressRange, Protection};

/// Points to the table.
pub(crate) const TABLE: &str = "gHotSpotVMStructs";
const STRIDE: &str = "gHotSpotVMStructEntryArrayStride";
const TYPE_NAME: &str = "gHotSpotVMStructEntryTypeNameOffset";
const FIELD_NAME: &str = "gHotSpotVMStructEntryFieldNameOffset";
const IS_STATIC: &str = "gHotSpotVMStructEntryIsStaticOffset";
const OFFSET: &str = "gHotSpotVMStructEntryOffsetOffset";
const ADDRESS: &str = "gHotSpotVMStructEntryAddressOffset";
/// All symbols to read.
pub(crate) const SYMBOLS: [&str; 7] =
    [TABLE, STRIDE, TYPE_NAME, FIELD_NAME, IS_STATIC, OFFSET, ADDRESS];

/// The wanted fields; adjacent ones can be the same thing in several versions.
const FIELDS: [(&str, &str); 16] = [
    ("Universe", "_collectedHeap"),
    ("CollectedHeap", "_reserved"),
    ("MemRegion", "_start"),
    ("MemRegion", "_word_size"),
    ("CodeCache", "_heaps"),
    ("GrowableArrayBase", "_len"),
    ("GenericGrowableArray", "_len"),
    ("GrowableArray<int>", "_data"),
    ("CodeHeap", "_memory"),
    ("CodeHeap", "_segmap"),
    ("VirtualSpace", "_low_boundary"),
    ("VirtualSpace", "_high_boundary"),
    ("CompressedKlassPointers", "_narrow_klass._base"),
    ("CompressedKlassPointers", "_base"),
    ("Universe", "_narrow_klass._base"),
    ("CodeCache", "_heap"),
];

/// The maximum number of entries; no version has more.
const MAX_ENTRIES: u64 = 8192;
/// The maximum number of kinds of compiled code; no version has more.
const MAX_CODE_HEAPS: u32 = 16;
/// The maximum number of pages of names cached while the table is read.
const MAX_PAGES: usize = 1024;
const LONGEST_NAME: usize = 64;
const PAGE_BYTES: u64 = 4096;

/// The locations of the fields: the address of a static one, otherwise the offset in its object.
#[derive(Debug)]
pub(crate) struct Fields(BTreeMap<(&'static str, &'static str), u64>);

impl Fields {
    /// Reads the table of the JVM that is loaded at `base` from `file`.
    pub(crate) fn read(
        memory: &mut Memory,
        file: &File,
        image: &Image,
        symbols: &Symbols,
        base: u64,
    ) -> Option<Self> {
        let mut texts = TextReader { file, image, base, pages: HashMap::new() };
        let mut word = |name| memory.word(base.wrapping_add(*symbols.get(name)?));
        let table = word(TABLE)?;
        let stride = word(STRIDE)?;
        let offsets = [TYPE_NAME, FIELD_NAME, IS_STATIC, OFFSET, ADDRESS].map(&mut word);
        if !(8..=256).contains(&stride) {
            return None;
        }
        let mut entry = vec![0; usize::try_from(stride).ok()?];
        let mut fields = BTreeMap::new();
        for number in 0..MAX_ENTRIES {
            let address = table.checked_add(number * stride)?;
            if !memory.read(address, &mut entry) {
                return None;
            }
            let offset = |which: usize| usize::try_from(offsets[which]?).ok();
            let field = |which| u64_at(&entry, offset(which)?);
            let is_static = u32_at(&entry, offset(2)?)? != 0;
            let type_name = field(0)?;
            if type_name == 0 {
                break;
            }
            let Some(type_name) = texts.at(memory, type_name) else { continue };
            if !FIELDS.iter().any(|(wanted, _)| *wanted == type_name) {
                continue;
            }
            let Some(name) = texts.at(memory, field(1)?) else { continue };
            let wanted = FIELDS.iter().find(|wanted| (wanted.0, wanted.1) == (&*type_name, &*name));
            if let Some(wanted) = wanted {
                fields.insert(*wanted, if is_static { field(4)? } else { field(3)? });
            }
        }
        Some(Self(fields))
    }

    fn at(&self, class: &'static str, field: &'static str) -> Option<u64> {
        self.0.get(&(class, field)).copied()
    }

    /// Reads the current values from the JVM; those that do not exist yet are left out.
    pub(crate) fn jvm(&self, memory: &mut Memory) -> Jvm {
        let base = self
            .at("CompressedKlassPointers", "_narrow_klass._base")
            .or_else(|| self.at("CompressedKlassPointers", "_base"))
            .or_else(|| self.at("Universe", "_narrow_klass._base"));
        Jvm {
            heap: self.heap(memory).into_iter().collect(),
            code: self.code(memory).unwrap_or_default(),
            narrow_klass_base: base.and_then(|base| memory.word(base)),
        }
    }

    fn heap(&self, memory: &mut Memory) -> Option<AddressRange> {
        let heap = memory.word(self.at("Universe", "_collectedHeap")?)?;
        let reserved = heap.checked_add(self.at("CollectedHeap", "_reserved")?)?;
        let start = memory.word(reserved.checked_add(self.at("MemRegion", "_start")?)?)?;
        let words = memory.word(reserved.checked_add(self.at("MemRegion", "_word_size")?)?)?;
        range(start, start.checked_add(words.checked_mul(8)?)?)
    }

    fn code(&self, memory: &mut Memory) -> Option<Vec<AddressRange>> {
        let mut heaps = Vec::new();
        if let Some(array) = self.at("CodeCache", "_heaps") {
            let array = memory.word(array)?;
            let length = self
                .at("GrowableArrayBase", "_len")
                .or_else(|| self.at("GenericGrowableArray", "_len"))?;
            let mut bytes = [0; 4];
            memory.read(array.checked_add(length)?, &mut bytes).then_some(())?;
            let data = memory.word(array.checked_add(self.at("GrowableArray<int>", "_data")?)?)?;
            for index in 0..u32::from_ne_bytes(bytes).min(MAX_CODE_HEAPS) {
                heaps.extend(memory.word(data.checked_add(u64::from(index) * 8)?));
            }
        } else {
            heaps.extend(memory.word(self.at("CodeCache", "_heap")?));
        }
        let mut code = Vec::new();
        for heap in heaps {
            for space in ["_memory", "_segmap"] {
                let space = heap.checked_add(self.at("CodeHeap", space)?)?;
                let low = space.checked_add(self.at("VirtualSpace", "_low_boundary")?)?;
                let high = space.checked_add(self.at("VirtualSpace", "_high_boundary")?)?;
                let bounds = (memory.word(low), memory.word(high));
                if let (Some(low), Some(high)) = bounds {
                    code.extend(range(low, high));
                }
            }
        }
        code.sort_unstable();
        Some(code)
    }
}

/// Returns the range if it is a plausible reservation.
fn range(start: u64, end: u64) -> Option<AddressRange> {
    let fits = start != 0 && start < end && end < 1 << 62 && start.is_multiple_of(PAGE_BYTES);
    fits.then_some(AddressRange::new(start, end))
}

/// The names in the table. Constants are read from the file: the JVM does not use them, so their
/// pages are rarely present.
struct TextReader<'a> {
    file: &'a File,
    image: &'a Image,
    base: u64,
    pages: HashMap<u64, Box<[u8]>>,
}

impl TextReader<'_> {
    fn at(&mut self, memory: &mut Memory, address: u64) -> Option<String> {
        let relative = address.wrapping_sub(self.base);
        let constant = self.image.segments.iter().any(|segment| {
            !segment.protection.contains(Protection::WRITE)
                && relative >= segment.address
                && relative - segment.address < segment.file_bytes
        });
        let mut text = [0; LONGEST_NAME];
        if constant {
            self.read(offset_of(self.image, relative)?, &mut text);
        } else {
            memory.read(address, &mut text).then_some(())?;
        }
        let end = text.iter().position(|byte| *byte == 0)?;
        String::from_utf8(text[..end].to_vec()).ok()
    }

    fn read(&mut self, offset: u64, text: &mut [u8]) {
        let mut filled = 0;
        while filled < text.len() {
            let at = offset.saturating_add(filled as u64);
            let from = (at % PAGE_BYTES) as usize;
            let page = self.page(at - at % PAGE_BYTES);
            let part = page.get(from..).unwrap_or(&[]);
            let count = part.len().min(text.len() - filled);
            if count == 0 {
                break;
            }
            text[filled..filled + count].copy_from_slice(&part[..count]);
            filled += count;
        }
    }

    fn page(&mut self, offset: u64) -> &[u8] {
        if self.pages.len() >= MAX_PAGES {
            self.pages.clear();
        }
        let file = self.file;
        self.pages.entry(offset).or_insert_with(|| {
            let mut page = vec![0; PAGE_BYTES as usize];
            let count = file.read_at(&mut page, offset).unwrap_or(0);
            page.truncate(count);
            page.into()
        })
    }
}
