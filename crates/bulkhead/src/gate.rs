use std::mem;
use std::sync::Arc;
use std::task::Waker;

use crate::limit::Limit;
use crate::queue::{Queue, Ticket};
use crate::rules::Rules;
use crate::sync::{AtomicU64, Mutex, Ordering};
use crate::tally::Tally;
use crate::word::{Joined, Word};

/// What all handles, permits and waiters of one bulkhead share.
///
/// The word is read and changed by anybody at any time; its count of waiters only under the lock of the queue, so
/// under that lock the two agree. Who returns a permit sees in the word whether anybody waits, and only then takes
/// the lock. While anybody waits nobody else enters, so a permit that is free for a moment is not lost to a newcomer.
pub(crate) struct Gate {
    word: AtomicU64,
    queue: Mutex<Queue>,
    pub(crate) tally: Tally,
    pub(crate) name: Arc<str>,
    pub(crate) rules: Arc<Rules>,
}

/// What [`Gate::join`] gave.
pub(crate) enum Entry {
    /// A permit.
    Permit,
    /// A place in the queue.
    Place(Ticket),
}

impl Gate {
    pub(crate) fn new(name: Arc<str>, limit: Limit, rules: Arc<Rules>) -> Self {
        Self {
            word: AtomicU64::new(Word::new(limit).bits()),
            queue: Mutex::new(Queue::default()),
            tally: Tally::default(),
            name,
            rules,
        }
    }

    pub(crate) fn word(&self) -> Word {
        Word::from_bits(self.word.load(Ordering::Relaxed))
    }

    /// Takes a permit if there is one which nobody waits for.
    #[inline]
    pub(crate) fn enter(&self) -> bool {
        self.change(Word::enter).is_ok()
    }

    /// Takes a permit although there may be none.
    pub(crate) fn enter_over(&self) {
        self.word.fetch_add(Word::CALL, Ordering::Acquire);
    }

    /// Returns a permit, if there is one to return.
    #[inline(never)]
    pub(crate) fn leave(gate: Option<Arc<Self>>) {
        let Some(gate) = gate else { return };
        let before = Word::from_bits(gate.word.fetch_sub(Word::CALL, Ordering::Release));
        if before.waiting() > 0 {
            Self::leave_to_waiters(gate);
        }
    }

    /// It takes the gate along, so that the caller has nothing to put in order if a waker panics.
    #[cold]
    #[inline(never)]
    fn leave_to_waiters(gate: Arc<Self>) {
        gate.hand_on();
        drop(gate);
    }

    /// Takes a permit, or a place in the queue; nothing if there is neither.
    pub(crate) fn join(&self) -> Option<Entry> {
        let max_waiting = self.rules.max_waiting;
        let mut joined = Joined::Runs;
        let mut queue = self.queue.lock();
        self.change(|word| {
            let (next, how) = word.join(max_waiting)?;
            joined = how;
            Some(next)
        })
        .ok()?;
        Some(match joined {
            Joined::Runs => Entry::Permit,
            Joined::Waits => Entry::Place(queue.push()),
        })
    }

    /// Whether a ticket was granted; if not, `waker` is called when it is.
    pub(crate) fn is_granted(&self, ticket: Ticket, waker: &Waker) -> bool {
        let mut waker = waker.clone();
        let mut queue = self.queue.lock();
        let Some(known) = queue.waker_of(ticket) else { return true };
        mem::swap(known, &mut waker);
        // The old waker may be the last hold on a task, and dropping that may come back here for the lock.
        drop(queue);
        false
    }

    /// Gives a place in the queue up; says whether it had been granted, so that there is a permit to return.
    pub(crate) fn give_up(&self, ticket: Ticket) -> bool {
        let mut queue = self.queue.lock();
        let Some(waker) = queue.remove(ticket) else { return true };
        let _ = self.change(|word| Some(word.give_up()));
        // In this order, for the same reason as above.
        drop(queue);
        drop(waker);
        false
    }

    /// Puts another limit into force, and returns the one before; as many waiters run as now have room, in order.
    pub(crate) fn set_limit(&self, limit: Limit) -> u32 {
        let before = self.change(|word| Some(word.with_limit(limit))).unwrap_or_else(|word| word);
        if before.waiting() > 0 {
            self.hand_on();
        }
        before.limit()
    }

    /// Gives free permits to waiters, in order.
    #[cold]
    #[inline(never)]
    fn hand_on(&self) {
        while let Some(waker) = self.grant_next() {
            waker.wake();
        }
    }

    fn grant_next(&self) -> Option<Waker> {
        let mut queue = self.queue.lock();
        self.change(Word::grant).ok()?;
        queue.pop()
    }

    /// Puts the next word into force, if there is one; returns the word before.
    #[inline]
    fn change(&self, mut next: impl FnMut(Word) -> Option<Word>) -> Result<Word, Word> {
        let next = |bits| next(Word::from_bits(bits)).map(Word::bits);
        let changed = self.word.fetch_update(Ordering::Acquire, Ordering::Relaxed, next);
        changed.map(Word::from_bits).map_err(Word::from_bits)
    }
}
