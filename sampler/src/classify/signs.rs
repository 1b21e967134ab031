//! The signs by which runtimes, allocators and tools are recognised: names of
//! files, and markers in them.
//!
//! A new runtime is a name, a line in [`SIGNS`] and the rule that uses it.

/// A runtime, allocator or tool with its own way of mapping memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Runtime {
    Glibc,
    Musl,
    Go,
    Jvm,
    V8,
    Chromium,
    Firefox,
    /// Firefox's JavaScript, also in other programs.
    SpiderMonkey,
    /// WebKit's JavaScript and its malloc, also in Bun.
    Webkit,
    DotNet,
    Mono,
    Haskell,
    Racket,
    Chez,
    Julia,
    OCaml,
    Dart,
    Nim,
    PolyMl,
    GraalNative,
    /// druntime, of programs in D.
    D,
    FreePascal,
    /// GNU Common Lisp, which keeps its heap in the brk heap.
    Gcl,
    Python,
    Ruby,
    Php,
    LuaJit,
    Erlang,
    Libgc,
    Sbcl,
    Clisp,
    /// qemu that runs a program.
    Qemu,
    /// qemu that runs a machine.
    QemuMachine,
    Valgrind,
    AddressSanitizer,
    ThreadSanitizer,
    MemorySanitizer,
    Jemalloc,
    Tcmalloc,
    Mimalloc,
    Snmalloc,
    Rpmalloc,
    Scudo,
    /// Firefox's malloc, outside of Firefox's main library.
    Mozjemalloc,
}

/// The signs of a runtime; one is enough.
pub(crate) struct Sign {
    pub(crate) runtime: Runtime,
    /// Patterns of mapped files: of the path if they hold a `/`, else of its last part.
    pub(crate) files: &'static [&'static str],
    /// Patterns of libraries that have it for themselves, likewise.
    pub(crate) libraries: &'static [&'static str],
    /// Patterns of the executable, likewise.
    pub(crate) executable: &'static [&'static str],
    /// Markers of any image.
    pub(crate) markers: &'static [&'static str],
    /// Markers that count in the executable only.
    pub(crate) own_markers: &'static [&'static str],
}

const fn sign(runtime: Runtime) -> Sign {
    Sign { runtime, files: &[], libraries: &[], executable: &[], markers: &[], own_markers: &[] }
}

/// The signs of all runtimes.
pub(crate) const SIGNS: &[Sign] = &[
    Sign {
        files: &["libc.so.6*", "libc-2*"],
        own_markers: &["str:glibc-malloc"],
        ..sign(Runtime::Glibc)
    },
    Sign { files: &["ld-musl*", "libc.musl*", "*musl*/libc.so"], ..sign(Runtime::Musl) },
    Sign { own_markers: &["section:.go.buildinfo"], ..sign(Runtime::Go) },
    Sign { files: &["libjvm.so*", "libj9vm*.so*"], ..sign(Runtime::Jvm) },
    Sign {
        executable: &["node", "nodejs"],
        // Bun exports V8's functions and has none of its texts.
        markers: &["str:v8"],
        ..sign(Runtime::V8)
    },
    Sign {
        libraries: &["libQt?WebEngineCore.so*", "libcef.so*"],
        executable: &["*chrome*", "*chromium*", "*electron*", "*msedge*", "*brave*"],
        markers: &["str:partition"],
        ..sign(Runtime::Chromium)
    },
    Sign { files: &["libxul.so*"], ..sign(Runtime::Firefox) },
    Sign { files: &["libxul.so*", "libmozjs-*"], ..sign(Runtime::SpiderMonkey) },
    Sign {
        files: &["libjavascriptcore*", "libJavaScriptCore*", "libwebkit2gtk*", "libWPEWebKit*"],
        executable: &["bun", "bun.exe", "bunx"],
        own_markers: &["str:jsc"],
        ..sign(Runtime::Webkit)
    },
    Sign {
        files: &["libcoreclr.so*"],
        // Programs of one file, and those compiled ahead of time, export these.
        own_markers: &["DotNetRuntimeInfo", "DotNetRuntimeDebugHeader"],
        ..sign(Runtime::DotNet)
    },
    Sign {
        files: &["libmonosgen-2*", "libmono-2*", "libmonobdwgc*"],
        executable: &["mono", "mono-sgen*"],
        own_markers: &["mono_jit_init"],
        ..sign(Runtime::Mono)
    },
    Sign {
        files: &["libHSrts*"],
        own_markers: &["stg_ap_v_info", "str:ghc"],
        ..sign(Runtime::Haskell)
    },
    Sign {
        executable: &["racket*", "gracket*"],
        own_markers: &["section:.rackboot", "racket_boot"],
        ..sign(Runtime::Racket)
    },
    Sign {
        executable: &["chezscheme*", "petite*"],
        own_markers: &["Sscheme_init"],
        ..sign(Runtime::Chez)
    },
    Sign { files: &["libjulia-internal*", "libjulia.so*"], ..sign(Runtime::Julia) },
    Sign {
        files: &["libasmrun*.so*", "libcamlrun*.so*"],
        executable: &["ocamlrun*"],
        own_markers: &["str:ocaml"],
        ..sign(Runtime::OCaml)
    },
    Sign {
        files: &["libflutter*.so*"],
        executable: &["dart", "dartvm", "dartaotruntime"],
        own_markers: &["Dart_Initialize"],
        ..sign(Runtime::Dart)
    },
    Sign { own_markers: &["NimMain"], ..sign(Runtime::Nim) },
    Sign { files: &["libpolyml*"], executable: &["poly"], ..sign(Runtime::PolyMl) },
    Sign { own_markers: &["section:.svm_heap"], ..sign(Runtime::GraalNative) },
    Sign {
        files: &["libdruntime-*", "libphobos2*", "libgdruntime*"],
        own_markers: &["_d_run_main"],
        ..sign(Runtime::D)
    },
    Sign { own_markers: &["section:.fpcdata"], ..sign(Runtime::FreePascal) },
    Sign { own_markers: &["str:gcl"], ..sign(Runtime::Gcl) },
    Sign { files: &["libpython*"], own_markers: &["_PyRuntime"], ..sign(Runtime::Python) },
    Sign { files: &["*libruby*"], own_markers: &["rb_gc_start"], ..sign(Runtime::Ruby) },
    Sign { own_markers: &["zend_mm_alloc", "_zend_mm_alloc"], ..sign(Runtime::Php) },
    Sign {
        files: &["*libluajit*"],
        executable: &["luajit*"],
        own_markers: &["luaJIT_setmode"],
        ..sign(Runtime::LuaJit)
    },
    Sign { executable: &["beam*"], own_markers: &["erts_alloc"], ..sign(Runtime::Erlang) },
    Sign { files: &["libgc.so*"], markers: &["str:libgc"], ..sign(Runtime::Libgc) },
    Sign { files: &["sbcl.core*"], executable: &["sbcl"], ..sign(Runtime::Sbcl) },
    Sign { files: &["lispinit.mem"], executable: &["lisp.run", "clisp*"], ..sign(Runtime::Clisp) },
    Sign { executable: &["qemu-system-*", "kvm"], ..sign(Runtime::QemuMachine) },
    Sign { executable: &["qemu-*"], ..sign(Runtime::Qemu) },
    Sign { executable: &["*/valgrind/*"], ..sign(Runtime::Valgrind) },
    Sign {
        files: &["libasan.so*", "libclang_rt.asan*"],
        own_markers: &["__asan_init"],
        ..sign(Runtime::AddressSanitizer)
    },
    Sign {
        files: &["libtsan.so*", "libclang_rt.tsan*"],
        own_markers: &["__tsan_init"],
        ..sign(Runtime::ThreadSanitizer)
    },
    Sign { own_markers: &["__msan_init"], ..sign(Runtime::MemorySanitizer) },
    // A program may refer to a malloc's functions without having them: its texts count.
    Sign { files: &["*libjemalloc*"], markers: &["str:jemalloc"], ..sign(Runtime::Jemalloc) },
    Sign {
        files: &["*libtcmalloc*"],
        markers: &["tc_malloc", "MallocExtension", "str:tcmalloc"],
        ..sign(Runtime::Tcmalloc)
    },
    Sign {
        files: &["*libmimalloc*"],
        markers: &["mi_malloc", "mi_option_get", "str:mimalloc"],
        ..sign(Runtime::Mimalloc)
    },
    Sign { files: &["libsnmalloc*"], markers: &["sn_malloc"], ..sign(Runtime::Snmalloc) },
    Sign { files: &["librpmalloc*"], markers: &["rpmalloc"], ..sign(Runtime::Rpmalloc) },
    Sign {
        files: &["libscudo*", "libclang_rt.scudo*"],
        own_markers: &["__scudo_print_stats"],
        ..sign(Runtime::Scudo)
    },
    Sign { markers: &["moz_xmalloc"], ..sign(Runtime::Mozjemalloc) },
];
