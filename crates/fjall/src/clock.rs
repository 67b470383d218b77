use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use buttress_core::WallClock;
use buttress_idempotency::Timestamp;
use tokio::time::Instant;

/// What time it is, for tests that say so.
#[derive(Clone)]
pub(crate) struct Given(pub(crate) Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given")
    }
}

/// A clock that never goes back, neither while it runs nor behind the last time that was written down.
#[derive(Debug)]
pub(crate) struct Clock {
    source: Source,
    latest: Timestamp,
}

#[derive(Debug)]
enum Source {
    /// Calendar time at the start, and from then on the machine's time that nobody sets.
    Steady {
        start: Instant,
        at: Timestamp,
    },
    Given(Given),
}

impl Clock {
    /// A clock that shows `floor` at least.
    pub(crate) fn new(given: Option<Given>, floor: Timestamp) -> Self {
        let source = given.map_or_else(|| Source::steady(floor), Source::Given);
        Self { source, latest: floor }
    }

    pub(crate) fn now(&mut self) -> Timestamp {
        self.latest = self.latest.max(self.source.now());
        self.latest
    }
}

impl Source {
    fn steady(floor: Timestamp) -> Self {
        let since = WallClock::system().now().duration_since(SystemTime::UNIX_EPOCH);
        let at = Timestamp::default().after(since.unwrap_or_default()).max(floor);
        Self::Steady { start: Instant::now(), at }
    }

    fn now(&self) -> Timestamp {
        match self {
            Self::Steady { start, at } => {
                let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                Timestamp::from_millis(at.as_millis().saturating_add(millis))
            }
            Self::Given(Given(now)) => now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn time_never_goes_back_and_never_behind_what_was_written_down() {
        let millis = Arc::new(AtomicU64::new(5));
        let hand = Arc::clone(&millis);
        let given = Given(Arc::new(move || Timestamp::from_millis(hand.load(Ordering::Relaxed))));
        let mut clock = Clock::new(Some(given), Timestamp::from_millis(10));
        let mut at = |set| {
            millis.store(set, Ordering::Relaxed);
            clock.now().as_millis()
        };
        assert_eq!([5, 11, 3, 12].map(&mut at), [10, 11, 11, 12]);
    }

    #[test]
    fn the_machines_clock_begins_with_the_calendar_or_with_what_was_written_down() {
        let day = 24 * 3_600_000;
        let today = Clock::new(None, Timestamp::default()).now();
        assert!(today > Timestamp::from_millis(20_000 * day), "{today:?}");
        let ahead = Timestamp::from_millis(today.as_millis() + day);
        let since = Clock::new(None, ahead).now().since(ahead);
        assert!(since.as_millis() < u128::from(day), "{since:?}");
    }
}
