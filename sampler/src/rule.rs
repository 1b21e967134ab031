//! The rules that decide the types of regions: their names and meanings.
//!
//! A label carries the rule that decided, and a recording stores the rule's
//! name. [`crate::classify()`] applies the rules of Linux in order;
//! `crate::darwin` those of macOS. A new rule is one line in the table below.

use std::fmt;
use std::sync::Arc;

macro_rules! rules {
    ($($variant:ident = $name:literal: $meaning:literal;)+) => {
        /// The rule that decided the type of a region.
        // Meanings name mappings as the kernel does, in brackets.
        #[allow(rustdoc::broken_intra_doc_links)]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $meaning] $variant,)+
            /// A rule that this version does not know, by its name in a newer file.
            Other(Arc<str>),
        }

        impl Rule {
            /// Every rule this version knows.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the name shown to users and stored in recordings.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Other(name) => name,
                }
            }

            /// Returns the meaning of the rule, in one sentence; `None` for a rule this version
            /// does not know.
            pub const fn meaning(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($meaning),)+
                    Self::Other(_) => None,
                }
            }
        }
    };
}

rules! {
    User = "user": "A type of your own (--types) matches the mapping.";
    R1 = "R1": "The kernel names the mapping, such as [stack] or [vdso].";
    R2 = "R2": "The program or its malloc gave the memory this name.";
    R3 = "R3": "The kernel names shared memory, a ring or a device.";
    R4 = "R4": "A segment of an executable or library is mapped.";
    R5 = "R5": "Zero-filled memory follows the data of an executable or library.";
    R6 = "R6": "A file is mapped that is neither executable nor library.";
    R7 = "R7": "The kernel names the mapping [heap], whose owner is known.";
    R8a = "R8a": "The JVM's own tables list the range.";
    R8b = "R8b": "The range begins where the JVM says its class pointers begin.";
    R8c = "R8c": "Alignment divides a JVM's other memory into metaspace and collector.";
    R8n = "R8n": "The JVM lists the range in its report on native memory.";
    R8x = "R8x": "A JVM's tables are unreadable; position and size decide.";
    R9 = "R9": "Inaccessible memory lies right below a thread's stack.";
    R9a = "R9a": "glibc lists the block as a thread's stack.";
    R9b = "R9b": "A thread's robust list lies in the mapping.";
    R9c = "R9c": "A thread's stack pointer lies in the mapping.";
    R10 = "R10": "qemu keeps the program it runs at these addresses.";
    R11 = "R11": "The memory begins with the header or has the shape of a glibc arena.";
    R12 = "R12": "Go keeps its heap at these addresses, or in arenas of this shape.";
    R13 = "R13": "A large reservation has the shape that this runtime makes.";
    R14a = "R14a": "The memory begins with the header of a large glibc chunk.";
    R14b = "R14b": "The memory begins with the header of a group of musl's malloc.";
    R14c = "R14c": "The memory begins with the header of a CPython arena.";
    R14d = "R14d": "The memory begins with the header of CPython's frames.";
    R14m = "R14m": "A header of mimalloc begins here, or mimalloc asks for these addresses.";
    R15 = "R15": "The memory has a stack's flags or guard but no thread.";
    R16 = "R16": "Anonymous memory is executable.";
    R16p = "R16p": "The process's map for perf names code in this memory.";
    R16s = "R16s": "A sanitizer has these addresses, or its header begins the block.";
    R16v = "R16v": "Valgrind or SBCL runs here and maps memory with these rights.";
    R17 = "R17": "A small mapping lies beside libraries, where the loader allocates.";
    R18 = "R18": "The process uses this malloc, and nothing else explains the memory.";
    R18b = "R18b": "The process has this runtime, and nothing else explains the memory.";
    R18x = "R18x": "The memory is unreadable; its size suits glibc's malloc or CPython.";
    R19 = "R19": "Inaccessible memory; its size and neighbours decide.";
    R20 = "R20": "Nothing explains the memory.";
    Tag = "tag": "macOS: the owner gave the memory this tag (VM_MAKE_TAG).";
    Image = "image": "macOS: a segment of an executable or library is mapped.";
    SharedCache = "shared cache": "macOS: the region lies in the shared cache of libraries.";
    File = "file": "macOS: an untagged file is mapped.";
    Inaccessible = "inaccessible": "macOS: nobody may touch the memory; its tag decides.";
    Unallocated = "reserved": "macOS: the memory has rights, but no page was ever used.";
    Pasted = "pasted": "An imported text names the type.";
    ShareMode = "share mode": "macOS: untagged memory is shared between processes.";
}

impl Rule {
    /// Returns the rule of that name; an unknown name is kept.
    pub fn named(name: &str) -> Self {
        let known = Self::ALL.iter().find(|rule| rule.name() == name);
        known.cloned().unwrap_or_else(|| Self::Other(name.into()))
    }

    /// Returns whether the rule uses evidence that may disappear: a thread, the header of an arena
    /// or a block. Its labels stay until the memory is unmapped.
    ///
    /// The others decide anew each time, some (R8, R13) by the shape of many mappings together,
    /// which an already claimed part would spoil.
    pub const fn is_kept_by_evidence(&self) -> bool {
        matches!(
            self,
            Self::R9
                | Self::R9a
                | Self::R9b
                | Self::R9c
                | Self::R11
                | Self::R14a
                | Self::R14b
                | Self::R14c
                | Self::R14d
        )
    }

    /// Returns whether the rule finds stacks of threads and the guards below them.
    pub const fn finds_thread_stacks(&self) -> bool {
        matches!(self, Self::R9 | Self::R9a | Self::R9b | Self::R9c)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for (index, rule) in Rule::ALL.iter().enumerate() {
            assert!(Rule::ALL[..index].iter().all(|other| other.name() != rule.name()), "{rule}");
            assert_eq!(Rule::named(rule.name()), *rule);
        }
    }

    #[test]
    fn a_rule_of_a_newer_file_keeps_its_name() {
        let newer = Rule::named("R99z");
        assert_eq!((newer.name(), newer.meaning()), ("R99z", None));
    }

    #[test]
    fn a_meaning_is_one_sentence_that_fits_beside_its_name() {
        for rule in Rule::ALL {
            let meaning = rule.meaning().unwrap();
            assert!(meaning.ends_with('.') && !meaning[..meaning.len() - 1].contains(". "));
            // A page shows rules of one system.
            let widest = if rule.name().starts_with('R') { "R16v" } else { "shared cache" };
            assert!(meaning.len() + widest.len() + 2 <= 80, "{rule}: {meaning}");
        }
    }
}
