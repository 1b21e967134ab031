//! Why the allocations of a command cannot be recorded.

use std::fmt;

/// The reason, of which each has a remedy of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllocRefusal {
    /// It is linked statically: it loads no library.
    Static,
    /// It gets rights of another user, or of its file, and so loads no library that it does not know.
    OtherRights,
    /// It is written in Go, whose allocator is its own.
    Go,
    /// It has an allocator of its own, which it calls without a way past it.
    OwnAllocator,
    /// It is a program for another machine.
    OtherMachine,
    /// The library that it is to load cannot be stored.
    NoLibrary {
        /// The file.
        path: String,
        /// The reason.
        why: String,
    },
    /// No program may be loaded from the folder for the library.
    NoExecution {
        /// The folder.
        folder: String,
    },
    /// Allocations are not recorded on this system.
    NotHere(&'static str),
    /// Something else that the kernel reported.
    Other(String),
}

impl fmt::Display for AllocRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static => f.write_str("it is linked statically, so that it loads no library"),
            Self::OtherRights => f.write_str(
                "it runs with other rights than vmrec, so that it loads no library of a user",
            ),
            Self::Go => f.write_str("it is a program in Go, whose allocator is its own"),
            Self::OwnAllocator => {
                f.write_str("it has an allocator of its own in it, which no library replaces")
            }
            Self::OtherMachine => f.write_str("it is a program for another machine"),
            Self::NoLibrary { path, why } => write!(f, "cannot write {path}: {why}"),
            Self::NoExecution { folder } => {
                write!(f, "{folder} is on a file system that no program is loaded from")
            }
            Self::NotHere(why) => f.write_str(why),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}
