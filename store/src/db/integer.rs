//! Stores unsigned 64-bit values in SQLite's signed integers, with the same
//! bits. Linux's `[vsyscall]` is above `i64::MAX`, so values must neither be
//! saturated nor refused.

/// Returns the column value that stands for `value`.
pub(crate) const fn to_column(value: u64) -> i64 {
    value.cast_signed()
}

/// Returns the column value of a limit: `value`, or the maximum of a column.
pub(crate) fn limit_to_column(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Returns the value that `column` stands for.
pub(crate) const fn from_column(column: i64) -> u64 {
    column.cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_comes_back() {
        for address in [0, 1, i64::MAX as u64, i64::MAX as u64 + 1, 0xffff_ffff_ff60_0000, u64::MAX]
        {
            assert_eq!(from_column(to_column(address)), address);
        }
    }
}
