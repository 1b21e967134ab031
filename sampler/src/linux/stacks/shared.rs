//! A value that a thread with much work and others with deadlines share, each in its turn.
//!
//! A mutex of the standard library is taken again by the thread that just gave it back rather than by
//! those that wait. Here whoever waits comes next, so that a burst of records holds up nobody for
//! longer than one record takes.

use std::io;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A value and the turns to it.
pub(crate) struct InTurn<T> {
    turn: Mutex<()>,
    value: Mutex<T>,
}

impl<T> InTurn<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { turn: Mutex::new(()), value: Mutex::new(value) }
    }

    /// Waits for the value: no longer than who has it now.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let _turn = locked(&self.turn);
        locked(&self.value)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long those with deadlines may wait for readings: a part of the time, and no longer at once.
const PART: u32 = 4;
const LONGEST: Duration = Duration::from_millis(50);

/// Requests that a thread reads its buffers, and its answers.
pub(crate) struct Readings {
    counts: Mutex<Counts>,
    answered: Condvar,
    waker: PipeWriter,
}

struct Counts {
    asked: u64,
    done: u64,
    patience: Patience,
}

/// The time that may be spent on waiting.
struct Patience {
    left: Duration,
    since: Instant,
}

impl Patience {
    /// Returns the time there is at a moment.
    fn at(&mut self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.since);
        self.since = now;
        self.left = LONGEST.min(self.left.saturating_add(passed / PART));
        self.left
    }

    /// Takes away the time that was spent.
    fn spent(&mut self, time: Duration, now: Instant) {
        self.left = self.left.saturating_sub(time);
        self.since = now;
    }
}

/// Wakes the thread that reads.
pub(crate) struct Asked(PipeReader);

impl Readings {
    /// Returns the requests, and the file that wakes the thread.
    pub(crate) fn new() -> io::Result<(Self, Asked)> {
        let (reader, waker) = io::pipe()?;
        let patience = Patience { left: LONGEST, since: Instant::now() };
        let counts = Mutex::new(Counts { asked: 0, done: 0, patience });
        Ok((Self { counts, answered: Condvar::new(), waker }, Asked(reader)))
    }

    /// Waits until all that is there now was read, or there is no more time for that.
    pub(crate) fn catch_up(&self) {
        let mut counts = locked(&self.counts);
        counts.asked += 1;
        let (ticket, begun) = (counts.asked, Instant::now());
        let time = counts.patience.at(begun);
        if (&self.waker).write_all(&[1]).is_err() {
            return;
        }
        let waits = |counts: &mut Counts| counts.done < ticket;
        let waited = self.answered.wait_timeout_while(counts, time, waits);
        let (mut counts, _) = waited.unwrap_or_else(PoisonError::into_inner);
        counts.patience.spent(begun.elapsed(), Instant::now());
    }

    /// Returns the number of requests, to be answered once the buffers were read.
    pub(crate) fn asked(&self) -> u64 {
        locked(&self.counts).asked
    }

    /// Answers these requests.
    pub(crate) fn done(&self, asked: u64) {
        locked(&self.counts).done = asked;
        self.answered.notify_all();
    }
}

impl Asked {
    /// Returns the file that is readable once something is asked for.
    pub(crate) const fn file(&self) -> &PipeReader {
        &self.0
    }

    /// Takes note of requests, if the file is readable.
    pub(crate) fn take(&mut self) {
        // More than that are found the next time.
        let _ = self.0.read(&mut [0; 256]);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn who_waits_comes_before_the_thread_that_had_it() {
        let shared = Arc::new(InTurn::new(Vec::new()));
        let mut held = shared.lock();
        let waiting = Arc::clone(&shared);
        let tick = thread::spawn(move || waiting.lock().push("tick"));
        // Its turn is taken as soon as it waits.
        while shared.turn.try_lock().is_ok() {
            thread::yield_now();
        }
        held.push("record");
        drop(held);
        for _ in 0..1000 {
            shared.lock().push("record");
        }
        tick.join().unwrap();
        assert_eq!(shared.lock().iter().position(|who| *who == "tick"), Some(1));
    }

    #[test]
    fn waiting_ends_with_the_answer_or_the_patience() {
        let (readings, mut asked) = Readings::new().unwrap();
        // Nobody answers.
        readings.catch_up();
        let left = |readings: &Readings| locked(&readings.counts).patience.left;
        assert_eq!(left(&readings), Duration::ZERO);
        asked.take();
        readings.done(u64::MAX);
        readings.catch_up();
        let mut patience = Patience { left: Duration::ZERO, since: Instant::now() };
        let begun = patience.since;
        assert_eq!(patience.at(begun + Duration::from_millis(40)), Duration::from_millis(10));
        assert_eq!(patience.at(begun + Duration::from_secs(9)), LONGEST);
        patience.spent(Duration::from_millis(30), begun + Duration::from_secs(9));
        assert_eq!(patience.at(begun + Duration::from_secs(9)), Duration::from_millis(20));
    }

    #[test]
    fn all_that_was_there_before_a_request_is_read_at_its_answer() {
        let (readings, mut asked) = Readings::new().unwrap();
        let readings = &readings;
        thread::scope(|scope| {
            scope.spawn(move || {
                asked.take();
                let tickets = readings.asked();
                readings.done(tickets);
            });
            while locked(&readings.counts).done == 0 {
                readings.catch_up();
            }
        });
    }
}
