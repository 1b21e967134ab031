//! The types vmrec knows.

use crate::vocabulary::family::Family;
use crate::vocabulary::region_type::RegionType;

macro_rules! vocabulary {
    ($($(#[doc = $meaning:literal])+ $constant:ident = $name:literal in $family:ident;)+) => {
        $($(#[doc = $meaning])+ pub const $constant: RegionType = RegionType::known($name, Family::$family);)+
        /// Every type vmrec knows.
        pub const ALL: &[RegionType] = &[$($constant),+];
        /// The meaning of each of [`ALL`].
        pub(super) const MEANINGS: &[&str] = &[$(concat!($($meaning),+)),+];
    };
}

vocabulary! {
    /// Executable segment of an image.
    TEXT = "__TEXT" in Image;
    /// Read-only segment of an image.
    RODATA = "__RODATA" in Image;
    /// First read-only segment of an image: headers, symbols, relocations.
    LINKEDIT = "__LINKEDIT" in Image;
    /// Data of an image made read-only after relocation.
    DATA_CONST = "__DATA_CONST" in Image;
    /// Writable data of an image.
    DATA = "__DATA" in Image;
    /// Zero-filled data of an image.
    BSS = "__BSS" in Image;
    /// Inaccessible hole between the segments of an image.
    ELF_GAP = "ELF gap" in Reserved;
    /// The loader's own allocations, and the main thread's TLS.
    LOADER_DATA = "ld.so data" in Image;
    /// The brk heap.
    MALLOC_BRK = "MALLOC (brk heap)" in Malloc;
    /// A glibc arena, the part in use.
    MALLOC_ARENA = "MALLOC (arena)" in Malloc;
    /// One allocation large enough for a mapping of its own.
    MALLOC_LARGE = "MALLOC_LARGE" in Malloc;
    /// Memory of jemalloc.
    MALLOC_JEMALLOC = "MALLOC (jemalloc)" in Malloc;
    /// Memory of tcmalloc.
    MALLOC_TCMALLOC = "MALLOC (tcmalloc)" in Malloc;
    /// Memory of mimalloc.
    MALLOC_MIMALLOC = "MALLOC (mimalloc)" in Malloc;
    /// Memory of musl's malloc.
    MALLOC_MUSL = "MALLOC (musl)" in Malloc;
    /// Memory of Firefox's malloc.
    MALLOC_MOZJEMALLOC = "MALLOC (mozjemalloc)" in Malloc;
    /// Memory of Chromium's malloc.
    MALLOC_PARTITION = "MALLOC (PartitionAlloc)" in Malloc;
    /// Memory of AddressSanitizer's malloc.
    MALLOC_ASAN = "MALLOC (asan)" in Malloc;
    /// Memory of ThreadSanitizer's malloc.
    MALLOC_TSAN = "MALLOC (tsan)" in Malloc;
    /// Memory of MemorySanitizer's malloc.
    MALLOC_MSAN = "MALLOC (msan)" in Malloc;
    /// Memory of Scudo, Android's malloc.
    MALLOC_SCUDO = "MALLOC (scudo)" in Malloc;
    /// Memory of snmalloc.
    MALLOC_SNMALLOC = "MALLOC (snmalloc)" in Malloc;
    /// Memory of rpmalloc.
    MALLOC_RPMALLOC = "MALLOC (rpmalloc)" in Malloc;
    /// Inaccessible part of what a malloc reserved.
    MALLOC_RESERVED = "MALLOC (reserved)" in Reserved;
    /// Stack of the main thread, or of an unidentified thread.
    STACK = "Stack" in Stack;
    /// Stack of another thread; which one is in the detail.
    STACK_THREAD = "Stack (thread)" in Stack;
    /// Stack that signal handlers run on.
    STACK_SIGNAL = "Stack (alt signal)" in Stack;
    /// Stack of a fiber, coroutine or green thread.
    STACK_FIBER = "Stack (fiber)" in Stack;
    /// Inaccessible pages below a stack.
    STACK_GUARD = "STACK GUARD" in Reserved;
    /// Inaccessible pages elsewhere.
    GUARD = "guard" in Reserved;
    /// Code made while running.
    JIT_CODE = "JIT code" in Jit;
    /// Code compiled by a JVM.
    JIT_JVM = "JIT code (JVM)" in Jit;
    /// Code compiled by V8.
    JIT_V8 = "JIT code (V8)" in Jit;
    /// Heap of V8, JavaScript's objects.
    V8_HEAP = "V8 heap" in RuntimeHeap;
    /// Heap of Blink's and Node's garbage-collected C++ objects.
    V8_CPPGC = "V8 cppgc heap" in RuntimeHeap;
    /// Linear memory of WebAssembly.
    WASM_MEMORY = "WASM memory" in RuntimeHeap;
    /// Heap of Firefox's JavaScript.
    SPIDERMONKEY_HEAP = "SpiderMonkey heap" in RuntimeHeap;
    /// Heap of Java objects.
    JVM_HEAP = "JVM heap" in RuntimeHeap;
    /// Classes a JVM loaded.
    JVM_METASPACE = "JVM metaspace" in RuntimeHeap;
    /// Tables of a JVM's garbage collector.
    JVM_GC = "JVM GC data" in RuntimeHeap;
    /// Classes prepared ahead of time.
    JVM_CDS = "JVM CDS archive" in RuntimeHeap;
    /// Counters that jstat reads.
    JVM_PERF = "JVM perf data" in RuntimeHeap;
    /// Other memory named by a JVM.
    JVM_OTHER = "JVM other" in RuntimeHeap;
    /// Heap of the Android runtime.
    ART_HEAP = "ART heap" in RuntimeHeap;
    /// Heap of Go.
    GO_HEAP = "Go heap" in RuntimeHeap;
    /// Tables of Go's runtime.
    GO_RUNTIME = "Go runtime" in RuntimeHeap;
    /// Heap of CPython's small objects.
    PYTHON_HEAP = "Python heap" in RuntimeHeap;
    /// Heap of Ruby.
    RUBY_HEAP = "Ruby heap" in RuntimeHeap;
    /// Heap of PHP.
    PHP_HEAP = "PHP heap" in RuntimeHeap;
    /// Heaps of Erlang's processes.
    ERLANG_HEAP = "Erlang heap" in RuntimeHeap;
    /// Heap of LuaJIT.
    LUA_HEAP = "Lua heap" in RuntimeHeap;
    /// Heap of Lisp.
    LISP_HEAP = "Lisp heap" in RuntimeHeap;
    /// Heap of the Boehm collector.
    LIBGC_HEAP = "GC heap (libgc)" in RuntimeHeap;
    /// Heap of .NET's garbage collector.
    DOTNET_HEAP = ".NET heap" in RuntimeHeap;
    /// Tables of .NET's runtime: types, stubs, marks of the collector.
    DOTNET_RUNTIME = ".NET runtime" in RuntimeHeap;
    /// Heap and tables of Mono.
    MONO_HEAP = "Mono heap" in RuntimeHeap;
    /// Heap of GHC's runtime.
    HASKELL_HEAP = "Haskell heap" in RuntimeHeap;
    /// Heap of Racket.
    RACKET_HEAP = "Racket heap" in RuntimeHeap;
    /// Heap of Chez Scheme.
    SCHEME_HEAP = "Scheme heap" in RuntimeHeap;
    /// Heap of WebKit's JavaScript, and the pages its malloc shares with it.
    JSC_HEAP = "JSC heap/bmalloc" in RuntimeHeap;
    /// Heap of OCaml.
    OCAML_HEAP = "OCaml heap" in RuntimeHeap;
    /// Heap of Julia.
    JULIA_HEAP = "Julia heap" in RuntimeHeap;
    /// Heap of Dart.
    DART_HEAP = "Dart heap" in RuntimeHeap;
    /// Heap of Nim.
    NIM_HEAP = "Nim heap" in RuntimeHeap;
    /// Heap of D.
    D_HEAP = "D heap" in RuntimeHeap;
    /// Heap of Free Pascal.
    PASCAL_HEAP = "Pascal heap" in RuntimeHeap;
    /// Heap of Poly/ML.
    ML_HEAP = "ML heap" in RuntimeHeap;
    /// Heap of a program compiled by GraalVM.
    GRAAL_HEAP = "GraalVM heap" in RuntimeHeap;
    /// Memory of an emulated program.
    GUEST_MEMORY = "Guest memory" in RuntimeHeap;
    /// Memory of Valgrind and of the program it runs.
    VALGRIND = "Valgrind" in RuntimeHeap;
    /// A sanitizer's record of the program's memory.
    SANITIZER_SHADOW = "sanitizer shadow" in RuntimeHeap;
    /// Other memory of a sanitizer: its stores of stacks, and allocations it maps one by one.
    SANITIZER_INTERNAL = "sanitizer internal" in RuntimeHeap;
    /// A file mapped as data.
    MAPPED_FILE = "mapped file" in MappedFile;
    /// memfd, shm_open, SysV, or MAP_SHARED | MAP_ANONYMOUS.
    SHARED_MEMORY = "shared memory" in SharedMemory;
    /// The buffer of `vmrec record --allocs` in the process that it records.
    ALLOCS_BUFFER = "vmrec buffer" in SharedMemory;
    /// memfd_secret: pages that the kernel itself cannot read.
    SECRET_MEMORY = "secret memory" in SharedMemory;
    /// io_uring, perf_event, aio and other rings shared with the kernel.
    KERNEL_RING = "kernel ring" in Kernel;
    /// A buffer that devices share (dma-buf).
    DMA_BUF = "dma-buf" in Kernel;
    /// Memory of a device.
    DEVICE = "device" in Kernel;
    /// System call code the kernel maps.
    VDSO = "vdso" in Kernel;
    /// Data of the vdso.
    VVAR = "vvar" in Kernel;
    /// Legacy system call page.
    VSYSCALL = "vsyscall" in Kernel;
    /// The program's own mmap, or unexplained.
    VM_ALLOCATE = "VM_ALLOCATE" in VmAllocate;
    /// Reserved address space.
    RESERVED = "reserved" in Reserved;
    /// Address space a JVM reserved.
    RESERVED_JVM = "reserved (JVM)" in Reserved;
    /// Address space V8 reserved.
    RESERVED_V8 = "reserved (V8)" in Reserved;
    /// Address space Go reserved.
    RESERVED_GO = "reserved (Go)" in Reserved;
}
