use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use buttress_core::{Checks, ConfigError};

use crate::{ChargedBy, Claim, Claims, Fate, KeyHasher, LocalTier, Occupancy, Position, Quota, Rate, Tier};

mod answer;
mod builder;

pub use answer::{Admitted, Denied};
pub use builder::RateLimiterBuilder;

/// Limits calls per key, without Tower and without HTTP.
///
/// Clones share their state; [`fresh`](Self::fresh) makes one that does not. Memory is bounded by the number of slots,
/// as [`Table`](crate::Table) explains. Several quotas are decided together: all are charged, or none.
///
/// ```
/// use buttress_rate_limit::{Quota, RateLimiter};
///
/// let limiter = RateLimiter::builder()
///     .quota(Quota::per_second(2))
///     .named("daily", Quota::per_day(1_000))
///     .build()?;
/// assert_eq!(limiter.check("alice").unwrap().remaining(), 1);
/// limiter.check("alice").unwrap();
/// let denied = limiter.check("alice").unwrap_err();
/// assert_eq!(denied.quota(), "default");
/// assert!(denied.retry_after().unwrap().as_millis() <= 500);
/// assert!(limiter.check("bob").is_ok());
/// # Ok::<(), buttress_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct RateLimiter {
    tier: LocalTier,
    quotas: Arc<[Named]>,
}

/// A quota of a limiter, ready to use.
#[derive(Clone)]
struct Named {
    name: Arc<str>,
    quota: Quota,
    rate: Rate,
    scope: KeyHasher,
}

impl RateLimiter {
    /// The name of the quota that [`RateLimiterBuilder::quota`] sets.
    pub const DEFAULT_QUOTA: &str = "default";

    /// Starts to describe a limiter.
    pub fn builder() -> RateLimiterBuilder {
        RateLimiterBuilder::default()
    }

    /// Charges one unit to a key, on every quota, if all have room.
    ///
    /// # Errors
    ///
    /// If one has not; then nothing is charged.
    pub fn check(&self, key: impl AsRef<[u8]>) -> Result<Admitted, Denied> {
        self.check_n(key, 1)
    }

    /// Charges `units` to a key, on every quota, if all have room.
    ///
    /// # Errors
    ///
    /// If one has not; then nothing is charged.
    pub fn check_n(&self, key: impl AsRef<[u8]>, units: u64) -> Result<Admitted, Denied> {
        self.check_at(key, units, now())
    }

    /// As [`check_n`](Self::check_n), at a time that the caller has read already.
    ///
    /// # Errors
    ///
    /// If a quota has no room; then nothing is charged.
    pub fn check_at(&self, key: impl AsRef<[u8]>, units: u64, now: Instant) -> Result<Admitted, Denied> {
        if let [named] = &*self.quotas {
            let position = self.tier.decide_one(&named.claim(key.as_ref(), units), now);
            return self.answer(&[position]);
        }
        self.answer(&self.tier.decide_all(&self.claims(key.as_ref(), units), now).positions)
    }

    /// What a key may still spend, without touching it.
    pub fn peek(&self, key: impl AsRef<[u8]>) -> Admitted {
        let verdicts = self.tier.decide_all(&self.claims(key.as_ref(), 0), now());
        Admitted::at(tightest(&verdicts.positions))
    }

    /// Gives units back to a key, on every quota; a key never has more than a burst.
    ///
    /// A key that had to leave the table meanwhile gets nothing back.
    pub fn refund(&self, key: impl AsRef<[u8]>, units: u64) {
        let now = now();
        for claim in self.claims(key.as_ref(), units) {
            self.tier.refund(&claim, units, ChargedBy::Tier, now);
        }
    }

    /// The same keys under another quota, which is felt at their next call: a limiter that shares this one's state.
    ///
    /// A key keeps the time until it has a whole burst again, but one allowance of the new quota at most: half of a
    /// burst that is spent stays half, if the windows are alike.
    ///
    /// # Errors
    ///
    /// If this limiter has no quota of that name, or the quota cannot be used.
    pub fn with_quota(&self, name: &str, quota: Quota) -> Result<Self, ConfigError> {
        let mut checks = Checks::of(builder::LAYER);
        let known = self.quotas.iter().position(|named| &*named.name == name);
        let names = || self.names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        checks.require(known.is_some(), "name", format_args!("`{name}`"), names());
        let rate = builder::checked(name, quota, &mut checks);
        let quotas = known.zip(rate).map(|(place, rate)| {
            let mut quotas = self.quotas.to_vec();
            quotas[place] = Named { quota, rate, ..quotas[place].clone() };
            quotas.into()
        });
        checks.finish_with(quotas).map(|quotas| Self { tier: self.tier.clone(), quotas })
    }

    /// A limiter with the same settings and nothing spent, which shares nothing with this one.
    #[must_use]
    pub fn fresh(&self) -> Self {
        let quotas = self.quotas.iter().map(|Named { name, quota, rate, .. }| (name.clone(), *quota, *rate));
        Self::over(self.tier.table().slots(), quotas)
    }

    /// How full the table is; a walk over all of it, for a gauge and not for a request.
    pub fn occupancy(&self) -> Occupancy {
        self.tier.occupancy(now())
    }

    fn over(slots: usize, quotas: impl Iterator<Item = (Arc<str>, Quota, Rate)>) -> Self {
        let tier = LocalTier::with_slots(slots);
        let named = |(name, quota, rate): (Arc<str>, Quota, Rate)| {
            let scope = tier.hash_key().scope(&name);
            Named { name, quota, rate, scope }
        };
        let quotas = quotas.map(named).collect();
        Self { tier, quotas }
    }

    fn claims(&self, key: &[u8], cost: u64) -> Claims {
        self.quotas.iter().map(|named| named.claim(key, cost)).collect()
    }

    fn answer(&self, positions: &[Position]) -> Result<Admitted, Denied> {
        if positions.iter().all(|position| position.fate == Fate::Admitted) {
            Ok(Admitted::at(tightest(positions)))
        } else {
            Err(Denied::by(self.names().zip(positions)))
        }
    }

    fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.quotas.iter().map(|quota| &quota.name)
    }
}

impl Named {
    fn claim(&self, key: &[u8], cost: u64) -> Claim {
        let mut hasher = self.scope.clone();
        hasher.part(key);
        Claim::new(hasher.finish(), self.quota, self.rate, cost)
    }
}

/// The position with the least left; of several, the one that waits longest for more.
fn tightest(positions: &[Position]) -> Option<&Position> {
    positions
        .iter()
        .min_by(|one, other| one.remaining.cmp(&other.remaining).then_with(|| other.next.cmp(&one.next)))
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quotas = self.quotas.iter().map(|named| (&named.name, &named.quota));
        f.debug_map().entries(quotas).finish()
    }
}
