//! Tests on outputs that people pasted, on mutated copies of them, and on random bytes.

mod linux;
mod macos;

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::quantity::Quantity;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/pasted")
}

/// Returns the text of a fixture.
fn paste(name: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap()
}

/// Returns every fixture by its name.
fn pastes() -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = files
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    all.sort();
    all
}

fn parse(text: &str) -> Pasted {
    let mut all = parse_paste(text.as_bytes(), None).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn sum(pasted: &Pasted, quantity: Quantity) -> Option<u64> {
    let regions = &pasted.snapshots[0].regions;
    regions
        .iter()
        .map(|region| region.quantities.get(quantity))
        .try_fold(0, |sum, bytes| Some(sum + bytes?))
}

fn virtual_bytes(pasted: &Pasted) -> u64 {
    pasted.snapshots[0].regions.iter().map(|region| region.identity.range.virtual_bytes()).sum()
}

/// Returns the text as people paste it: quoted, wrapped in a log, with other ends of lines.
fn disguises(text: &str) -> Vec<(&'static str, String)> {
    let each = |of: &dyn Fn(usize, &str) -> String| {
        let lines: Vec<String> = text.lines().enumerate().map(|(n, line)| of(n, line)).collect();
        lines.join("\n")
    };
    vec![
        ("CRLF", text.replace('\n', "\r\n")),
        ("quoted", each(&|_, line| format!("> {line}"))),
        ("quoted twice", each(&|_, line| format!(">> {line}"))),
        ("numbered", each(&|n, line| format!("{:>4}: {line}", n + 1))),
        ("logged", each(&|n, line| format!("2026-03-01T10:00:{:02}Z box app[7]: {line}", n % 60))),
        ("a prompt", format!("user@box:~$ run the tool\n{text}\nuser@box:~$ exit\n")),
        ("a fence", format!("```text\n{text}\n```\n")),
        ("no blanks at the ends", each(&|_, line| line.trim_end().to_owned())),
        ("indented", each(&|_, line| format!("    {line}"))),
    ]
}

#[test]
fn a_paste_reads_the_same_in_every_disguise() {
    for (name, text) in pastes() {
        let text = String::from_utf8(text).unwrap();
        let Ok(expected) = parse_paste(text.as_bytes(), None) else { continue };
        for (how, disguised) in disguises(&text) {
            let read = parse_paste(disguised.as_bytes(), None)
                .unwrap_or_else(|error| panic!("{name}, {how}: {error}\n{disguised}"));
            for (read, expected) in read.iter().zip(&expected) {
                assert_eq!(read.process, expected.process, "{name}, {how}");
                assert_eq!(read.snapshots, expected.snapshots, "{name}, {how}");
            }
        }
    }
}

#[test]
fn failures_of_the_tools_are_reported_as_such() {
    let failed = |text: &str| parse_paste(text.as_bytes(), None).unwrap_err().to_string();
    assert_eq!(
        failed("$ cat /proc/1/smaps\ncat: /proc/1/smaps: Permission denied\n"),
        "line 2: cat failed and printed no memory: `cat: /proc/1/smaps: Permission denied`"
    );
    assert_eq!(parse_paste(b" \n\n", None), Err(BadPaste::Empty));
    assert_eq!(
        failed("\nhello\n"),
        "line 2, `hello`: this is the output of no tool that vmrec reads"
    );
    for (name, tool) in [("failed-vmmap", "vmmap"), ("failed-footprint", "footprint")] {
        let error = failed(&paste(name));
        assert!(
            error.starts_with(&format!("line 1: {tool} failed and printed no memory")),
            "{error}"
        );
    }
    let rows = "00400000 r-xp 00000000 103:04 1074351795        4        4 java\n";
    let error = parse_paste(rows.as_bytes(), Some(PasteFormat::Pmap)).unwrap_err();
    assert!(error.to_string().contains("paste the heading"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, format in proptest::option::of(0..PasteFormat::COUNT)) {
        let _ = parse_paste(&bytes, format.map(|index| PasteFormat::ALL[index]));
    }

    #[test]
    fn mutated_pastes_are_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec![
            "\n", " ", "\t", "9", "99999999999999999999", "-", "", ":", "K", "0x", "[", "]", "kB", "\u{a0}",
            "ffffffffffffffff", "...(snip)...", ",", "é", "(reserved)", "=====", "\r\n", "> ",
        ]), 0_usize..60), 1..8),
    ) {
        let all = pastes();
        let (_, text) = which.get(&all);
        let mut text = text.clone();
        for (at, with, over) in changes {
            let at = at.index(text.len() + 1);
            let to = (at + over).min(text.len());
            text.splice(at..to, with.bytes());
        }
        let _ = parse_paste(&text, None);
    }
}
