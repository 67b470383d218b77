use std::num::NonZeroU64;
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::nanos::nanos;

/// How finely an age is told: a call counts as overdue between the limit and nine eighths of it.
const PARTS: u64 = 8;
const SLOTS: usize = 9;

/// How many running calls are older than a limit, in constant space and constant time.
///
/// Time is cut into ticks of an eighth of the limit. Calls that began in one of the last nine ticks are counted by
/// tick; when a tick leaves the ring, what still runs of it is overdue. A call that returns is taken from where it
/// is by then, so it is never counted twice.
#[derive(Debug)]
pub(crate) struct Ages {
    origin: Instant,
    width_nanos: NonZeroU64,
    newest: u64,
    /// Where the newest tick is in the ring.
    newest_slot: usize,
    /// When the newest tick is. Most calls begin and end in it, and comparing two times is several times cheaper than
    /// subtracting and dividing them.
    span: Range<Instant>,
    /// The last tick for which an arrival was told that calls are overdue.
    told: u64,
    young: [u32; SLOTS],
    overdue: u32,
}

impl Ages {
    pub(crate) fn new(limit: Duration, origin: Instant) -> Self {
        let width_nanos = NonZeroU64::new(nanos(limit).div_ceil(PARTS)).unwrap_or(NonZeroU64::MIN);
        let span = origin..after(origin, width_nanos.get());
        Self { origin, width_nanos, newest: 0, newest_slot: 0, span, told: 0, young: [0; SLOTS], overdue: 0 }
    }

    /// How many running calls were older than the limit at the last look.
    pub(crate) fn overdue(&self) -> u32 {
        self.overdue
    }

    /// Counts anew how many calls are overdue.
    #[inline]
    pub(crate) fn look(&mut self, now: Instant) {
        if now >= self.span.end {
            self.move_on(now);
        }
    }

    /// A call begins; true if calls are overdue and no arrival of this tick was told so.
    ///
    /// Whoever moved time on to this tick, a call that ended or somebody who looked, the next arrival is told.
    #[inline]
    pub(crate) fn start(&mut self, now: Instant) -> bool {
        self.look(now);
        *self.place(now) += 1;
        let due = self.newest > self.told && self.overdue > 0;
        if due {
            self.told = self.newest;
        }
        due
    }

    #[inline]
    pub(crate) fn finish(&mut self, started: Instant, now: Instant) {
        self.look(now);
        let place = self.place(started);
        *place = place.saturating_sub(1);
    }

    /// Whether a call that ends now began in this tick, and so cannot have taken longer than the limit.
    #[inline]
    pub(crate) fn has_just_begun(&mut self, started: Instant, now: Instant) -> bool {
        self.look(now);
        started >= self.span.start
    }

    pub(crate) fn clear(&mut self) {
        (self.young, self.overdue) = ([0; SLOTS], 0);
    }

    #[cold]
    #[inline(never)]
    fn move_on(&mut self, now: Instant) {
        let tick = self.tick(now);
        for begun in (self.newest..tick).take(SLOTS) {
            let left = std::mem::take(&mut self.young[slot(begun + 1)]);
            self.overdue = self.overdue.saturating_add(left);
        }
        let begins = after(self.origin, tick.saturating_mul(self.width_nanos.get()));
        (self.newest, self.newest_slot) = (tick, slot(tick));
        self.span = begins..after(begins, self.width_nanos.get());
    }

    /// Where a call is counted now that began at a time which has been looked at.
    #[inline]
    fn place(&mut self, started: Instant) -> &mut u32 {
        if started >= self.span.start {
            return &mut self.young[self.newest_slot];
        }
        self.place_of_earlier(started)
    }

    #[inline(never)]
    fn place_of_earlier(&mut self, started: Instant) -> &mut u32 {
        let tick = self.tick(started);
        if self.newest.saturating_sub(tick) < SLOTS as u64 {
            &mut self.young[slot(tick)]
        } else {
            &mut self.overdue
        }
    }

    fn tick(&self, time: Instant) -> u64 {
        nanos(time.saturating_duration_since(self.origin)) / self.width_nanos
    }
}

fn after(time: Instant, nanos: u64) -> Instant {
    time.checked_add(Duration::from_nanos(nanos)).unwrap_or(time)
}

fn slot(tick: u64) -> usize {
    // The remainder is below `SLOTS`, so the conversion cannot fail.
    usize::try_from(tick % SLOTS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(800);

    /// Calls whose ages are watched, and a time so many milliseconds after the first.
    fn ages() -> (Ages, impl Fn(u64) -> Instant) {
        let origin = tokio::time::Instant::now().into_std();
        (Ages::new(LIMIT, origin), move |millis| origin + Duration::from_millis(millis))
    }

    #[test]
    fn a_call_is_overdue_no_earlier_than_the_limit_and_no_later_than_nine_eighths() {
        for begun in [0, 1, 50, 99, 100, 12_345] {
            let (mut ages, at) = ages();
            ages.start(at(begun));
            ages.look(at(begun + 799));
            assert_eq!(ages.overdue(), 0, "begun at {begun} ms");
            ages.look(at(begun + 900));
            assert_eq!(ages.overdue(), 1, "begun at {begun} ms");
        }
    }

    #[test]
    fn a_look_is_due_once_per_tick_and_only_if_something_is_overdue() {
        let (mut ages, at) = ages();
        assert!(!ages.start(at(0)), "the first");
        assert!(!ages.start(at(800)), "none is overdue");
        assert!(ages.start(at(900)));
        assert!(!ages.start(at(999)), "the same tick");
        assert!(ages.start(at(1_000)));
        ages.finish(at(999), at(1_100));
        ages.look(at(1_100));
        assert!(ages.start(at(1_150)), "neither an end nor a look takes it from the next arrival");
    }

    #[test]
    fn a_call_that_returns_late_is_overdue_no_longer() {
        let (mut ages, at) = ages();
        ages.start(at(0));
        ages.finish(at(0), at(3_600_000));
        assert_eq!((ages.overdue(), ages.young), (0, [0; SLOTS]));
    }

    #[test]
    fn a_call_that_looked_at_the_clock_before_another_moved_time_on_counts_where_it_began() {
        let (mut ages, at) = ages();
        ages.start(at(250));
        for late in [249, 199, 1] {
            ages.start(at(late));
            ages.finish(at(late), at(260));
        }
        ages.finish(at(250), at(2_000));
        assert_eq!((ages.overdue(), ages.young), (0, [0; SLOTS]));
    }

    proptest! {
        #[test]
        fn the_count_is_that_of_a_list_of_all_calls(
            steps in prop::collection::vec((0_u64..400, any::<bool>(), any::<prop::sample::Index>()), 1..200),
        ) {
            let (mut ages, at) = ages();
            let (mut now, mut running) = (0, Vec::new());
            for (gap, start, which) in steps {
                now += gap;
                if start || running.is_empty() {
                    ages.start(at(now));
                    running.push(now);
                } else {
                    ages.finish(at(running.swap_remove(which.index(running.len()))), at(now));
                }
                ages.look(at(now));
                let naive = running.iter().filter(|begun| now / 100 - **begun / 100 > 8).count();
                prop_assert_eq!(ages.overdue() as usize, naive);
            }
        }
    }
}
