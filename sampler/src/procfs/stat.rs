//! `/proc/PID/stat`: the process's name, state, parent, start and counters.

use crate::procfs::line::{decimal, readable};

/// The flag of a kernel thread (`PF_KTHREAD`).
const KERNEL_THREAD: u64 = 0x0020_0000;

/// The fields of `/proc/PID/stat` that vmrec uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// The process number.
    pub pid: u32,
    /// The short name, 15 bytes the process can set itself.
    pub comm: String,
    /// The state's letter, such as `R`, `S` or `Z`.
    pub state: u8,
    /// The parent's number, 0 where it has none.
    pub parent_pid: u32,
    /// Whether it is a thread of the kernel.
    pub kernel_thread: bool,
    /// Page faults served without I/O.
    pub minor_faults: u64,
    /// Page faults that needed I/O.
    pub major_faults: u64,
    /// User and system time, in clock ticks.
    pub cpu_ticks: u64,
    /// The number of threads.
    pub threads: u64,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
    /// The start of the stack when its program started; 0 if vmrec may not see it.
    pub stack_start: u64,
}

impl Stat {
    /// Returns whether the thread has ended (a process lives on while it has other threads).
    pub(crate) fn ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// Reads the text of `/proc/PID/stat`.
pub(crate) fn parse_stat(text: &[u8]) -> Option<Stat> {
    let open = text.iter().position(|byte| *byte == b'(')?;
    // The name may contain anything, even `) (`: only the last `)` ends it.
    let close = text.iter().rposition(|byte| *byte == b')')?;
    let name = text.get(open + 1..close)?;
    let mut fields = [&b""[..]; 26];
    let mut count = 0;
    let words = text[close + 1..].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for (field, word) in fields.iter_mut().zip(words) {
        *field = word;
        count += 1;
    }
    // The manual counts from 1 and the name is field 2, so `fields[0]` is field 3.
    let field = |number: usize| decimal(fields[number - 3]);
    (count >= 20).then_some(())?;
    Some(Stat {
        pid: decimal(text[..open].trim_ascii())?.try_into().ok()?,
        comm: readable(name),
        state: *fields[0].first()?,
        parent_pid: field(4)?.try_into().ok()?,
        kernel_thread: field(9)? & KERNEL_THREAD != 0,
        minor_faults: field(10)?,
        major_faults: field(12)?,
        cpu_ticks: field(14)?.saturating_add(field(15)?),
        threads: field(20)?,
        start_ticks: field(22)?,
        stack_start: field(28).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REST: &str = "S 7 1 1 0 -1 4194560 11 12 13 14 15 16 17 18 20 0 3 0 12345 22 23 \
        18446744073709551615 1 1 140724603453440 0 0 0\n";

    #[test]
    fn a_name_may_look_like_the_fields_after_it() {
        for name in ["cat", "a) (b", ") S 1 1", "((", "a\nb", ""] {
            let stat = parse_stat(format!("42 ({name}) {REST}").as_bytes()).unwrap();
            assert_eq!((stat.pid, stat.comm.as_str(), stat.parent_pid), (42, name, 7));
            assert_eq!((stat.minor_faults, stat.major_faults), (11, 13));
            assert_eq!((stat.cpu_ticks, stat.threads, stat.start_ticks), (15 + 16, 3, 12345));
            assert_eq!(stat.stack_start, 140_724_603_453_440);
            assert!(!stat.kernel_thread && !stat.ended());
        }
        assert_eq!(parse_stat(b"1 (\xff) S").map(|stat| stat.comm), None);
    }

    #[test]
    fn a_kernel_thread_is_detected() {
        let text = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 30 0 0";
        assert!(parse_stat(text.as_bytes()).unwrap().kernel_thread);
    }

    #[test]
    fn a_zombie_has_ended() {
        let text = format!("42 (a) {}", REST.replacen('S', "Z", 1));
        assert!(parse_stat(text.as_bytes()).unwrap().ended());
    }

    proptest! {
        #[test]
        fn no_bytes_without_a_name_are_read(mut text: Vec<u8>) {
            text.retain(|byte| *byte != b')');
            prop_assert_eq!(parse_stat(&text), None);
        }

        #[test]
        fn any_fields_are_read_exactly_or_refused(
            pid in "[0-9]{0,11}",
            state in "[A-Za-z]",
            fields in proptest::collection::vec(
                prop_oneof![20 => "[0-9]{1,9}", 1 => "[0-9]{19,21}", 1 => "-1", 1 => "x"],
                16..30,
            ),
        ) {
            let text = format!("{pid} (a) {state} {}", fields.join(" "));
            // the manual's field 4 comes first
            let field = |number: usize| fields.get(number - 4)?.parse::<u64>().ok();
            let expected = || {
                (fields.len() >= 19).then_some(())?;
                Some((
                    pid.parse::<u32>().ok()?,
                    u32::try_from(field(4)?).ok()?,
                    field(9)? & KERNEL_THREAD != 0,
                    [field(10)?, field(12)?, field(14)?.saturating_add(field(15)?)],
                    [field(20)?, field(22)?, field(28).unwrap_or(0)],
                ))
            };
            let read = parse_stat(text.as_bytes()).map(|stat| {
                let counts = [stat.minor_faults, stat.major_faults, stat.cpu_ticks];
                let start = [stat.threads, stat.start_ticks, stat.stack_start];
                (stat.pid, stat.parent_pid, stat.kernel_thread, counts, start)
            });
            prop_assert_eq!(read, expected());
        }

        #[test]
        fn any_name_is_read_whole(name: Vec<u8>) {
            let text = [b"42 (", &name[..], b") ", REST.as_bytes()].concat();
            prop_assert_eq!(parse_stat(&text).unwrap().comm, readable(&name));
        }
    }
}
