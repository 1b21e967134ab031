//! Enums of numbered and named variants, from one list each.

/// Defines an enum whose variants are numbered from 0 and named. Recordings store both, so new
/// variants go to the end.
macro_rules! named {
    ($(#[doc = $meaning:literal])+ $enum:ident { $($(#[doc = $of:literal])+ $variant:ident = $name:literal,)+ }) => {
        $(#[doc = $meaning])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $enum { $($(#[doc = $of])+ $variant,)+ }

        impl $enum {
            /// How many variants there are.
            pub const COUNT: usize = [$(Self::$variant),+].len();

            /// Every variant, in the order of their numbers.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$variant),+];

            /// Returns the name shown to users and stored in recordings.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

pub(crate) use named;
