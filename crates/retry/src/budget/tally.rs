use std::thread;

use crate::sync::{AtomicU64, Ordering, known_thread_number, thread_number};

/// A count that many threads change and few read: each thread changes a cache line of its own.
pub(crate) struct Tally {
    /// As many as a power of two.
    shards: Box<[Shard]>,
}

/// Two cache lines, because processors fetch them in pairs.
#[repr(align(128))]
struct Shard(AtomicU64);

impl Tally {
    const MAX_SHARDS: usize = 64;

    pub(crate) fn new() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self::with_shards(threads.min(Self::MAX_SHARDS).next_power_of_two())
    }

    fn with_shards(shards: usize) -> Self {
        Self { shards: (0..shards).map(|_| Shard(AtomicU64::new(0))).collect() }
    }

    #[inline]
    pub(crate) fn add(&self) {
        // One comparison finds both the thread without a number yet and the one that has to share.
        match self.shards.get(known_thread_number()) {
            Some(Shard(own)) => {
                own.fetch_add(1, Ordering::Relaxed);
            }
            None => self.change_shared(1),
        }
    }

    pub(crate) fn take_back(&self) {
        // Possibly on another thread than the add: single shards wrap, their sum does not.
        self.change_shared(1_u64.wrapping_neg());
    }

    /// The adds that were not taken back; changes that run meanwhile may be missed.
    ///
    /// Below zero if a taking back was seen, and its add, in a shard read before, was not.
    pub(crate) fn read(&self) -> i64 {
        let values = self.shards.iter().map(|Shard(one)| one.load(Ordering::Relaxed));
        values.fold(0, u64::wrapping_add).cast_signed()
    }

    #[inline(never)]
    fn change_shared(&self, by: u64) {
        if let Some(Shard(shared)) = self.shards.get(thread_number() & (self.shards.len() - 1)) {
            shared.fetch_add(by, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(buttress_loom)))]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_was_added_may_be_taken_back_on_another_thread() {
        let tally = Arc::new(Tally::with_shards(8));
        tally.add();
        tally.add();
        let other = Arc::clone(&tally);
        thread::spawn(move || other.take_back()).join().expect("nothing panics");
        assert_eq!(tally.read(), 1);
        tally.take_back();
        assert_eq!(tally.read(), 0);
    }

    #[test]
    fn more_threads_than_shards_lose_nothing() {
        let tally = Tally::with_shards(2);
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| (0..1_000).for_each(|_| tally.add()));
            }
        });
        assert_eq!(tally.read(), 6_000);
    }
}
