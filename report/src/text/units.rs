//! Sizes and durations in words. Sizes are printed like vmmap's: K below
//! 10 MiB, then one decimal of M, G or T; always powers of 1024.

/// Formats bytes: `0K`, `512B`, `9999K`, `12.5M`, `1.4T`. Single bytes are shown only below 10K.
pub fn size(bytes: u64) -> String {
    const K: u64 = 1 << 10;
    if !bytes.is_multiple_of(K) && bytes < 10 * K {
        return format!("{bytes}B");
    }
    if bytes < 10 * K * K {
        return format!("{}K", (bytes + K / 2) / K);
    }
    // Rounding may carry into the next unit (1023.96M is 1.0G).
    large_size(bytes, 1023.95)
}

/// Formats bytes with one decimal of M, or of the first larger unit in which they are less than `max`.
pub(crate) fn large_size(bytes: u64, max: f64) -> String {
    let mut value = bytes as f64 / f64::from(1 << 20);
    let mut unit = "M";
    for larger in ["G", "T", "P", "E"] {
        if value < max {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    format!("{value:.1}{unit}")
}

/// Formats bytes to stand in a table of which the largest are `max`: the last whole digits of all stand
/// below each other. A unit is kept up to 9,999.9M, so that no 50 megabytes are rounded away.
pub(crate) fn size_below(bytes: u64, max: u64) -> String {
    const K: u64 = 1 << 10;
    const M: u64 = K * K;
    if max < 10 * M {
        return size(bytes);
    }
    if bytes < M - K / 2 {
        return format!("{}  ", size(bytes));
    }
    large_size(bytes, if max < 10_000 * M { f64::INFINITY } else { 1023.95 })
}

/// Formats a difference of bytes with its sign: `+12.5M`, `-4K`, `0K`.
pub fn signed_size(bytes: i128) -> String {
    let magnitude = size(u64::try_from(bytes.unsigned_abs()).unwrap_or(u64::MAX));
    match bytes.signum() {
        1 => format!("+{magnitude}"),
        -1 => format!("-{magnitude}"),
        _ => magnitude,
    }
}

/// Formats a duration in its two largest units: `3.8ms`, `850ms`, `12.5s`, `3m 20s`, `2h 05m`, `3d 04h`.
pub fn duration(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds / 1_000_000;
    let seconds = milliseconds / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if nanoseconds < 1_000_000 {
        format!("{}us", nanoseconds / 1000)
    } else if milliseconds < 10 {
        format!("{milliseconds}.{}ms", nanoseconds / 100_000 % 10)
    } else if milliseconds < 1000 {
        format!("{milliseconds}ms")
    } else if minutes == 0 {
        format!("{seconds}.{}s", milliseconds % 1000 / 100)
    } else if hours == 0 {
        format!("{minutes}m {:02}s", seconds % 60)
    } else if days == 0 {
        format!("{hours}h {:02}m", minutes % 60)
    } else {
        format!("{days}d {:02}h", hours % 24)
    }
}

/// Returns a part of a sentence on samples with the regions of an earlier one, and on cheap ones;
/// nothing if there are none.
pub(crate) fn carried(unchanged: u64, cheap: u64) -> String {
    let of = |samples: u64, state: &str| match samples {
        0 => String::new(),
        _ => format!(", {} {state}", count(samples)),
    };
    of(unchanged, "unchanged") + &of(cheap, "cheap")
}

/// Returns a part of a sentence on samples without regions; nothing if there are none.
pub(crate) fn totals_alone(samples: u64) -> String {
    match samples {
        0 => String::new(),
        _ => format!(", {} of totals alone", count(samples)),
    }
}

/// Writes the ends of a range, with a unit and sign that they share once: `74.1..77.0M`.
pub(crate) fn between(low: &str, high: &str) -> String {
    let unit = |text: &str| text.chars().last().filter(char::is_ascii_alphabetic);
    let shared = unit(low).is_some() && unit(low) == unit(high);
    let low = if shared { &low[..low.len() - 1] } else { low };
    let high = if low.starts_with('+') { high.trim_start_matches('+') } else { high };
    format!("{low}..{high}")
}

/// Returns the sign of an unknown value.
pub(crate) fn unknown() -> String {
    "-".to_owned()
}

/// Writes a count with its thousands apart: `300,000`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Writes a count of things: `1 sample`, `2 samples`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_like_vmmap() {
        let sizes = [
            0,
            512,
            4096,
            345_680,
            (10 << 20) - 1024,
            10 << 20,
            (1 << 30) - 1,
            1 << 30,
            1_550 << 30,
        ];
        assert_eq!(
            sizes.map(size),
            ["0K", "512B", "4K", "338K", "10239K", "10.0M", "1.0G", "1.0G", "1.5T"]
        );
        assert_eq!(size(u64::MAX), "16.0E");
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0, 999, 1000, 300_000].map(count), ["0", "999", "1,000", "300,000"]);
    }

    #[test]
    fn the_ends_of_a_range_share_unit_and_sign() {
        let ranges = [("74.1M", "77.0M"), ("+9980K", "+10.2M"), ("-4K", "+4K"), ("+0.5", "+1.5")];
        let written = ranges.map(|(low, high)| between(low, high));
        assert_eq!(written, ["74.1..77.0M", "+9980K..10.2M", "-4..+4K", "+0.5..1.5"]);
    }

    #[test]
    fn differences_carry_their_sign() {
        assert_eq!([4096, -4096, 0].map(signed_size), ["+4K", "-4K", "0K"]);
    }

    #[test]
    fn durations_keep_two_units() {
        let ms = 1_000_000;
        let seconds = 1000 * ms;
        assert_eq!(
            [
                12_000,
                3_850_000,
                850 * ms,
                12_500 * ms,
                200 * seconds,
                7_500 * seconds,
                273_600 * seconds
            ]
            .map(duration),
            ["12us", "3.8ms", "850ms", "12.5s", "3m 20s", "2h 05m", "3d 04h"]
        );
    }
}
