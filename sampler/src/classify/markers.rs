//! What tells a runtime or allocator by the files it is in.
//!
//! A new runtime is one entry here, the rule that uses its name, and one test.

/// Where a marker stands in an ELF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// A whole name in `.dynstr` or `.strtab`.
    Symbol,
    /// The beginning of a name in `.dynstr` or `.strtab`: mangled names go on with types.
    SymbolPrefix,
    /// Bytes in `.rodata`, which stripping leaves. The table has them backwards: written as
    /// they are, they would stand in vmrec's own `.rodata` and tell of runtimes it does not have.
    Rodata,
    /// The name of a section.
    Section,
}

/// A sign of a runtime in an ELF file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marker {
    /// What [`crate::classify::facts::Image::markers`] calls it.
    pub name: &'static str,
    /// Where it stands.
    pub location: Location,
    /// What stands there; backwards for [`Location::Rodata`].
    pub text: &'static str,
}

const fn symbol(name: &'static str) -> Marker {
    Marker { name, location: Location::Symbol, text: name }
}

const fn rodata(name: &'static str, backwards: &'static str) -> Marker {
    Marker { name, location: Location::Rodata, text: backwards }
}

/// Every marker that is looked for.
pub(crate) const MARKERS: &[Marker] = &[
    symbol("__libc_malloc"),
    rodata("str:glibc-malloc", " :)(etadilosnoc_collam"),
    symbol("mallctl"),
    symbol("je_mallctl"),
    symbol("_rjem_mallctl"),
    rodata("str:jemalloc", " :>collamej<"),
    symbol("tc_malloc"),
    Marker {
        name: "MallocExtension",
        location: Location::SymbolPrefix,
        text: "_ZN15MallocExtension",
    },
    rodata("str:tcmalloc", " :collamct"),
    symbol("mi_malloc"),
    symbol("mi_option_get"),
    rodata("str:mimalloc", " :collamim"),
    symbol("moz_xmalloc"),
    symbol("__asan_init"),
    Marker { name: "_ZN2v87Isolate", location: Location::SymbolPrefix, text: "_ZN2v87Isolate" },
    rodata("str:v8", "8v-tluafed-yb-delbasid"),
    symbol("gHotSpotVMStructs"),
    symbol("_PyRuntime"),
    symbol("PyObject_Malloc"),
    symbol("rb_gc_start"),
    symbol("zend_mm_alloc"),
    symbol("_zend_mm_alloc"),
    symbol("erts_alloc"),
    symbol("GC_malloc"),
    rodata("str:libgc", "EZIS_PAEH_LAITINI_CG"),
    symbol("runtime.mheap_"),
    Marker { name: "section:.go.buildinfo", location: Location::Section, text: ".go.buildinfo" },
];
