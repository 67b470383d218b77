use std::time::{Duration, Instant};

use buttress_core::Deadline;

/// How long one call may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    since: Instant,
    until: Instant,
    deadline: Option<Deadline>,
}

impl Terms {
    /// For a call that came at `now`: for at most so long, and not beyond its deadline.
    pub(crate) fn new(now: Instant, max_wait: Duration, deadline: Option<Deadline>) -> Self {
        let end = Deadline::after(now, max_wait);
        let until = deadline.map_or(end, |deadline| deadline.earlier(end)).instant();
        Self { since: now, until, deadline }
    }

    /// When the wait is over.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// Whether nobody needs the answer any more.
    pub(crate) fn is_too_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline.is_past(now))
    }

    /// How long it has waited.
    pub(crate) fn waited(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }
}

/// The moment, on the clock that tests can pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_earlier_of_the_longest_wait_and_the_deadline_ends_it() {
        let earlier = now();
        let now = earlier + SECOND;
        for (deadline, until, too_late) in [
            (None, now + 3 * SECOND, false),
            (Some(now + 5 * SECOND), now + 3 * SECOND, false),
            (Some(now + SECOND), now + SECOND, false),
            (Some(now), now, true),
            (Some(earlier), earlier, true),
        ] {
            let terms = Terms::new(now, 3 * SECOND, deadline.map(Deadline::at));
            assert_eq!((terms.until(), terms.is_too_late(now)), (until, too_late), "{deadline:?}");
            assert_eq!((terms.waited(now + SECOND), terms.waited(earlier)), (SECOND, Duration::ZERO));
        }
    }
}
