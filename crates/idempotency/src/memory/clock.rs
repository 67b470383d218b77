use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use buttress_core::WallClock;
use tokio::time::Instant;

use crate::Timestamp;

/// Where a store in memory takes its time from.
#[derive(Clone)]
pub(super) enum Clock {
    /// Calendar time at the start, and from then on time that never goes back.
    Steady { start: Instant, at: Timestamp },
    /// Whatever somebody says.
    Given(Arc<dyn Fn() -> Timestamp + Send + Sync>),
}

impl Clock {
    pub(super) fn steady() -> Self {
        let since = WallClock::system().now().duration_since(SystemTime::UNIX_EPOCH);
        let at = Timestamp::default().after(since.unwrap_or_default());
        Self::Steady { start: Instant::now(), at }
    }

    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Steady { start, at } => {
                let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                Timestamp::from_millis(at.as_millis().saturating_add(millis))
            }
            Self::Given(now) => now(),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Steady { .. } => "Clock(steady)",
            Self::Given(_) => "Clock(given)",
        })
    }
}
