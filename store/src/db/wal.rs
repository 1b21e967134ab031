//! Looks for damage in SQLite's write-ahead log, which SQLite itself never
//! reports: it takes the first frame that does not match its checksum for the
//! end of the log.
//!
//! Often that is right: a killed recorder or a power cut leaves the last
//! transaction half written, and older frames from before the log was restarted
//! follow the end. But each transaction is on the disk before the next one
//! begins. So an unreadable transaction is damage if another one follows it,
//! which the chained checksums show. Format:
//! <https://sqlite.org/fileformat2.html#walformat>.

use std::fs::File;
use std::io;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use crate::db::lock::beside;
use crate::db::open::PAGE_BYTES;

/// Bytes before the frames of a log.
pub(crate) const HEADER_BYTES: usize = 32;
/// Bytes before the page of a frame.
pub(crate) const FRAME_HEADER_BYTES: usize = 24;
/// Its last bit is the byte order of the checksums.
const MAGIC: u32 = 0x377f_0682;
/// A disk writes at least so many bytes wholly or not at all.
const SECTOR_BYTES: u64 = 512;
/// How often to read a log that is restarted in the meantime.
const TRIES: u32 = 5;

/// Adds the damage of the log of the file at `path` to `problems`.
pub(crate) fn problems(path: &Path, problems: &mut Vec<String>) -> io::Result<()> {
    let log = beside(path, "-wal");
    for _ in 0..TRIES {
        let begun = match header_of(&log) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        let found = loss(BufReader::with_capacity(1 << 16, File::open(&log)?))?;
        // If a recorder restarted the log, its frames are of two generations: the header is written
        // before them.
        if header_of(&log).is_ok_and(|now| now == begun) {
            problems.extend(found.map(|Loss { whole, frames }| {
                format!(
                    "the log {} is damaged after {whole} of {frames} frames: the newest samples may be lost",
                    log.display()
                )
            }));
            return Ok(());
        }
    }
    Ok(())
}

fn header_of(log: &Path) -> io::Result<Vec<u8>> {
    let mut header = Vec::new();
    File::open(log)?.take(HEADER_BYTES as u64).read_to_end(&mut header)?;
    Ok(header)
}

/// How much of a damaged log SQLite reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Loss {
    /// The number of frames before the first damaged one.
    whole: u64,
    /// The number of frames since the log was started.
    frames: u64,
}

/// Returns how much of a log is lost, `None` if no durable transaction is.
fn loss(mut log: impl Read) -> io::Result<Option<Loss>> {
    let mut bytes = [0; HEADER_BYTES];
    if !fill(&mut log, &mut bytes)? {
        return Ok(None);
    }
    let header = LogHeader::of(&bytes);
    let page_bytes = header.as_ref().map_or(PAGE_BYTES, |header| header.page_bytes);
    let mut page = vec![0; page_bytes];
    let mut frame = [0; FRAME_HEADER_BYTES];
    let (mut whole, mut number, mut frames) = (0, 0, 0);
    let begun = header.as_ref().map_or((0, 0), |header| header.sums);
    let mut before = Before { stored: begun, computed: begun, commits: false, own: true };
    let mut lost = false;
    // `ended`: the frame before ends an unreadable transaction. `hole`: after such a frame came one
    // that does not belong to the log; if later frames do, the log has a hole.
    let (mut ended, mut hole) = (false, false);
    let mut alone: Option<Alone> = None;
    while fill(&mut log, &mut frame)? && fill(&mut log, &mut page)? {
        number += 1;
        let mut commits = word(&frame, 4) != 0;
        let Some(header) = &header else {
            // The header is on the disk before the frames: without it none of them can be read.
            (frames, lost) = (number, lost || commits);
            continue;
        };
        let sums = |before| header.frame_sums(before, &frame, &page);
        let stored = (word(&frame, 16), word(&frame, 20));
        let computed = sums(before.stored);
        let follows = stored == computed || stored == sums(before.computed);
        let own = frame[8..16] == header.salts;
        let torn = may_be_torn(number, page_bytes);
        if commits && stored != computed && torn {
            commits = false;
            alone = (whole + 1 == number).then_some(Alone { last: number, commits });
        } else if before.commits && !before.own && torn {
            before.commits = false;
            alone = (whole + 2 == number && follows).then_some(Alone { last: number, commits });
        } else if let Some(damaged) = &mut alone
            && damaged.last + 1 == number
            && follows
        {
            *damaged = Alone { last: number, commits };
        }
        if own {
            frames = number;
            if stored == computed && whole + 1 == number {
                whole = number;
            } else if before.commits && follows {
                lost = true;
            }
            lost |= hole;
            ended = commits && whole < number;
        } else {
            hole |= ended;
        }
        before = Before { stored, computed, commits, own };
    }
    lost |= alone.is_some_and(|damaged| damaged.commits && damaged.last == frames);
    Ok(lost.then_some(Loss { whole, frames }))
}

/// Returns whether a power cut can write the salts in the header of this frame, which make it one of
/// the log, without the end of the transaction before them or the checksums after them, and leave
/// those of an older log.
fn may_be_torn(number: u64, page_bytes: usize) -> bool {
    let begins = HEADER_BYTES as u64 + (number - 1) * (FRAME_HEADER_BYTES + page_bytes) as u64;
    [8, 16].iter().any(|split| (begins + split).is_multiple_of(SECTOR_BYTES))
}

/// A damaged frame that may end its transaction, and the frames that follow it without a fault. If
/// all do, to the end of a transaction, a power cut would have torn this one alone.
struct Alone {
    /// The number of the last of the frames.
    last: u64,
    /// Whether that one ends a transaction.
    commits: bool,
}

/// The frame before, which may be damaged: in its checksums, its salts or its data.
struct Before {
    stored: (u32, u32),
    computed: (u32, u32),
    commits: bool,
    own: bool,
}

/// The header of a log.
pub(crate) struct LogHeader {
    big_endian: bool,
    /// The size of the pages in its frames.
    pub(crate) page_bytes: usize,
    /// Repeated in each frame that belongs to the log.
    pub(crate) salts: [u8; 8],
    /// Its checksums, which those of the first frame continue.
    pub(crate) sums: (u32, u32),
}

impl LogHeader {
    /// Parses a header, `None` if it is damaged.
    pub(crate) fn of(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let big_endian = word(bytes, 0) == MAGIC | 1;
        let sums = summed((0, 0), &bytes[..24], big_endian);
        let page_bytes = word(bytes, 8) as usize;
        let good = word(bytes, 0) | 1 == MAGIC | 1
            && sums == (word(bytes, 24), word(bytes, 28))
            && (512..=1 << 16).contains(&page_bytes);
        let salts = bytes[16..24].try_into().ok()?;
        good.then_some(Self { big_endian, page_bytes, salts, sums })
    }

    /// Returns the checksums of a frame and its page that continue `before`.
    pub(crate) fn frame_sums(
        &self,
        before: (u32, u32),
        frame: &[u8; FRAME_HEADER_BYTES],
        page: &[u8],
    ) -> (u32, u32) {
        summed(summed(before, &frame[..8], self.big_endian), page, self.big_endian)
    }
}

/// Continues the checksums `sums` with these bytes.
fn summed(mut sums: (u32, u32), bytes: &[u8], big_endian: bool) -> (u32, u32) {
    let number = if big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
    for &[a, b, c, d, e, f, g, h] in bytes.as_chunks::<8>().0 {
        sums.0 = sums.0.wrapping_add(number([a, b, c, d])).wrapping_add(sums.1);
        sums.1 = sums.1.wrapping_add(number([e, f, g, h])).wrapping_add(sums.0);
    }
    sums
}

/// Returns the big-endian number at `offset`, 0 beyond the end.
pub(crate) fn word(bytes: &[u8], offset: usize) -> u32 {
    bytes
        .get(offset..)
        .and_then(|bytes| bytes.first_chunk())
        .map_or(0, |word| u32::from_be_bytes(*word))
}

/// Fills `bytes`; `false` if the log ends before.
fn fill(log: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(bytes) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        other => other.map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGE: usize = PAGE_BYTES;
    const FRAME: usize = FRAME_HEADER_BYTES + PAGE;

    fn header(salts: [u8; 8], big_endian: bool) -> (Vec<u8>, (u32, u32)) {
        let mut bytes = Vec::new();
        for number in [MAGIC | u32::from(big_endian), 3_007_000, PAGE as u32, 0] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(salts);
        let sums = summed((0, 0), &bytes, big_endian);
        bytes.extend(sums.0.to_be_bytes());
        bytes.extend(sums.1.to_be_bytes());
        (bytes, sums)
    }

    /// Appends transactions of so many frames, and returns the end of each.
    fn frames(
        log: &mut Vec<u8>,
        mut sums: (u32, u32),
        transactions: &[usize],
        fill: u8,
    ) -> Vec<usize> {
        let salts: [u8; 8] = log[16..24].try_into().unwrap();
        let big_endian = word(log, 0) & 1 == 1;
        let mut ends = Vec::new();
        for &count in transactions {
            for left in (0..count).rev() {
                let commit = if left == 0 { 0x0101_0101_u32 } else { 0 };
                let mut frame = [7_u32.to_be_bytes(), commit.to_be_bytes()].concat();
                let page: Vec<u8> =
                    (0..PAGE).map(|offset| offset as u8 ^ fill ^ left as u8).collect();
                sums = summed(summed(sums, &frame, big_endian), &page, big_endian);
                frame.extend(salts);
                frame.extend(sums.0.to_be_bytes());
                frame.extend(sums.1.to_be_bytes());
                frame.extend(page);
                log.extend(frame);
            }
            ends.push(log.len());
        }
        ends
    }

    proptest! {
        #[test]
        fn a_damaged_transaction_that_another_follows_is_detected(
            transactions in prop::collection::vec(1_usize..5, 1..30),
            big_endian: bool,
            before in 0_usize..4,
            offset: prop::sample::Index,
            flip in 1_u8..=255,
        ) {
            let (mut log, sums) = header([1; 8], big_endian);
            let ends = frames(&mut log, sums, &transactions, 3);
            // left by an earlier log
            let (mut old, old_sums) = header([2; 8], big_endian);
            frames(&mut old, old_sums, &vec![2; before], 4);
            let end = log.len();
            log.extend(&old[HEADER_BYTES..]);
            prop_assert_eq!(loss(&log[..]).unwrap(), None);

            let offset = offset.index(end);
            log[offset] ^= flip;
            let lost = loss(&log[..]).unwrap();
            let last_begins = ends.len().checked_sub(2).map_or(HEADER_BYTES, |last| ends[last]);
            if offset < HEADER_BYTES {
                prop_assert!(lost.is_some());
            } else if offset < last_begins {
                let whole = ((offset - HEADER_BYTES) / FRAME) as u64;
                prop_assert_eq!(lost.map(|loss| loss.whole), Some(whole));
            } else if !(4..8).contains(&((offset - HEADER_BYTES) % FRAME)) {
                prop_assert_eq!(lost, None);
            } // else it may seem to end where no power cut ends it
        }

        #[test]
        fn a_frame_lost_with_the_end_of_the_one_before_is_detected(last in 2_usize..5) {
            let (mut log, sums) = header([1; 8], false);
            let ends = frames(&mut log, sums, &[2, 3, last], 3);
            log[ends[1] - 100..ends[1] + FRAME - 100].fill(0);
            prop_assert_eq!(loss(&log[..]).unwrap(), Some(Loss { whole: 4, frames: 5 + last as u64 }));
        }

        #[test]
        fn the_remains_of_a_power_cut_are_no_damage(
            transactions in prop::collection::vec(1_usize..5, 1..5),
            tries in prop::collection::vec((1_usize..6, 0_u8..32), 1..4),
            cut: prop::sample::Index,
        ) {
            // Transactions started at one offset one after the other, none of them complete.
            let (mut log, sums) = header([1; 8], false);
            frames(&mut log, sums, &transactions, 3);
            let end = log.len();
            let sums = (word(&log, end - FRAME + 16), word(&log, end - FRAME + 20));
            for (number, (count, gone)) in tries.into_iter().enumerate() {
                let (mut last, _) = header([1; 8], false);
                frames(&mut last, sums, &[count], 10 + number as u8);
                log.resize(log.len().max(end + count * FRAME), 0);
                log[end..end + count * FRAME].copy_from_slice(&last[HEADER_BYTES..]);
                let broken = (0..count).filter(|frame| gone >> frame & 1 == 1).chain([0]);
                for frame in broken {
                    log[end + frame * FRAME + 100] ^= 1;
                }
            }
            prop_assert_eq!(loss(&log[..]).unwrap(), None);
            log.truncate(cut.index(log.len()));
            prop_assert_eq!(loss(&log[..]).unwrap(), None);
        }

        #[test]
        fn sectors_of_two_logs_after_a_power_cut_are_no_damage(
            older in prop::collection::vec(1_usize..9, 1..40),
            synced in prop::collection::vec(1_usize..9, 0..12),
            count in 8_usize..120, // of which more than one is torn
            written in prop::collection::vec(any::<bool>(), 400),
        ) {
            let (mut old, sums) = header([2; 8], false);
            frames(&mut old, sums, &older, 4);
            let (mut log, sums) = header([1; 8], false);
            let mut ends = frames(&mut log, sums, &synced, 3);
            let begins = ends.pop().unwrap_or(HEADER_BYTES);
            let sums = begins
                .checked_sub(FRAME)
                .map_or(sums, |last| (word(&log, last + 16), word(&log, last + 20)));
            let (mut last, _) = header([1; 8], false);
            frames(&mut last, sums, &[count], 10);
            let mut before = old.clone();
            before.resize(old.len().max(begins + count * FRAME), 0);
            before[..begins].copy_from_slice(&log);
            let mut after = before.clone();
            after[begins..begins + count * FRAME].copy_from_slice(&last[HEADER_BYTES..]);
            let sectors = before.chunks(512).zip(after.chunks(512));
            let image: Vec<u8> = sectors
                .zip(written.iter().cycle())
                .flat_map(|((before, after), written)| if *written { after } else { before })
                .copied()
                .collect();
            prop_assert_eq!(loss(&image[..]).unwrap(), None);
        }

        #[test]
        fn any_bytes_are_read(log in prop::collection::vec(any::<u8>(), 0..2000)) {
            loss(&log[..]).unwrap();
        }
    }
}
