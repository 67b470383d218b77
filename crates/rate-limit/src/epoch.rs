use std::time::{Duration, Instant};

/// In nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// Where this process counts nanoseconds from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(Instant);

impl Epoch {
    /// The tick of the epoch itself: 146 years, so that neither an instant before the epoch nor the time of a key
    /// that is older than [`Quota::LONGEST`](crate::Quota::LONGEST) falls below zero.
    const TICK: u64 = 1 << 62;

    /// In seconds: 272 years, before which no tick overflows.
    const FAR: u64 = 1 << 33;

    pub(crate) fn at(instant: Instant) -> Self {
        Self(instant)
    }

    #[inline]
    pub(crate) fn ticks(&self, now: Instant) -> u64 {
        match now.checked_duration_since(self.0) {
            Some(after) if after.as_secs() < Self::FAR => {
                Self::TICK + after.as_secs() * SECOND + u64::from(after.subsec_nanos())
            }
            after => self.odd_ticks(after, now),
        }
    }

    /// The same for an instant before the epoch, and for one that is centuries away.
    #[cold]
    #[inline(never)]
    fn odd_ticks(&self, after: Option<Duration>, now: Instant) -> u64 {
        match after {
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
    duration.as_secs().saturating_mul(SECOND).saturating_add(u64::from(duration.subsec_nanos()))
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

    #[test]
    fn a_tick_is_a_nanosecond_for_centuries_and_then_the_last_one_lasts() {
        let start = tokio::time::Instant::now().into_std();
        let after = |seconds| Epoch::at(start).ticks(start + Duration::new(seconds, 7));
        for seconds in [0, 1, Epoch::FAR - 1, Epoch::FAR, Epoch::FAR + 1, 3 << 32] {
            assert_eq!(after(seconds), (1 << 62) + seconds * 1_000_000_000 + 7, "{seconds}");
        }
        assert_eq!([1 << 34, 1 << 40].map(after), [u64::MAX; 2]);
    }
}
