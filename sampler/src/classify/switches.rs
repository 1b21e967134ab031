//! Switches by which a runtime says more of its own memory, for the runtimes that a process has.

use crate::classify::facts::Facts;
use crate::classify::profile::Profile;
use crate::classify::signs::Runtime;
use crate::procfs::mapping::Mapping;

/// A switch that a process runs without, or seems to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    /// What to start the process with.
    pub switch: &'static str,
    /// What is known then.
    pub gives: &'static str,
}

/// How it shows that a switch is on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// The JVM's own list was asked for, and came.
    NativeMemory,
    /// The process's map for perf lists code.
    ListedCode,
    /// A mapping's name begins so.
    Name(&'static str),
}

const SWITCHES: &[(Runtime, Shown, Switch)] = &[
    (
        Runtime::Jvm,
        Shown::NativeMemory,
        Switch {
            switch: "-XX:NativeMemoryTracking=detail",
            gives: "the purpose of each range, with --ask-jvm",
        },
    ),
    (
        Runtime::Jvm,
        Shown::ListedCode,
        Switch {
            switch: "-XX:+DumpPerfMapAtExit (jcmd PID Compiler.perfmap writes it at once)",
            gives: "names of compiled methods in stacks (17 and newer)",
        },
    ),
    (
        Runtime::V8,
        Shown::ListedCode,
        Switch { switch: "--perf-basic-prof", gives: "names of compiled functions in stacks" },
    ),
    (
        Runtime::DotNet,
        Shown::ListedCode,
        Switch {
            switch: "DOTNET_PerfMapEnabled=1",
            gives: "compiled code, and its names in stacks",
        },
    ),
    (
        Runtime::Python,
        Shown::ListedCode,
        Switch { switch: "-X perf", gives: "names of functions in stacks (3.12 and newer)" },
    ),
    (
        Runtime::Ruby,
        Shown::ListedCode,
        Switch {
            switch: "--yjit-perf",
            gives: "compiled code, and its names in stacks (3.3 and newer)",
        },
    ),
    (
        Runtime::Erlang,
        Shown::ListedCode,
        Switch { switch: "+JPperf map", gives: "compiled code, and its names in stacks" },
    ),
    (
        Runtime::Go,
        Shown::Name("anon: Go:"),
        Switch {
            switch: "GODEBUG=decoratemappings=1",
            gives: "the purpose of each mapping (1.25 and newer, Linux with CONFIG_ANON_VMA_NAME)",
        },
    ),
    (
        Runtime::Glibc,
        Shown::Name("anon: glibc:"),
        Switch {
            switch: "GLIBC_TUNABLES=glibc.mem.decorate_maps=1",
            gives: "malloc's and threads' mappings (2.39 and newer, Linux with CONFIG_ANON_VMA_NAME)",
        },
    ),
];

/// Returns the switches of the runtimes that a process has, without those that show that they
/// are on.
pub fn switches(mappings: &[Mapping], facts: &Facts) -> Vec<Switch> {
    let profile = Profile::of(mappings, facts);
    let is_on = |shown: Shown| match shown {
        Shown::NativeMemory => !facts.native_memory.is_empty(),
        Shown::ListedCode => !facts.listed_code.is_empty(),
        Shown::Name(start) => mappings.iter().any(|mapping| mapping.name().starts_with(start)),
    };
    let off = SWITCHES.iter().filter(|(runtime, shown, _)| profile.has(*runtime) && !is_on(*shown));
    off.map(|(.., switch)| *switch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AddressRange;
    use crate::procfs::mapping::tests::mappings;

    #[test]
    fn a_switch_is_named_until_it_shows() {
        let names = |text: &str, facts: &Facts| -> Vec<_> {
            switches(&mappings(text), facts).iter().map(|it| it.switch).collect()
        };
        let jvm = "1000-2000 r-xp 0 8:1 9 /bin/java\n\
                   3000-4000 r-xp 0 8:1 8 /lib/libjvm.so\n\
                   5000-6000 r-xp 0 8:1 7 /lib/libc.so.6\n";
        let found = names(jvm, &Facts::default());
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0], "-XX:NativeMemoryTracking=detail");
        let facts = Facts {
            listed_code: vec![AddressRange::new(0x9000, 0xa000)],
            native_memory: crate::classify::native_memory::parse(
                "[0x0000000000009000 - 0x000000000000a000] reserved 4KB for Code from",
            ),
            ..Facts::default()
        };
        assert_eq!(names(jvm, &facts), ["GLIBC_TUNABLES=glibc.mem.decorate_maps=1"]);
        let named = format!("{jvm}7000-8000 rw-p 0 0:0 0 anon: glibc: malloc");
        assert!(names(&named, &facts).is_empty());
        assert!(names("1000-2000 r-xp 0 8:1 9 /bin/a", &Facts::default()).is_empty());
    }
}
