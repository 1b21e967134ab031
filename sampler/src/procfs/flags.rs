//! The two-letter flags of a mapping (`VmFlags:`).

use crate::region::Protection;

/// Returns whether `flags` (two letters each, separated by spaces) has `flag`.
pub(crate) fn has_flag(flags: &str, flag: &str) -> bool {
    flags.split_ascii_whitespace().any(|held| held == flag)
}

/// Returns the maximum rights of the mapping: `mr`, `mw` and `me`.
pub(crate) fn max_protection(flags: &str) -> Protection {
    let mut max_protection = Protection::NONE;
    for flag in flags.split_ascii_whitespace() {
        max_protection = max_protection.union(match flag {
            "mr" => Protection::READ,
            "mw" => Protection::WRITE,
            "me" => Protection::EXECUTE,
            _ => Protection::NONE,
        });
    }
    max_protection
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_whole_words() {
        assert!(has_flag("rd mr gd ac ", "gd"));
        assert!(!has_flag("rd mrgd", "gd"));
        assert!(!has_flag("", "gd"));
    }

    #[test]
    fn may_rights_are_not_the_rights_in_force() {
        assert_eq!(max_protection("rd ex mr me").to_string(), "r-x");
        assert_eq!(max_protection("rd wr ex").to_string(), "---");
    }
}
