//! The tags that owners give to regions of macOS (VM_MAKE_TAG), as
//! mach/vm_statistics.h numbers them and vmmap(1) names them. Nothing is
//! inferred, so the module is pure and compiles on every system.
//!
//! The number is kept beside the type, among a region's attributes
//! ([`crate::darwin::flags`]): names change between releases, numbers do not.

#[cfg(test)]
mod tests;

use crate::label::{Confidence, Detail, Label};
use crate::region::ShareMode;
use crate::rule::Rule;
use crate::vocabulary::{Family, RegionType, types};

/// A tag of Apple's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Its number.
    pub number: u8,
    /// Its name in the header, after `VM_MEMORY_`.
    pub constant: &'static str,
    /// Its name in vmmap.
    pub name: &'static str,
    /// The family of its type.
    pub family: Family,
}

impl Tag {
    /// Returns the type of regions with this tag.
    pub(crate) fn region_type(&self) -> RegionType {
        RegionType::named(self.name, self.family)
    }
}

macro_rules! tags {
    ($($family:ident { $($number:literal $constant:ident $name:literal)+ })+) => {
        /// Every tag of Apple's header, family by family.
        pub(crate) const TAGS: &[Tag] = &[$($(Tag {
            number: $number,
            constant: stringify!($constant),
            name: $name,
            family: Family::$family,
        }),+),+];
    };
}

tags! {
    Malloc {
        1 MALLOC "MALLOC metadata"
        2 MALLOC_SMALL "MALLOC_SMALL"
        3 MALLOC_LARGE "MALLOC_LARGE"
        4 MALLOC_HUGE "MALLOC_HUGE"
        5 SBRK "SBRK"
        6 REALLOC "MALLOC_REALLOC"
        7 MALLOC_TINY "MALLOC_TINY"
        8 MALLOC_LARGE_REUSABLE "MALLOC_LARGE_REUSABLE"
        9 MALLOC_LARGE_REUSED "MALLOC_LARGE"
        11 MALLOC_NANO "MALLOC_NANO"
        12 MALLOC_MEDIUM "MALLOC_MEDIUM"
        13 MALLOC_PROB_GUARD "MALLOC_PROB_GUARD"
        53 TCMALLOC "WebKit Malloc"
        61 DYLD_MALLOC "dyld malloc memory"
        73 OS_ALLOC_ONCE "Kernel Alloc Once"
        74 LIBDISPATCH "Dispatch continuations"
    }
    Stack {
        30 STACK "Stack"
    }
    Reserved {
        31 GUARD "Guard"
    }
    Image {
        33 DYLIB "dylib"
        60 DYLD "dyld private memory"
    }
    RuntimeHeap {
        44 JAVA "Java"
        63 JAVASCRIPT_CORE "JS VM Gigacage"
        65 JAVASCRIPT_JIT_REGISTER_FILE "JS VM Isolated Heap"
        82 SWIFT_RUNTIME "Swift runtime"
        83 SWIFT_METADATA "Swift metadata"
        236 ROSETTA_ARENA "Rosetta Arena"
    }
    Jit {
        34 OBJC_DISPATCHERS "ObjC dispatching code"
        64 JAVASCRIPT_JIT_EXECUTABLE_ALLOCATOR "JS JIT generated code"
        232 ROSETTA_INDIRECT_BRANCH_MAP "Rosetta IndirectBranch"
        234 ROSETTA_EXECUTABLE_HEAP "Rosetta JIT"
    }
    SharedMemory {
        32 SHARED_PMAP "shared pmap"
        55 COREGRAPHICS_SHARED "CG shared images"
    }
    Kernel {
        20 MACH_MSG "Mach message"
        21 IOKIT "IOKit"
        35 UNSHARED_PMAP "unshared pmap"
        56 COREGRAPHICS_FRAMEBUFFERS "CG framebuffers"
        80 CORPSEINFO "Process Corpse Info"
        87 SKYWALK "Skywalk Networking"
        88 IOSURFACE "IOSurface"
        100 IOACCELERATOR "IOAccelerator"
        109 NEURAL "Neural Engine"
    }
    VmAllocate {
        10 ANALYSIS_TOOL "Performance tool data"
        22 VM_RECLAIM "Memory Tag 22"
        36 LIBCHANNEL "libchannel"
        40 APPKIT "AppKit"
        41 FOUNDATION "Foundation"
        42 COREGRAPHICS "CoreGraphics"
        43 CORESERVICES "CoreServices"
        45 COREDATA "CoreData"
        46 COREDATA_OBJECTIDS "CoreData Object IDs"
        50 ATS "ATS (font support)"
        51 LAYERKIT "CoreAnimation"
        52 CGIMAGE "CG image"
        54 COREGRAPHICS_DATA "CG raster data"
        57 COREGRAPHICS_BACKINGSTORES "CG backing stores"
        58 COREGRAPHICS_XALLOC "CG xalloc"
        62 SQLITE "SQLite page cache"
        66 GLSL "OpenGL GLSL"
        67 OPENCL "OpenCL"
        68 COREIMAGE "CoreImage"
        69 WEBCORE_PURGEABLE_BUFFERS "WebCore purgable data"
        70 IMAGEIO "Image IO"
        71 COREPROFILE "CoreProfile"
        72 ASSETSD "Assets Library"
        75 ACCELERATE "Accelerate framework"
        76 COREUI "CoreUI image data"
        77 COREUIFILE "CoreUI image file"
        78 GENEALOGY "Activity Tracing"
        79 RAWCAMERA "RawCamera"
        81 ASL "Apple System Log"
        84 DHMM "DHMM"
        85 DFR "DFR"
        86 SCENEKIT "SceneKit"
        89 LIBNETWORK "libnetwork"
        90 AUDIO "Audio"
        91 VIDEOBITSTREAM "Video Bitstream"
        92 CM_XPC "CoreMedia XPC"
        93 CM_RPC "CoreMedia RPC"
        94 CM_MEMORYPOOL "CoreMedia memory pool"
        95 CM_READCACHE "CoreMedia Readcache"
        96 CM_CRABS "CoreMedia Crabs"
        97 QUICKLOOK_THUMBNAILS "Quicklook Thumbnails"
        98 ACCOUNTS "Accounts"
        99 SANITIZER "Sanitizer"
        101 CM_REGWARP "CoreMedia Regwarp"
        102 EAR_DECODER "EAR Decoder"
        103 COREUI_CACHED_IMAGE_DATA "CoreUI Cached Image Data"
        104 COLORSYNC "ColorSync"
        105 BTINFO "BT Info"
        106 CM_HLS "CoreMedia HLS"
        107 COMPOSITOR_SERVICES "Compositor Services"
        108 DEBUG "Debug tools"
        230 ROSETTA "Rosetta Generic"
        231 ROSETTA_THREAD_CONTEXT "Rosetta Thread Context"
        233 ROSETTA_RETURN_STACK "Rosetta Return Stack"
        235 ROSETTA_USER_LDT "Rosetta User LDT"
        239 ROSETTA_10 "Rosetta 10"
        240 APPLICATION_SPECIFIC_1 "Memory Tag 240"
        241 APPLICATION_SPECIFIC_2 "Memory Tag 241"
        242 APPLICATION_SPECIFIC_3 "Memory Tag 242"
        243 APPLICATION_SPECIFIC_4 "Memory Tag 243"
        244 APPLICATION_SPECIFIC_5 "Memory Tag 244"
        245 APPLICATION_SPECIFIC_6 "Memory Tag 245"
        246 APPLICATION_SPECIFIC_7 "Memory Tag 246"
        247 APPLICATION_SPECIFIC_8 "Memory Tag 247"
        248 APPLICATION_SPECIFIC_9 "Memory Tag 248"
        249 APPLICATION_SPECIFIC_10 "Memory Tag 249"
        250 APPLICATION_SPECIFIC_11 "Memory Tag 250"
        251 APPLICATION_SPECIFIC_12 "Memory Tag 251"
        252 APPLICATION_SPECIFIC_13 "Memory Tag 252"
        253 APPLICATION_SPECIFIC_14 "Memory Tag 253"
        254 APPLICATION_SPECIFIC_15 "Memory Tag 254"
        255 APPLICATION_SPECIFIC_16 "Memory Tag 255"
    }
}

/// Returns the tag of that number, if the header has it.
pub(crate) fn tag(number: u32) -> Option<&'static Tag> {
    TAGS.iter().find(|tag| u32::from(tag.number) == number)
}

/// Returns the label of memory with that tag. For untagged memory (0: a file, the shared cache) its
/// object decides, not the tag.
pub(crate) fn label(number: u32) -> Label {
    let (region_type, detail, confidence) = match (number, tag(number)) {
        (_, Some(tag)) => (tag.region_type(), None, Confidence::Sure),
        (0, None) => (types::VM_ALLOCATE, None, Confidence::Unknown),
        (_, None) => {
            let detail = Detail::from(format!("VM_MEMORY tag {number}"));
            (types::VM_ALLOCATE, Some(detail), Confidence::Unknown)
        }
    };
    Label { region_type, detail, confidence, rule: Rule::Tag }
}

/// Returns the share mode of that number (`SM_COW` 1 to `SM_LARGE_PAGE` 8), in vmmap's words.
pub(crate) const fn share_mode(number: u8) -> Option<ShareMode> {
    Some(match number {
        1 => ShareMode::CopyOnWrite,
        2 => ShareMode::Private,
        3 => ShareMode::Empty,
        // vmmap prints SM_SHARED as ALI (such as a file mapped shared) and SM_TRUESHARED as SHM.
        4 => ShareMode::Aliased,
        5 => ShareMode::Shared,
        6 => ShareMode::PrivateAliased,
        7 => ShareMode::SharedAliased,
        8 => ShareMode::LargePage,
        _ => return None,
    })
}
