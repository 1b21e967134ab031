//! Numbers as decisions: their bit length, then the highest bits, each with a
//! model; the lower bits are coded without one.

use super::range_coder::{Chance, Coder};

const LENGTH_BITS: u32 = 5;
/// Lengths from here on are coded in full after this value.
const LONG: u32 = (1 << LENGTH_BITS) - 1;
/// Lengths whose next bits have their own models.
const LENGTHS: usize = LONG as usize + 1;

/// The model of numbers of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number {
    length: [Chance; LENGTHS],
    /// Of the two bits below the highest, by length: the first one, and the second by the first.
    next: [[Chance; 3]; LENGTHS],
}

impl Number {
    /// One that nothing was learnt in.
    pub(crate) const NEW: Self =
        Self { length: [Chance::NEW; LENGTHS], next: [[Chance::NEW; 3]; LENGTHS] };

    /// Codes a number.
    pub(crate) fn code(&mut self, coder: &mut impl Coder, number: u64) -> u64 {
        let bits = u64::BITS - number.leading_zeros();
        let short = code_symbol(coder, &mut self.length, LENGTH_BITS, bits.min(LONG));
        let bits = if short == LONG { coder.raw(7, u64::from(bits)).min(64) as u32 } else { short };
        if bits <= 1 {
            return u64::from(bits);
        }
        let (mut left, mut node, mut coded) = (bits - 1, 1_usize, 1_u64);
        while left > 0 && node < 4 {
            left -= 1;
            let next = &mut self.next[short as usize][node - 1];
            let bit = coder.decide(next, number >> left & 1 == 1);
            node = node << 1 | usize::from(bit);
            coded = coded << 1 | u64::from(bit);
        }
        if left == 0 {
            return coded;
        }
        coded << left | coder.raw(left, number & ((1 << left) - 1))
    }

    /// Codes a number that may be negative.
    pub(crate) fn code_signed(&mut self, coder: &mut impl Coder, number: i64) -> i64 {
        let folded = ((number << 1) ^ (number >> 63)).cast_unsigned();
        let folded = self.code(coder, folded);
        (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed()
    }
}

/// Codes the lowest `bits` of `symbol` from the highest on, each with the model of the bits above
/// it; there must be 2 to the power of `bits` models.
pub(crate) fn code_symbol(
    coder: &mut impl Coder,
    models: &mut [Chance],
    bits: u32,
    symbol: u32,
) -> u32 {
    let mut node = 1_usize;
    for bit in (0..bits).rev() {
        let outcome = coder.decide(&mut models[node], symbol >> bit & 1 == 1);
        node = node << 1 | usize::from(outcome);
    }
    node as u32 & ((1 << bits) - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::range_coder::{RangeDecoder, RangeEncoder};

    proptest! {
        #[test]
        fn any_numbers_come_back(
            numbers in proptest::collection::vec(
                prop_oneof![any::<u64>(), 0_u64..100, Just(u64::MAX), Just(1 << 63), Just(1 << 31), Just((1 << 30) - 1)],
                0..40,
            )
        ) {
            let (mut encoder, mut model) = (RangeEncoder::default(), Number::NEW);
            for number in &numbers {
                model.code(&mut encoder, *number);
                model.code_signed(&mut encoder, number.cast_signed());
            }
            let data = encoder.finish();
            let (mut decoder, mut model) = (RangeDecoder::new(&data), Number::NEW);
            for number in &numbers {
                prop_assert_eq!(model.code(&mut decoder, 0), *number);
                prop_assert_eq!(model.code_signed(&mut decoder, 0), number.cast_signed());
            }
        }
    }
}
