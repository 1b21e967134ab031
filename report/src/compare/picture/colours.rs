//! The colours of both sides: grey before, blue after, as dark as lines must be.

use crate::chart::palette::{OTHER, Paint};

/// The runs before.
pub(crate) const BEFORE: Paint = OTHER;
/// The runs after.
pub(crate) const AFTER: Paint = Paint { light: (0x00, 0x72, 0xb2), dark: (0x38, 0xa0, 0xda) };
/// One of several runs before.
pub(crate) const ONE_BEFORE: Paint = Paint { light: (0xb2, 0xb8, 0xbf), dark: (0x53, 0x5a, 0x63) };
/// One of several runs after.
pub(crate) const ONE_AFTER: Paint = Paint { light: (0x8d, 0xbf, 0xde), dark: (0x22, 0x5d, 0x83) };
/// The area between both.
pub(crate) const BETWEEN: Paint = Paint { light: (0xd9, 0xe8, 0xf3), dark: (0x1b, 0x30, 0x42) };
