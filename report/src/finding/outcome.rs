//! The outcome of a total between moments, and the parts that took most of its change.

use crate::metric::Unit;

/// A movement below this part of the largest value is no change: a fiftieth, 2 %.
const LEVEL_PART: u64 = 50;
/// Bytes that move in any process, whatever it does.
const LEVEL_BYTES: u64 = 64 << 10;
/// The maximum number of parts named.
const MAX_NAMED: usize = 3;
/// A part of less than this share of all that moved the same way, in percent, is not named.
const MIN_NAMED_PERCENT: u128 = 10;
/// With parts that move the other way by more than this, in percent, shares mislead.
const MAX_OPPOSED_PERCENT: u128 = 5;

/// What became of a total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was 0 wherever it is known.
    Zero,
    /// There is one value only.
    Single,
    /// It hardly moved.
    Level,
    /// It ended above where it began.
    Grew,
    /// It ended below where it began.
    Fell,
    /// It was far above both its ends.
    Peaked,
    /// It was far below both its ends.
    Dipped,
    /// It rose and fell again and again.
    Swung,
}

/// Values of a total at its ends and extremes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) highest: u64,
    pub(crate) lowest: u64,
}

impl Ends {
    /// Returns the verdict on them, if nothing more is known about the time between.
    pub(crate) fn verdict(&self, unit: Unit) -> Verdict {
        if self.highest == 0 {
            return Verdict::Zero;
        }
        let tolerance = tolerance(self.highest, unit);
        let moved = self.first.abs_diff(self.last);
        let above = self.highest - self.first.max(self.last);
        let below = self.first.min(self.last) - self.lowest;
        let excursion = above.max(below);
        if excursion > tolerance && excursion >= moved {
            return if above >= below { Verdict::Peaked } else { Verdict::Dipped };
        }
        match moved > tolerance {
            false => Verdict::Level,
            true if self.last > self.first => Verdict::Grew,
            true => Verdict::Fell,
        }
    }
}

/// Returns how far values may lie apart and still count as level, if `highest` is their maximum.
pub(crate) fn tolerance(highest: u64, unit: Unit) -> u64 {
    let floor = if unit == Unit::Bytes { LEVEL_BYTES } else { 0 };
    floor.max(highest / LEVEL_PART)
}

/// One part of a change, such as a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The label of the part.
    pub label: String,
    /// By how much it moved.
    pub change: i128,
    /// Its share of all that moved the same way, in whole percent, rounded down; `None` where
    /// others moved the other way, so that shares would mislead.
    pub percent: Option<u8>,
}

/// The whole that parts of a change have shares of: all that moved as their sum did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    sign: i128,
    with: u128,
    misleads: bool,
}

impl Whole {
    /// Returns it; `None` if nothing moved.
    pub(crate) fn of(parts: impl Iterator<Item = i128> + Clone, change: i128) -> Option<Self> {
        let sign = change.signum();
        let sum = |of: i128| -> u128 {
            let moved = parts.clone().filter(|change| change.signum() == of);
            moved.map(i128::unsigned_abs).sum()
        };
        let (with, against) = (sum(sign), sum(-sign));
        let misleads = against * 100 > with * MAX_OPPOSED_PERCENT;
        (sign != 0 && with != 0).then_some(Self { sign, with, misleads })
    }

    /// Returns the share of a part in whole percent, rounded down; `None` where it moved the other way,
    /// or where others did, so that shares would mislead.
    pub(crate) fn percent(&self, change: i128) -> Option<u8> {
        u8::try_from(self.part(change)?).ok().filter(|_| !self.misleads)
    }

    fn part(&self, change: i128) -> Option<u128> {
        (change.signum() != -self.sign).then(|| change.unsigned_abs() * 100 / self.with)
    }
}

/// The parts that took most of a change, and the rest of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// The change they are parts of.
    pub change: i128,
    /// Those that moved as the whole did, the largest first.
    pub named: Vec<Share>,
    /// The change less that of the parts named.
    pub rest: i128,
}

impl Shares {
    /// Shares a change out to its parts.
    pub(crate) fn of(parts: impl IntoIterator<Item = (String, i128)>, change: i128) -> Self {
        let parts: Vec<(String, i128)> =
            parts.into_iter().filter(|(_, change)| *change != 0).collect();
        let Some(whole) = Whole::of(parts.iter().map(|(_, change)| *change), change) else {
            return Self { change, named: Vec::new(), rest: change };
        };
        let mut named: Vec<Share> = parts
            .into_iter()
            .filter_map(|(label, change)| Some((whole.part(change)?, label, change)))
            .filter(|(percent, ..)| *percent >= MIN_NAMED_PERCENT)
            .map(|(_, label, change)| Share { label, change, percent: whole.percent(change) })
            .collect();
        named.sort_by(|a, b| {
            let size = |share: &Share| share.change.unsigned_abs();
            size(b).cmp(&size(a)).then_with(|| a.label.cmp(&b.label))
        });
        named.truncate(MAX_NAMED);
        Self { change, rest: change - sum_of(&named), named }
    }
}

fn sum_of(shares: &[Share]) -> i128 {
    shares.iter().map(|share| share.change).sum()
}
