//! Finds symbols in the dynamic symbol table of an ELF file.

use std::collections::BTreeMap;

use crate::elf::Elf;
use crate::elf::header::SYMBOL_BYTES;
use crate::elf::read_at::{ReadAt, fill, u32_at, u64_at};

/// Symbols by name: their addresses relative to the load base.
pub(crate) type Symbols = BTreeMap<&'static str, u64>;

/// The maximum bytes to read of a table of names.
const MAX_NAMES_BYTES: u64 = 8 << 20;
/// The maximum number of symbols to read.
const MAX_SYMBOLS: u64 = 1 << 18;

const DYNAMIC_SYMBOLS: u32 = 11;

impl Elf {
    /// Returns those of `wanted` that are defined in the file's dynamic symbol table.
    pub(crate) fn symbols(&self, read_at: &mut ReadAt<'_>, wanted: &[&'static str]) -> Symbols {
        let mut symbols = Symbols::new();
        let table = self.sections.iter().find(|it| it.kind == DYNAMIC_SYMBOLS && it.plain);
        let Some(table) = table else { return symbols };
        let names = usize::try_from(table.link).ok().and_then(|index| self.sections.get(index));
        let Some(names) = names.filter(|names| names.plain) else { return symbols };
        let names = whole(read_at, names.offset, names.bytes.min(MAX_NAMES_BYTES));
        let mut left = table.bytes.min(MAX_SYMBOLS * SYMBOL_BYTES as u64);
        let mut offset = table.offset;
        let mut buffer = [0; SYMBOL_BYTES * 512];
        while left >= SYMBOL_BYTES as u64 {
            let max = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = fill(read_at, offset, &mut buffer[..max]).unwrap_or(0);
            for entry in buffer[..count].chunks_exact(SYMBOL_BYTES) {
                if let Some((name, value)) = defined(entry, &names, wanted) {
                    symbols.insert(name, value);
                }
            }
            if count < max {
                break;
            }
            left -= count as u64;
            let Some(next) = offset.checked_add(count as u64) else { break };
            offset = next;
        }
        symbols
    }
}

fn defined(entry: &[u8], names: &[u8], wanted: &[&'static str]) -> Option<(&'static str, u64)> {
    let offset = usize::try_from(u32_at(entry, 0)?).ok()?;
    let is_defined = entry[6..8] != [0, 0];
    let value = u64_at(entry, 8)?;
    let text = names.get(offset..)?;
    let is_it = |name: &&&str| {
        text.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
    };
    let name = wanted.iter().find(is_it)?;
    is_defined.then_some((*name, value))
}

/// Reads a part of the file, growing the buffer only as bytes arrive.
pub(crate) fn whole(read_at: &mut ReadAt<'_>, offset: u64, bytes: u64) -> Vec<u8> {
    const STEP: usize = 64 << 10;
    let max = usize::try_from(bytes).unwrap_or(0);
    let mut text = Vec::new();
    while text.len() < max {
        let begun = text.len();
        let step = STEP.min(max - begun);
        text.resize(begun + step, 0);
        let Some(at) = offset.checked_add(begun as u64) else { break };
        let count = fill(read_at, at, &mut text[begun..]).unwrap_or(0);
        text.truncate(begun + count);
        if count < step {
            break;
        }
    }
    text
}
