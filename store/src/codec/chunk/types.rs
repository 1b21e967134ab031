//! How chunks identify types: those of the vocabulary by number, others by
//! family and name.

use vmrec_sampler::{Family, RegionType, types};

use crate::codec::varint::{Cursor, Malformed, put};

/// The types that have a number: their index plus 1. Append-only once released.
const NUMBERED: &[RegionType] = &[
    types::TEXT,
    types::RODATA,
    types::LINKEDIT,
    types::DATA_CONST,
    types::DATA,
    types::BSS,
    types::ELF_GAP,
    types::LOADER_DATA,
    types::MALLOC_BRK,
    types::MALLOC_ARENA,
    types::MALLOC_LARGE,
    types::MALLOC_JEMALLOC,
    types::MALLOC_TCMALLOC,
    types::MALLOC_MIMALLOC,
    types::MALLOC_MUSL,
    types::MALLOC_MOZJEMALLOC,
    types::MALLOC_PARTITION,
    types::MALLOC_ASAN,
    types::MALLOC_SCUDO,
    types::MALLOC_RESERVED,
    types::STACK,
    types::STACK_THREAD,
    types::STACK_SIGNAL,
    types::STACK_GUARD,
    types::GUARD,
    types::JIT_CODE,
    types::JIT_JVM,
    types::JIT_V8,
    types::V8_HEAP,
    types::V8_CPPGC,
    types::WASM_MEMORY,
    types::SPIDERMONKEY_HEAP,
    types::JVM_HEAP,
    types::JVM_METASPACE,
    types::JVM_GC,
    types::JVM_CDS,
    types::JVM_PERF,
    types::JVM_OTHER,
    types::ART_HEAP,
    types::GO_HEAP,
    types::GO_RUNTIME,
    types::PYTHON_HEAP,
    types::RUBY_HEAP,
    types::PHP_HEAP,
    types::ERLANG_HEAP,
    types::LUA_HEAP,
    types::LISP_HEAP,
    types::LIBGC_HEAP,
    types::GUEST_MEMORY,
    types::VALGRIND,
    types::SANITIZER_SHADOW,
    types::MAPPED_FILE,
    types::SHARED_MEMORY,
    types::KERNEL_RING,
    types::DEVICE,
    types::VDSO,
    types::VVAR,
    types::VSYSCALL,
    types::VM_ALLOCATE,
    types::RESERVED,
    types::RESERVED_JVM,
    types::RESERVED_V8,
    types::RESERVED_GO,
    types::SECRET_MEMORY,
    types::DMA_BUF,
    types::MALLOC_TSAN,
    types::MALLOC_MSAN,
    types::MALLOC_SNMALLOC,
    types::MALLOC_RPMALLOC,
    types::STACK_FIBER,
    types::DOTNET_HEAP,
    types::DOTNET_RUNTIME,
    types::MONO_HEAP,
    types::HASKELL_HEAP,
    types::RACKET_HEAP,
    types::SCHEME_HEAP,
    types::JSC_HEAP,
    types::OCAML_HEAP,
    types::JULIA_HEAP,
    types::DART_HEAP,
    types::NIM_HEAP,
    types::ML_HEAP,
    types::GRAAL_HEAP,
    types::SANITIZER_INTERNAL,
    types::D_HEAP,
    types::PASCAL_HEAP,
    types::ALLOCS_BUFFER,
];

/// Appends a type.
pub(crate) fn put_type(region_type: &RegionType, out: &mut Vec<u8>) {
    let index = NUMBERED.iter().position(|numbered| numbered == region_type);
    put(out, index.map_or(0, |index| index as u64 + 1));
    if index.is_none() {
        for text in [region_type.family().name(), region_type.name()] {
            put(out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Takes the type that was put.
pub(crate) fn take_type(cursor: &mut Cursor<'_>) -> Result<RegionType, Malformed> {
    match cursor.take()? {
        0 => {
            let family =
                Family::from_name(cursor.take_text()?).ok_or(Malformed("an unknown family"))?;
            Ok(RegionType::named(cursor.take_text()?, family))
        }
        number => usize::try_from(number - 1)
            .ok()
            .and_then(|index| NUMBERED.get(index))
            .cloned()
            .ok_or(Malformed("an unknown type")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_back_by_number_or_by_name() {
        let own = RegionType::named("my pool", Family::Malloc);
        for region_type in NUMBERED.iter().chain([&own]) {
            let mut out = Vec::new();
            put_type(region_type, &mut out);
            assert_eq!(out.len() == 1, *region_type != own);
            let mut cursor = Cursor(&out);
            assert_eq!(take_type(&mut cursor).as_ref(), Ok(region_type));
            assert!(cursor.is_empty());
        }
        assert!(take_type(&mut Cursor(&[NUMBERED.len() as u8 + 1])).is_err());
    }

    #[test]
    fn the_whole_vocabulary_has_numbers() {
        for region_type in types::ALL {
            assert!(NUMBERED.contains(region_type), "append {region_type}");
        }
    }

    /// Files hold these numbers: changing one would rename the sums of existing files.
    #[test]
    fn numbers_never_change() {
        let listed: String =
            NUMBERED[..63].iter().map(|of| format!("{}/{},", of.family(), of.name())).collect();
        let sum = crate::codec::crc32::checksum_of(0, 0, "types", listed.as_bytes());
        assert_eq!(sum, 0x9a7d_1d1a, "append a type instead");
    }
}
