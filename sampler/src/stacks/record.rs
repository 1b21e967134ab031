//! The records that the kernel writes for events, as bytes. They are of the native byte order.

use crate::elf::read_at::{u32_at, u64_at};

/// The number of registers of the machine with the most.
pub(crate) const MAX_REGISTERS: usize = 33;

/// A page fault, or the end of a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sampled<'a> {
    pub(crate) pid: u32,
    /// When, on the clock of samples.
    pub(crate) time_ns: u64,
    /// The address that a page fault accessed.
    pub(crate) address: u64,
    /// The system call that ended.
    pub(crate) call: Option<EndedCall>,
    /// The registers of the thread; `None` if it has none.
    pub(crate) registers: Option<[u64; MAX_REGISTERS]>,
    /// The bytes from the stack pointer on.
    pub(crate) stack: &'a [u8],
}

/// A system call that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndedCall {
    pub(crate) number: i32,
    pub(crate) result: i64,
}

/// What samples have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The number of registers.
    pub(crate) registers: usize,
    /// Whether they are of the ends of system calls, with what the kernel's tracepoint has.
    pub(crate) calls: bool,
    /// How far their clock is behind that of snapshots.
    pub(crate) lag_ns: u64,
}

/// A new mapping of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewMapping<'a> {
    pub(crate) pid: u32,
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    pub(crate) offset: u64,
    pub(crate) device: (u32, u32),
    pub(crate) inode: u64,
    pub(crate) name: &'a [u8],
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    Sample(Box<Sampled<'a>>),
    /// So many records were lost.
    Lost(u64),
    Mapping(NewMapping<'a>),
    /// The process began another program.
    Exec {
        pid: u32,
    },
    /// A process or thread began; a thread if both numbers are equal.
    Fork {
        pid: u32,
        parent: u32,
    },
    /// A thread ended.
    Exit {
        pid: u32,
        thread: u32,
    },
    /// Anything else, or malformed.
    Other,
}

/// The bytes of a record's header.
pub(crate) const HEADER_BYTES: usize = 8;

const LOST: u32 = 2;
const COMM: u32 = 3;
const EXIT: u32 = 4;
const FORK: u32 = 7;
const SAMPLE: u32 = 9;
const MMAP2: u32 = 10;
/// In a record's header: a new name is that of a new program.
const IS_EXEC: u16 = 1 << 13;
/// In a record's header: a file's build id is in the place of its device and inode.
const HAS_BUILD_ID: u16 = 1 << 14;

/// Returns the time of a record; other records than samples have it at their end, if that is asked for.
pub(crate) fn time_ns(record: &[u8]) -> u64 {
    let at = match u32_at(record, 0) {
        Some(SAMPLE) => HEADER_BYTES + 8,
        _ => record.len().saturating_sub(8),
    };
    u64_at(record, at).unwrap_or(0)
}

impl<'a> Record<'a> {
    /// Parses a whole record; samples have the fields TID, TIME, ADDR, RAW of calls, the user's
    /// registers, and the user's stack.
    pub(crate) fn parse(record: &'a [u8], layout: Layout) -> Self {
        Self::read(record, layout).unwrap_or(Self::Other)
    }

    fn read(record: &'a [u8], layout: Layout) -> Option<Self> {
        let mut body = Body(record.get(HEADER_BYTES..)?);
        let flags = u16::from_ne_bytes(*record.get(4..)?.first_chunk()?);
        Some(match u32_at(record, 0)? {
            LOST => {
                body.number()?;
                Self::Lost(body.number()?)
            }
            COMM if flags & IS_EXEC != 0 => Self::Exec { pid: body.pair()?.0 },
            FORK => {
                let (pid, parent) = body.pair()?;
                Self::Fork { pid, parent }
            }
            EXIT => {
                let pid = body.pair()?.0;
                Self::Exit { pid, thread: body.pair()?.0 }
            }
            MMAP2 => {
                let pid = body.pair()?.0;
                let (start, bytes, offset) = (body.number()?, body.number()?, body.number()?);
                let (device, inode) = (body.pair()?, body.number()?);
                body.number()?; // the inode's generation
                body.pair()?; // protection and flags
                let name = body.0.split(|byte| *byte == 0).next()?;
                let known = flags & HAS_BUILD_ID == 0;
                let (device, inode) = if known { (device, inode) } else { ((0, 0), 0) };
                Self::Mapping(NewMapping { pid, start, bytes, offset, device, inode, name })
            }
            SAMPLE => {
                let pid = body.pair()?.0;
                let time_ns = body.number()?.saturating_add(layout.lag_ns);
                let address = body.number()?;
                let call = if layout.calls { Some(body.call()?) } else { None };
                let mut values = [0; MAX_REGISTERS];
                let has_registers = body.number()? != 0;
                if has_registers {
                    for value in values.get_mut(..layout.registers)? {
                        *value = body.number()?;
                    }
                }
                let size = usize::try_from(body.number()?).ok()?;
                let (stack, rest) = body.0.split_at_checked(size)?;
                // The kernel copies less than it makes room for.
                let copied = if size == 0 { 0 } else { usize::try_from(u64_at(rest, 0)?).ok()? };
                let stack = stack.get(..copied.min(size))?;
                let registers = has_registers.then_some(values);
                let sample = Sampled { pid, time_ns, address, call, registers, stack };
                Self::Sample(Box::new(sample))
            }
            _ => Self::Other,
        })
    }
}

/// The unread rest of a record.
struct Body<'a>(&'a [u8]);

impl Body<'_> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_ne_bytes(*number))
    }

    /// Takes what the tracepoint of the end of a system call has: its number and result, after the
    /// fields that all have.
    fn call(&mut self) -> Option<EndedCall> {
        let size = usize::try_from(u32_at(self.0, 0)?).ok()?;
        let (raw, rest) = self.0.get(4..)?.split_at_checked(size)?;
        self.0 = rest;
        let number = u32_at(raw, 8)?.cast_signed();
        Some(EndedCall { number, result: u64_at(raw, 16)?.cast_signed() })
    }

    fn pair(&mut self) -> Option<(u32, u32)> {
        let number = self.number()?.to_ne_bytes();
        Some((u32_at(&number, 0)?, u32_at(&number, 4)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TWO: Layout = Layout { registers: 2, calls: false, lag_ns: 0 };
    const NONE: Layout = Layout { registers: 0, calls: false, lag_ns: 0 };

    fn record(kind: u32, flags: u16, body: &[u64]) -> Vec<u8> {
        let bytes: Vec<u8> = body.iter().flat_map(|number| number.to_ne_bytes()).collect();
        let size = (HEADER_BYTES + bytes.len()) as u16;
        [&kind.to_ne_bytes()[..], &flags.to_ne_bytes(), &size.to_ne_bytes(), &bytes].concat()
    }

    #[test]
    fn a_fault_has_its_registers_and_the_copied_part_of_the_stack() {
        let bytes = record(SAMPLE, 2, &[7 | 8 << 32, 100, 0x5000, 2, 11, 12, 16, 21, 22, 8]);
        let Record::Sample(fault) = Record::parse(&bytes, TWO) else { panic!() };
        assert_eq!((fault.pid, fault.time_ns, fault.address), (7, 100, 0x5000));
        assert_eq!(fault.registers.unwrap()[..3], [11, 12, 0]);
        assert_eq!(fault.stack, 21_u64.to_ne_bytes());
        let bytes = record(SAMPLE, 2, &[7, 100, 0x5000, 0, 0]);
        let Record::Sample(fault) = Record::parse(&bytes, TWO) else { panic!() };
        assert_eq!((fault.registers, fault.stack, fault.call), (None, &[][..], None));
    }

    #[test]
    fn a_call_has_its_number_and_result() {
        let raw: Vec<u64> = vec![173 | 5 << 32, 9, 0x7f00_1000, 0];
        let raw: Vec<u8> = raw.iter().flat_map(|word| word.to_ne_bytes()).take(28).collect();
        let raw = [&28_u32.to_ne_bytes()[..], &raw].concat();
        let words: Vec<u64> =
            raw.chunks(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap())).collect();
        let bytes = record(SAMPLE, 2, &[&[7, 100, 0][..], &words, &[2, 11, 12, 8, 21, 8]].concat());
        let calls = Layout { calls: true, lag_ns: 5, ..TWO };
        let Record::Sample(call) = Record::parse(&bytes, calls) else { panic!() };
        assert_eq!(call.call, Some(EndedCall { number: 9, result: 0x7f00_1000 }));
        assert_eq!((call.time_ns, call.registers.unwrap()[1]), (105, 12));
        assert_eq!(call.stack, 21_u64.to_ne_bytes());
    }

    #[test]
    fn mappings_programs_and_losses_are_read() {
        let mut name = [0; 8];
        name[..5].copy_from_slice(b"/a/b\0");
        let words = [7, 0x1000, 0x2000, 0x3000, 8 | 1 << 32, 99, 0, 5, u64::from_ne_bytes(name)];
        let bytes = record(MMAP2, 0, &words);
        let mapping = NewMapping {
            pid: 7,
            start: 0x1000,
            bytes: 0x2000,
            offset: 0x3000,
            device: (8, 1),
            inode: 99,
            name: b"/a/b",
        };
        assert_eq!(Record::parse(&bytes, NONE), Record::Mapping(mapping));
        assert_eq!(Record::parse(&record(COMM, IS_EXEC, &[7, 0]), NONE), Record::Exec { pid: 7 });
        assert_eq!(Record::parse(&record(COMM, 0, &[7, 0]), NONE), Record::Other);
        assert_eq!(Record::parse(&record(LOST, 0, &[1, 40]), NONE), Record::Lost(40));
        let two = |one: u64, other: u64| one | other << 32;
        let forked = record(FORK, 0, &[two(7, 3), two(7, 4), 100]);
        assert_eq!(Record::parse(&forked, NONE), Record::Fork { pid: 7, parent: 3 });
        assert_eq!((time_ns(&forked), time_ns(&record(SAMPLE, 0, &[7, 55, 1]))), (100, 55));
        let ended = record(EXIT, 0, &[two(7, 3), two(8, 3), 100]);
        assert_eq!(Record::parse(&ended, NONE), Record::Exit { pid: 7, thread: 8 });
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_record_or_none(
            kind in 0_u32..12,
            calls: bool,
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let bytes = [&kind.to_ne_bytes()[..], &bytes].concat();
            let layout = Layout { registers: 20, calls, lag_ns: u64::MAX };
            Record::parse(&bytes, layout);
            Record::parse(&bytes[..bytes.len().min(6)], layout);
        }
    }
}
