use std::time::Instant;

use buttress_core::{Mode, Refused};

use super::{Policies, Seat};
use crate::key::Presence;
use crate::policy::weaker;
use crate::terms::Terms;
use crate::trial::Trial;
use crate::{Claim, FetchFuture, KeyHash, Lookup, Quota, Subject};

/// Overrides that are being fetched, each with the place of its claim.
pub(crate) type Fetches = Vec<(usize, FetchFuture)>;

impl<W: Subject> Policies<W> {
    /// Finds the policies that apply to a request, with key, cost and quota of each.
    #[inline]
    pub(super) fn summon(
        &self,
        mode: Mode,
        terms: &Terms,
        head: &W::Head<'_>,
        now: Instant,
        trial: &mut Trial,
        fetches: &mut Fetches,
    ) -> Result<(), Refused> {
        for (policy, (seat, term)) in self.seats.iter().zip(&terms.of).enumerate() {
            let mode = weaker(mode, seat.policy.mode.get());
            let Some(key) = self.key(mode, seat, head)? else { continue };
            let claim = Claim::new(key, term.quota, term.rate, seat.cost(head));
            trial.push(policy, seat.round(mode), seat.within_scope(claim, head));
            if let Some(lookup) = seat.override_of(key, head, now) {
                self.take_override(lookup, trial, fetches);
            }
        }
        Ok(())
    }

    /// The key of a request, if a policy in this mode applies to it.
    #[inline]
    pub(super) fn key(
        &self,
        mode: Mode,
        seat: &Seat<W>,
        head: &W::Head<'_>,
    ) -> Result<Option<KeyHash>, Refused> {
        if mode == Mode::Off {
            return Ok(None);
        }
        match seat.key(head) {
            Ok(key) => Ok(Some(key)),
            Err(absent) => self.key_of_nobody(mode, seat, absent),
        }
    }

    #[cold]
    #[inline(never)]
    fn key_of_nobody(
        &self,
        mode: Mode,
        seat: &Seat<W>,
        presence: Presence,
    ) -> Result<Option<KeyHash>, Refused> {
        let missing = match seat.key_of_nobody(presence) {
            Ok(key) => return Ok(key),
            Err(missing) => Refused::new(missing),
        };
        if mode == Mode::Observe {
            self.reporter.would_refuse(&seat.policy.name, &missing);
            return Ok(None);
        }
        self.reporter.refused(&seat.policy.name, &missing);
        Err(missing)
    }

    #[cold]
    fn take_override(&self, lookup: Lookup, trial: &mut Trial, fetches: &mut Fetches) {
        let Some(place) = trial.len().checked_sub(1) else { return };
        match lookup {
            Lookup::Known(quota) => self.put_in_force(trial, place, quota),
            Lookup::Fetch(quota) => fetches.push((place, quota)),
        }
    }

    /// Replaces the quota of a claim, unless it could not be enforced.
    pub(crate) fn put_in_force(&self, trial: &mut Trial, place: usize, quota: Option<Quota>) {
        let Some((quota, entry)) = quota.zip(trial.entry_mut(place)) else { return };
        let quota = self.seats[entry.policy].enforceable(quota);
        if let Ok(rate) = quota.rate() {
            (entry.claim.quota, entry.claim.rate) = (quota, rate);
        }
    }
}
