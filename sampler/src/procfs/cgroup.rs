//! The texts about control groups and limits: which group a process is in, and figures by key.

use crate::procfs::line::decimal;

/// The two interfaces of control groups, which name their files differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Hierarchy {
    /// Each controller has a tree of its own.
    One,
    /// All controllers share one tree.
    Two,
}

/// Returns the group that `/proc/PID/cgroup` says is charged for memory: its tree, and its path
/// there, from the root without the first `/`.
pub(crate) fn memory_group(text: &[u8]) -> Option<(Hierarchy, &[u8])> {
    let mut unified = None;
    for line in text.split(|byte| *byte == b'\n') {
        let mut fields = line.splitn(3, |byte| *byte == b':');
        let (Some(number), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        // A path outside the namespace of the recorder begins with `/..`.
        let inside = path.strip_prefix(b"/").filter(|path| {
            path.split(|byte| *byte == b'/').all(|part| part != b".." && part != b".")
        });
        if controllers.split(|byte| *byte == b',').any(|controller| controller == b"memory") {
            return Some((Hierarchy::One, inside?));
        }
        if (number, controllers) == (b"0".as_slice(), b"".as_slice()) {
            unified = inside;
        }
    }
    unified.map(|path| (Hierarchy::Two, path))
}

/// Returns the number that follows `key` on a line of its own, as in `memory.stat`.
pub(crate) fn keyed(text: &[u8], key: &[u8]) -> Option<u64> {
    let mut lines = text.split(|byte| *byte == b'\n');
    lines.find_map(|line| decimal(line.strip_prefix(key)?.strip_prefix(b" ")?))
}

/// Returns the number that is all of a file; `max` and the kernel's largest numbers are no limit.
pub(crate) fn bound(text: &[u8]) -> Option<u64> {
    /// Limits of the first interface are rounded down to pages.
    const UNLIMITED: u64 = 1 << 62;
    decimal(text.trim_ascii()).filter(|bytes| *bytes < UNLIMITED)
}

/// Returns the total time that `memory.pressure` says processes waited, in nanoseconds: of `some`,
/// or of `full`.
pub(crate) fn stalled_ns(text: &[u8], whose: &[u8]) -> Option<u64> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(whose)?.strip_prefix(b" "))?;
    let mut words = line.split(|byte| *byte == b' ');
    let microseconds = words.find_map(|word| decimal(word.strip_prefix(b"total=")?))?;
    microseconds.checked_mul(1000)
}

/// Returns the soft limit of `/proc/PID/limits` of that name, if there is one.
pub(crate) fn soft_limit(text: &[u8], name: &[u8]) -> Option<u64> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(b" "))?;
    decimal(line.split(u8::is_ascii_whitespace).find(|word| !word.is_empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_group_that_is_charged_is_found_in_either_tree() {
        let group = |text: &str| {
            memory_group(text.as_bytes())
                .map(|(tree, path)| (tree, String::from_utf8_lossy(path).into_owned()))
        };
        let two = Some((Hierarchy::Two, "system.slice/x.service".to_owned()));
        assert_eq!(group("0::/system.slice/x.service\n"), two);
        let both = "9:name=systemd:/a\n4:cpu,memory:/b:c/d\n0::/e\n";
        assert_eq!(group(both), Some((Hierarchy::One, "b:c/d".to_owned())));
        assert_eq!(group("0::/\n"), Some((Hierarchy::Two, String::new())));
        for none in ["", "0::/../../x\n", "4:memory:/../x\n0::/a\n", "4:cpu:/a\n", "nonsense"] {
            assert_eq!(group(none), None, "{none}");
        }
    }

    #[test]
    fn figures_are_found_by_their_whole_key() {
        let stat = b"anon 4096\nanon_thp 7\nfile 12\nslab_reclaimable 1\nslab 5\n";
        assert_eq!(keyed(stat, b"anon"), Some(4096));
        assert_eq!((keyed(stat, b"slab"), keyed(stat, b"sla")), (Some(5), None));
        assert_eq!((bound(b"max\n"), bound(b"4096\n")), (None, Some(4096)));
        assert_eq!(bound(b"9223372036854771712\n"), None);
        let pressure =
            b"some avg10=0.00 avg60=0.00 avg300=0.00 total=17\nfull avg10=0.00 total=3\n";
        assert_eq!(stalled_ns(pressure, b"some"), Some(17_000));
        assert_eq!(stalled_ns(pressure, b"full"), Some(3000));
        let limits = b"Limit                     Soft Limit           Hard Limit           Units\n\
            Max data size             unlimited            unlimited            bytes\n\
            Max address space         1048576              unlimited            bytes\n";
        assert_eq!(soft_limit(limits, b"Max address space"), Some(1 << 20));
        assert_eq!(soft_limit(limits, b"Max data size"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: Vec<u8>, key: Vec<u8>) {
            if let Some((_, path)) = memory_group(&text) {
                prop_assert!(!path.split(|byte| *byte == b'/').any(|part| part == b".."));
            }
            let _ = (keyed(&text, &key), bound(&text), stalled_ns(&text, &key), soft_limit(&text, &key));
        }
    }
}
