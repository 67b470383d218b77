use std::time::{Duration, Instant};

use buttress_core::Deadline;

use crate::{Phase, TimedOut};

/// What it was that ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// The layer's own limit, or the one that the request brought.
    Limit,
    /// The deadline of the work that the call is part of; it was earlier than the limit.
    Deadline,
}

/// From when until when something may take its time, and why no longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    since: Instant,
    until: Instant,
    bound: Bound,
}

impl Plan {
    /// The shorter of a limit and a deadline; the limit, if they end together.
    pub(crate) fn new(since: Instant, limit: Duration, deadline: Option<Deadline>) -> Self {
        let own = Deadline::after(since, limit);
        match deadline {
            Some(deadline) if deadline < own => {
                Self { since, until: deadline.instant(), bound: Bound::Deadline }
            }
            _ => Self { since, until: own.instant(), bound: Bound::Limit },
        }
    }

    /// When it ends.
    pub(crate) fn until(self) -> Instant {
        self.until
    }

    /// Whether nothing is left at `now`.
    pub(crate) fn is_over(self, now: Instant) -> bool {
        self.until <= now
    }

    /// Whether it ended so long ago that whoever waited must have left: the timer would have woken a waiter.
    pub(crate) fn is_abandoned(self, now: Instant) -> bool {
        now.saturating_duration_since(self.until) > self.allowed()
    }

    /// How long it has gone on at `now`.
    pub(crate) fn elapsed(self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// What is said when it has ended.
    pub(crate) fn late(self, phase: Phase, now: Instant) -> TimedOut {
        TimedOut::new(phase, self.bound, self.allowed(), self.elapsed(now))
    }

    fn allowed(self) -> Duration {
        self.until.saturating_duration_since(self.since)
    }
}

#[cfg(feature = "http")]
impl Plan {
    /// Whether at least so much is left at `now`.
    pub(crate) fn leaves(self, least: Duration, now: Instant) -> bool {
        now.checked_add(least).is_some_and(|then| then <= self.until)
    }

    /// The same end, counted from another beginning.
    pub(crate) fn since(self, since: Instant) -> Self {
        Self { since, ..self }
    }

    /// Whether it is a deadline that ends it.
    pub(crate) fn is_cut_by_deadline(self) -> bool {
        self.bound == Bound::Deadline
    }

    /// Whether it would have given `least` if it had begun at once.
    pub(crate) fn allows(self, least: Duration) -> bool {
        let allowed = self.allowed();
        !allowed.is_zero() && allowed >= least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_shorter_of_limit_and_deadline_ends_it() {
        let since = crate::timer::now();
        let table = [
            (None, 10, Bound::Limit),
            (Some(11), 10, Bound::Limit),
            (Some(10), 10, Bound::Limit),
            (Some(9), 9, Bound::Deadline),
            (Some(0), 0, Bound::Deadline),
        ];
        for (deadline, ends_after, bound) in table {
            let deadline = deadline.map(|seconds| Deadline::after(since, seconds * SECOND));
            let plan = Plan::new(since, 10 * SECOND, deadline);
            assert_eq!(plan, Plan { since, until: since + ends_after * SECOND, bound }, "{deadline:?}");
        }
    }

    #[test]
    fn a_limit_beyond_the_clock_is_far_away_and_no_panic() {
        let since = crate::timer::now();
        assert!(!Plan::new(since, Duration::MAX, None).is_over(since + SECOND));
    }

    #[test]
    fn a_plan_is_over_at_its_end_and_abandoned_long_after() {
        let since = crate::timer::now();
        let plan = Plan::new(since, 2 * SECOND, None);
        for (seconds, over, abandoned) in
            [(1, false, false), (2, true, false), (4, true, false), (5, true, true)]
        {
            let now = since + seconds * SECOND;
            assert_eq!((plan.is_over(now), plan.is_abandoned(now)), (over, abandoned), "{seconds} s");
        }
    }

    #[test]
    fn a_deadline_before_the_start_leaves_nothing() {
        let now = crate::timer::now();
        let plan = Plan::new(now + SECOND, SECOND, Some(Deadline::at(now)));
        assert!(plan.is_over(now + SECOND));
        assert_eq!(plan.late(Phase::Response, now + 2 * SECOND).limit(), Duration::ZERO);
    }
}
