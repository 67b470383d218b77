use std::sync::Arc;
use std::time::Duration;

use buttress_core::{Checks, ConfigError, Ratio};
use buttress_window::Ticks;
use tokio::time::Instant;

use super::{Budget, Pool, Terms};

/// Settings for a [`Budget`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct BudgetBuilder {
    ttl: Duration,
    ratio: Ratio,
    reserve_per_second: u32,
    in_flight_share: Ratio,
    in_flight_floor: u32,
}

impl BudgetBuilder {
    pub(super) fn new() -> Self {
        Self {
            ttl: Duration::from_secs(10),
            ratio: Ratio::percent(20),
            reserve_per_second: 3,
            in_flight_share: Ratio::percent(20),
            in_flight_floor: 3,
        }
    }

    /// How long a call earns and a retry is remembered; default 10 s, 1 s to 1 hour.
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// Retries per call; default 20 %.
    pub fn ratio(self, ratio: Ratio) -> Self {
        Self { ratio, ..self }
    }

    /// Retries per second on top, averaged over the time to live; default 3, at most 1,000,000.
    pub fn reserve_per_second(self, retries: u32) -> Self {
        Self { reserve_per_second: retries, ..self }
    }

    /// The share of the calls in flight that may be retries; default 20 %.
    pub fn in_flight_share(self, share: Ratio) -> Self {
        Self { in_flight_share: share, ..self }
    }

    /// Retries that may be under way at once whatever is in flight; default 3, at most 1,000,000.
    pub fn in_flight_floor(self, retries: u32) -> Self {
        Self { in_flight_floor: retries, ..self }
    }

    /// The budget, counting from now.
    ///
    /// # Errors
    ///
    /// Lists every setting that is out of range.
    pub fn build(self) -> Result<Budget, ConfigError> {
        const MOST: u32 = 1_000_000;
        let mut checks = Checks::of("retry");
        let (ttl, range) = (self.ttl, Duration::from_secs(1)..=Duration::from_secs(3_600));
        checks.require(range.contains(&ttl), "budget.ttl", format_args!("{ttl:?}"), "1 s to 1 hour");
        let (reserve, floor) = (self.reserve_per_second, self.in_flight_floor);
        checks.require(reserve <= MOST, "budget.reserve_per_second", reserve, "0 to 1000000");
        checks.require(floor <= MOST, "budget.in_flight_floor", floor, "0 to 1000000");
        checks.finish()?;
        Ok(self.build_at_once())
    }

    /// Builds from settings that are known to be in range.
    pub(super) fn build_at_once(&self) -> Budget {
        let millis = self.ttl.as_millis() * u128::from(self.reserve_per_second);
        let terms = Terms {
            ratio: self.ratio,
            reserve: u64::try_from(millis / 1_000).unwrap_or(u64::MAX),
            in_flight_share: self.in_flight_share,
            in_flight_floor: u64::from(self.in_flight_floor),
        };
        Budget(Arc::new(Pool::new(terms, self.ticks())))
    }

    pub(super) fn ticks(&self) -> Ticks {
        Ticks::new(Instant::now().into_std(), self.ttl, Ticks::DEFAULT_BUCKETS)
    }
}
