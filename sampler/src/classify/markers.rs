//! Markers in files that identify a runtime or allocator.
//!
//! A new runtime is one entry here, the rule that uses its name, and one test.

/// The location of a marker in an ELF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// A whole name in `.dynstr` or `.strtab`.
    Symbol,
    /// The beginning of a name in `.dynstr` or `.strtab`: mangled names continue with types.
    SymbolPrefix,
    /// Bytes in `.rodata`, which stripping leaves. The table has them backwards: otherwise they
    /// would be in vmrec's own `.rodata` and indicate runtimes it does not have.
    Rodata,
    /// The name of a section.
    Section,
}

/// A sign of a runtime in an ELF file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marker {
    /// Its name in [`crate::classify::facts::Image::markers`].
    pub name: &'static str,
    /// Its location.
    pub location: Location,
    /// Its text; backwards for [`Location::Rodata`].
    pub text: &'static str,
}

const fn symbol(name: &'static str) -> Marker {
    Marker { name, location: Location::Symbol, text: name }
}

const fn rodata(name: &'static str, backwards: &'static str) -> Marker {
    Marker { name, location: Location::Rodata, text: backwards }
}

/// All markers.
pub(crate) const MARKERS: &[Marker] = &[
    symbol("__libc_malloc"),
    rodata("str:glibc-malloc", " :)(etadilosnoc_collam"),
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
    symbol("sn_malloc"),
    symbol("rpmalloc"),
    symbol("moz_xmalloc"),
    symbol("__asan_init"),
    symbol("__tsan_init"),
    symbol("__msan_init"),
    symbol("__scudo_print_stats"),
    rodata("str:v8", "8v-tluafed-yb-delbasid"),
    rodata("str:partition", "ecapSsserddA.collAnoititraP"),
    rodata("str:jsc", "TIJesu_CSJ"),
    symbol("gHotSpotVMStructs"),
    symbol("_PyRuntime"),
    symbol("PyObject_Malloc"),
    symbol("rb_gc_start"),
    symbol("zend_mm_alloc"),
    symbol("_zend_mm_alloc"),
    symbol("erts_alloc"),
    symbol("DotNetRuntimeInfo"),
    symbol("DotNetRuntimeDebugHeader"),
    symbol("mono_jit_init"),
    symbol("stg_ap_v_info"),
    rodata("str:ghc", "STRCHG"),
    Marker { name: "section:.rackboot", location: Location::Section, text: ".rackboot" },
    symbol("racket_boot"),
    symbol("Sscheme_init"),
    rodata("str:ocaml", "MARAPNURLMACO"),
    symbol("Dart_Initialize"),
    symbol("NimMain"),
    symbol("_d_run_main"),
    Marker { name: "section:.fpcdata", location: Location::Section, text: ".fpcdata" },
    rodata("str:gcl", ")psiL nommoC UNG( LCG"),
    Marker { name: "section:.svm_heap", location: Location::Section, text: ".svm_heap" },
    symbol("luaJIT_setmode"),
    rodata("str:libgc", "EZIS_PAEH_LAITINI_CG"),
    symbol("runtime.mheap_"),
    Marker { name: "section:.go.buildinfo", location: Location::Section, text: ".go.buildinfo" },
];
