//! Detects the runtimes and allocators of a process by its files and their
//! markers.
//!
//! A new runtime is a name, a line in [`SIGNS`] and the rule that uses it.

use std::collections::BTreeSet;

use crate::classify::facts::{Facts, Image};
use crate::classify::predicates::is_executable;
use crate::classify::user::glob;
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;
use crate::vocabulary::{RegionType, types};

/// The addresses of Go's heap on 64-bit systems.
pub(crate) const GO_HEAP: AddressRange = AddressRange::new(0xc0_0000_0000, 0xe0_0000_0000);

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
    Python,
    Ruby,
    Php,
    LuaJit,
    Erlang,
    Libgc,
    Sbcl,
    Qemu,
    Valgrind,
    /// A sanitizer that keeps a shadow.
    Sanitizer,
    Jemalloc,
    Tcmalloc,
    Mimalloc,
    /// Firefox's malloc, outside of Firefox's main library.
    Mozjemalloc,
    /// AddressSanitizer, which replaces malloc.
    Asan,
}

/// The signs of a runtime; one is enough.
struct Sign {
    runtime: Runtime,
    /// Patterns of mapped files: of the path if they hold a `/`, else of its last part.
    files: &'static [&'static str],
    /// Patterns of the executable, likewise.
    executable: &'static [&'static str],
    /// Markers of any image.
    markers: &'static [&'static str],
    /// Markers that count in the executable only.
    own_markers: &'static [&'static str],
}

const NO_SIGN: Sign =
    Sign { runtime: Runtime::Glibc, files: &[], executable: &[], markers: &[], own_markers: &[] };

/// The signs of all runtimes.
const SIGNS: &[Sign] = &[
    Sign { files: &["libc.so.6*", "libc-2*"], own_markers: &["str:glibc-malloc"], ..NO_SIGN },
    Sign {
        runtime: Runtime::Musl,
        files: &["ld-musl*", "libc.musl*", "*musl*/libc.so"],
        ..NO_SIGN
    },
    Sign { runtime: Runtime::Go, own_markers: &["section:.go.buildinfo"], ..NO_SIGN },
    Sign { runtime: Runtime::Jvm, files: &["libjvm.so*"], ..NO_SIGN },
    Sign {
        runtime: Runtime::V8,
        executable: &["node", "nodejs"],
        markers: &["_ZN2v87Isolate", "str:v8"],
        ..NO_SIGN
    },
    Sign {
        runtime: Runtime::Chromium,
        executable: &["*chrome*", "*chromium*", "*electron*", "*msedge*", "*brave*"],
        ..NO_SIGN
    },
    Sign { runtime: Runtime::Firefox, files: &["libxul.so*"], ..NO_SIGN },
    Sign {
        runtime: Runtime::Python,
        files: &["libpython*"],
        own_markers: &["_PyRuntime"],
        ..NO_SIGN
    },
    Sign {
        runtime: Runtime::Ruby,
        files: &["*libruby*"],
        own_markers: &["rb_gc_start"],
        ..NO_SIGN
    },
    Sign { runtime: Runtime::Php, own_markers: &["zend_mm_alloc", "_zend_mm_alloc"], ..NO_SIGN },
    Sign { runtime: Runtime::LuaJit, files: &["*libluajit*"], executable: &["luajit*"], ..NO_SIGN },
    Sign { runtime: Runtime::Erlang, executable: &["beam*"], ..NO_SIGN },
    Sign { runtime: Runtime::Libgc, files: &["libgc.so*"], markers: &["str:libgc"], ..NO_SIGN },
    Sign { runtime: Runtime::Sbcl, files: &["sbcl.core*"], executable: &["sbcl"], ..NO_SIGN },
    Sign { runtime: Runtime::Qemu, executable: &["qemu-*"], ..NO_SIGN },
    Sign { runtime: Runtime::Valgrind, executable: &["*/valgrind/*"], ..NO_SIGN },
    Sign {
        runtime: Runtime::Sanitizer,
        files: &["libasan.so*", "libtsan.so*", "libmsan.so*"],
        markers: &["__asan_init"],
        ..NO_SIGN
    },
    Sign {
        runtime: Runtime::Asan,
        files: &["libasan.so*"],
        own_markers: &["__asan_init"],
        ..NO_SIGN
    },
    Sign {
        runtime: Runtime::Jemalloc,
        files: &["*libjemalloc*"],
        markers: &["mallctl", "je_mallctl", "_rjem_mallctl", "str:jemalloc"],
        ..NO_SIGN
    },
    Sign {
        runtime: Runtime::Tcmalloc,
        files: &["*libtcmalloc*"],
        markers: &["tc_malloc", "MallocExtension"],
        ..NO_SIGN
    },
    Sign {
        runtime: Runtime::Mimalloc,
        files: &["*libmimalloc*"],
        markers: &["mi_malloc", "mi_option_get", "str:mimalloc"],
        ..NO_SIGN
    },
    Sign { runtime: Runtime::Mozjemalloc, markers: &["moz_xmalloc"], ..NO_SIGN },
];

/// A malloc that stands beside or in place of glibc's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malloc {
    Jemalloc,
    Tcmalloc,
    Mimalloc,
    Mozjemalloc,
    Partition,
    Asan,
    Musl,
}

impl Malloc {
    /// Returns the type of its memory.
    pub(crate) const fn region_type(self) -> RegionType {
        match self {
            Self::Jemalloc => types::MALLOC_JEMALLOC,
            Self::Tcmalloc => types::MALLOC_TCMALLOC,
            Self::Mimalloc => types::MALLOC_MIMALLOC,
            Self::Mozjemalloc => types::MALLOC_MOZJEMALLOC,
            Self::Partition => types::MALLOC_PARTITION,
            Self::Asan => types::MALLOC_ASAN,
            Self::Musl => types::MALLOC_MUSL,
        }
    }

    /// Returns whether nothing in the process uses glibc's malloc.
    pub(crate) const fn replaces_glibc(self) -> bool {
        matches!(self, Self::Mozjemalloc | Self::Partition | Self::Asan)
    }
}

/// The runtimes of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    runtimes: BTreeSet<Runtime>,
    /// The malloc other than glibc's, if there is one.
    pub(crate) malloc: Option<Malloc>,
    /// Whether the executable is dynamically linked.
    pub(crate) dynamic: bool,
}

impl Profile {
    /// Detects the runtimes by the names of the mapped files and the facts of their ELF files.
    pub(crate) fn of(mappings: &[Mapping], facts: &Facts) -> Self {
        let files: BTreeSet<&str> = (mappings.iter())
            .filter(|mapping| mapping.file().is_some())
            .map(Mapping::name)
            .collect();
        // If it is unknown, the executable is the lowest file: libraries are mapped from the top.
        let lowest = || mappings.iter().find(|it| it.file().is_some() && is_executable(it));
        let executable = facts.executable.as_deref().or_else(|| lowest().map(Mapping::name));
        let executable = executable.unwrap_or_default();
        let own = facts.images.get(executable).map(AsRef::as_ref);
        let mut profile = Self {
            runtimes: BTreeSet::new(),
            malloc: None,
            dynamic: own.is_some_and(|own| own.has_interpreter),
        };
        let shown = |sign: &&Sign| {
            sign.files.iter().any(|pattern| files.iter().any(|file| fits(pattern, file)))
                || sign.executable.iter().any(|pattern| fits(pattern, executable))
                || own.is_some_and(|own| sign.own_markers.iter().any(|wanted| has(own, wanted)))
                || facts.images.iter().any(|(name, image)| {
                    !(bundles_mimalloc(name) && sign.runtime == Runtime::Mimalloc)
                        && sign.markers.iter().any(|wanted| has(image, wanted))
                })
        };
        profile.runtimes = SIGNS.iter().filter(shown).map(|sign| sign.runtime).collect();
        profile.settle(mappings, facts);
        profile
    }

    fn settle(&mut self, mappings: &[Mapping], facts: &Facts) {
        // If files cannot be read, the addresses of its heap identify Go.
        let go_heap = |mapping: &Mapping| mapping.range.start == GO_HEAP.start;
        if facts.images.is_empty() && mappings.iter().any(go_heap) {
            self.runtimes.insert(Runtime::Go);
        }
        if self.has(Runtime::Chromium) {
            self.runtimes.insert(Runtime::V8);
        }
        // With cgo, libc is a file of its own.
        let libc = mappings.iter().any(|mapping| fits("libc.so.6*", mapping.name()));
        if self.has(Runtime::Go) && !libc {
            self.runtimes.remove(&Runtime::Glibc);
        }
        let replaced = [
            (Runtime::Asan, Malloc::Asan),
            (Runtime::Chromium, Malloc::Partition),
            (Runtime::Firefox, Malloc::Mozjemalloc),
            (Runtime::Jemalloc, Malloc::Jemalloc),
            (Runtime::Tcmalloc, Malloc::Tcmalloc),
            (Runtime::Mimalloc, Malloc::Mimalloc),
            (Runtime::Mozjemalloc, Malloc::Mozjemalloc),
            (Runtime::Musl, Malloc::Musl),
        ];
        let found = replaced.into_iter().find(|(runtime, _)| self.has(*runtime));
        self.malloc = found.map(|(_, malloc)| malloc);
    }

    /// Returns whether the process has `runtime`.
    pub(crate) fn has(&self, runtime: Runtime) -> bool {
        self.runtimes.contains(&runtime)
    }

    /// Adds musl, detected by its memory.
    pub(crate) fn add_musl(&mut self) {
        self.runtimes.insert(Runtime::Musl);
        self.malloc.get_or_insert(Malloc::Musl);
    }

    /// Returns whether glibc's malloc may hand out memory.
    pub(crate) fn glibc_malloc(&self) -> bool {
        self.has(Runtime::Glibc) && !self.malloc.is_some_and(Malloc::replaces_glibc)
    }
}

/// CPython bundles mimalloc since 3.13 and does not use it as malloc.
fn bundles_mimalloc(name: &str) -> bool {
    fits("libpython3*", name) || fits("python3*", name)
}

fn has(image: &Image, marker: &str) -> bool {
    image.markers.iter().any(|found| **found == *marker)
}

fn fits(pattern: &str, path: &str) -> bool {
    let whole = pattern.contains('/');
    glob(pattern, if whole { path } else { path.rsplit('/').next().unwrap_or(path) })
}
