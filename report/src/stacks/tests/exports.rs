//! Stacks in the formats of other programs.

use super::*;
use crate::stacks::folded::folded;
use crate::stacks::pprof::{ProfileHead, pprof};
use crate::stacks::speedscope::Speedscope;

/// Two stacks of equal frames, of which one grew, one that shrank, one of few samples, and one
/// whose frames are unknown.
pub(super) fn sample_diff() -> StackDiff {
    let nodes = vec![
        node(1, 0, "main"),
        node(2, 1, "fill(a;b)\u{1b}"),
        node(3, 1, "free_some"),
        node(4, 1, "fill(a;b)\u{1b}"),
        StackNode {
            id: 5,
            parent: 2,
            frame: StackFrame {
                module: Some("/lib/libc.so.6".to_owned()),
                offset: Some(0x98),
                ..StackFrame::default()
            },
        },
    ];
    let before = live(&[(3, "A", 90, 9000, 70)]);
    let after = live(&[
        (2, "A", 50, 5000, 100),
        (3, "A", 10, 1000, 80),
        (4, "A", 5, 500, 4),
        (5, "A", 1, 100, 9),
        (99, "A", 5, 40, 9),
    ]);
    StackDiff::new(nodes, [&before, &after], ALL, [20_000, 17_000])
}

fn head() -> ProfileHead {
    ProfileHead { utc_ns: 9, span_ns: 5, comment: "a comment".to_owned() }
}

#[test]
fn folded_lines_have_each_stack_once_and_sum_to_the_change() {
    insta::assert_snapshot!(folded(&sample_diff()), @r"
    [unattributed] -640
    main;free_some -8000
    main;fill(a:b)\x1b 5500
    main;fill(a:b)\x1b;libc.so.6+0x98 100
    [stack unknown] 40
    ");
}

#[test]
fn speedscope_has_a_profile_of_the_grown_and_one_of_the_shrunk() {
    let file = Speedscope::new("a name".to_owned(), &sample_diff());
    insta::assert_snapshot!(serde_json::to_string_pretty(&file).unwrap());
    let shrunk = StackDiff::new(Vec::new(), [&live(&[]), &live(&[])], ALL, [9, 2]);
    let file = serde_json::to_value(Speedscope::new(String::new(), &shrunk)).unwrap();
    assert_eq!(
        (&file["activeProfileIndex"], &file["profiles"][1]["weights"][0]),
        (&1.into(), &7.into())
    );
}

/// The fields of a message: numbers, and the bytes of the rest.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = varint(&mut bytes);
        let (inner, rest) = bytes.split_at(if key & 7 == 2 { value as usize } else { 0 });
        assert!(matches!(key & 7, 0 | 2));
        bytes = rest;
        all.push((key >> 3, value, inner));
    }
    all
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap();
    let (number, rest) = bytes.split_at(end + 1);
    *bytes = rest;
    number.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
}

/// Returns the three values and the names, innermost first, of each sample.
fn samples(file: &[u8]) -> Vec<([i64; 3], Vec<String>)> {
    assert_eq!(file[..4], [0x1f, 0x8b, 8, 0]);
    let plain = miniz_oxide::inflate::decompress_to_vec(&file[10..file.len() - 8]).unwrap();
    assert_eq!(file[file.len() - 4..], (plain.len() as u32).to_le_bytes());
    let all = fields(&plain);
    let of = |number: u64| all.iter().filter(move |it| it.0 == number).map(|it| it.2);
    let texts: Vec<&str> = of(6).map(|text| std::str::from_utf8(text).unwrap()).collect();
    let find = |number: u64, id: u64| {
        of(number).map(fields).find(|it| it.iter().any(|it| (it.0, it.1) == (1, id))).unwrap()
    };
    let get =
        |of: &[(u64, u64, &[u8])], number: u64| of.iter().find(|it| it.0 == number).unwrap().1;
    let packed = |mut bytes: &[u8]| {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            all.push(varint(&mut bytes));
        }
        all
    };
    of(2)
        .map(|sample| {
            let sample = fields(sample);
            let list = |number: u64| packed(sample.iter().find(|it| it.0 == number).unwrap().2);
            let name = |location: u64| {
                let location = find(4, location);
                let line = fields(location.iter().find(|it| it.0 == 4).unwrap().2);
                texts[get(&find(5, get(&line, 1)), 2) as usize].to_owned()
            };
            let values: Vec<i64> = list(2).into_iter().map(|value| value as i64).collect();
            (values.try_into().unwrap(), list(1).into_iter().map(name).collect())
        })
        .collect()
}

#[test]
fn a_profile_of_pprof_has_the_change_as_such_and_by_sign() {
    let samples = samples(&pprof(&head(), &sample_diff()));
    let shown: Vec<String> =
        samples.iter().map(|(values, names)| format!("{values:?} {}", names.join(" < "))).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    [-8000, 0, 8000] free_some < main
    [5500, 5500, 0] fill(a;b)\x1b < main
    [100, 100, 0] libc.so.6+0x98 < fill(a;b)\x1b < main
    [40, 40, 0] [stack unknown]
    [-640, 0, 640] [unattributed]
    ");
}

/// Any comparison of stacks, some of which have frames.
pub(super) fn any_diff() -> impl Strategy<Value = StackDiff> {
    let rows =
        || proptest::collection::vec((1_u32..12, 0_u64..9, 0_u64..1 << 40, 0_u64..99), 0..20);
    let parents = proptest::collection::vec((0_u32..9, "[a-c;< ]{0,3}"), 0..9);
    (parents, rows(), rows(), any::<[u32; 2]>()).prop_map(|(parents, before, after, resident)| {
        let nodes = (1..).zip(parents).map(|(id, (parent, name))| node(id, parent % id, &name));
        let [before, after] = [before, after].map(|rows| {
            let row = |(id, n, bytes, it)| (id, "A", n, bytes, it);
            live(&rows.into_iter().map(row).collect::<Vec<_>>())
        });
        StackDiff::new(nodes.collect(), [&before, &after], ALL, resident.map(u64::from))
    })
}

proptest! {
    #[test]
    fn every_format_sums_to_the_change(diff in any_diff()) {
        let lines = folded(&diff);
        let value = |line: &str| line.rsplit_once(' ').unwrap().1.parse::<i128>().unwrap();
        prop_assert_eq!(lines.lines().map(value).sum::<i128>(), diff.total);
        let file = serde_json::to_value(Speedscope::new(String::new(), &diff)).unwrap();
        let weights = |at: usize| -> i128 {
            let all = file["profiles"][at]["weights"].as_array().unwrap().iter();
            all.map(|weight| i128::from(weight.as_u64().unwrap())).sum()
        };
        prop_assert_eq!(weights(0) - weights(1), diff.total);
        for profile in file["profiles"].as_array().unwrap() {
            let frames = file["shared"]["frames"].as_array().unwrap().len() as u64;
            for sample in profile["samples"].as_array().unwrap() {
                prop_assert!(sample.as_array().unwrap().iter().all(|it| it.as_u64().unwrap() < frames));
            }
        }
        let samples = samples(&pprof(&head(), &diff));
        let sum = |at: usize| samples.iter().map(|it| i128::from(it.0[at])).sum::<i128>();
        prop_assert_eq!((sum(0), sum(1) - sum(2)), (diff.total, diff.total));
    }
}
