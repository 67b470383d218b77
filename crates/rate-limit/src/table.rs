use std::fmt;

use crate::sync::{AtomicU64, Ordering};
use crate::{KeyHash, Rate, Ruling};

mod bucket;
mod latch;
mod together;

use bucket::{Bucket, Held, Tag, WAYS};

/// The times of many keys in memory that never grows.
///
/// Sixteen keys share a bucket, chosen by hash. A key whose time has passed says nothing any more, so its slot is free
/// for whoever comes next; nobody sweeps. When all sixteen still owe, the one closest to being even leaves, and what it
/// owes is folded, by the later time, into one of the bucket's overflow cells. A key that enters begins with what its
/// cell holds. So a key that comes back is never richer than if it had stayed, and no flood of other keys can reset
/// a limit. The price is paid by newcomers during such a flood: they may begin poorer than they should, by one
/// allowance at most, and recover at their own rate from then on, since they get a slot even when they are denied.
///
/// Times are ticks of any one clock; [`RateLimiter`](crate::RateLimiter) brings one. Threads may get their turn in
/// another order than they read it in: who comes behind others by up to 2^33 ticks, 8.6 seconds in nanoseconds, is
/// decided at the time of those who came before. By more than that, the clock has stepped back.
///
/// ```
/// use buttress_rate_limit::{HashKey, Rate, Ruling, Table};
///
/// let table = Table::new(1_000);
/// let mut hasher = HashKey::random().scope("per-key");
/// hasher.part(b"k1");
/// let (key, rate) = (hasher.finish(), Rate::from_ticks(10, 1));
/// assert_eq!(table.decide(key, 500, rate, 1), Ruling::Admit { tat: 510 });
/// assert_eq!(table.decide(key, 504, rate, 1), Ruling::Deny { tat: 510, wait: 6 });
/// assert_eq!(table.bytes(), 1_008 * Table::BYTES_PER_KEY);
/// ```
pub struct Table {
    buckets: Box<[Bucket]>,
    /// The furthest ahead that any key's time may lie.
    longest: AtomicU64,
}

/// How full a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupancy {
    /// Keys that do not have a full burst.
    pub live: usize,
    /// Keys there is room for.
    pub slots: usize,
    /// Keys that had to leave although they still owed, since the start. If this grows, the table is too small for
    /// the traffic, or somebody floods it.
    pub evicted: u64,
    /// Those among them whose overflow cell another key owed to already, since the start.
    pub merged: u64,
}

impl Table {
    /// The slots of a table if nobody says otherwise: 131,072, in 3 MiB.
    pub const DEFAULT_SLOTS: usize = 1 << 17;

    /// The most slots a table may have: 268 million, in 6 GiB.
    pub const MAX_SLOTS: usize = 1 << 28;

    /// What a slot costs, its share of locks, gauges and overflow cells included.
    pub const BYTES_PER_KEY: usize = size_of::<Bucket>() / WAYS;

    /// Room for `slots` keys, rounded up to the next multiple of sixteen; at least one such bucket, and at most
    /// [`MAX_SLOTS`](Self::MAX_SLOTS).
    ///
    /// Allocates here and never again.
    pub fn new(slots: usize) -> Self {
        let buckets = slots.clamp(1, Self::MAX_SLOTS).div_ceil(WAYS);
        Self { buckets: (0..buckets).map(|_| Bucket::new()).collect(), longest: AtomicU64::new(0) }
    }

    /// Charges `cost` to a key if there is room for all of it. A cost of zero looks without touching.
    #[inline]
    pub fn decide(&self, key: KeyHash, now: u64, rate: Rate, cost: u64) -> Ruling {
        if cost == 0 {
            return rate.decide(self.tat(key, now), now, 0);
        }
        self.update(key, now, rate.allowance(), |tat, now| {
            let ruling = rate.decide(tat, now, cost);
            (ruling, ruling.tat())
        })
    }

    /// Reserves `cost` for a key, as [`Rate::reserve`] does.
    ///
    /// # Errors
    ///
    /// The wait that would have been, if it is longer than `max_wait`.
    pub fn reserve(&self, key: KeyHash, now: u64, rate: Rate, cost: u64, max_wait: u64) -> Result<u64, u64> {
        let ahead = rate.allowance().saturating_add(max_wait);
        self.update(key, now, ahead, |tat, now| match rate.reserve(tat, now, cost, max_wait) {
            Ok((wait, reserved)) => (Ok(wait), reserved),
            Err(wait) => (Err(wait), tat),
        })
    }

    /// Charges as many whole units as there is room for, `want` at most, and says how many.
    pub fn up_to(&self, key: KeyHash, now: u64, rate: Rate, want: u64) -> u64 {
        self.update(key, now, rate.allowance(), |tat, now| rate.up_to(tat, now, want))
    }

    /// Charges for what has happened already, as far as one allowance goes, and returns the units beyond it.
    pub fn charge(&self, key: KeyHash, now: u64, rate: Rate, cost: u64) -> u64 {
        cost - self.up_to(key, now, rate, cost)
    }

    /// Gives `cost` back to a key.
    ///
    /// A key that had to leave the table gets nothing back: what it owes is shared with others by then.
    pub fn refund(&self, key: KeyHash, now: u64, rate: Rate, cost: u64) {
        let bucket = self.bucket(key);
        let now = bucket.arrive(now);
        if let Some(slot) = bucket.find(tag(key)) {
            bucket.set(slot, rate.refund(bucket.tat(slot), now, cost));
        }
    }

    /// The time of a key, as it is stored; 0 for one never seen.
    pub fn tat(&self, key: KeyHash, now: u64) -> u64 {
        let bucket = self.bucket(key);
        match bucket.find(tag(key)) {
            Some(slot) => bucket.tat(slot),
            None => bucket.owed(tag(key), self.horizon(bucket.time(now))),
        }
    }

    /// How full the table is at `now`; a walk over all of it, for a gauge and not for a request.
    pub fn occupancy(&self, now: u64) -> Occupancy {
        Occupancy {
            live: self.buckets.iter().map(|bucket| bucket.live(now)).sum(),
            slots: self.slots(),
            evicted: self.buckets.iter().map(Bucket::evicted).sum(),
            merged: self.buckets.iter().map(Bucket::merged).sum(),
        }
    }

    /// Keys there is room for.
    pub fn slots(&self) -> usize {
        self.buckets.len() * WAYS
    }

    /// What the table takes, now and always.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    /// Changes a key's time, which may lie `ahead` of now at most, under the lock of its bucket and at the time there.
    #[inline]
    fn update<T>(&self, key: KeyHash, now: u64, ahead: u64, change: impl FnOnce(u64, u64) -> (T, u64)) -> T {
        self.expect_ahead(ahead);
        let bucket = &self.buckets[self.place(key)];
        let seen = bucket.look(tag(key));
        let bucket = bucket.hold();
        let now = bucket.arrive(now);
        if let Some(slot) = bucket.find_again(tag(key), seen) {
            let (answer, tat) = change(bucket.tat(slot), now);
            bucket.set(slot, tat);
            return answer;
        }
        let (answer, tat) = change(bucket.owed(tag(key), self.horizon(now)), now);
        if tat > now {
            bucket.enter(tag(key), tat, now, self.horizon(now));
        }
        answer
    }

    /// Notes how far ahead times may lie, before any is stored that does; the bucket's lock hands the note on.
    #[inline]
    fn expect_ahead(&self, ahead: u64) {
        if ahead > self.longest.load(Ordering::Relaxed) {
            self.longest.fetch_max(ahead, Ordering::Relaxed);
        }
    }

    fn horizon(&self, now: u64) -> u64 {
        now.saturating_add(self.longest.load(Ordering::Relaxed))
    }

    #[inline]
    fn bucket(&self, key: KeyHash) -> Held<'_> {
        self.buckets[self.place(key)].hold()
    }

    /// Which bucket a key belongs to: the uppermost bits of its hash, scaled to their number.
    #[inline]
    fn place(&self, key: KeyHash) -> usize {
        let upper = (key.to_bits() >> 96) as u64;
        ((upper * self.buckets.len() as u64) >> 32) as usize
    }
}

/// What tells a key from others of its bucket: the lower half of its hash.
#[inline]
fn tag(key: KeyHash) -> Tag {
    const LOWER: u128 = 0xffff_ffff_ffff_ffff;
    Tag::new((key.to_bits() & LOWER) as u64)
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("slots", &self.slots()).finish_non_exhaustive()
    }
}
