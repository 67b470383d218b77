use std::time::{Duration, Instant};

use buttress_core::Outcome;

use crate::guard::Guard;

/// The receipt for a call that a breaker admitted.
///
/// Settle it with the outcome. Dropped without one, the call counts as [abandoned](crate::Abandoned), or as failed
/// if the thread is panicking; a probe's permit returns either way, at once.
#[derive(Debug)]
#[must_use = "a ticket that is dropped counts as an abandoned call"]
pub struct Ticket {
    guard: Guard,
    retry_after: Option<Duration>,
}

impl Ticket {
    pub(crate) fn new(guard: Guard) -> Self {
        Self { guard, retry_after: None }
    }

    /// The same ticket with how long the service asked its callers to stay away; heard if the call failed.
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// Records how the call ended.
    #[inline]
    pub fn settle(self, outcome: Outcome) {
        let Self { mut guard, retry_after } = self;
        guard.settle(outcome, || retry_after);
    }

    /// Records how the call ended, and when, for a caller who has looked at the clock already.
    #[inline]
    pub fn settle_at(self, outcome: Outcome, now: Instant) {
        let Self { mut guard, retry_after } = self;
        guard.settle_at(outcome, || retry_after, || now);
    }
}
