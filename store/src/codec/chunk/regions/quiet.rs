//! Skips regions without events for a while together.

use super::slot::Slot;
use super::steps::Step;
use crate::codec::number::Number;
use crate::codec::range_coder::Coder;

/// The number of quiet regions left before the next event among them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quiet {
    /// `None` if it is still to be coded at the next quiet region; 0 if none has an event.
    left: Option<u64>,
    events: usize,
}

impl Quiet {
    /// Returns how many of the first `slots` are quiet and known to have no event; they stay as
    /// they are.
    pub(super) fn pass(&mut self, slots: &[Slot]) -> usize {
        let Some(left) = &mut self.left else { return 0 };
        let max = if *left == 0 { u64::MAX } else { *left - 1 };
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let passed = slots.iter().take(max).take_while(|slot| slot.is_quiet()).count();
        if *left != 0 {
            *left -= passed as u64;
        }
        passed
    }

    /// Codes whether a quiet region has an event; `until` counts the quiet regions from it on.
    pub(super) fn happens<C: Coder>(
        &mut self,
        coder: &mut C,
        models: &mut [Number; 2],
        until: impl FnOnce() -> u64,
    ) -> bool {
        let left = match self.left {
            Some(left) => left,
            None => {
                let until = if C::DECODES { 0 } else { until() };
                models[self.events.min(1)].code(coder, until)
            }
        };
        match left {
            1 => {
                self.left = None;
                self.events += 1;
                true
            }
            _ => {
                self.left = Some(left.saturating_sub(1));
                false
            }
        }
    }
}

/// Counts the quiet regions of `old` from `at` to the next one with an event in `steps`, 0 if none
/// has. Regions right after a step are not counted.
pub(super) fn quiet_until(old: &[Slot], at: usize, steps: &[Step], happens: bool) -> u64 {
    if happens {
        return 1;
    }
    let (mut count, mut last, mut after_step) = (1, at, false);
    for step in steps {
        let step = step.at as usize;
        for index in last + 1..step {
            count += u64::from(old[index - 1].is_quiet() && !std::mem::take(&mut after_step));
            after_step = false;
        }
        if old[step - 1].is_quiet() && !(after_step && step == last + 1) {
            return count + 1;
        }
        (last, after_step) = (step, true);
    }
    0
}
