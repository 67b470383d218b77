use std::mem;
use std::time::Instant;

use crate::{Sample, Ticks, Totals};

/// The samples of the last span, in buckets.
///
/// Time moves the window whether or not anything is recorded: [`totals`](Self::totals) lets go of expired buckets
/// just as [`record`](Self::record) does, and either costs at most one step per bucket after a gap of any length.
/// A time earlier than the latest one seen counts in the newest bucket.
///
/// The [crate example](crate#example) shows one in use.
#[derive(Clone, Debug)]
pub struct TimeWindow {
    ticks: Ticks,
    ring: Box<[Totals]>,
    newest: u64,
    live: Totals,
}

impl TimeWindow {
    /// An empty window over the span that `ticks` divides.
    ///
    /// Allocates 32 bytes per bucket, here and never again.
    pub fn new(ticks: Ticks) -> Self {
        let ring = (0..ticks.buckets().get()).map(|_| Totals::default()).collect();
        Self { ticks, ring, newest: 0, live: Totals::default() }
    }

    /// Counts a sample at `now`, and returns what the window holds then.
    pub fn record(&mut self, now: Instant, sample: Sample) -> Totals {
        self.advance(now);
        self.ring[self.ticks.slot(self.newest)].count(sample);
        self.live.count(sample);
        self.live
    }

    /// What the window holds at `now`.
    pub fn totals(&mut self, now: Instant) -> Totals {
        self.advance(now);
        self.live
    }

    /// Forgets every sample; the bucket borders stay where they are.
    pub fn clear(&mut self) {
        self.ring.fill(Totals::default());
        self.live = Totals::default();
    }

    /// Empties every bucket that begins anew between the newest tick and that of `now`.
    fn advance(&mut self, now: Instant) {
        let tick = self.ticks.tick(now);
        // Past one full turn every bucket is empty, so a quiet week costs what a quiet span does.
        for before in (self.newest..tick).take(self.ring.len()) {
            let expired = mem::take(&mut self.ring[self.ticks.slot(before + 1)]);
            self.live.forget_all(expired);
        }
        self.newest = self.newest.max(tick);
    }
}
