//! The places of regions in a snapshot, each with the history of its events.

pub(super) const RATES: usize = 16;
pub(super) const RECENT: usize = 16;
/// How fast a region's event rate adapts, as a power of two.
pub(super) const RATE_SHIFT: u32 = 4;
/// The initial history of a new region, so that it is watched for a while …
pub(super) const NEW: Slot = Slot { track: 0, history: 1 << 4, rate: 1 << 14 };
/// … and of one of the first snapshot.
pub(super) const OLD: Slot = Slot { track: 0, history: 0, rate: 0 };

/// A region of the last snapshot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) track: u32,
    /// The snapshots in which it had an event, as bits, the last one lowest.
    pub(super) history: u16,
    /// The rate of its events, in 65536ths of the snapshots.
    pub(super) rate: u16,
}

impl Slot {
    pub(super) fn saw(mut self, event: bool) -> Self {
        self.history = self.history << 1 | u16::from(event);
        if event {
            self.rate += (u16::MAX - self.rate) >> RATE_SHIFT;
        } else {
            self.rate -= self.rate >> RATE_SHIFT;
        }
        self
    }

    pub(super) const fn is_quiet(self) -> bool {
        self.history == 0
    }

    pub(super) fn context(self) -> usize {
        usize::from(self.rate >> 12) * RECENT + usize::from(self.history) % RECENT
    }
}
