//! The growth of a file by a tick: as much room is left for the next one, so that the file is within
//! its limit when that is written, and not only after the next pruning.

/// The number of prunings after which an earlier growth no longer counts.
const MEMORY: u32 = 1024;

/// The size of a file that is recorded to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Its bytes without free pages.
    pub(crate) used_bytes: u64,
    /// All its bytes, once its log is moved there, and those of that log.
    pub(crate) bytes: u64,
}

/// The growth of a file with its log while it is recorded to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Growth {
    /// The size after the last tick or pruning, once there was one.
    last: Option<Size>,
    /// The largest growth by a tick among the last prunings, and among those before.
    young_bytes: u64,
    old_bytes: u64,
    prunings: u32,
}

impl Growth {
    /// Records the size of the file after a tick.
    pub(crate) fn grown_to(&mut self, size: Size) {
        let Some(last) = self.last.replace(size) else { return };
        // What is new was in the log, too, before that was moved to the file.
        let twice = 2 * size.used_bytes.saturating_sub(last.used_bytes);
        let grown = size.bytes.saturating_sub(last.bytes).max(twice);
        self.young_bytes = self.young_bytes.max(grown);
    }

    /// Records the size of the file after it was pruned.
    pub(crate) fn settled_at(&mut self, size: Size) {
        self.last = Some(size);
        self.prunings += 1;
        if self.prunings == MEMORY {
            self.old_bytes = std::mem::take(&mut self.young_bytes);
            self.prunings = 0;
        }
    }

    /// Returns the bytes to leave to the next tick.
    pub(crate) fn room_bytes(&self) -> u64 {
        self.young_bytes.max(self.old_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_growth_is_left_room_for_until_it_is_long_past() {
        let size = |used_bytes, bytes| Size { used_bytes, bytes };
        let mut growth = Growth::default();
        growth.grown_to(size(1000, 1200));
        assert_eq!(growth.room_bytes(), 0, "a file is not new because it is opened");
        growth.settled_at(size(900, 1000));
        growth.grown_to(size(910, 1050));
        growth.settled_at(size(800, 900));
        growth.grown_to(size(820, 910));
        assert_eq!(growth.room_bytes(), 50);
        growth.grown_to(size(850, 950));
        assert_eq!(growth.room_bytes(), 60, "in the log and in the file");
        for _ in 0..MEMORY {
            growth.settled_at(size(800, 900));
        }
        assert_eq!(growth.room_bytes(), 60);
        for _ in 0..MEMORY {
            growth.settled_at(size(800, 900));
        }
        assert_eq!(growth.room_bytes(), 0);
    }
}
