use std::thread;

use crate::sync::{AtomicU64, Ordering, thread_number};

/// How many calls are under way, counted without a cache line that threads fight over.
pub(crate) struct Gauge {
    /// As many as a power of two.
    shards: Box<[Shard]>,
}

/// Two cache lines, because processors fetch them in pairs.
#[repr(align(128))]
struct Shard(AtomicU64);

impl Gauge {
    const MAX_SHARDS: usize = 64;

    pub(crate) fn new() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self::with_shards(threads.min(Self::MAX_SHARDS).next_power_of_two())
    }

    fn with_shards(shards: usize) -> Self {
        Self { shards: (0..shards).map(|_| Shard(AtomicU64::new(0))).collect() }
    }

    pub(crate) fn enter(&self) {
        self.own().fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn leave(&self) {
        self.own().fetch_sub(1, Ordering::Relaxed);
    }

    /// How many have entered and not left; enters and leaves that run meanwhile may be missed.
    pub(crate) fn read(&self) -> u64 {
        // A call may leave on another thread than it entered on: single shards wrap, their sum does not.
        let sum = self.shards.iter().fold(0_u64, |sum, Shard(one)| sum.wrapping_add(one.load(Ordering::Relaxed)));
        // Below zero only if a leave was seen and its enter, in a shard read before, was not.
        if sum.cast_signed() < 0 { 0 } else { sum }
    }

    fn own(&self) -> &AtomicU64 {
        &self.shards[thread_number() & (self.shards.len() - 1)].0
    }
}

#[cfg(all(test, not(buttress_loom)))]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_call_may_leave_on_another_thread_than_it_entered_on() {
        let gauge = Arc::new(Gauge::with_shards(8));
        gauge.enter();
        gauge.enter();
        let other = Arc::clone(&gauge);
        thread::spawn(move || other.leave()).join().expect("nothing panics");
        assert_eq!(gauge.read(), 1);
        gauge.leave();
        assert_eq!(gauge.read(), 0);
    }
}
