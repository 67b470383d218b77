use std::cell::Cell;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use buttress_window::{ShardedTimeCounter, Ticks};

use crate::spread::number_this_thread;
use crate::word::Epoch;

// The bucket that the thread's last success fell into. Most fall into the same one, and comparing two times is
// several times cheaper than subtracting and dividing them.
thread_local! {
    static LAST: Cell<Bucket> = const { Cell::new(Bucket { count: u64::MAX, epoch: Epoch::FIRST, tick: 0, ends: None }) };
}

/// A bucket of one epoch of one count.
#[derive(Clone, Copy)]
struct Bucket {
    count: u64,
    epoch: Epoch,
    tick: u64,
    ends: Option<Instant>,
}

/// The plain successes of a time window, counted without a lock.
///
/// Epochs are kept apart by their ticks: each epoch's ticks lie further from those of the one before than a window
/// is long. So a success that was on its way while the breaker opened and closed again is never counted in the new
/// window, and nothing has to be cleared.
#[derive(Debug)]
pub(crate) struct QuickCount {
    /// Tells this count from every other one.
    id: u64,
    origin: Instant,
    ticks: Ticks,
    successes: ShardedTimeCounter,
}

impl QuickCount {
    pub(crate) fn new(origin: Instant, span: Duration, buckets: NonZeroU32, shards: NonZeroUsize) -> Self {
        let ticks = Ticks::new(origin, span, buckets);
        Self { id: next_id(), origin, ticks, successes: ShardedTimeCounter::with_shards(ticks, shards) }
    }

    pub(crate) fn ticks(&self) -> Ticks {
        self.ticks
    }

    #[inline]
    pub(crate) fn add(&self, epoch: Epoch, now: Instant) {
        let last = LAST.with(|last| {
            let last = last.get();
            let is_current =
                last.count == self.id && last.epoch == epoch && last.ends.is_some_and(|ends| now < ends);
            is_current.then_some(last.tick)
        });
        let tick = last.unwrap_or_else(|| self.remember(epoch, now));
        self.successes.add(tick);
    }

    pub(crate) fn sum(&self, epoch: Epoch, now: Instant) -> u64 {
        self.successes.sum(self.tick(epoch, now))
    }

    /// The tick of `now`, which the thread remembers until its bucket ends.
    ///
    /// A time earlier than the last one counts in the newest bucket, as it does in a window.
    #[cold]
    fn remember(&self, epoch: Epoch, now: Instant) -> u64 {
        number_this_thread();
        let tick = self.tick(epoch, now);
        let passed = u32::try_from(self.ticks.tick(now)).ok().and_then(|passed| passed.checked_add(1));
        let ends = passed.and_then(|passed| self.origin.checked_add(self.ticks.width().checked_mul(passed)?));
        LAST.set(Bucket { count: self.id, epoch, tick, ends });
        tick
    }

    fn tick(&self, epoch: Epoch, now: Instant) -> u64 {
        let apart = u64::from(self.ticks.buckets().get()) + 1;
        self.ticks.tick(now).wrapping_add(epoch.number().wrapping_mul(apart))
    }
}

/// A number that tells what is remembered of one breaker from what is remembered of another.
pub(crate) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
#[cfg(not(buttress_loom))]
mod tests {
    use super::*;

    #[test]
    fn no_success_of_one_epoch_counts_in_another() {
        let start = tokio::time::Instant::now().into_std();
        for buckets in 1..=Ticks::MAX_BUCKETS {
            let buckets = NonZeroU32::new(buckets).unwrap();
            let span = Duration::from_secs(u64::from(buckets.get()));
            let count = QuickCount::new(start, span, buckets, NonZeroUsize::MIN);
            let one = Epoch::FIRST.next();
            let next = one.next();
            for second in 0..40 {
                count.add(one, start + Duration::from_secs(second));
                let now = start + Duration::from_secs(second);
                assert_eq!(count.sum(one, now), u64::from(buckets.get()).min(second + 1));
                assert_eq!(count.sum(next, now), 0, "{buckets} buckets, second {second}");
            }
            count.add(next, start + Duration::from_secs(40));
            count.add(one, start + Duration::from_secs(40));
            assert_eq!(count.sum(next, start + Duration::from_secs(40)), 1, "{buckets} buckets");
        }
    }
}
