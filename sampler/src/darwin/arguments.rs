//! Parses the arguments of a process in the layout of KERN_PROCARGS2.

use crate::procfs::line::readable;

/// Returns the arguments in `bytes`: their number, the executable's path, padding, then each
/// argument, terminated by a NUL.
pub(crate) fn arguments(bytes: &[u8]) -> Vec<String> {
    let Some((count, rest)) = bytes.split_first_chunk::<4>() else { return Vec::new() };
    let count = usize::try_from(i32::from_ne_bytes(*count)).unwrap_or(0);
    let Some(path_end) = rest.iter().position(|byte| *byte == 0) else { return Vec::new() };
    let padded = &rest[path_end..];
    let Some(first) = padded.iter().position(|byte| *byte != 0) else { return Vec::new() };
    padded[first..].split(|byte| *byte == 0).take(count).map(readable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(count: i32, text: &[u8]) -> Vec<u8> {
        [&count.to_ne_bytes(), text].concat()
    }

    #[test]
    fn the_environment_is_no_argument() {
        let text = b"/bin/demo\0\0\0\0\0demo\0-v\0\0HOME=/\0";
        assert_eq!(arguments(&bytes(3, text)), ["demo", "-v", ""]);
        assert_eq!(arguments(&bytes(1, b"/bin/demo\0\0de\xff")), ["de\\xff"]);
    }

    #[test]
    fn truncated_bytes_give_the_arguments_before_the_cut() {
        for cut in [&b""[..], b"abc", &bytes(2, b""), &bytes(2, b"/bin/demo"), &bytes(2, b"/x\0\0")]
        {
            assert!(arguments(cut).is_empty());
        }
        assert!(arguments(&bytes(-1, b"/x\0\0demo\0")).is_empty());
    }
}
