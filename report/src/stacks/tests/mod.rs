mod exports;
mod flame;
mod over_time;

use proptest::prelude::*;
use vmrec_sampler::{LiveStack, StackFrame, StackMetric, StackNode};
use vmrec_store::LiveStacks;

use super::*;
use crate::stacks::table::StackLayout;

/// All resident memory.
const ALL: StackChoice<'static> = StackChoice { metric: StackMetric::Resident, only_type: None };

fn live(rows: &[(u32, &str, u64, u64, u64)]) -> LiveStacks {
    let row = |(stack, name, samples, bytes, variance): &(u32, &str, u64, u64, u64)| LiveStack {
        metric: StackMetric::Resident,
        stack: *stack,
        region_type: (*name).to_owned(),
        samples: *samples,
        bytes: *bytes,
        variance: *variance,
    };
    LiveStacks { rows: rows.iter().map(row).collect(), ..LiveStacks::default() }
}

fn node(id: u32, parent: u32, function: &str) -> StackNode {
    let frame = StackFrame { function: Some(function.to_owned()), ..StackFrame::default() };
    StackNode { id, parent, frame }
}

#[test]
fn changes_are_by_stack_with_their_errors_and_a_remainder() {
    let nodes = vec![node(1, 0, "main"), node(2, 1, "fill"), node(3, 1, "load")];
    let before = live(&[(2, "A", 5, 5000, 100), (3, "A", 9, 9000, 7)]);
    let after = live(&[
        (1, "A", 1, 50, 1),
        (2, "A", 9, 9000, 500),
        (2, "B", 9, 77, 0),
        (3, "A", 8, 8000, 7),
    ]);
    let diff = StackDiff::new(
        nodes.clone(),
        [&before, &after],
        StackChoice { only_type: Some("a"), ..ALL },
        [20_000, 29_000],
    );
    let shown: Vec<_> =
        diff.rows.iter().map(|row| (row.stack, row.delta(), row.error_bytes())).collect();
    assert_eq!(shown, [(2, 4000, 20 * 4096), (3, -1000, 0)]);
    assert_eq!((diff.few, diff.unattributed, diff.total), ((1, 50), 5950, 9000));
    let frames = diff.frames(2);
    let names: Vec<String> = frames.into_iter().map(frame_name).collect();
    assert_eq!(names, ["fill", "main"]);
    let diff = StackDiff::new(nodes, [&before, &after], ALL, [0, 0]);
    assert_eq!(diff.rows[0].bytes, [5000, 9077]);
}

#[test]
fn stacks_that_call_themselves_in_a_damaged_file_end() {
    let nodes = vec![node(1, 2, "a"), node(2, 1, "b"), node(3, 3, "c")];
    let diff = StackDiff::new(nodes, [&live(&[]), &live(&[])], ALL, [0, 0]);
    assert_eq!((diff.frames(2).len(), diff.frames(3).len(), diff.frames(9).len()), (2, 1, 0));
}

#[test]
fn a_line_names_what_the_program_did_before_libraries_and_after_the_start() {
    let nameless = |id, parent| {
        let module = Some("/lib/libc.so.6".to_owned());
        StackNode {
            id,
            parent,
            frame: StackFrame { module, offset: Some(0x98), ..Default::default() },
        }
    };
    let nodes = vec![
        node(1, 0, "_start"),
        node(2, 1, "main_with_a_name_that_takes_room"),
        node(3, 2, "(anonymous namespace)::handle_request(std::function<void (int)>) const"),
        node(4, 3, "operator new[](unsigned long)"),
        nameless(5, 4),
    ];
    let diff = StackDiff::new(nodes, [&live(&[]), &live(&[(5, "A", 9, 900, 0)])], ALL, [0, 900]);
    let text = |rows, width| {
        let layout = StackLayout { rows, width, color: false };
        crate::stacks::table::stack_text(&diff, &diff.rows[0], &layout)
    };
    const REQUEST: &str = "(anonymous namespace)::handle_request";
    const MAIN: &str = "main_with_a_name_that_takes_room";
    assert_eq!(text(Some(20), 80), format!("{REQUEST} < …"));
    assert_eq!(text(Some(20), 120), format!("{REQUEST} < {MAIN} < _start"));
    let whole = text(None, 60);
    assert!(whole.starts_with("libc.so.6+0x98 < operator new[](unsigned long) < "), "{whole}");
    assert!(
        whole.ends_with(
            "(std::function<void (int)>) const < main_with_a_name_that_takes_room < _start"
        ),
        "{whole}"
    );
}

#[test]
fn the_code_that_made_most_of_a_change_is_named_if_it_is_sure() {
    let nodes = || {
        vec![
            node(1, 0, "main"),
            node(2, 1, "handle(int)"),
            node(3, 2, "make(std::vector<int> const&)"),
            node(4, 3, "malloc"),
            node(5, 3, "operator new(unsigned long)"),
            node(6, 1, "free_cache"),
        ]
    };
    let made_by = |before: &LiveStacks, after: &LiveStacks, resident| {
        StackDiff::new(nodes(), [before, after], ALL, resident).made_by().map(|it| it.words())
    };
    const M: u64 = 1 << 20;
    // Two ways of getting memory are one cause; what is not attributed counts for the whole.
    let before = live(&[(6, "A", 90, 50 * M, 0)]);
    let after = live(&[(4, "A", 90, 40 * M, 9), (5, "A", 9, 20 * M, 9), (6, "A", 90, 45 * M, 0)]);
    assert_eq!(
        made_by(&before, &after, [0, 75 * M]).unwrap(),
        "about 75 % of what grew from make ← handle"
    );
    assert_eq!(
        made_by(&after, &before, [75 * M, 0]).unwrap(),
        "about 75 % of what shrank from make ← handle"
    );
    assert_eq!(made_by(&before, &after, [0, 900 * M]), None, "a small part");
    let unsure = live(&[(4, "A", 3, 40 * M, 1 << 30)]);
    assert_eq!(made_by(&live(&[]), &unsure, [0, 40 * M]), None, "a standard error of 128 MiB");
    assert_eq!(made_by(&before, &before, [9, 9]), None);
}

proptest! {
    #[test]
    fn rows_sum_to_the_change(
        rows in proptest::collection::vec((1_u32..9, 0_u64..9, 0_u64..1 << 40, 0_u64..99), 0..20),
        cut in 0_usize..20,
        resident in any::<[u32; 2]>(),
    ) {
        let rows: Vec<_> = rows.into_iter().map(|(id, n, bytes, it)| (id, "A", n, bytes, it)).collect();
        let (before, after) = rows.split_at(cut.min(rows.len()));
        let resident = resident.map(u64::from);
        let diff = StackDiff::new(Vec::new(), [&live(before), &live(after)], ALL, resident);
        let rows: i128 = diff.rows.iter().map(StackRow::delta).sum();
        prop_assert_eq!(rows + diff.few.1 + diff.unattributed, diff.total);
        prop_assert_eq!(diff.total, i128::from(resident[1]) - i128::from(resident[0]));
    }
}
