//! Encodes evidence. Every field is named here, so that a field added to the
//! facts cannot be forgotten.

use vmrec_sampler::{
    AddressRange, Evidence, Facts, GlibcStack, Image, Jvm, Segment, Thread, TrackedRange,
};

use crate::codec::varint::put;

/// Returns the bytes of `evidence`.
pub(crate) fn encode(evidence: &Evidence) -> Vec<u8> {
    let Evidence { facts, peeks } = evidence;
    let mut out = Vec::new();
    put(&mut out, VERSION);
    put_facts(&mut out, facts);
    put(&mut out, peeks.len() as u64);
    let mut before = 0;
    for (address, bytes) in peeks {
        put(&mut out, address - before);
        put_bytes(&mut out, bytes);
        before = *address;
    }
    out
}

fn put_facts(out: &mut Vec<u8>, facts: &Facts) {
    let Facts {
        executable,
        start_stack,
        start_brk,
        pid,
        threads,
        images,
        glibc_stacks,
        listed_code,
        native_memory,
        jvm,
        memory_readable,
    } = facts;
    put_option(out, executable.as_deref(), |out, path| put_bytes(out, path.as_bytes()));
    put_number(out, *start_stack);
    put_number(out, *start_brk);
    put(out, u64::from(*pid));
    put(out, threads.len() as u64);
    for Thread { tid, name, robust_list, stack_pointer } in threads {
        put(out, u64::from(*tid));
        put_bytes(out, name.as_bytes());
        put_number(out, *robust_list);
        put_number(out, *stack_pointer);
    }
    put(out, images.len() as u64);
    for (name, image) in images {
        put_bytes(out, name.as_bytes());
        put_image(out, image);
    }
    put_option(out, glibc_stacks.as_deref(), put_stacks);
    put_ranges(out, listed_code);
    put(out, native_memory.len() as u64);
    for TrackedRange { range, category } in native_memory {
        put_range(out, range);
        put_bytes(out, category.as_bytes());
    }
    put_option(out, jvm.as_ref(), put_jvm);
    put(out, u64::from(*memory_readable));
}

fn put_image(out: &mut Vec<u8>, image: &Image) {
    let Image { fixed, has_interpreter, segments, relro, markers } = image;
    put(out, u64::from(*fixed) | u64::from(*has_interpreter) << 1);
    put(out, segments.len() as u64);
    for Segment { protection, offset, address, file_bytes, memory_bytes } in segments {
        put(out, u64::from(protection.bits()));
        for number in [offset, address, file_bytes, memory_bytes] {
            put(out, *number);
        }
    }
    put_ranges(out, relro);
    put(out, markers.len() as u64);
    for marker in markers {
        put_bytes(out, marker.as_bytes());
    }
}

fn put_stacks(out: &mut Vec<u8>, stacks: &[GlibcStack]) {
    put(out, stacks.len() as u64);
    for GlibcStack { tid, range, guard_bytes } in stacks {
        put_number(out, tid.map(u64::from));
        put_range(out, range);
        put(out, *guard_bytes);
    }
}

fn put_jvm(out: &mut Vec<u8>, jvm: &Jvm) {
    let Jvm { heap, code, narrow_klass_base } = jvm;
    put_ranges(out, heap);
    put_ranges(out, code);
    put_number(out, *narrow_klass_base);
}

fn put_ranges(out: &mut Vec<u8>, ranges: &[AddressRange]) {
    put(out, ranges.len() as u64);
    for range in ranges {
        put_range(out, range);
    }
}

fn put_range(out: &mut Vec<u8>, range: &AddressRange) {
    put(out, range.start);
    put(out, range.end);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_number(out: &mut Vec<u8>, number: Option<u64>) {
    put_option(out, number, put);
}

fn put_option<T>(out: &mut Vec<u8>, value: Option<T>, put_value: impl FnOnce(&mut Vec<u8>, T)) {
    put(out, u64::from(value.is_some()));
    if let Some(value) = value {
        put_value(out, value);
    }
}

/// The version of the encoding, its first byte.
pub(crate) const VERSION: u64 = 1;
