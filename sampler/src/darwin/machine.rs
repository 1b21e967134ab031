//! The names of processors and of releases.

/// Returns the name of the processor that a program is for, by `cputype` and `cpusubtype` of
/// mach/machine.h; `None` for one that no Mac has.
pub(crate) fn architecture(kind: u32, part: u32) -> Option<String> {
    /// The upper bits of a subtype are capabilities.
    const PART: u32 = 0x00ff_ffff;
    let name = match (kind, part & PART) {
        (7, _) => "i386",
        (0x0100_0007, 8) => "x86_64h",
        (0x0100_0007, _) => "x86_64",
        (0x0100_000c, 2) => "arm64e",
        (0x0100_000c, _) => "arm64",
        _ => return None,
    };
    Some(name.to_owned())
}

/// Returns the release of the system: that of macOS with its build, then Darwin's.
pub(crate) fn release(product: Option<String>, build: Option<String>, darwin: &str) -> String {
    match (product, build) {
        (Some(product), Some(build)) => format!("macOS {product} ({build}), Darwin {darwin}"),
        (Some(product), None) => format!("macOS {product}, Darwin {darwin}"),
        (None, _) => format!("Darwin {darwin}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_have_the_names_of_their_programs() {
        for (kind, part, name) in [
            (7, 3, Some("i386")),
            (0x0100_0007, 3, Some("x86_64")),
            (0x0100_0007, 0x8000_0008, Some("x86_64h")),
            (0x0100_000c, 0, Some("arm64")),
            (0x0100_000c, 0x8000_0002, Some("arm64e")),
            (18, 0, None),
            (u32::MAX, u32::MAX, None),
        ] {
            assert_eq!(architecture(kind, part).as_deref(), name);
        }
    }

    #[test]
    fn a_release_is_that_of_macos_as_far_as_it_is_known() {
        let text = |text: &str| Some(text.to_owned());
        let full = release(text("26.5.2"), text("25F84"), "25.5.0");
        assert_eq!(full, "macOS 26.5.2 (25F84), Darwin 25.5.0");
        assert_eq!(release(text("26.5.2"), None, "25.5.0"), "macOS 26.5.2, Darwin 25.5.0");
        assert_eq!(release(None, text("25F84"), "25.5.0"), "Darwin 25.5.0");
    }
}
