use std::array;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::thread;

use crate::Ticks;
use crate::cell::{CELLS, Cell, zero_of};
use crate::sync::thread_number;

/// Counts successes of the last span without a lock and without a cache line that threads fight over.
///
/// Each thread adds to a shard of its own; only the sum visits them all. So [`add`](Self::add) is for the path that
/// runs all the time, and [`sum`](Self::sum) for the moment when something else has happened and a decision is due.
/// A thread that counts many successes of one tick keeps their [`place`](Self::place).
/// The [crate example](crate#a-window-for-many-threads) pairs one with a [`TimeWindow`](crate::TimeWindow).
///
/// # What is promised
///
/// - Adds of one tick are counted once each, none lost, also while a cell passes from an expired tick to this one.
/// - [`clear`](Self::clear): an add that ended before it began never counts afterwards; an add that begins after
///   it ended does. One that runs at the same time counts on either side, once.
/// - A thread that is held up inside an add, after its look at the cell, until the cell has come round to a later
///   tick counts in that later tick. One that is held up before the look adds to a tick that has left the window,
///   which changes nothing.
/// - A shard counts to 2,147,483,648 in one tick and stays there.
/// - A shard that nobody touched for 2^35 ticks takes the next add for a late one and leaves it out: after 109 years
///   with buckets of 100 ms.
pub struct ShardedTimeCounter {
    ticks: Ticks,
    /// As many as a power of two.
    shards: Box<[Shard]>,
}

/// The cells of a few threads: two cache lines, because processors fetch them in pairs.
#[repr(align(128))]
struct Shard([Cell; CELLS]);

/// Where a thread counts the successes of one tick, for a thread that counts many of them.
///
/// Made by [`ShardedTimeCounter::place`], and good for that counter alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    shard: usize,
    cell: usize,
    zero: u64,
}

impl Place {
    /// The first place, at tick 0.
    pub const FIRST: Self = Self { shard: 0, cell: 0, zero: 0 };
}

// One cell more than there can be live ticks, so that a new tick never takes the place of a live one.
const _: () = assert!(CELLS > Ticks::MAX_BUCKETS as usize);

impl Shard {
    fn cell(&self, tick: u64) -> &Cell {
        &self.0[index_of(tick)]
    }
}

fn index_of(tick: u64) -> usize {
    // The remainder is below `CELLS`, so the conversion cannot fail.
    usize::try_from(tick % CELLS as u64).unwrap_or_default()
}

impl ShardedTimeCounter {
    /// The most shards there can be.
    pub const MAX_SHARDS: usize = 64;

    /// An empty counter with a shard for each thread that the machine runs at once.
    ///
    /// Allocates 128 bytes per shard, here and never again.
    pub fn new(ticks: Ticks) -> Self {
        Self::with_shards(ticks, parallelism())
    }

    /// An empty counter with as many shards as given, rounded up to a power of two and at most
    /// [`MAX_SHARDS`](Self::MAX_SHARDS).
    pub fn with_shards(ticks: Ticks, shards: NonZeroUsize) -> Self {
        let shards = shards.get().min(Self::MAX_SHARDS).next_power_of_two();
        Self { ticks, shards: (0..shards).map(|_| Shard(array::from_fn(|_| Cell::new()))).collect() }
    }

    /// Counts one success at `tick`, which is [`Ticks::tick`] of the time.
    #[inline]
    pub fn add(&self, tick: u64) {
        self.add_at(self.place(tick));
    }

    /// Where this thread counts the successes of `tick`.
    pub fn place(&self, tick: u64) -> Place {
        Place { shard: thread_number() & (self.shards.len() - 1), cell: index_of(tick), zero: zero_of(tick) }
    }

    /// Counts one success at a place. Of a place that another counter has made, it may count nothing.
    #[inline]
    pub fn add_at(&self, place: Place) {
        if let Some(shard) = self.shards.get(place.shard) {
            shard.0[place.cell % CELLS].add(place.zero);
        }
    }

    /// How many successes are live at `tick`.
    ///
    /// Visits every shard once per bucket. Adds that run meanwhile may or may not be included; ticks later than
    /// `tick` are not.
    pub fn sum(&self, tick: u64) -> u64 {
        let live_in =
            |shard: &Shard| self.ticks.live(tick).map(|live| shard.cell(live).count(live)).sum::<u64>();
        self.shards.iter().map(live_in).sum()
    }

    /// Forgets every success.
    ///
    /// What was added before never counts after; see [what is promised](Self#what-is-promised) for adds that run at
    /// the same time. Whoever must fence those off clears before it publishes that a new count has begun.
    pub fn clear(&self) {
        self.shards.iter().flat_map(|shard| &shard.0).for_each(Cell::clear);
    }
}

impl fmt::Debug for ShardedTimeCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardedTimeCounter")
            .field("ticks", &self.ticks)
            .field("shards", &self.shards.len())
            .finish_non_exhaustive()
    }
}

/// Asked of the system once: the answer takes it tens of microseconds, and a counter may be made per key.
fn parallelism() -> NonZeroUsize {
    static PARALLELISM: OnceLock<NonZeroUsize> = OnceLock::new();
    *PARALLELISM.get_or_init(|| thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
}

#[cfg(all(test, not(buttress_loom)))]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an arbitrary instant to count from; nothing waits")]
    fn threads_beyond_the_shards_share_them_in_turn() {
        let ticks =
            Ticks::new(std::time::Instant::now(), std::time::Duration::from_secs(1), Ticks::DEFAULT_BUCKETS);
        let counter = ShardedTimeCounter::with_shards(ticks, NonZeroUsize::MIN.saturating_add(3));
        let mut expected = [0; 4];
        for _ in 0..70 {
            let add_twice = || {
                // The first add finds a thread without a number, the second one that has it.
                counter.add(0);
                counter.add(0);
                thread_number()
            };
            expected[thread::scope(|scope| scope.spawn(add_twice).join().unwrap()) % 4] += 2;
        }
        assert_eq!(counter.shards.iter().map(|shard| shard.cell(0).count(0)).collect::<Vec<_>>(), expected);
    }
}
