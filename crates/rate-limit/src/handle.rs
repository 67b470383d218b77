use std::fmt;
use std::sync::Arc;

use buttress_core::{Checks, ConfigError, ModeSwitch};

use crate::policies::Policies;
use crate::rejection::LAYER;
use crate::{Quota, Subject};

/// One policy of a layer, to look at it and to change it while the layer runs.
///
/// From [`RateLimitLayer::policy`](crate::RateLimitLayer::policy). Clones mean the same policy.
pub struct PolicyHandle<W: Subject> {
    policies: Arc<Policies<W>>,
    place: usize,
}

impl<W: Subject> PolicyHandle<W> {
    pub(crate) fn new(policies: Arc<Policies<W>>, place: usize) -> Self {
        Self { policies, place }
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.policies.name(self.place)
    }

    /// The quota in force.
    pub fn quota(&self) -> Quota {
        self.policies.notice.latest().of[self.place].quota
    }

    /// Puts another quota in force, for every service of the layer and from the next request on.
    ///
    /// What was spent under the old quota stays spent: nobody gets a fresh burst, and nobody is locked out for longer
    /// than the new quota takes to fill up. Keys that have a quota of their own keep it. A change is logged and told to
    /// the observer (`rate_limit_quota_changed`).
    ///
    /// # Errors
    ///
    /// What is wrong with the quota, each with its value and the allowed range; among that a burst below the policy's
    /// cost. The old one stays in force.
    pub fn set_quota(&self, quota: Quota) -> Result<(), ConfigError> {
        let mut checks = Checks::of(LAYER);
        self.policies.seats[self.place].policy.check_quota(quota, &mut checks);
        checks.finish()?;
        let before = self.policies.notice.amend(self.place, quota)?;
        if before != Some(quota) {
            tracing::info!(policy = self.name(), ?before, now = ?quota, "another quota is in force");
            self.policies.reporter.quota_changed(self.name());
        }
        Ok(())
    }

    /// The mode of this policy. A layer that does less has its way.
    pub fn mode(&self) -> &ModeSwitch {
        &self.policies.seats[self.place].policy.mode
    }
}

impl<W: Subject> Clone for PolicyHandle<W> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.policies), self.place)
    }
}

impl<W: Subject> fmt::Debug for PolicyHandle<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyHandle")
            .field("name", &self.name())
            .field("quota", &self.quota())
            .field("mode", &self.mode().get())
            .finish()
    }
}
