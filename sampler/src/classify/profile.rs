//! Detects the runtimes and allocators of a process by its files and their
//! markers.

use std::collections::BTreeSet;

use crate::classify::facts::{Facts, Image};
use crate::classify::malloc::Malloc;
use crate::classify::predicates::is_executable;
use crate::classify::signs::{Runtime, SIGNS, Sign};
use crate::classify::user::glob;
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;

/// The addresses of Go's heap on 64-bit systems.
pub(crate) const GO_HEAP: AddressRange = AddressRange::new(0xc0_0000_0000, 0xe0_0000_0000);

/// The runtimes of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    runtimes: BTreeSet<Runtime>,
    /// The malloc other than glibc's that the program has, if there is one.
    pub(crate) malloc: Option<Malloc>,
    /// Mallocs that libraries bring for themselves.
    bundled: Vec<Malloc>,
    /// Whether the executable is dynamically linked.
    pub(crate) dynamic: bool,
}

/// The extent to which a process has a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// The program, or a library that is made to serve all of it.
    Program,
    /// A library for itself.
    Library,
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
        let extent = |sign: &Sign| {
            let own_markers = sign.own_markers.iter().chain(sign.markers);
            let of_program =
                sign.files.iter().any(|pattern| files.iter().any(|file| fits(pattern, file)))
                    || sign.executable.iter().any(|pattern| fits(pattern, executable))
                    || own.is_some_and(|own| own_markers.clone().any(|wanted| has(own, wanted)))
                        && !(bundles_mimalloc(executable) && sign.runtime == Runtime::Mimalloc);
            let of_library = || {
                let is_it = |file: &&str| sign.libraries.iter().any(|it| fits(it, file));
                files.iter().any(is_it)
                    || facts.images.iter().any(|(name, image)| {
                        !(bundles_mimalloc(name) && sign.runtime == Runtime::Mimalloc)
                            && sign.markers.iter().any(|wanted| has(image, wanted))
                    })
            };
            if of_program { Some(Extent::Program) } else { of_library().then_some(Extent::Library) }
        };
        let found: Vec<(Runtime, Extent)> =
            SIGNS.iter().filter_map(|sign| Some((sign.runtime, extent(sign)?))).collect();
        let mut profile = Self {
            runtimes: found.iter().map(|(runtime, _)| *runtime).collect(),
            malloc: None,
            bundled: Vec::new(),
            dynamic: own.is_some_and(|own| own.has_interpreter),
        };
        profile.settle(mappings, facts, &found);
        profile
    }

    fn settle(&mut self, mappings: &[Mapping], facts: &Facts, found: &[(Runtime, Extent)]) {
        // If files cannot be read, the addresses of its heap identify Go.
        let go_heap = |mapping: &Mapping| mapping.range.start == GO_HEAP.start;
        if facts.images.is_empty() && mappings.iter().any(go_heap) {
            self.runtimes.insert(Runtime::Go);
        }
        if self.has(Runtime::Chromium) {
            self.runtimes.insert(Runtime::V8);
        }
        if self.has(Runtime::QemuMachine) {
            self.runtimes.remove(&Runtime::Qemu);
        }
        if self.has(Runtime::Racket) {
            self.runtimes.remove(&Runtime::Chez);
        }
        // With cgo, libc is a file of its own.
        let libc = mappings.iter().any(|mapping| fits("libc.so.6*", mapping.name()));
        if self.has(Runtime::Go) && !libc {
            self.runtimes.remove(&Runtime::Glibc);
        }
        let with = |wanted: Extent| {
            Malloc::SIGNS
                .into_iter()
                .filter(move |(_, sign)| found.contains(&(*sign, wanted)))
                .map(|(malloc, _)| malloc)
        };
        self.malloc = with(Extent::Program).next();
        self.bundled = with(Extent::Program).skip(1).chain(with(Extent::Library)).collect();
        if self.malloc.is_none() && self.has(Runtime::Musl) {
            self.malloc = Some(Malloc::Musl);
        }
    }

    /// Returns whether the process has `runtime`.
    pub(crate) fn has(&self, runtime: Runtime) -> bool {
        self.runtimes.contains(&runtime)
    }

    /// Returns whether the process has `malloc`, for all of the program or for a library.
    pub(crate) fn has_malloc(&self, malloc: Malloc) -> bool {
        self.mallocs().any(|found| found == malloc)
    }

    /// Returns the mallocs other than glibc's, the program's own first.
    pub(crate) fn mallocs(&self) -> impl Iterator<Item = Malloc> + '_ {
        self.malloc.into_iter().chain(self.bundled.iter().copied())
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
