use std::array;
use std::ops::Deref;

use super::latch::Latch;
use crate::sync::{AtomicU64, Ordering};

/// How many keys may meet in a bucket.
pub(super) const WAYS: usize = 16;

/// How many cells take what leaves a full bucket.
const CELLS: usize = 12;

/// The furthest that a caller may come behind others: 8.6 s, if ticks are nanoseconds. Who comes later still has a clock
/// that stepped back.
const LATE: u64 = 1 << 33;

/// Sixteen keys, and cells for what could not stay: six cache lines, found by hash.
///
/// The words are atomic only because plain ones behind a lock of one's own would need `unsafe`; the latch orders them.
#[repr(align(64))]
#[derive(Debug)]
pub(super) struct Bucket {
    latch: Latch,
    evicted: AtomicU64,
    merged: AtomicU64,
    /// The latest time that anybody came at.
    latest: AtomicU64,
    /// By hash of the key: the latest time that any key which had to leave took with it.
    cells: [AtomicU64; CELLS],
    tags: [AtomicU64; WAYS],
    tats: [AtomicU64; WAYS],
}

/// What tells a key from the others of its bucket: 64 bits of its hash; never 0, which marks a slot that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(u64);

/// Where a key lies in its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(usize);

/// A bucket that nobody else touches while this lives.
#[derive(Debug)]
pub(super) struct Held<'a>(&'a Bucket);

impl Tag {
    #[inline]
    pub(super) const fn new(bits: u64) -> Self {
        Self(if bits == 0 { 1 } else { bits })
    }

    /// The cell for what the key takes with it; the same whenever it leaves or comes back.
    fn cell(self) -> usize {
        const LOW: u64 = 0xffff_ffff;
        (((self.0 & LOW) * CELLS as u64) >> 32) as usize
    }
}

impl Bucket {
    pub(super) fn new() -> Self {
        Self {
            latch: Latch::new(),
            evicted: AtomicU64::new(0),
            merged: AtomicU64::new(0),
            latest: AtomicU64::new(0),
            cells: array::from_fn(|_| AtomicU64::new(0)),
            tags: array::from_fn(|_| AtomicU64::new(0)),
            tats: array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    #[inline]
    pub(super) fn hold(&self) -> Held<'_> {
        self.latch.lock();
        Held(self)
    }

    /// Where a key seems to lie, without the latch.
    ///
    /// Taking the latch is a barrier to the processor. A look before it fetches all lines of the bucket that the holder
    /// is going to need at the same time, and not one after the other.
    #[inline]
    pub(super) fn look(&self, tag: Tag) -> Slot {
        let slot = self.position(tag).unwrap_or(Slot(0));
        self.tats[slot.0 % WAYS].load(Ordering::Relaxed);
        slot
    }

    #[inline]
    fn position(&self, tag: Tag) -> Option<Slot> {
        self.tags.iter().position(|other| other.load(Ordering::Relaxed) == tag.0).map(Slot)
    }

    /// How many slots say anything at `now`; a look without the latch, so changes that run meanwhile may be missed.
    pub(super) fn live(&self, now: u64) -> usize {
        self.tats.iter().filter(|tat| tat.load(Ordering::Relaxed) > now).count()
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    pub(super) fn merged(&self) -> u64 {
        self.merged.load(Ordering::Relaxed)
    }
}

impl Held<'_> {
    /// What time it is here for somebody who read the clock at `now`.
    ///
    /// A thread may be stopped between its look at the clock and its turn. Decided at the time it read, it would find
    /// the time of a busy key too far ahead, take that for a step of the clock, and give back what others have spent.
    #[inline]
    pub(super) fn time(&self, now: u64) -> u64 {
        let latest = self.latest.load(Ordering::Relaxed);
        if now < latest && latest - now <= LATE { latest } else { now }
    }

    /// The same, and for everybody from now on.
    #[inline]
    pub(super) fn arrive(&self, now: u64) -> u64 {
        let now = self.time(now);
        self.latest.store(now, Ordering::Relaxed);
        now
    }

    #[inline]
    pub(super) fn find(&self, tag: Tag) -> Option<Slot> {
        self.position(tag)
    }

    /// The same for a key that was seen somewhere a moment ago.
    #[inline]
    pub(super) fn find_again(&self, tag: Tag, seen: Slot) -> Option<Slot> {
        let is_there = self.tags[seen.0 % WAYS].load(Ordering::Relaxed) == tag.0;
        if is_there { Some(seen) } else { self.find(tag) }
    }

    #[inline]
    pub(super) fn tat(&self, Slot(slot): Slot) -> u64 {
        // A slot is below the number of ways; masking it says so to the compiler.
        self.tats[slot % WAYS].load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn set(&self, Slot(slot): Slot, tat: u64) {
        self.tats[slot % WAYS].store(tat, Ordering::Relaxed);
    }

    /// What a key without a slot begins with: what keys of its cell took with them, `horizon` at the latest.
    ///
    /// No later time was ever stored, unless the clock has stepped back since; then the cell is mended too.
    #[cold]
    #[inline(never)]
    pub(super) fn owed(&self, tag: Tag, horizon: u64) -> u64 {
        let cell = &self.cells[tag.cell()];
        let owed = cell.load(Ordering::Relaxed).min(horizon);
        cell.store(owed, Ordering::Relaxed);
        owed
    }

    /// Gives a key without a slot that of whoever would have a full burst again first.
    ///
    /// A time that has passed says nothing and is dropped; one that has not is kept in the key's cell, so that it
    /// comes back no richer than it left.
    #[cold]
    #[inline(never)]
    pub(super) fn enter(&self, tag: Tag, tat: u64, now: u64, horizon: u64) {
        self.mend(horizon);
        let (slot, left) = self.poorest();
        if left > now {
            self.fold(Tag(self.tags[slot].load(Ordering::Relaxed)), left, now);
        }
        self.tags[slot].store(tag.0, Ordering::Relaxed);
        self.tats[slot].store(tat, Ordering::Relaxed);
    }

    /// Takes back every time that lies beyond the horizon, as only a clock that stepped back leaves it; it would hold
    /// its slot until the clock catches up.
    fn mend(&self, horizon: u64) {
        for tat in self.tats.iter().filter(|tat| tat.load(Ordering::Relaxed) > horizon) {
            tat.store(horizon, Ordering::Relaxed);
        }
    }

    /// The slot with the earliest time, and that time.
    fn poorest(&self) -> (usize, u64) {
        let times = self.tats.iter().map(|tat| tat.load(Ordering::Relaxed)).enumerate();
        times.min_by_key(|(_, tat)| *tat).unwrap_or_default()
    }

    fn fold(&self, tag: Tag, tat: u64, now: u64) {
        let cell = &self.cells[tag.cell()];
        let there = cell.load(Ordering::Relaxed);
        cell.store(there.max(tat), Ordering::Relaxed);
        raise(&self.evicted);
        if there > now {
            raise(&self.merged);
        }
    }
}

/// One more, under the latch; so two plain accesses do.
fn raise(count: &AtomicU64) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

impl Deref for Held<'_> {
    type Target = Bucket;

    #[inline]
    fn deref(&self) -> &Bucket {
        self.0
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.latch.unlock();
    }
}
