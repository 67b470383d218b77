use std::time::{Duration, Instant};

/// Where this process counts nanoseconds from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(Instant);

impl Epoch {
    /// The tick of the epoch itself: 146 years, so that neither an instant before the epoch nor the time of a key
    /// that is older than [`Quota::LONGEST`](crate::Quota::LONGEST) falls below zero.
    const TICK: u64 = 1 << 62;

    pub(crate) fn at(instant: Instant) -> Self {
        Self(instant)
    }

    #[inline]
    pub(crate) fn ticks(self, now: Instant) -> u64 {
        match now.checked_duration_since(self.0) {
            Some(after) => Self::TICK.saturating_add(nanos(after)),
            None => Self::TICK.saturating_sub(nanos(self.0.duration_since(now))),
        }
    }
}

/// The current time, as tokio's clock tells it, so that a test can hold it still.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Nanoseconds, held at the most a `u64` can say: 584 years.
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(duration.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_before_the_epoch_keeps_its_distance() {
        let (start, hour) = (tokio::time::Instant::now().into_std(), Duration::from_secs(3_600));
        let epoch = Epoch::at(start + hour);
        assert_eq!(epoch.ticks(start + hour), 1 << 62);
        assert_eq!(epoch.ticks(start), (1 << 62) - 3_600_000_000_000);
        assert_eq!(epoch.ticks(start + hour + hour), (1 << 62) + 3_600_000_000_000);
    }
}
