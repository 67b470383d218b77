use crate::sync::{AtomicU64, Ordering};

/// The cells of a ring; one turn of it shares a tag.
pub(crate) const CELLS: usize = 16;

/// The low half of the word counts, the high half is the tag.
const TAG: u64 = !(u32::MAX as u64);

/// Where a count stops growing. The other half of its range is room for threads that are between their look and
/// their add, so that the count never spills into the tag.
const FULL: u64 = 1 << 31;

/// Counts one bucket of one shard, and knows which tick it counts: both in one word.
///
/// The tag is the tick divided by [`CELLS`], which is the turn of the ring; the place of the cell in the ring says
/// the rest. A cell stands alone, so every access is relaxed: its own order of modifications is all that the counts rely on.
#[derive(Debug)]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds one to the count that `begin` is the [zero](zero_of) of, and begins it if the cell still counts an earlier one.
    #[inline]
    pub(crate) fn add(&self, begin: u64) {
        let seen = self.0.load(Ordering::Relaxed);
        if has_room(seen, begin) {
            self.0.fetch_add(1, Ordering::Relaxed);
        } else {
            self.begin(seen, begin);
        }
    }

    /// The count of `tick`; zero if the cell counts another.
    pub(crate) fn count(&self, tick: u64) -> u64 {
        let above = self.0.load(Ordering::Relaxed).wrapping_sub(zero_of(tick));
        if above & TAG == 0 { above } else { 0 }
    }

    /// Zeroes the count and keeps the tag, so that an add that has already looked lands in the tick it meant.
    pub(crate) fn clear(&self) {
        self.0.fetch_and(TAG, Ordering::Relaxed);
    }

    /// Every failed exchange means that another thread moved the cell on, so this ends.
    #[cold]
    #[inline(never)]
    fn begin(&self, mut seen: u64, begin: u64) {
        while is_before(seen, begin) {
            match self.0.compare_exchange(seen, begin + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(current) => seen = current,
            }
        }
        // A cell that is full, or has moved past this tick, takes no more of it: that tick has left the window.
        if has_room(seen, begin) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The word of a cell that counts `tick` and has counted nothing.
#[inline]
pub(crate) const fn zero_of(tick: u64) -> u64 {
    (tick / CELLS as u64) << 32
}

/// One comparison for both questions: whether the tag is the same, and whether the count may still grow.
#[inline]
const fn has_room(word: u64, zero: u64) -> bool {
    word.wrapping_sub(zero) < FULL
}

/// Whether a cell counts an earlier tick than `zero` begins, on the circle that the tags form.
///
/// A cell that never counted is before everything.
const fn is_before(word: u64, zero: u64) -> bool {
    let ahead = zero.wrapping_sub(word & TAG);
    word == 0 || (ahead != 0 && ahead < 1 << 63)
}

#[cfg(all(test, not(buttress_loom)))]
mod tests {
    use super::*;

    const TURN: u64 = CELLS as u64;

    fn cell(tag: u64, count: u64) -> Cell {
        Cell(AtomicU64::new((tag << 32) | count))
    }

    #[test]
    fn a_count_that_is_full_stays_and_never_reaches_the_tag() {
        let cell = cell(3, FULL - 1);
        for _ in 0..4 {
            cell.add(zero_of(3 * TURN));
        }
        assert_eq!(cell.count(3 * TURN), FULL);
        assert_eq!(cell.count(4 * TURN), 0);
    }

    #[test]
    fn an_add_for_a_tick_that_has_left_changes_nothing() {
        let cell = cell(3, 7);
        cell.add(zero_of(2 * TURN));
        assert_eq!((cell.count(3 * TURN), cell.count(2 * TURN)), (7, 0));
    }

    #[test]
    fn tags_go_on_past_their_largest_value() {
        let last = u64::from(u32::MAX);
        let cell = cell(last, 7);
        cell.add(zero_of((last + 1) * TURN));
        assert_eq!(cell.count((last + 1) * TURN), 1);
        cell.add(zero_of(last * TURN));
        assert_eq!(cell.count((last + 1) * TURN), 1);
    }

    #[test]
    fn a_fresh_cell_begins_at_any_tick() {
        for tick in [0, 15, 16, 1 << 34, 1 << 35, (1 << 36) - 1, u64::MAX] {
            let cell = Cell::new();
            cell.add(zero_of(tick));
            assert_eq!(cell.count(tick), 1, "tick {tick}");
        }
    }

    #[test]
    fn a_cleared_cell_counts_on_in_its_tick() {
        let cell = cell(3, 7);
        cell.clear();
        assert_eq!(cell.count(3 * TURN), 0);
        cell.add(zero_of(3 * TURN));
        assert_eq!(cell.count(3 * TURN), 1);
    }
}
