use std::sync::atomic::{AtomicU64, Ordering};

/// What a [`SharedTier`](crate::SharedTier) has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedStats {
    /// Whether the store is taken to be gone, so that the stand-in decides.
    pub down: bool,
    /// Units that are held in leases now.
    pub parked: u64,
    /// Calls to the store, in the background ones included: decisions, refills, units given back, probes.
    pub round_trips: u64,
    /// Units that leases have brought.
    pub leased: u64,
    /// Units that leases gave back.
    pub returned: u64,
    /// Calls that failed or took too long.
    pub failures: u64,
    /// Answers that a key holds something else.
    pub garbage: u64,
    /// Decisions of the stand-in.
    pub degraded: u64,
    /// How often the store was lost.
    pub outages: u64,
    /// How often it came back.
    pub recoveries: u64,
    /// Refunds, charges and refills that were dropped, because the store was gone or too many waited.
    pub dropped: u64,
}

/// The counters behind [`SharedStats`]. None is touched on the way of a request that a lease pays for.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) round_trips: Counter,
    pub(super) leased: Counter,
    pub(super) returned: Counter,
    pub(super) failures: Counter,
    pub(super) garbage: Counter,
    pub(super) degraded: Counter,
    pub(super) outages: Counter,
    pub(super) recoveries: Counter,
    pub(super) dropped: Counter,
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(super) fn stats(&self, down: bool, parked: u64) -> SharedStats {
        SharedStats {
            down,
            parked,
            round_trips: self.round_trips.get(),
            leased: self.leased.get(),
            returned: self.returned.get(),
            failures: self.failures.get(),
            garbage: self.garbage.get(),
            degraded: self.degraded.get(),
            outages: self.outages.get(),
            recoveries: self.recoveries.get(),
            dropped: self.dropped.get(),
        }
    }
}
