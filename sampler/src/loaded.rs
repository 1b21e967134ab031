//! The images of a process that a dynamic linker lists: its executable, libraries and bundles.

use std::sync::Arc;

use crate::region::AddressRange;

/// An executable, a library or a bundle, where it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedImage {
    /// Its path as the dynamic linker has it.
    pub path: Arc<str>,
    /// The number of its build; `None` if it has none, or if its header could not be read.
    pub uuid: Option<[u8; 16]>,
    /// The address of its header.
    pub address: u64,
    /// Its segments; none if its header could not be read.
    pub segments: Vec<LoadedSegment>,
}

/// A part of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedSegment {
    /// Its addresses; in the shared cache of macOS they are no multiples of a page.
    pub range: AddressRange,
    /// Its name, such as `__TEXT`.
    pub name: Arc<str>,
}

/// All images of a process at one time, the executable first.
pub type LoadedImages = Arc<[Arc<LoadedImage>]>;
