//! What the bundle of a program and the kernel say about a running program, besides its memory.

/// Facts about the program of a process, each `None` where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The identifier of its bundle: `CFBundleIdentifier`. Not escaped, as all texts of a bundle.
    pub identifier: Option<String>,
    /// Its version for people and, in brackets, that of its build.
    pub version: Option<String>,
    /// The project, source and build that it was made from.
    pub build: Option<String>,
    /// The platform that it is for, such as `macOS`.
    pub platform: Option<&'static str>,
    /// Whether the system keeps an account of when it may end by itself.
    pub is_tracked: Option<bool>,
}
