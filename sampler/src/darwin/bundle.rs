//! The bundle of a program: its `Info.plist` and `version.plist`, as XML or in binary.
//!
//! The files are untrusted: only texts of the outermost dictionary are read, and whatever does not
//! have the format is as if it were not there.
//!
//! Not the crate `plist`: its values nest in calls of functions, when they are read by a type and when
//! they are dropped, so that arrays within arrays, 750 KB of them, end the program (1.10.3); and it
//! brings dates, base64 and an XML parser for seven texts. Nothing here calls itself.

use std::collections::BTreeMap;

use crate::program::Program;

/// The most bytes of a property list that are read.
pub(crate) const MAX_BYTES: u64 = 1 << 20;
/// The most symbols of a value.
const MAX_VALUE: usize = 200;
/// The most entries of a dictionary, which has some dozen.
const MAX_ENTRIES: usize = 1000;

/// Returns the folder that holds the property lists of the program at `executable`, if it lies in a bundle.
pub(crate) fn contents(executable: &str) -> Option<&str> {
    let (folder, _) = executable.rsplit_once("/MacOS/")?;
    folder.ends_with("/Contents").then_some(folder)
}

/// Takes what the property lists `info` and `version` say about a program.
pub(crate) fn program(info: Option<&[u8]>, version: Option<&[u8]>) -> Program {
    let texts = |list: Option<&[u8]>| list.and_then(texts).unwrap_or_default();
    let (mut info, mut version) = (texts(info), texts(version));
    let mut of = |key: &str| info.remove(key);
    let identifier = of("CFBundleIdentifier");
    let version_text = match (of("CFBundleShortVersionString"), of("CFBundleVersion")) {
        (Some(short), Some(build)) => Some(format!("{short} ({build})")),
        (one, other) => one.or(other),
    };
    let mut of = |key: &str| version.remove(key);
    let build = match (of("ProjectName"), of("SourceVersion"), of("BuildVersion")) {
        (Some(name), Some(source), Some(build)) => Some(format!("{name}-{source}~{build}")),
        _ => None,
    };
    Program { identifier, version: version_text, build, ..Program::default() }
}

/// Returns the name of a platform of `mach-o/loader.h`, for those that processes on a Mac have.
pub(crate) fn platform(number: u32) -> Option<&'static str> {
    Some(match number {
        1 => "macOS",
        2 => "iOS",
        6 => "macCatalyst",
        7 => "iOS Simulator",
        8 => "tvOS Simulator",
        9 => "watchOS Simulator",
        10 => "DriverKit",
        _ => return None,
    })
}

type Texts = BTreeMap<String, String>;

/// Returns the texts of the outermost dictionary of a property list.
fn texts(list: &[u8]) -> Option<Texts> {
    match list.starts_with(b"bplist00") {
        true => binary(list),
        false => xml(std::str::from_utf8(list).ok()?),
    }
}

fn xml(list: &str) -> Option<Texts> {
    let mut texts = Texts::new();
    let mut key = None;
    let mut depth = 0_u32;
    let mut rest = list;
    while let Some((_, tag_on)) = rest.split_once('<') {
        let (tag, after) = tag_on.split_once('>')?;
        rest = after;
        match tag {
            "dict" | "array" => depth += 1,
            "/dict" | "/array" => depth = depth.checked_sub(1)?,
            "key" | "string" if depth == 1 => {
                let (text, after) = rest.split_once('<')?;
                rest = after.split_once('>')?.1;
                match (tag, key.take()) {
                    ("key", _) => key = Some(unescaped(text)),
                    (_, Some(key)) if texts.len() < MAX_ENTRIES => {
                        texts.insert(key, unescaped(text));
                    }
                    _ => {}
                }
                continue;
            }
            _ => {}
        }
        // The value of a key is the next element.
        key = key.filter(|_| tag.starts_with(['?', '!']));
    }
    Some(texts)
}

fn unescaped(text: &str) -> String {
    let text: String = text.chars().take(MAX_VALUE).collect();
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    named.iter().fold(text, |text, (name, symbol)| text.replace(name, symbol))
}

/// The objects of a binary property list.
struct Objects<'a> {
    list: &'a [u8],
    offsets: usize,
    offset_bytes: usize,
    reference_bytes: usize,
}

fn binary(list: &[u8]) -> Option<Texts> {
    let trailer = list.last_chunk::<32>()?;
    let number = |at| usize::try_from(big_endian(trailer, at, 8)?).ok();
    let objects = Objects {
        list,
        offsets: number(24)?,
        offset_bytes: trailer[6].into(),
        reference_bytes: trailer[7].into(),
    };
    let (kind, count, at) = objects.object(number(16)?)?;
    if kind != 0xd || count > MAX_ENTRIES {
        return None;
    }
    let reference = |index: usize| {
        let at = at.checked_add(index.checked_mul(objects.reference_bytes)?)?;
        usize::try_from(big_endian(list, at, objects.reference_bytes)?).ok()
    };
    let entry =
        |index| Some((objects.text(reference(index)?)?, objects.text(reference(index + count)?)?));
    Some((0..count).filter_map(entry).collect())
}

impl Objects<'_> {
    /// Returns the kind and the count of an object, and where its content begins.
    fn object(&self, reference: usize) -> Option<(u8, usize, usize)> {
        let at = self.offsets.checked_add(reference.checked_mul(self.offset_bytes)?)?;
        let at = usize::try_from(big_endian(self.list, at, self.offset_bytes)?).ok()?;
        let marker = *self.list.get(at)?;
        let (kind, count) = (marker >> 4, usize::from(marker & 15));
        if count < 15 {
            return Some((kind, count, at + 1));
        }
        // A number with the count follows.
        let bytes = 1_usize << (self.list.get(at + 1)? & 3);
        let count = usize::try_from(big_endian(self.list, at + 2, bytes)?).ok()?;
        Some((kind, count, at + 2 + bytes))
    }

    fn text(&self, reference: usize) -> Option<String> {
        let (kind, count, at) = self.object(reference)?;
        let text = match kind {
            5 => String::from_utf8_lossy(self.list.get(at..at.checked_add(count)?)?).into_owned(),
            6 => {
                let bytes = self.list.get(at..at.checked_add(count.checked_mul(2)?)?)?;
                let (units, _) = bytes.as_chunks::<2>();
                let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
                String::from_utf16_lossy(&units)
            }
            _ => return None,
        };
        Some(text.chars().take(MAX_VALUE).collect())
    }
}

fn big_endian(list: &[u8], at: usize, bytes: usize) -> Option<u64> {
    let bytes = list.get(at..at.checked_add(bytes).filter(|_| (1..=8).contains(&bytes))?)?;
    Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"x\">\n<plist version=\"1.0\">\n<dict>\n\
        <key>Nested</key><array><dict><key>CFBundleIdentifier</key><string>no</string></dict></array>\n\
        <key>LSRequiresNative</key>\n<true/>\n<string>stray</string>\n\
        <key>CFBundleIdentifier</key>\n\t<string>com.x.a&amp;b&lt;</string>\n\
        <key>CFBundleShortVersionString</key><string>3.9.6</string>\n\
        <key>CFBundleVersion</key><string>17</string>\n</dict>\n</plist>\n";

    /// A binary list with these texts, the values in UTF-16.
    fn list(texts: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = b"bplist00".to_vec();
        let mut offsets = vec![bytes.len()];
        bytes.extend([0xdf, 0x10, texts.len() as u8]);
        let count = texts.len() as u8;
        bytes.extend((1..=count).chain(count + 1..=2 * count));
        for (key, _) in texts {
            offsets.push(bytes.len());
            bytes.extend([0x5f, 0x10, key.len() as u8]);
            bytes.extend(key.as_bytes());
        }
        for (_, value) in texts {
            offsets.push(bytes.len());
            let units: Vec<u16> = value.encode_utf16().collect();
            bytes.push(0x60 | units.len() as u8);
            bytes.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
        }
        let table = bytes.len();
        bytes.extend(offsets.iter().flat_map(|at| (*at as u16).to_be_bytes()));
        bytes.extend([0, 0, 0, 0, 0, 0, 2, 1]);
        for number in [offsets.len(), 0, table] {
            bytes.extend((number as u64).to_be_bytes());
        }
        bytes
    }

    #[test]
    fn lists_within_lists_end() {
        let (open, close) = ("<array>".repeat(60_000), "</array>".repeat(60_000));
        let key = "<key>CFBundleIdentifier</key><string>com.x.a</string>";
        let list = format!("<plist><dict><key>x</key>{open}{close}{key}</dict></plist>");
        assert!((list.len() as u64) < MAX_BYTES);
        let of = |list: &str| program(Some(list.as_bytes()), None).identifier;
        assert_eq!(of(&list).as_deref(), Some("com.x.a"));
        assert_eq!(of(&format!("<dict>{open}")), None);
    }

    #[test]
    fn a_bundle_names_its_program() {
        let found = program(Some(XML.as_bytes()), None);
        assert_eq!(found.identifier.as_deref(), Some("com.x.a&b<"));
        assert_eq!((found.version.as_deref(), found.build), (Some("3.9.6 (17)"), None));
        let info = list(&[("CFBundleVersion", "26é"), ("CFBundleIdentifier", "com.finder")]);
        let version =
            list(&[("ProjectName", "Finder"), ("SourceVersion", "18"), ("BuildVersion", "2")]);
        let found = program(Some(&info), Some(&version));
        assert_eq!(found.identifier.as_deref(), Some("com.finder"));
        assert_eq!(found.version.as_deref(), Some("26é"));
        assert_eq!(found.build.as_deref(), Some("Finder-18~2"));
        assert_eq!(program(None, Some(b"no list")), Program::default());
    }

    #[test]
    fn only_a_program_in_a_bundle_has_one() {
        let of = contents("/Applications/Demo.app/Contents/MacOS/demo");
        assert_eq!(of, Some("/Applications/Demo.app/Contents"));
        assert_eq!(contents("/usr/bin/MacOS/x"), None);
        assert_eq!(contents("/bin/x"), None);
    }

    #[test]
    fn platforms_have_apples_names() {
        let names: Vec<&str> = (0..99).filter_map(platform).collect();
        let simulators = ["iOS Simulator", "tvOS Simulator", "watchOS Simulator"];
        assert_eq!(names[..3], ["macOS", "iOS", "macCatalyst"]);
        assert_eq!((&names[3..6], &names[6..]), (&simulators[..], &["DriverKit"][..]));
    }

    proptest! {
        #[test]
        fn damaged_lists_never_panic(
            cut in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte: u8,
        ) {
            for mut bytes in [XML.as_bytes().to_vec(), list(&[("a", "b"), ("CFBundleVersion", "1")])] {
                let index = at.index(bytes.len());
                bytes[index] = byte;
                let _ = program(Some(&bytes), Some(&bytes[..cut.index(bytes.len())]));
            }
        }

        #[test]
        fn any_bytes_never_panic(bytes: Vec<u8>) {
            let _ = program(Some(&bytes), Some(&[b"bplist00", &bytes[..]].concat()));
        }
    }
}
