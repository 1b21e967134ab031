//! An adaptive binary range coder: decisions of two outcomes, each costing its
//! information content.
//!
//! Both directions go through [`Coder`], so that a model is written once: the
//! encoder takes each outcome and returns it; the decoder ignores its argument
//! and returns the encoded one.

/// Bits of the probability a decision is coded with.
const SCALE_BITS: u32 = 12;
const CERTAIN: u32 = 1 << SCALE_BITS;
/// The number of decisions up to which a model averages; after that, old ones fade.
const MAX_SEEN: u8 = 30;
/// How far a decision moves its model, by the number of decisions it has seen, in 65536ths.
const RATES: [u16; MAX_SEEN as usize + 1] = {
    let mut rates = [0; MAX_SEEN as usize + 1];
    let mut seen = 0;
    while seen < rates.len() {
        rates[seen] = (655_360 / (10 * seen as u32 + 16)) as u16;
        seen += 1;
    }
    rates
};
/// The range is widened below this.
const MIN_RANGE: u64 = 1 << 32;
/// Bits without a model that are coded at once.
const RAW_BITS: u32 = 24;

/// The probability that a decision is `true`, learnt from those before.
///
/// A new one is all zeros, so that models with thousands of them are created as zeroed memory, if
/// they are constants: made one by one, they would be that many stores in a row, over which a
/// compiler takes minutes. It has no padding: a recorder keeps some ten thousand for each process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    /// How far from even, in 65536ths: a number of 16 bits with its sign.
    lean: [u8; 2],
    seen: u8,
}

impl Chance {
    /// As likely as not.
    pub(crate) const NEW: Self = Self { lean: [0; 2], seen: 0 };

    #[inline]
    const fn of_true(self) -> u16 {
        u16::from_ne_bytes(self.lean) ^ 1 << 15
    }

    #[inline]
    fn scaled(self) -> u64 {
        u64::from((u32::from(self.of_true()) >> (16 - SCALE_BITS)).clamp(1, CERTAIN - 1))
    }

    #[inline]
    fn learn(&mut self, outcome: bool) {
        // Without branches: an outcome that is hard to predict would stall each of them.
        let rate = u32::from(RATES[usize::from(self.seen)]);
        let of_true = self.of_true();
        let (when_true, when_false) = (mask(outcome) as u16, mask(!outcome) as u16);
        let step = ((u32::from(of_true ^ when_true) * rate) >> 16) as u16;
        let learnt = of_true.wrapping_add((step ^ when_false).wrapping_sub(when_false));
        self.lean = (learnt ^ 1 << 15).to_ne_bytes();
        self.seen += u8::from(self.seen < MAX_SEEN);
    }
}

/// Returns a number of only ones, or of only zeros.
#[inline]
const fn mask(ones: bool) -> u64 {
    (ones as u64).wrapping_neg()
}

/// Either direction of the coder.
pub(crate) trait Coder {
    /// Whether outcomes come from the coder.
    const DECODES: bool;

    /// Codes a decision.
    fn decide(&mut self, chance: &mut Chance, outcome: bool) -> bool;

    /// Codes the lowest `bits` of a number without a model.
    fn raw(&mut self, bits: u32, number: u64) -> u64;
}

/// Decisions to bytes.
#[derive(Debug)]
pub(crate) struct RangeEncoder {
    low: u64,
    range: u64,
    out: Vec<u8>,
}

impl Default for RangeEncoder {
    fn default() -> Self {
        Self { low: 0, range: u64::MAX, out: Vec::new() }
    }
}

impl RangeEncoder {
    /// Returns the bytes. Zeros at their end are left out, as a decoder reads zeros there.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        // Any number of the range decodes alike: one that ends in zeros takes the fewest bytes.
        for zeros in (4..8).rev() {
            let low_bits = (1_u64 << (8 * zeros)) - 1;
            let rounded = self.low.checked_add(low_bits).map(|above| above & !low_bits);
            if let Some(rounded) = rounded.filter(|rounded| rounded - self.low < self.range) {
                self.low = rounded;
                break;
            }
        }
        let zeros = self.low.trailing_zeros() as usize / 8;
        self.out.extend_from_slice(&self.low.to_be_bytes());
        self.out.truncate(self.out.len() - zeros.min(8));
        self.out
    }

    #[inline]
    fn raise(&mut self, by: u64) {
        let (low, carried) = self.low.overflowing_add(by);
        self.low = low;
        if carried {
            for byte in self.out.iter_mut().rev() {
                *byte = byte.wrapping_add(1);
                if *byte != 0 {
                    break;
                }
            }
        }
    }

    #[inline]
    fn widen(&mut self) {
        if self.range < MIN_RANGE {
            self.out.extend_from_slice(&((self.low >> 32) as u32).to_be_bytes());
            self.low <<= 32;
            self.range <<= 32;
        }
    }
}

impl Coder for RangeEncoder {
    const DECODES: bool = false;

    #[inline]
    fn decide(&mut self, chance: &mut Chance, outcome: bool) -> bool {
        let bound = (self.range >> SCALE_BITS) * chance.scaled();
        if outcome {
            self.range = bound;
        } else {
            self.raise(bound);
            self.range -= bound;
        }
        self.widen();
        chance.learn(outcome);
        outcome
    }

    fn raw(&mut self, bits: u32, number: u64) -> u64 {
        let mut left = bits;
        while left > 0 {
            let now = left.min(RAW_BITS);
            left -= now;
            self.range >>= now;
            let digit = number >> left & ((1 << now) - 1);
            self.raise(digit * self.range);
            self.widen();
        }
        number
    }
}

/// Bytes to decisions. Any bytes decode to some decisions; each takes a fraction of a bit at least,
/// and [`RangeDecoder::is_past_end`] reports the end of the bytes.
#[derive(Debug)]
pub(crate) struct RangeDecoder<'a> {
    data: &'a [u8],
    /// Bytes taken, including those past the end.
    taken: usize,
    code: u64,
    range: u64,
}

impl<'a> RangeDecoder<'a> {
    /// Starts decoding.
    pub(crate) fn new(data: &'a [u8]) -> Self {
        let mut decoder = Self { data, taken: 0, code: 0, range: u64::MAX };
        decoder.code = decoder.next() << 32 | decoder.next();
        decoder
    }

    /// Returns whether more was decoded than the bytes hold.
    pub(crate) const fn is_past_end(&self) -> bool {
        self.taken > self.data.len() + 8
    }

    #[inline]
    fn next(&mut self) -> u64 {
        let rest = self.data.get(self.taken..).unwrap_or_default();
        self.taken += 4;
        let digits = match rest.first_chunk::<4>() {
            Some(digits) => *digits,
            None => std::array::from_fn(|index| rest.get(index).copied().unwrap_or(0)),
        };
        u64::from(u32::from_be_bytes(digits))
    }

    #[inline]
    fn widen(&mut self) {
        if self.range < MIN_RANGE {
            self.code = self.code << 32 | self.next();
            self.range <<= 32;
        }
    }
}

impl Coder for RangeDecoder<'_> {
    const DECODES: bool = true;

    #[inline]
    fn decide(&mut self, chance: &mut Chance, _: bool) -> bool {
        let bound = (self.range >> SCALE_BITS) * chance.scaled();
        let outcome = self.code < bound;
        let above = mask(!outcome);
        self.code -= bound & above;
        self.range = bound & !above | (self.range - bound) & above;
        self.widen();
        chance.learn(outcome);
        outcome
    }

    fn raw(&mut self, bits: u32, _: u64) -> u64 {
        let (mut left, mut number) = (bits, 0);
        while left > 0 {
            let now = left.min(RAW_BITS);
            left -= now;
            self.range >>= now;
            let digit = (self.code / self.range).min((1 << now) - 1);
            self.code -= digit * self.range;
            self.widen();
            number = number << now | digit;
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A decision with one of four models, or raw bits.
    #[derive(Clone, Debug)]
    enum Coded {
        Decision(usize, bool),
        Raw(u32, u64),
    }

    fn coded() -> impl Strategy<Value = Coded> {
        prop_oneof![
            8 => (0_usize..4, any::<bool>()).prop_map(|(model, outcome)| Coded::Decision(model, outcome)),
            8 => (0_usize..4).prop_map(|model| Coded::Decision(model, model % 2 == 0)),
            1 => (1_u32..=64, any::<u64>())
                .prop_map(|(bits, number)| Coded::Raw(bits, number & (u64::MAX >> (64 - bits)))),
            1 => (1_u32..=64).prop_map(|bits| Coded::Raw(bits, u64::MAX >> (64 - bits))),
        ]
    }

    proptest! {
        #[test]
        fn every_decision_comes_back(all in proptest::collection::vec(coded(), 0..600)) {
            let (mut encoder, mut models) = (RangeEncoder::default(), [Chance::NEW; 4]);
            for coded in &all {
                match *coded {
                    Coded::Decision(model, outcome) => { encoder.decide(&mut models[model], outcome); }
                    Coded::Raw(bits, number) => { encoder.raw(bits, number); }
                }
            }
            let data = encoder.finish();
            let (mut decoder, mut models) = (RangeDecoder::new(&data), [Chance::NEW; 4]);
            for coded in &all {
                match *coded {
                    Coded::Decision(model, outcome) => {
                        prop_assert_eq!(decoder.decide(&mut models[model], !outcome), outcome);
                    }
                    Coded::Raw(bits, number) => prop_assert_eq!(decoder.raw(bits, 0), number),
                }
            }
            prop_assert!(!decoder.is_past_end());
        }

        #[test]
        fn bytes_run_out(data in proptest::collection::vec(0_u8.., 0..64)) {
            let (mut decoder, mut chance) = (RangeDecoder::new(&data), Chance::NEW);
            let mut decisions = 0_u32;
            while !decoder.is_past_end() {
                decoder.decide(&mut chance, false);
                decisions += 1;
                prop_assert!(decisions < 40_000 * (data.len() as u32 + 16));
            }
        }
    }

    #[test]
    fn constant_decisions_take_almost_no_bytes() {
        let (mut encoder, mut chance) = (RangeEncoder::default(), Chance::NEW);
        (0..10_000).for_each(|_| {
            encoder.decide(&mut chance, true);
        });
        assert!(encoder.finish().len() < 20);
    }
}
