//! Decodes evidence. Lists grow as their bytes are read, never by the count
//! they claim, all of them together to [`MAX_ELEMENTS`], and malformed bytes are
//! refused.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use vmrec_sampler::{
    AddressRange, Evidence, Facts, GlibcStack, Image, Jvm, Protection, Segment, Thread,
    TrackedRange,
};

use crate::codec::evidence::MAX_ELEMENTS;
use crate::codec::evidence::encode::VERSION;
use crate::codec::varint::{Cursor, Malformed};

type Taken<T> = Result<T, Malformed>;

/// The unread bytes, and how many elements of lists they may still be.
struct Source<'a> {
    cursor: Cursor<'a>,
    elements_left: usize,
}

impl<'a> Deref for Source<'a> {
    type Target = Cursor<'a>;

    fn deref(&self) -> &Cursor<'a> {
        &self.cursor
    }
}

impl DerefMut for Source<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.cursor
    }
}

impl Source<'_> {
    /// Counts an element: a byte may stand for one that takes a hundred in memory.
    fn count_element(&mut self) -> Taken<()> {
        let left = self.elements_left.checked_sub(1);
        self.elements_left = left.ok_or(Malformed("more elements than evidence has"))?;
        Ok(())
    }
}

/// Decodes `bytes`.
pub(crate) fn decode(bytes: &[u8]) -> Taken<Evidence> {
    let mut from = Source { cursor: Cursor(bytes), elements_left: MAX_ELEMENTS };
    if from.take()? != VERSION {
        return Err(Malformed("evidence of an unknown version"));
    }
    let facts = take_facts(&mut from)?;
    let mut peeks = BTreeMap::new();
    let mut address = 0_u64;
    for _ in 0..from.take()? {
        from.count_element()?;
        address = address.checked_add(from.take()?).ok_or(Malformed("an address too large"))?;
        peeks.insert(address, Box::from(take_bytes(&mut from)?));
    }
    if from.is_empty() {
        Ok(Evidence { facts, peeks })
    } else {
        Err(Malformed("bytes after its end"))
    }
}

fn take_facts(from: &mut Source<'_>) -> Taken<Facts> {
    Ok(Facts {
        executable: take_option(from, take_text)?,
        start_stack: take_number(from)?,
        start_brk: take_number(from)?,
        pid: take_u32(from)?,
        threads: take_list(from, |from| {
            Ok(Thread {
                tid: take_u32(from)?,
                name: take_text(from)?,
                robust_list: take_number(from)?,
                stack_pointer: take_number(from)?,
            })
        })?,
        images: take_list(from, |from| Ok((take_text(from)?, Arc::new(take_image(from)?))))?,
        glibc_stacks: take_option(from, |from| take_list(from, take_stack))?,
        listed_code: take_list(from, take_range)?,
        native_memory: take_list(from, |from| {
            Ok(TrackedRange { range: take_range(from)?, category: take_text(from)? })
        })?,
        jvm: take_option(from, take_jvm)?,
        memory_readable: take_flag(from)?,
    })
}

fn take_image(from: &mut Source<'_>) -> Taken<Image> {
    let flags = from.take()?;
    if flags > 3 {
        return Err(Malformed("an unknown kind of image"));
    }
    Ok(Image {
        fixed: flags & 1 != 0,
        has_interpreter: flags & 2 != 0,
        segments: take_list(from, |from| {
            let rights = u8::try_from(from.take()?).ok().filter(|bits| *bits < 8);
            Ok(Segment {
                protection: Protection::from_bits(rights.ok_or(Malformed("unknown rights"))?),
                offset: from.take()?,
                address: from.take()?,
                file_bytes: from.take()?,
                memory_bytes: from.take()?,
            })
        })?,
        relro: take_list(from, take_range)?,
        markers: take_list(from, take_text)?,
    })
}

fn take_stack(from: &mut Source<'_>) -> Taken<GlibcStack> {
    Ok(GlibcStack {
        tid: take_option(from, take_u32)?,
        range: take_range(from)?,
        guard_bytes: from.take()?,
    })
}

fn take_jvm(from: &mut Source<'_>) -> Taken<Jvm> {
    Ok(Jvm {
        heap: take_list(from, take_range)?,
        code: take_list(from, take_range)?,
        narrow_klass_base: take_number(from)?,
    })
}

fn take_range(from: &mut Source<'_>) -> Taken<AddressRange> {
    let (start, end) = (from.take()?, from.take()?);
    if end < start {
        return Err(Malformed("a range that ends before it starts"));
    }
    Ok(AddressRange::new(start, end))
}

fn take_bytes<'a>(from: &mut Source<'a>) -> Taken<&'a [u8]> {
    let max = from.len();
    let length = from.take_count(max)?;
    from.take_bytes(length)
}

fn take_text(from: &mut Source<'_>) -> Taken<Arc<str>> {
    from.take_text().map(Arc::from)
}

fn take_u32(from: &mut Source<'_>) -> Taken<u32> {
    u32::try_from(from.take()?).map_err(|_| Malformed("a number too large"))
}

fn take_flag(from: &mut Source<'_>) -> Taken<bool> {
    match from.take()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed("neither yes nor no")),
    }
}

fn take_number(from: &mut Source<'_>) -> Taken<Option<u64>> {
    take_option(from, |from| from.take())
}

fn take_option<T>(
    from: &mut Source<'_>,
    take: impl FnOnce(&mut Source<'_>) -> Taken<T>,
) -> Taken<Option<T>> {
    if take_flag(from)? { take(from).map(Some) } else { Ok(None) }
}

/// Takes a list; each element takes at least a byte, so a false count soon ends in an error.
fn take_list<T, L: FromIterator<T>>(
    from: &mut Source<'_>,
    mut take: impl FnMut(&mut Source<'_>) -> Taken<T>,
) -> Taken<L> {
    let count = from.take()?;
    (0..count)
        .map(|_| {
            from.count_element()?;
            take(from)
        })
        .collect()
}
