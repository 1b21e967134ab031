//! Facts of a recorded process at a sample: the evidence that the
//! recorder stored, taken together.

use std::sync::Arc;

use vmrec_sampler::{Evidence, Facts, Mapping, Rebuilt, Snapshot};

use crate::recording::Opened;

/// Facts of the process at a sample: those last stored, and all that was read of
/// memory which is still mapped the same. Each time only what had changed was read.
pub(crate) struct Known {
    /// Whether anything was stored.
    pub(crate) any: bool,
    pub(crate) evidence: Evidence,
    mappings: Vec<Mapping>,
}

impl Known {
    /// Facts of a process of which only regions were kept.
    pub(crate) fn of(opened: &Opened) -> Self {
        let process = &opened.recording.process;
        let executable = process.executable.as_deref().map(Arc::from);
        let facts = Facts { executable, pid: process.id.pid, ..Facts::default() };
        let evidence = Evidence { facts, ..Evidence::default() };
        Self { any: false, evidence, mappings: Vec::new() }
    }

    /// Takes up what was stored at the sample of `snapshot`.
    pub(crate) fn absorb(&mut self, mut new: Evidence, snapshot: &Snapshot) {
        let mappings = Rebuilt::of(&snapshot.regions).mappings;
        let at = |mappings: &[Mapping], address: u64| {
            let index = mappings.partition_point(|mapping| mapping.range.end <= address);
            mappings.get(index).filter(|mapping| mapping.range.start <= address).cloned()
        };
        for (address, bytes) in std::mem::take(&mut self.evidence.peeks) {
            let same = at(&self.mappings, address).zip(at(&mappings, address)).is_some_and(
                |(old, new)| {
                    (old.protection, old.flags, old.object)
                        == (new.protection, new.flags, new.object)
                },
            );
            if same {
                new.peeks.entry(address).or_insert(bytes);
            }
        }
        *self = Self { any: true, evidence: new, mappings };
    }
}

/// Reads what was read of the target's memory back then.
pub(crate) fn peek(evidence: &Evidence, address: u64, buffer: &mut [u8]) -> usize {
    // Reads may overlap; a longer one may begin a few before.
    const BEFORE: usize = 8;
    let found = evidence.peeks.range(..=address).rev().take(BEFORE).find_map(|(start, bytes)| {
        let skip = usize::try_from(address - start).ok()?;
        bytes.get(skip..).filter(|rest| !rest.is_empty())
    });
    let Some(rest) = found else { return 0 };
    let count = rest.len().min(buffer.len());
    buffer[..count].copy_from_slice(&rest[..count]);
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_back_then_are_read_again_and_no_others() {
        let peeks = [(0x1000, vec![1, 2, 3, 4]), (0x1002, vec![9])];
        let peeks = peeks.map(|(address, bytes)| (address, bytes.into_boxed_slice()));
        let evidence = Evidence { peeks: peeks.into(), ..Evidence::default() };
        let read = |address, max_bytes| {
            let mut buffer = vec![0; max_bytes];
            let count = peek(&evidence, address, &mut buffer);
            buffer.truncate(count);
            buffer
        };
        assert_eq!(read(0x1000, 2), [1, 2]);
        assert_eq!(read(0x1001, 9), [2, 3, 4]);
        assert_eq!(read(0x1003, 9), [4]);
        assert!(read(0x1004, 9).is_empty() && read(0xfff, 9).is_empty());
    }
}
