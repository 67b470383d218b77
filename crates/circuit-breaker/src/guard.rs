use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use buttress_core::Outcome;

use crate::circuit::now;
use crate::spread::Anchor;
use crate::state::Entry;
use crate::word::Epoch;

/// A call that was admitted: settled once, or abandoned when dropped.
///
/// The reference is not dropped by itself, but taken out and given to one function, so that the drop of whatever holds
/// a guard is one call.
pub(crate) struct Guard {
    /// Given back with the outcome, so that of a call that has ended nothing is left to drop.
    anchor: ManuallyDrop<Option<Arc<Anchor>>>,
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
    /// Nothing is left to record, or never was.
    Silent,
}

impl Stage {
    fn is_panicking(self) -> bool {
        match self {
            Self::Polling => true,
            // Between admission and the first poll, and for a ticket, which is never polled, the thread is all there is.
            Self::Fresh => thread::panicking(),
            // It waited, and is dropped with whatever panics around it.
            Self::Resting | Self::Silent => false,
        }
    }
}

impl Guard {
    #[inline]
    pub(crate) fn new(anchor: Arc<Anchor>, entry: Entry) -> Self {
        Self { anchor: ManuallyDrop::new(Some(anchor)), entry, stage: Stage::Fresh }
    }

    /// A call whose outcome does not count.
    pub(crate) fn unrecorded(anchor: Arc<Anchor>) -> Self {
        let entry = Entry { epoch: Epoch::FIRST, started: None };
        Self { anchor: ManuallyDrop::new(Some(anchor)), entry, stage: Stage::Silent }
    }

    /// Whether the outcome is still to come.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.stage != Stage::Silent
    }

    /// Before a poll of the call.
    #[inline]
    pub(crate) fn enter(&mut self) {
        self.turn(Stage::Polling);
    }

    /// After a poll of the call that has not ended it.
    ///
    /// It has to wait, so from here on it matters when it began. A call that ends at its first poll never asks for
    /// the time.
    #[inline]
    pub(crate) fn waits(&mut self) {
        self.turn(Stage::Resting);
        if self.entry.started.is_none() {
            self.entry.started = Some(now());
        }
    }

    /// After a poll that has neither ended the call nor made it wait.
    #[cfg(feature = "http")]
    pub(crate) fn leave(&mut self) {
        self.turn(Stage::Resting);
    }

    /// Whether a drop at this moment means that the call panicked.
    #[cfg(feature = "http")]
    pub(crate) fn is_panicking(&self) -> bool {
        self.stage.is_panicking()
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
            // First, so that it is told once whatever panics; the reference stays until it has been.
            self.stage = Stage::Silent;
            if let Some(anchor) = self.anchor.as_ref() {
                anchor.circuit().settle(&self.entry, outcome, hint, clock);
            }
        }
        self.release();
    }

    /// Gives the reference back, so that the call is no longer in flight.
    #[inline]
    pub(crate) fn release(&mut self) {
        drop(self.anchor.take());
    }

    /// Moves everything out of a guard that is left behind.
    #[inline]
    pub(crate) fn take(&mut self) -> Self {
        let anchor = ManuallyDrop::new(self.anchor.take());
        Self { anchor, entry: self.entry, stage: self.stage }
    }

    /// The caller left while the call had been waiting since `since`, or since it began.
    ///
    /// Synchronous: a dropped call is recorded before the drop returns, in its order, with or without a runtime.
    #[inline]
    pub(crate) fn abandon(&mut self, since: Option<Instant>) {
        if let Some(anchor) = self.anchor.take() {
            abandon(anchor, self.entry, self.stage, since);
        }
    }

    #[inline]
    fn turn(&mut self, stage: Stage) {
        if self.stage != Stage::Silent {
            self.stage = stage;
        }
    }
}

#[cold]
#[inline(never)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "so nothing is left to drop for the caller, even if this panics"
)]
fn abandon(anchor: Arc<Anchor>, entry: Entry, stage: Stage, since: Option<Instant>) {
    if stage.is_panicking() {
        anchor.circuit().settle(&entry, Outcome::Failure, || None, now);
    } else if stage != Stage::Silent {
        anchor.circuit().abandon(entry, since, now());
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        self.abandon(None);
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { anchor, entry, stage } = self;
        f.debug_struct("Guard")
            .field("circuit", &anchor.as_ref().map(|anchor| anchor.circuit()))
            .field("entry", entry)
            .field("stage", stage)
            .finish()
    }
}
