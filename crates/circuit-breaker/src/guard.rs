use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use buttress_core::Outcome;

use crate::circuit::{Circuit, now};
use crate::spread::Anchor;
use crate::state::Entry;
use crate::word::Epoch;

/// A call that was admitted: settled once, or abandoned when dropped.
pub(crate) struct Guard {
    anchor: Arc<Anchor>,
    entry: Entry,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Admitted, and not polled yet.
    Fresh,
    /// Under way, and not being polled.
    Resting,
    /// Being polled, so that a drop at this moment means that the call panicked.
    Polling,
    /// Settled, or never recorded.
    Settled,
}

impl Guard {
    #[inline]
    pub(crate) fn new(anchor: Arc<Anchor>, entry: Entry) -> Self {
        Self { anchor, entry, stage: Stage::Fresh }
    }

    /// A call whose outcome does not count.
    pub(crate) fn unrecorded(anchor: Arc<Anchor>) -> Self {
        Self { anchor, entry: Entry { epoch: Epoch::FIRST, started: None }, stage: Stage::Settled }
    }

    /// Whether the outcome is still to come.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.stage != Stage::Settled
    }

    /// Before a poll of the call.
    #[inline]
    pub(crate) fn enter(&mut self) {
        self.stage = Stage::Polling;
    }

    /// After a poll of the call that has not ended it.
    ///
    /// It has to wait, so from here on it matters when it began. A call that ends at its first poll never asks for
    /// the time.
    pub(crate) fn waits(&mut self) {
        self.stage = Stage::Resting;
        if self.entry.started.is_none() {
            self.entry.started = Some(now());
        }
    }

    /// After a poll that has neither ended the call nor made it wait.
    #[cfg(feature = "http")]
    pub(crate) fn leave(&mut self) {
        self.stage = Stage::Resting;
    }

    /// Whether a drop at this moment means that the call panicked.
    pub(crate) fn is_panicking(&self) -> bool {
        match self.stage {
            Stage::Polling => true,
            // Between admission and the first poll, and for a ticket, which is never polled, the thread is all there is.
            Stage::Fresh => thread::panicking(),
            // It waited, and is dropped with whatever panics around it.
            Stage::Resting | Stage::Settled => false,
        }
    }

    /// The call has ended.
    #[inline]
    pub(crate) fn settle(&mut self, outcome: Outcome, hint: impl FnOnce() -> Option<Duration>) {
        self.settle_at(outcome, hint, now);
    }

    #[inline]
    pub(crate) fn settle_at(
        &mut self,
        outcome: Outcome,
        hint: impl FnOnce() -> Option<Duration>,
        clock: impl Fn() -> Instant,
    ) {
        if self.is_open() {
            self.stage = Stage::Settled;
            self.circuit().settle(&self.entry, outcome, hint, clock);
        }
    }

    /// The caller left while the call had been waiting since `since`, or since it began.
    ///
    /// Synchronous: a dropped call is recorded before the drop returns, in its order, with or without a runtime.
    #[cold]
    pub(crate) fn abandon(&mut self, since: Option<Instant>) {
        if self.is_panicking() {
            self.settle(Outcome::Failure, || None);
        } else if self.is_open() {
            self.stage = Stage::Settled;
            self.circuit().abandon(self.entry, since, now());
        }
    }

    #[inline]
    fn circuit(&self) -> &Circuit {
        self.anchor.circuit()
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        if self.is_open() {
            self.abandon(None);
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, stage, .. } = self;
        f.debug_struct("Guard")
            .field("circuit", self.circuit())
            .field("entry", entry)
            .field("stage", stage)
            .finish()
    }
}
