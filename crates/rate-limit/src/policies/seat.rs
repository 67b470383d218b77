use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use buttress_core::Mode;

use crate::key::Presence;
use crate::policy::Cost;
use crate::rejection::KeyMissing;
use crate::trial::Round;
use crate::{Claim, KeyHash, KeyHasher, Lookup, Missing, Policy, Quota, Subject, Tier};

/// A policy, and the beginnings of its keys.
#[derive(Debug)]
pub(crate) struct Seat<W: Subject> {
    pub(crate) policy: Policy<W>,
    pub(crate) shared: bool,
    /// Whether this process counts by quotas that it knows, so that nobody is ever waited for.
    pub(super) is_decided_at_once: bool,
    hasher: KeyHasher,
    fallback: Option<KeyHash>,
    /// The beginning of its scopes, which are those of all policies.
    scope: Option<KeyHasher>,
    /// That an override is too small has been told.
    told: AtomicBool,
}

impl<W: Subject> Seat<W> {
    pub(super) fn new(policy: Policy<W>, shared: Option<&dyn Tier>, local: &dyn Tier) -> Self {
        let shared = shared.filter(|_| !policy.local);
        let start = shared.unwrap_or(local).hash_key().scope(&policy.name);
        let branch = |word: &str| {
            let mut hasher = start.clone();
            hasher.part(word.as_bytes());
            hasher
        };
        // Apart from each other, so that no request can choose a key that is the shared one.
        let hasher = branch("key");
        let fallback = match &policy.missing {
            Missing::Fallback(name) => {
                let mut hasher = branch("fallback");
                hasher.part(name.as_bytes());
                Some(hasher.finish())
            }
            Missing::Reject | Missing::RejectAs(_) | Missing::Skip => None,
        };
        let is_decided_at_once = shared.is_none() && policy.overrides.is_none();
        let scope = shared.filter(|_| policy.scope.is_some()).map(|tier| tier.hash_key().scope("scope"));
        let told = AtomicBool::new(false);
        Self { policy, shared: shared.is_some(), is_decided_at_once, hasher, fallback, scope, told }
    }

    /// The claim with the scope that its policy has for this request, in which its key is another one than elsewhere.
    pub(super) fn within_scope(&self, claim: Claim, head: &W::Head<'_>) -> Claim {
        let Some((start, find)) = self.scope.as_ref().zip(self.policy.scope.as_ref()) else { return claim };
        let Ok(scope) = find.hash(head, start) else { return claim };
        let mut key = self.hasher.clone();
        for part in [scope, claim.key] {
            key.part(&part.to_bits().to_le_bytes());
        }
        Claim { key: key.finish(), scope, ..claim }
    }

    /// The quota of a key's own as it can be enforced: with a burst that every request fits into.
    pub(super) fn enforceable(&self, quota: Quota) -> Quota {
        let Cost::Units(cost) = self.policy.cost else { return quota };
        if quota.burst_units() >= cost {
            return quota;
        }
        if !self.told.swap(true, Ordering::Relaxed) {
            let policy = &*self.policy.name;
            tracing::warn!(
                policy,
                cost,
                ?quota,
                "the quota of a key has a burst below what each request costs; the burst is raised to the cost (told \
                 once)"
            );
        }
        quota.burst(cost)
    }

    /// The key of a request, or in what way it has none.
    #[inline]
    pub(super) fn key(&self, head: &W::Head<'_>) -> Result<KeyHash, Presence> {
        self.policy.key.as_ref().map_or(Err(Presence::Missing), |key| key.hash(head, &self.hasher))
    }

    /// The key of a request that has none, or why it is refused; nothing if the policy does not apply to it.
    pub(super) fn key_of_nobody(&self, presence: Presence) -> Result<Option<KeyHash>, KeyMissing> {
        let name = || Arc::clone(&self.policy.name);
        if presence == Presence::Ambiguous {
            return Err(KeyMissing::ambiguous(name()));
        }
        match self.policy.missing {
            Missing::Reject => Err(KeyMissing::new(name(), None)),
            Missing::RejectAs(status) => Err(KeyMissing::new(name(), Some(status))),
            Missing::Skip | Missing::Fallback(_) => Ok(self.fallback),
        }
    }

    #[inline]
    pub(super) fn cost(&self, head: &W::Head<'_>) -> u64 {
        match &self.policy.cost {
            Cost::Units(units) => *units,
            Cost::By(cost) => cost(head),
        }
    }

    pub(super) fn round(&self, mode: Mode) -> Round {
        Round { observed: mode == Mode::Observe, shared: self.shared }
    }

    /// The quota of this key, if it has one of its own, or the wait for it.
    pub(super) fn override_of(&self, key: KeyHash, head: &W::Head<'_>, now: Instant) -> Option<Lookup> {
        let overrides = self.policy.overrides.as_ref()?;
        // Nobody is named by a fallback, so nobody has a quota of his own there.
        if Some(key) == self.fallback {
            return None;
        }
        let spell = || {
            let mut text = String::new();
            if let Some(key) = &self.policy.key {
                key.spell(head, &mut text);
            }
            text.into_boxed_str()
        };
        Some(overrides.lookup(key, spell, now))
    }
}
