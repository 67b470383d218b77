use std::sync::atomic::{AtomicU64, Ordering};

/// What has been counted since the bulkhead was built; nothing of it is touched by a call that runs at once.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) full: Count,
    pub(crate) wait_exceeded: Count,
    pub(crate) would_refuse: Count,
    pub(crate) abandoned: Count,
}

/// A count that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
