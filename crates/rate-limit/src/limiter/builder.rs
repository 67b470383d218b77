use std::sync::Arc;

use buttress_core::{Checks, ConfigError};

use crate::{MAX_POLICIES, Quota, Rate, RateLimiter, Table};

pub(super) const LAYER: &str = "rate limiter";

/// Describes a [`RateLimiter`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RateLimiterBuilder {
    quotas: Vec<(Arc<str>, Quota)>,
    slots: usize,
}

impl Default for RateLimiterBuilder {
    fn default() -> Self {
        Self { quotas: Vec::new(), slots: Table::DEFAULT_SLOTS }
    }
}

impl RateLimiterBuilder {
    /// Adds a quota called [`default`](RateLimiter::DEFAULT_QUOTA), for a limiter that has but one.
    pub fn quota(self, quota: Quota) -> Self {
        self.named(RateLimiter::DEFAULT_QUOTA, quota)
    }

    /// Adds a quota; up to [`MAX_POLICIES`], each under a name of its own.
    pub fn named(mut self, name: impl Into<Arc<str>>, quota: Quota) -> Self {
        self.quotas.push((name.into(), quota));
        self
    }

    /// How many keys find room: 16 to [`Table::MAX_SLOTS`], each once per quota. Default:
    /// [`Table::DEFAULT_SLOTS`].
    ///
    /// The memory is taken when the limiter is built, [`Table::BYTES_PER_KEY`] for each.
    pub fn slots(mut self, slots: usize) -> Self {
        self.slots = slots;
        self
    }

    /// Builds the limiter.
    ///
    /// # Errors
    ///
    /// Every setting that cannot be used: no quota or more than eight, a name that is empty or taken, a quota out of
    /// range, too few or too many slots.
    pub fn build(self) -> Result<RateLimiter, ConfigError> {
        let Self { quotas, slots } = self;
        let mut checks = Checks::of(LAYER);
        checks.require((1..=MAX_POLICIES).contains(&quotas.len()), "quotas", quotas.len(), "1 to 8");
        let allowed = || format!("16 to {}", Table::MAX_SLOTS);
        checks.require((16..=Table::MAX_SLOTS).contains(&slots), "slots", slots, allowed());
        check_names(&quotas, &mut checks);
        let ready = |(name, quota): (Arc<str>, Quota)| {
            let rate = checked(&name, quota, &mut checks)?;
            Some((name, quota, rate))
        };
        let ready: Vec<Option<(Arc<str>, Quota, Rate)>> = quotas.into_iter().map(ready).collect();
        checks.finish()?;
        Ok(RateLimiter::over(slots, ready.into_iter().flatten()))
    }
}

/// The rate of a quota, or none and a note of why.
pub(super) fn checked(name: &str, quota: Quota, checks: &mut Checks) -> Option<Rate> {
    quota.check(&format!("quota `{name}`"), checks);
    quota.rate().ok()
}

fn check_names(quotas: &[(Arc<str>, Quota)], checks: &mut Checks) {
    for (place, (name, _)) in quotas.iter().enumerate() {
        let taken = quotas[..place].iter().any(|(other, _)| other == name);
        checks.require(!name.is_empty() && !taken, "name", format_args!("`{name}`"), "a name of its own");
    }
}
