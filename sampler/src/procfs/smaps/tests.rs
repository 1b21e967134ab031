//! Tests of the smaps parser on synthetic, captured and mutated texts.

use proptest::prelude::*;

use super::*;

type ParsedRecord = (Vec<u8>, Option<Vec<u8>>, Sizes);

fn owned(record: &Record<'_>) -> ParsedRecord {
    (record.header.to_vec(), record.flags.map(<[u8]>::to_vec), record.sizes)
}

fn parse(text: &[u8], piece_bytes: usize) -> Result<Vec<ParsedRecord>, BadSmaps> {
    let mut found = Vec::new();
    let mut parser = SmapsParser::new();
    for piece in text.chunks(piece_bytes) {
        parser.feed(piece, |record| {
            found.push(owned(record));
            true
        })?;
    }
    parser.finish(|record| {
        found.push(owned(record));
        true
    })?;
    Ok(found)
}

/// Reads the text with the tolerant parser alone.
fn tolerant(mut text: &[u8]) -> Option<Vec<ParsedRecord>> {
    let mut found = Vec::new();
    while !text.is_empty() {
        let mut record = Record { header: b"", flags: None, sizes: Sizes::default() };
        let (rest, _) = line_by_line(text, true, None, &mut record)?;
        if begins_header(record.header) != Some(true) {
            return None;
        }
        found.push(owned(&record));
        text = rest;
    }
    Some(found)
}

fn capture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/{name}.smaps.zst", env!("CARGO_MANIFEST_DIR"));
    zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap()
}

const OLD: &str = "08048000-08056000 r-xp 00000000 03:0c 64593      /usr/sbin/gpm\n\
    Size:                 56 kB\nRss:                  52 kB\nShared_Clean:          0 kB\n\
    Shared_Dirty:          0 kB\nPrivate_Clean:        52 kB\nPrivate_Dirty:         0 kB\n\
    b7f0e000-b7f10000 rwxp 00000000 00:00 0 \n\
    Size:                  8 kB\nRss:                   8 kB\nShared_Clean:          0 kB\n\
    Shared_Dirty:          0 kB\nPrivate_Clean:         0 kB\nPrivate_Dirty:         8 kB\n";

#[test]
fn sizes_that_an_old_kernel_does_not_print_are_unknown() {
    let found = parse(OLD.as_bytes(), 10).unwrap();
    assert_eq!(found.len(), 2);
    let (header, flags, sizes) = &found[1];
    assert!(header.starts_with(b"b7f0e000-b7f10000 "));
    assert_eq!(*flags, None);
    assert_eq!(sizes.get(Field::PrivateDirty), Some(8192));
    assert_eq!(sizes.get(Field::Pss), None);
    assert_eq!(sizes.get(Field::Swap), None);
}

#[test]
fn lines_may_come_and_go_from_mapping_to_mapping() {
    let text = "1000-2000 r--p 0 0:0 0 \nRss:                   4 kB\nVmFlags: rd \n\
        2000-3000 r--p 0 0:0 0 \nVmFlags: wr \nFuture: many things: 3\nRss: 123456789012 kB\n\
        3000-4000 r--p 0 0:0 0 \nRss:                   8 kB\nVmFlags: ex \nSwap:                  4 kB\n\
        4000-5000 r--p 0 0:0 0 \n";
    for piece_bytes in [1, 7, 28, 1000] {
        let found = parse(text.as_bytes(), piece_bytes).unwrap();
        let rss: Vec<_> = found.iter().map(|(_, _, sizes)| sizes.get(Field::Rss)).collect();
        assert_eq!(rss, [Some(4096), Some(123_456_789_012 * 1024), Some(8192), None]);
        assert_eq!(found[2].1.as_deref(), Some(&b"ex"[..]));
        assert_eq!(found[2].2.get(Field::Swap), Some(4096));
        assert_eq!(found[3].1, None);
    }
}

#[test]
fn other_texts_are_refused_with_their_line() {
    assert_eq!(parse(b"Rss: 4 kB\n", 100).unwrap_err().line, 1);
    let refused = SmapsParser::new().feed(b"1-2 bad\nRss: 1 kB\n2-3 \n", |_| false).unwrap_err();
    assert_eq!(refused, BadSmaps { line: 1, text: "1-2 bad".into() });
    // An endless mapping does not take endless memory.
    let endless = vec![b'1'; MAX_BYTES + 1];
    let refused = parse(&endless, 3000).unwrap_err();
    assert!(refused.text.len() <= 200);
}

#[test]
fn a_bad_header_far_down_is_named_by_its_line() {
    let text = "1000-2000 r--p 0 0:0 0 \nRss: 4 kB\n2000-3000 r--p 0 0:0 0 \nRss: 4 kB\n3000-bad\n";
    let mut parser = SmapsParser::new();
    let good = |record: &Record<'_>| !record.header.ends_with(b"bad");
    parser.feed(text.as_bytes(), good).unwrap();
    assert_eq!(parser.finish(good).unwrap_err().line, 5);
}

#[test]
fn captures_read_the_same_in_pieces_and_as_the_tolerant_parser_reads_them() {
    for name in ["chromium_renderer", "postgres_backend", "go_plain", "glibc_misc"] {
        let text = capture(name);
        let expected = tolerant(&text).unwrap();
        for piece_bytes in [1000, 3000, text.len()] {
            assert!(parse(&text, piece_bytes).unwrap() == expected, "{name} by {piece_bytes}");
        }
    }
}

#[test]
fn captures_add_up_to_what_the_kernel_added_up() {
    for name in ["chromium_renderer", "postgres_backend", "go_plain", "glibc_misc"] {
        let path = format!("{}/fixtures/{name}.smaps_rollup", env!("CARGO_MANIFEST_DIR"));
        let rollup = std::fs::read(path).unwrap();
        let rollup = &parse(&rollup, 3000).unwrap()[0].2;
        let found = parse(&capture(name), 3000).unwrap();
        for field in Field::ALL {
            let sum: u64 = found.iter().filter_map(|(_, _, sizes)| sizes.get(*field)).sum();
            // Each mapping's share is rounded down to whole kB, the rollup's once.
            let slack = if *field == Field::Pss { found.len() as u64 * 1024 } else { 0 };
            let whole = rollup.get(*field).unwrap();
            assert!(sum <= whole && whole - sum <= slack, "{name} {field:?}: {sum} of {whole}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_read_as_the_tolerant_parser_reads_them(
        text in prop_oneof![
            any::<Vec<u8>>(),
            "([0-9a-f]{1,4}-[0-9a-f]{1,4} r--p 0 0:0 0 ?\n(Rss: +[0-9]{0,3} kB\n)?[ -~]{0,9}\n?){0,4}"
                .prop_map(String::into_bytes),
        ],
        piece_bytes in 1_usize..50,
    ) {
        prop_assert_eq!(parse(&text, piece_bytes).ok(), tolerant(&text));
    }

    #[test]
    fn mutated_captures_read_as_the_tolerant_parser_reads_them(
        changes in proptest::collection::vec((0_usize..21_000, proptest::sample::select(vec![
            &b"\n"[..], b" ", b"9", b"123456789", b":", b"-", b"", b"kB\n",
            b"7f00-8000 r--p 0 0:0 0 \n", b"Rss:                   4 kB\n",
        ]), 0_usize..3), 0..6),
        piece_bytes in prop_oneof![Just(3000_usize), 1_usize..300],
    ) {
        let mut text = capture("go_plain");
        for (at, with, over) in changes {
            let at = at.min(text.len());
            let to = (at + over * 20).min(text.len());
            text.splice(at..to, with.iter().copied());
        }
        prop_assert_eq!(parse(&text, piece_bytes).ok(), tolerant(&text));
    }
}
