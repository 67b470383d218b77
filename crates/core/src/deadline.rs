use std::time::{Duration, Instant};

/// The moment by which one request must be answered; everything that waits on its behalf consults it.
///
/// Inside a process it is a point on the monotonic clock. Between processes only what is left of it travels, so
/// clocks need not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline at a moment.
    pub fn at(moment: Instant) -> Self {
        Self(moment)
    }

    /// A deadline `allowed` after `now`; one too far away for the clock is put a year ahead.
    pub fn after(now: Instant, allowed: Duration) -> Self {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
        Self(now.checked_add(allowed).unwrap_or_else(|| now + YEAR))
    }

    /// The moment itself.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// What is left at `now`; zero once it has passed.
    pub fn remaining(self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }

    /// Whether nothing is left at `now`.
    pub fn is_past(self, now: Instant) -> bool {
        self.0 <= now
    }

    /// The earlier of two deadlines: a deadline may be shortened on the way in, never lengthened.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        self.min(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn what_is_left_never_goes_below_zero() {
        let now = Instant::now();
        let deadline = Deadline::after(now, Duration::from_millis(10));
        assert_eq!(deadline.remaining(now), Duration::from_millis(10));
        assert!(!deadline.is_past(now));
        let late = now + Duration::from_millis(11);
        assert_eq!(deadline.remaining(late), Duration::ZERO);
        assert!(deadline.is_past(late));
        assert!(deadline.is_past(deadline.instant()), "the deadline itself is too late");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn a_deadline_beyond_the_clock_is_far_away_and_no_panic() {
        let now = Instant::now();
        assert!(Deadline::after(now, Duration::MAX).remaining(now) > Duration::from_secs(300 * 24 * 60 * 60));
    }
}
