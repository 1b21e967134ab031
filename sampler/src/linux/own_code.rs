//! The memory that the code of this program takes.
#![allow(unsafe_code)]

use std::fs;
use std::ops::Range;
use std::ptr;

/// Gives back the memory of the code that has run so far. Code that runs again is mapped anew from
/// the file cache, so that a recorder keeps what each sample runs and not what its start ran.
/// Without `/proc` it does nothing.
pub fn release_own_code() {
    let here = release_own_code as fn() as usize;
    let Ok(maps) = fs::read_to_string("/proc/self/maps") else { return };
    let Some(code) = code_around(here, &maps) else { return };
    let start = ptr::with_exposed_provenance_mut::<libc::c_void>(code.start);
    // SAFETY: these pages are code of a file, mapped private and without the right to write: no
    // page differs from the file, from which the kernel reads it again when it is next run.
    unsafe { libc::madvise(start, code.len(), libc::MADV_DONTNEED) };
}

/// Returns the addresses of the mapping of a file around an address that may be run, not written.
fn code_around(address: usize, maps: &str) -> Option<Range<usize>> {
    maps.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        let range = number(start)?..number(end)?;
        let is_code = fields.next()? == "r-xp" && fields.nth(2)? != "0";
        (is_code && range.contains(&address)).then_some(range)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unwritable_code_of_a_file_is_given_back() {
        let maps = "1000-3000 r--p 00000000 fe:00 7 /bin/x\n\
                    3000-5000 r-xp 00002000 fe:00 7 /bin/x\n\
                    5000-7000 rwxp 00004000 fe:00 7 /bin/x\n\
                    7000-9000 r-xp 00000000 00:00 0 \n";
        assert_eq!(code_around(0x4fff, maps), Some(0x3000..0x5000));
        for other in [0x1000, 0x5000, 0x7000, 0x9000] {
            assert_eq!(code_around(other, maps), None, "{other:x}");
        }
    }

    #[test]
    fn code_that_was_given_back_still_runs() {
        release_own_code();
        assert_eq!(code_around(0, ""), None);
    }
}
