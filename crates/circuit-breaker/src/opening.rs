use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::nanos::nanos;
use crate::quick::next_id;
use crate::spread::number_this_thread;
use crate::sync::{AtomicU64, Ordering};
use crate::word::{Gate, Word};

// The opening that this thread asked about last. A breaker that refuses is asked about the same one all the time, and
// comparing two times is several times cheaper than adding or subtracting them.
thread_local! {
    static LAST: Cell<Known> = const { Cell::new(Known { opening: u64::MAX, word: Word::from_bits(0), until: None }) };
}

#[derive(Clone, Copy)]
struct Known {
    opening: u64,
    word: Word,
    until: Option<Instant>,
}

/// Until when an open breaker refuses, for those who do not take the lock.
pub(crate) struct Opening {
    /// Tells the openings of this breaker from those of every other one.
    id: u64,
    origin: Instant,
    until: AtomicU64,
    times: AtomicU64,
}

impl Opening {
    pub(crate) fn new(origin: Instant) -> Self {
        Self { id: next_id(), origin, until: AtomicU64::new(0), times: AtomicU64::new(0) }
    }

    /// Takes note of an opening, before the word that says so is shown.
    pub(crate) fn set(&self, until: Instant, times: u64) {
        self.until.store(nanos(until.saturating_duration_since(self.origin)), Ordering::Relaxed);
        self.times.store(times, Ordering::Relaxed);
    }

    /// How often the breaker has opened.
    pub(crate) fn times(&self) -> u64 {
        self.times.load(Ordering::Relaxed)
    }

    /// Until when the breaker refuses that `word` says is open; `None` if it says something else, or if that time has
    /// passed.
    pub(crate) fn lasts_until(&self, word: Word, now: Instant) -> Option<Instant> {
        if word.gate() != Gate::Open {
            return None;
        }
        self.known_to_last_until(word, now).or_else(|| self.look(word).filter(|until| now < *until))
    }

    /// The same, if this thread knows it; only words that say open are known.
    #[inline]
    pub(crate) fn known_to_last_until(&self, word: Word, now: Instant) -> Option<Instant> {
        LAST.with(|last| {
            let last = last.get();
            if last.opening == self.id
                && last.word == word
                && let Some(until) = last.until
                && now < until
            {
                return Some(until);
            }
            None
        })
    }

    #[cold]
    fn look(&self, word: Word) -> Option<Instant> {
        number_this_thread();
        let until = self.origin.checked_add(Duration::from_nanos(self.until.load(Ordering::Relaxed)));
        LAST.set(Known { opening: self.id, word, until });
        until
    }
}
