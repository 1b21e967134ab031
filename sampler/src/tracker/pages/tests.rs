use proptest::prelude::*;

use super::*;
use crate::procfs::mapping::tests::mappings;
use crate::procfs::pagemap::Entry;
use crate::region::AddressRange;
use crate::tracker::pages::part::{PIECE_BYTES, PageKind, Run};

const PAGE: u64 = 4096;
const SECOND: u64 = 1_000_000_000;
const EXCLUSIVE: u64 = 1 << 63 | 1 << 56;
const SHARED: u64 = 1 << 63;
const OF_FILE: u64 = 1 << 63 | 1 << 61;

/// Pages of a made-up process, as ascending runs with the entry that each of their pages has.
#[derive(Clone, Default)]
struct Memory(Vec<(Run, u64)>);

impl Memory {
    fn with(mut self, start: u64, pages: u64, kind: PageKind, entry: u64) -> Self {
        let range = AddressRange::new(start, start + pages * PAGE);
        self.0.push((Run { range, kind }, entry));
        self
    }

    fn entry(&self, address: u64) -> u64 {
        let holds = |(run, _): &&(Run, u64)| (run.range.start..run.range.end).contains(&address);
        self.0.iter().find(holds).map_or(0, |(_, entry)| *entry)
    }

    /// Counts; returns also how many entries were read.
    fn count(&self, pages: &mut Pages, list: &str, now_ns: u64) -> (Vec<Option<Tally>>, usize) {
        let mut read = 0;
        let mut source = Source {
            runs: &mut |range, each| {
                for (run, _) in self.0.iter().filter(|(run, _)| run.range.overlaps(range)) {
                    let start = run.range.start.max(range.start);
                    let end = run.range.end.min(range.end);
                    each(Run { range: AddressRange::new(start, end), kind: run.kind });
                }
                true
            },
            entries: &mut |address, entries| {
                for (page, entry) in (0..).zip(&mut *entries) {
                    *entry = Entry(self.entry(address + page * PAGE));
                }
                read += entries.len();
                entries.len()
            },
            page_bytes: PAGE,
        };
        let tallies = pages.count(&mappings(list), &|_| true, now_ns, &mut source);
        (tallies, read)
    }

    fn exclusive(&self, pages: &mut Pages, list: &str, now_ns: u64) -> Vec<Option<u64>> {
        let (tallies, _) = self.count(pages, list, now_ns);
        tallies.into_iter().map(|tally| tally.and_then(|it| it.exclusive)).collect()
    }
}

/// A gibibyte of anonymous memory.
const HEAP: &str = "40000000-80000000 rw-p 0 0:0 0 ";

fn heap(entry: u64) -> Memory {
    Memory::default().with(0x4000_0000, 1 << 18, PageKind::Small, entry)
}

#[test]
fn entries_are_read_of_new_pages_and_of_others_in_turns() {
    let mut pages = Pages::default();
    let (tallies, read) = heap(EXCLUSIVE).count(&mut pages, HEAP, SECOND);
    let all = Tally { small: 1 << 30, exclusive: Some(1 << 30), ..Tally::NOTHING };
    assert_eq!((tallies, read), (vec![Some(all)], 1 << 18));
    let (_, read) = heap(EXCLUSIVE).count(&mut pages, HEAP, 3 * SECOND);
    assert_eq!(read, 1 << 14, "one piece of 16");
    let grown = "40000000-80001000 rw-p 0 0:0 0 ";
    let more = heap(EXCLUSIVE).with(0x8000_0000, 1, PageKind::Small, EXCLUSIVE);
    let (tallies, read) = more.count(&mut pages, grown, 3 * SECOND);
    assert_eq!(tallies[0].unwrap().exclusive, Some((1 << 30) + PAGE));
    assert!(read < 1 << 14, "{read}");
}

#[test]
fn all_is_read_when_a_fork_shows() {
    let mut pages = Pages::default();
    for (now, entry, bytes) in [(1, EXCLUSIVE, 1 << 30), (3, SHARED, 0), (5, EXCLUSIVE, 1 << 30)] {
        let exclusive = heap(entry).exclusive(&mut pages, HEAP, now * SECOND);
        assert_eq!(exclusive, [Some(bytes)], "{now} s");
    }
}

#[test]
fn private_pages_are_unknown_until_the_budget_allows_to_read_them() {
    let list = "100000000-700000000 rw-p 0 0:0 0 ";
    let huge = Memory::default().with(1 << 32, 6 << 18, PageKind::Small, EXCLUSIVE);
    let mut pages = Pages::default();
    let whole = huge.clone().with((1 << 32) + (6 << 30), 18 << 18, PageKind::Small, EXCLUSIVE);
    assert_eq!(whole.exclusive(&mut pages, list, 0), [None]);
    let (tallies, read) = whole.count(&mut pages, list, 4 * SECOND);
    assert_eq!((tallies[0].unwrap().exclusive, tallies[0].unwrap().small), (None, 24 << 30));
    assert_eq!(read, 4 << 18, "a gibibyte a second");
    assert_eq!(whole.exclusive(&mut pages, list, 30 * SECOND), [Some(24 << 30)]);
    // Those that go need no entries.
    assert_eq!(huge.exclusive(&mut pages, list, 30 * SECOND), [Some(6 << 30)]);
}

#[test]
fn pages_that_come_while_the_budget_is_spent_are_taken_for_the_process_s_own() {
    let mut pages = Pages { budget: Budget::default(), ..Pages::default() };
    let half = Memory::default().with(0x4000_0000, 100, PageKind::Small, SHARED);
    assert_eq!(half.exclusive(&mut pages, HEAP, SECOND), [Some(0)]);
    assert!(pages.budget.take(4_194_204));
    let more = half.with(0x4000_0000 + 100 * PAGE, 28, PageKind::Small, EXCLUSIVE);
    assert_eq!(more.exclusive(&mut pages, HEAP, SECOND), [Some(28 * PAGE)]);
    let library = "40000000-80000000 r--p 0 8:1 9 /lib/a";
    let file = Memory::default().with(0x4000_0000, 10, PageKind::Small, OF_FILE);
    let (tallies, _) = file.count(&mut pages, library, SECOND);
    let unknown = Tally { small: 10 * PAGE, exclusive: None, of_files: None, ..Tally::NOTHING };
    assert_eq!(tallies, [Some(unknown)], "another object is there");
}

#[test]
fn huge_pages_that_others_map_leave_private_ones_unknown() {
    let of = |entry| Memory::default().with(0x4000_0000, 512, PageKind::Huge, entry);
    let count = |memory: Memory, list| memory.count(&mut Pages::default(), list, 0).0[0].unwrap();
    assert_eq!(count(of(EXCLUSIVE), HEAP).exclusive, Some(2 << 20));
    let blurred = count(of(SHARED), HEAP);
    assert_eq!((blurred.exclusive, blurred.of_files), (None, Some(0)));
    let hugetlb = "40000000-80000000 rw-p 0 0:f 9 /anon_hugepage (deleted)|rd wr ht";
    assert_eq!(count(of(SHARED), hugetlb).exclusive, Some(0));
}

#[test]
fn what_cannot_be_walked_is_unknown_and_neighbours_are_walked_at_once() {
    let list = mappings(
        "10000000-10001000 rw-p 0 0:0 0
         10002000-10003000 rw-p 0 0:0 0
         10003000-10004000 r--p 0 0:0 0 [vvar]
         10004000-10005000 rw-p 0 0:0 0
         7f0000000000-7f0000001000 rw-p 0 0:0 0 ",
    );
    let mut walked = Vec::new();
    let mut source = Source {
        runs: &mut |range, _| {
            walked.push((range.start, range.end));
            range.start != 0x1000_4000
        },
        entries: &mut |_, _| 0,
        page_bytes: PAGE,
    };
    let wanted = |mapping: &Mapping| mapping.name() != "[vvar]";
    let tallies = Pages::default().count(&list, &wanted, 0, &mut source);
    let nothing = Some(Tally::NOTHING);
    assert_eq!(tallies, [nothing, nothing, nothing, None, nothing]);
    let [a, b, c] = [
        (0x1000_0000, 0x1000_3000),
        (0x1000_4000, 0x1000_5000),
        (0x7f00_0000_0000, 0x7f00_0000_1000),
    ];
    assert_eq!(walked, [a, b, c]);
}

/// A mapping, as pages from the one before, pages of it, and whether it is of a file.
type Laid = (u64, Vec<Option<(u8, u8)>>, bool);

/// Lays mappings out around the border of two pieces.
fn lay_out(laid: &[Laid]) -> (String, Memory, Vec<Tally>) {
    let (mut list, mut memory, mut tallies) = (String::new(), Memory::default(), Vec::new());
    let mut at = 16 * PIECE_BYTES - 60 * PAGE;
    for (gap, pages, file) in laid {
        at += gap * PAGE;
        let end = at + pages.len() as u64 * PAGE;
        let object = if *file { "8:1 9 /lib/a" } else { "0:0 0 " };
        list += &format!("{at:x}-{end:x} rw-p {at:x} {object}\n");
        let mut tally = Tally::NOTHING;
        for (page, (kind, entry)) in (0..).zip(pages).filter_map(|(n, it)| Some((n, (*it)?))) {
            let (kind, sum) = match kind % 3 {
                0 => (PageKind::Small, &mut tally.small),
                1 => (PageKind::Huge, &mut tally.huge),
                _ => (PageKind::Swapped, &mut tally.swapped),
            };
            *sum += PAGE;
            let entry = match (kind, entry % 3) {
                (PageKind::Swapped, _) => 1 << 62,
                (PageKind::Huge, _) | (_, 0) => EXCLUSIVE,
                (_, 1) => SHARED,
                _ => OF_FILE,
            };
            tally.exclusive =
                tally.exclusive.map(|sum| sum + if entry == EXCLUSIVE { PAGE } else { 0 });
            tally.of_files =
                tally.of_files.map(|sum| sum + if entry == OF_FILE { PAGE } else { 0 });
            memory = memory.with(at + page * PAGE, 1, kind, entry);
        }
        tallies.push(tally);
        at = end;
    }
    (list, memory, tallies)
}

fn laid() -> impl Strategy<Value = Vec<Laid>> {
    let page = prop::option::of((any::<u8>(), any::<u8>()));
    let pages = prop::collection::vec(page, 1..40);
    prop::collection::vec((0_u64..5, pages, any::<bool>()), 0..8)
}

proptest! {
    #[test]
    fn all_pages_are_counted_by_who_has_them(laid in laid()) {
        let (list, memory, expected) = lay_out(&laid);
        let (tallies, _) = memory.count(&mut Pages::default(), &list, 0);
        prop_assert_eq!(tallies, expected.into_iter().map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn pages_are_exact_whatever_came_before_and_no_part_exceeds_them(
        before in laid(),
        now in laid(),
        spent: bool,
    ) {
        let mut pages = Pages::default();
        let (list, memory, _) = lay_out(&before);
        memory.count(&mut pages, &list, 0);
        if spent {
            pages.budget = Budget::default();
            prop_assert!(pages.budget.take(4 << 20));
        }
        let (list, memory, expected) = lay_out(&now);
        let (tallies, _) = memory.count(&mut pages, &list, 0);
        for (tally, expected) in tallies.into_iter().zip(&expected) {
            let tally = tally.unwrap();
            let of = |tally: &Tally| [tally.small, tally.huge, tally.swapped];
            prop_assert_eq!(of(&tally), of(expected));
            let present = tally.small + tally.huge;
            prop_assert!(tally.exclusive.is_none_or(|bytes| bytes <= present));
            prop_assert!(tally.of_files.is_none_or(|bytes| bytes <= present));
        }
        // A minute later all is read again.
        let (tallies, _) = memory.count(&mut pages, &list, 61 * SECOND);
        prop_assert_eq!(tallies, expected.into_iter().map(Some).collect::<Vec<_>>());
    }
}
