//! Looks at processes on threads of their own: usually one, more while a process keeps it waiting.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use vmrec_sampler::{Error as SamplerError, Limits, Sampler, Sharers, UserRule};

use crate::args::ReadingArgs;
use crate::commands::record::args::RecordArgs;
use crate::commands::record::events::{Event, Events, Looked, MemberId, Sampled};

/// How long one process may take before another thread goes on with the next ones.
const PATIENCE: Duration = Duration::from_millis(300);

/// The maximum number of threads: processes that keep theirs waiting for ever.
const MAX_THREADS: usize = 16;

/// A process to look at: attach to it, unless that is done, and take a sample.
pub(crate) struct Look {
    pub(crate) member: MemberId,
    pub(crate) pid: u32,
    pub(crate) start_ticks: u64,
    pub(crate) sampler: Option<Box<Sampler>>,
}

/// Threads that look at processes.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    queue: Sender<Event>,
}

struct Shared {
    state: Mutex<State>,
    news: Condvar,
    rules: Vec<UserRule>,
    reading: ReadingArgs,
    reread: bool,
    limits: Option<Limits>,
    sharers: Sharers,
}

struct State {
    looks: VecDeque<Look>,
    threads: usize,
    idle: usize,
    /// When a look was last begun.
    moved: Instant,
    closed: bool,
}

impl Pool {
    /// Starts without a thread; results go into the queue of events.
    pub(crate) fn new(events: &Events, rules: Vec<UserRule>, args: &RecordArgs) -> Self {
        let RecordArgs { reading, reread, .. } = *args;
        let limits = args.limits();
        let state = State {
            looks: VecDeque::new(),
            threads: 0,
            idle: 0,
            moved: Instant::now(),
            closed: false,
        };
        let (state, news) = (Mutex::new(state), Condvar::new());
        let sharers = Sharers::default();
        let shared = Arc::new(Shared { state, news, rules, reading, reread, limits, sharers });
        Self { shared, queue: events.sender() }
    }

    /// Asks for looks, which will be events.
    pub(crate) fn request(&self, looks: impl IntoIterator<Item = Look>) {
        let mut state = self.shared.lock();
        state.looks.extend(looks);
        if state.idle == 0 && !state.looks.is_empty() && state.threads == 0 {
            self.start_thread(&mut state);
        }
        self.shared.news.notify_one();
    }

    /// Starts another thread if processes wait because one keeps its thread waiting.
    pub(crate) fn relieve(&self) {
        let mut state = self.shared.lock();
        let stuck = state.idle == 0 && state.moved.elapsed() > PATIENCE;
        if stuck && !state.looks.is_empty() && state.threads < MAX_THREADS {
            self.start_thread(&mut state);
        }
    }

    fn start_thread(&self, state: &mut State) {
        let (shared, queue) = (Arc::clone(&self.shared), self.queue.clone());
        let thread = Builder::new().name("vmrec-sampler".to_owned());
        let started = thread.spawn(move || {
            while let Some(look) = shared.next() {
                let looked = shared.look(look);
                if queue.send(Event::Looked(Box::new(looked))).is_err() {
                    return;
                }
            }
        });
        state.threads += usize::from(started.is_ok());
        state.moved = Instant::now();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.news.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No thread panics while it holds the lock; if one did, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next process to look at; `None` ends the thread.
    fn next(&self) -> Option<Look> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(look) = state.looks.pop_front() {
                state.moved = Instant::now();
                return Some(look);
            }
            // One idle thread is enough.
            if state.idle > 0 {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn look(&self, look: Look) -> Looked {
        let begun = Instant::now();
        let Look { member, pid, start_ticks, sampler } = look;
        let (sampler, attached) = match sampler {
            Some(sampler) => (Ok(sampler), None),
            None => {
                let sampler = self.attach(pid, start_ticks);
                let attached = sampler.as_ref().ok().map(|sampler| sampler.process().clone());
                (sampler, attached)
            }
        };
        let (sampler, sampled) = match sampler {
            Ok(mut sampler) => {
                let snapshot = sampler.sample();
                let (evidence, notes) = (sampler.evidence(), sampler.notes());
                let stays = snapshot.is_ok();
                (stays.then_some(sampler), Sampled { snapshot, evidence, notes })
            }
            Err(error) => {
                (None, Sampled { snapshot: Err(error), evidence: None, notes: Vec::new() })
            }
        };
        Looked { member, attached, sampler, sampled, took: begun.elapsed() }
    }

    fn attach(&self, pid: u32, start_ticks: u64) -> Result<Box<Sampler>, SamplerError> {
        let mut sampler = Sampler::attach_or_totals(pid)?;
        if sampler.process().id.start_ticks != start_ticks {
            return Err(SamplerError::Reused { pid });
        }
        sampler.set_user_rules(self.rules.clone());
        self.reading.apply(&mut sampler);
        sampler.set_skips_unchanged(!self.reread);
        sampler.set_limits(self.limits, &self.sharers);
        Ok(Box::new(sampler))
    }
}
