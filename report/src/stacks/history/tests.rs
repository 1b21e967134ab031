use jiff::tz::TimeZone;
use vmrec_sampler::{BlockChanges, ProcessId, ProcessInfo, StackCounts, Timestamp};
use vmrec_store::RecordingId;

use super::*;
use crate::stacks::history::document::HistoryDocument;
use crate::stacks::history::page::HistoryHead;

fn node(id: u32, parent: u32, name: &str) -> StackNode {
    let function = Some(name.to_owned());
    StackNode { id, parent, frame: StackFrame { function, ..StackFrame::default() } }
}

fn live(begun: &[BlockBegin], ended: &[BlockEnd], left_out: u64) -> LiveStacks {
    let allocs = AllocCounts { mean_bytes: 1 << 19, lost_samples: 0, lost_ends: 0, is_whole: true };
    LiveStacks {
        counts: StackCounts { allocs: Some(allocs), ..StackCounts::default() },
        blocks: BlockChanges { begun: begun.to_vec(), ended: ended.to_vec(), left_out },
        rows: Vec::new(),
    }
}

fn history() -> BlockHistory {
    let nodes = [node(1, 0, "main"), node(2, 1, "take\u{1b}"), node(3, 1, "give_back")];
    let mut history = BlockHistory::new(0x1010, nodes.to_vec());
    let begin =
        |id, address, bytes, time_ns, stack| BlockBegin { id, address, bytes, time_ns, stack };
    let second = 1_000_000_000;
    let begun = [begin(1, 0x1000, 32, second, 2), begin(2, 0x1000, 16, second, 2)];
    history.see(1, &live(&begun, &[], 7));
    let ended = [BlockEnd { id: 1, time_ns: Some(3 * second), stack: 3 }];
    history.see(2, &live(&[begin(3, 0x1010, 1, 4 * second, 0)], &ended, 0));
    history.see(3, &live(&[], &[BlockEnd { id: 3, time_ns: None, stack: 0 }], 0));
    history.see(4, &live(&[begin(4, 0x1008, 64, 9 * second, 2)], &[], 0));
    history
}

fn at(number: u64, seconds: u64) -> Resolved {
    let monotonic_ns = seconds * 1_000_000_000;
    let utc_ns = 1_795_677_519_000_000_000 + monotonic_ns as i64;
    let taken = Timestamp { utc_ns, monotonic_ns };
    Resolved { number, taken, asked_utc_ns: utc_ns, off_by_ns: 0 }
}

fn process() -> ProcessInfo {
    ProcessInfo {
        id: ProcessId { pid: 7, start_ticks: 0, boot_id: String::new() },
        parent_pid: None,
        started_utc_ns: None,
        executable: Some("/usr/bin/shop".to_owned()),
        executable_deleted: false,
        architecture: None,
        arguments: Vec::new(),
        short_name: String::new(),
        user_id: None,
    }
}

#[test]
fn a_block_holds_an_address_from_its_begin_to_its_end() {
    let history = history();
    let ids = |at: Option<&Resolved>| -> Vec<u64> {
        history.blocks(at).iter().map(|block| block.begin.id).collect()
    };
    assert_eq!(ids(None), [4, 3, 1]);
    for (number, seconds, held) in [(1, 0, &[][..]), (1, 2, &[1]), (2, 3, &[]), (2, 4, &[3])] {
        assert_eq!(ids(Some(&at(number, seconds))), held, "{seconds}");
    }
    assert_eq!(ids(Some(&at(3, 8))), [0; 0]);
    assert_eq!(ids(Some(&at(4, 9))), [4]);
    assert!(!BlockHistory::new(5, Vec::new()).has_blocks());
}

#[test]
fn the_page_and_the_document_have_each_block_with_both_stacks() {
    let (history, process, end) = (history(), process(), at(4, 9));
    let head = HistoryHead {
        recording: RecordingId(3),
        process: &process,
        at: None,
        region: None,
        clock: end.taken,
        time_zone: &TimeZone::UTC,
    };
    let pages = [
        history.page(&head, &history.blocks(None), 10),
        history.page(&HistoryHead { at: Some(&end), region: Some("malloc"), ..head }, &[], 10),
        history.page(&head, &history.blocks(None), 1),
    ];
    insta::assert_snapshot!(pages.join("--\n"));
    let document = HistoryDocument::new(&history, &head, &history.blocks(None));
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}
