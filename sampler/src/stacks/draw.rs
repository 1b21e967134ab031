//! Random distances between samples: exponential ones, so that each byte is as likely as any other to
//! be the one that is sampled. The library that commands preload compiles this file; here it is tested.

/// Returns the next of a row of random numbers; `state` is not 0.
pub(crate) fn random(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

/// Mixes bits, so that numbers that are alike begin rows that are not.
pub(crate) fn seed(from: u64) -> u64 {
    let mut bits = from.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ (bits >> 31)) | 1
}

/// Returns a distance of `mean` bytes on average, at least 1.
pub(crate) fn distance(state: &mut u64, mean: u64) -> i64 {
    // From 2^-53 to 1.
    let uniform = ((random(state) >> 11) + 1) as f64 * (1.0 / (1_u64 << 53) as f64);
    (-logarithm(uniform) * mean as f64) as i64 + 1
}

/// Returns the natural logarithm of a positive number; `core` has none.
fn logarithm(of: f64) -> f64 {
    let bits = of.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let fraction = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    // log(m) = 2 artanh((m - 1) / (m + 1)), where the argument is at most a third.
    let part = (fraction - 1.0) / (fraction + 1.0);
    let square = part * part;
    let mut sum = 0.0;
    let mut power = part;
    let mut odd = 1.0;
    while odd < 23.0 {
        sum += power / odd;
        power *= square;
        odd += 2.0;
    }
    exponent as f64 * core::f64::consts::LN_2 + 2.0 * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_that_of_the_standard_library() {
        for of in [1.0, 0.5, 0.999_999, 1e-9, 0.75, 2.0_f64.powi(-53)] {
            assert!((logarithm(of) - of.ln()).abs() < 1e-9, "{of}");
        }
    }

    #[test]
    fn distances_are_exponential() {
        let (mean, count) = (10_000, 200_000);
        let mut state = seed(7);
        let drawn: Vec<i64> = (0..count).map(|_| distance(&mut state, mean)).collect();
        let average = drawn.iter().sum::<i64>() as f64 / count as f64;
        assert!((average - mean as f64).abs() < 0.01 * mean as f64, "{average}");
        for (part, expected) in [(0.5, 0.393_469), (1.0, 0.632_121), (3.0, 0.950_213)] {
            let below = drawn.iter().filter(|it| (**it as f64) < part * mean as f64).count();
            let share = below as f64 / count as f64;
            assert!((share - expected).abs() < 0.005, "{part}: {share}");
        }
    }
}
