use std::time::{Duration, Instant};

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
    width: Duration,
    newest: u64,
    young: [u32; SLOTS],
    overdue: u32,
}

impl Ages {
    pub(crate) fn new(origin: Instant, limit: Duration) -> Self {
        let width = Duration::from_nanos(nanos(limit).div_ceil(PARTS).max(1));
        Self { origin, width, newest: 0, young: [0; SLOTS], overdue: 0 }
    }

    /// How many running calls were older than the limit at the last look.
    pub(crate) fn overdue(&self) -> u32 {
        self.overdue
    }

    /// Looks at the time; true at most once per tick, if any call is overdue.
    pub(crate) fn look(&mut self, now: Instant) -> bool {
        let before = self.newest;
        self.advance(now);
        self.newest > before && self.overdue > 0
    }

    pub(crate) fn start(&mut self, now: Instant) {
        self.advance(now);
        *self.place(now) += 1;
    }

    pub(crate) fn finish(&mut self, started: Instant, now: Instant) {
        self.advance(now);
        let place = self.place(started);
        *place = place.saturating_sub(1);
    }

    pub(crate) fn clear(&mut self) {
        (self.young, self.overdue) = ([0; SLOTS], 0);
    }

    fn advance(&mut self, now: Instant) {
        let tick = self.tick(now);
        for begun in (self.newest..tick).take(SLOTS) {
            let left = std::mem::take(&mut self.young[slot(begun + 1)]);
            self.overdue = self.overdue.saturating_add(left);
        }
        self.newest = self.newest.max(tick);
    }

    /// Where a call that began at `started` is counted now.
    fn place(&mut self, started: Instant) -> &mut u32 {
        let tick = self.tick(started);
        if self.newest.saturating_sub(tick) < SLOTS as u64 {
            &mut self.young[slot(tick)]
        } else {
            &mut self.overdue
        }
    }

    fn tick(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.origin)) / nanos(self.width)
    }
}

fn slot(tick: u64) -> usize {
    // The remainder is below `SLOTS`, so the conversion cannot fail.
    usize::try_from(tick % SLOTS as u64).unwrap_or_default()
}

/// Nanoseconds, held at the most a `u64` can say: 584 years.
fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(duration.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(800);

    fn ages() -> (Instant, Ages) {
        let origin = tokio::time::Instant::now().into_std();
        (origin, Ages::new(origin, LIMIT))
    }

    #[test]
    fn a_call_is_overdue_no_earlier_than_the_limit_and_no_later_than_nine_eighths() {
        for begun_at in [0, 1, 50, 99, 100, 12_345] {
            let (origin, mut ages) = ages();
            let begun = origin + Duration::from_millis(begun_at);
            ages.start(begun);
            ages.look(begun + Duration::from_nanos(799_999_999));
            assert_eq!(ages.overdue(), 0, "begun at {begun_at} ms");
            ages.look(begun + LIMIT / 8 * 9);
            assert_eq!(ages.overdue(), 1, "begun at {begun_at} ms");
        }
    }

    #[test]
    fn a_look_is_due_once_per_tick_and_only_if_something_is_overdue() {
        let (origin, mut ages) = ages();
        assert!(!ages.look(origin + LIMIT), "nothing runs");
        ages.start(origin + LIMIT);
        let late = origin + LIMIT * 3;
        assert!(ages.look(late));
        assert!(!ages.look(late), "the same tick");
    }

    #[test]
    fn a_call_that_returns_late_is_overdue_no_longer() {
        let (origin, mut ages) = ages();
        ages.start(origin);
        let late = origin + Duration::from_secs(3600);
        ages.finish(origin, late);
        assert_eq!((ages.overdue(), ages.young), (0, [0; SLOTS]));
    }

    proptest! {
        #[test]
        fn the_count_is_that_of_a_list_of_all_calls(steps in prop::collection::vec((0_u64..400, any::<bool>(), any::<prop::sample::Index>()), 1..200)) {
            let (origin, mut ages) = ages();
            let (mut now, mut running) = (origin, Vec::new());
            for (gap, start, which) in steps {
                now += Duration::from_millis(gap);
                if start || running.is_empty() {
                    ages.start(now);
                    running.push(now);
                } else {
                    let begun = running.swap_remove(which.index(running.len()));
                    ages.finish(begun, now);
                }
                ages.look(now);
                let tick = |at: Instant| (at - origin).as_millis() / 100;
                let naive = running.iter().filter(|begun| tick(now) - tick(**begun) > 8).count();
                prop_assert_eq!(ages.overdue() as usize, naive);
            }
        }
    }
}
