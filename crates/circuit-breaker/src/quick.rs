use std::cell::Cell;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use buttress_window::{Place, ShardedTimeCounter, Ticks};

use crate::spread::number_this_thread;
use crate::word::Epoch;

// The bucket that the thread's last success fell into. Most fall into the same one, and comparing two times is
// several times cheaper than subtracting and dividing them.
thread_local! {
    static LAST: Cell<Bucket> =
        const { Cell::new(Bucket { count: u64::MAX, epoch: Epoch::FIRST, place: Place::FIRST, ends: None }) };
}

/// A bucket of one epoch of one count, and where this thread counts in it.
#[derive(Clone, Copy)]
struct Bucket {
    count: u64,
    epoch: Epoch,
    place: Place,
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
        LAST.with(|last| {
            let last = last.get();
            if last.count == self.id
                && last.epoch == epoch
                && let Some(ends) = last.ends
                && now < ends
            {
                self.successes.add_at(last.place);
            } else {
                self.add_elsewhere(epoch, now);
            }
        });
    }

    pub(crate) fn sum(&self, epoch: Epoch, now: Instant) -> u64 {
        self.successes.sum(self.tick(epoch, now))
    }

    /// Adds in the bucket of `now`, which the thread remembers until it ends.
    ///
    /// A time earlier than the last one counts in the newest bucket, as it does in a window.
    #[cold]
    #[inline(never)]
    fn add_elsewhere(&self, epoch: Epoch, now: Instant) {
        number_this_thread();
        let place = self.successes.place(self.tick(epoch, now));
        let passed = u32::try_from(self.ticks.tick(now)).ok().and_then(|passed| passed.checked_add(1));
        let ends = passed.and_then(|passed| self.origin.checked_add(self.ticks.width().checked_mul(passed)?));
        LAST.set(Bucket { count: self.id, epoch, place, ends });
        self.successes.add_at(place);
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
