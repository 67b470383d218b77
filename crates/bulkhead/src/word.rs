use std::fmt;

use crate::limit::Limit;

/// All that a bulkhead decides by, in one word: how many calls run, how many wait, how many may run.
///
/// Every step is a pure function from one word to the next, put into force by one compare-and-swap. So the three
/// numbers always belong together: no call is admitted beyond a limit that has just been lowered, and none refused
/// for a permit that has just returned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u64);

/// The waiters have the lowest bits, the limit the next, and the rest is the excess: the calls in flight less the
/// limit, below zero while there is room. So a newcomer asks for the sign and for zero waiters, and compares no numbers.
/// The excess may grow, when the limit is lowered or not enforced, and there is nothing above it to spill into.
const WAITING_BITS: u32 = 16;
const LIMIT_BITS: u32 = 20;
const EXCESS_BITS: u32 = u64::BITS - WAITING_BITS - LIMIT_BITS;
const LIMIT_SHIFT: u32 = WAITING_BITS;
const EXCESS_SHIFT: u32 = WAITING_BITS + LIMIT_BITS;
const WAITING_MASK: u64 = (1 << WAITING_BITS) - 1;
const LIMIT_MASK: u64 = ((1 << LIMIT_BITS) - 1) << LIMIT_SHIFT;
const EXCESS_MASK: u64 = (1 << EXCESS_BITS) - 1;
const ONE_WAITING: u64 = 1;
const ONE_IN_FLIGHT: u64 = 1 << EXCESS_SHIFT;

/// What becomes of a call that may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// There is room: it runs.
    Runs,
    /// It has a place in the queue.
    Waits,
}

impl Word {
    /// What a call that runs adds to the bits.
    pub(crate) const CALL: u64 = ONE_IN_FLIGHT;

    pub(crate) const fn new(limit: Limit) -> Self {
        Self(0).with_limit(limit)
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn in_flight(self) -> u32 {
        (((self.0 >> EXCESS_SHIFT) + self.limit() as u64) & EXCESS_MASK) as u32
    }

    pub(crate) const fn waiting(self) -> u32 {
        (self.0 & WAITING_MASK) as u32
    }

    pub(crate) const fn limit(self) -> u32 {
        ((self.0 & LIMIT_MASK) >> LIMIT_SHIFT) as u32
    }

    const fn has_room(self) -> bool {
        self.0.cast_signed() < 0
    }

    /// A call that does not wait: it runs if there is room which nobody waits for.
    #[inline]
    pub(crate) const fn enter(self) -> Option<Self> {
        if self.has_room() && self.waiting() == 0 {
            Some(Self(self.0.wrapping_add(ONE_IN_FLIGHT)))
        } else {
            None
        }
    }

    /// A call that may wait, if fewer than `max_waiting` do; refused if it can neither run nor wait.
    pub(crate) const fn join(self, max_waiting: u32) -> Option<(Self, Joined)> {
        match self.enter() {
            Some(next) => Some((next, Joined::Runs)),
            None if self.waiting() < max_waiting => Some((Self(self.0 + ONE_WAITING), Joined::Waits)),
            None => None,
        }
    }

    /// The first waiter runs, if there is one and there is room.
    pub(crate) const fn grant(self) -> Option<Self> {
        if self.waiting() > 0 && self.has_room() {
            Some(Self(self.0.wrapping_add(ONE_IN_FLIGHT) - ONE_WAITING))
        } else {
            None
        }
    }

    /// A waiter leaves the queue.
    pub(crate) const fn give_up(self) -> Self {
        Self(self.0 - ONE_WAITING)
    }

    /// Another limit; calls that run beyond it are let finish.
    pub(crate) const fn with_limit(self, limit: Limit) -> Self {
        let (before, now) = (self.limit() as u64, limit.get() as u64);
        let others = self.0 & !LIMIT_MASK | now << LIMIT_SHIFT;
        Self(others.wrapping_add(before.wrapping_sub(now) << EXCESS_SHIFT))
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} in flight, {} waiting", self.in_flight(), self.limit(), self.waiting())
    }
}

#[cfg(test)]
mod tests;
