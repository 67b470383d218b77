use std::time::{Duration, Instant};

/// A time in nanoseconds since the breaker was built, which suffices for 584 years.
///
/// What an [`Instant`] becomes once, so that every comparison after it is one of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    /// `now`, if the breaker was built at `origin`.
    #[inline]
    pub(crate) fn of(now: Instant, origin: Instant) -> Self {
        Self(nanos(now.saturating_duration_since(origin)))
    }

    #[cfg(test)]
    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub(crate) const fn nanos(self) -> u64 {
        self.0
    }

    /// The time that has passed since another moment; none if that is later.
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Nanoseconds, held at the most a `u64` can say.
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(duration.subsec_nanos()))
}
