use std::sync::Arc;

use arrayvec::ArrayVec;

use crate::epoch::now;
use crate::policies::Policies;
use crate::subject::Limits;
use crate::trial::{Entry, Trial};
use crate::{MAX_POLICIES, Settle, Subject};

/// What is left to do for a request that was let through, once its response is there.
#[derive(Debug)]
pub(crate) struct After<W: Subject> {
    pub(crate) mark: W::Mark,
    pub(crate) settling: Option<Box<Settling<W>>>,
}

/// The claims of a request whose policies want to see the response.
///
/// Dropped, it changes nothing: the service was called, so what was charged stays spent.
#[derive(Debug)]
pub(crate) struct Settling<W: Subject> {
    policies: Arc<Policies<W>>,
    entries: ArrayVec<Entry, MAX_POLICIES>,
}

impl<W: Subject> After<W> {
    #[inline]
    pub(crate) fn finish<Req, Res>(self, response: &mut Res)
    where
        W: Limits<Req, Res>,
    {
        if let Some(settling) = self.settling {
            settling.settle(&W::answer(response));
        }
        W::stamp(self.mark, response);
    }
}

impl<W: Subject> Settling<W> {
    /// Nothing, and no allocation, if no policy wants to see the response.
    #[inline]
    pub(crate) fn of(policies: &Arc<Policies<W>>, trial: &Trial) -> Option<Box<Self>> {
        if policies.seats.iter().all(|seat| seat.policy.settle.is_none()) {
            return None;
        }
        let settled = trial.charged().filter(|entry| policies.seats[entry.policy].policy.settle.is_some());
        let entries: ArrayVec<Entry, MAX_POLICIES> = settled.copied().collect();
        (!entries.is_empty()).then(|| Box::new(Self { policies: Arc::clone(policies), entries }))
    }

    fn settle(&self, answer: &W::Answer<'_>) {
        for entry in &self.entries {
            let (seat, claim, by) = (&self.policies.seats[entry.policy], &entry.claim, entry.charged_by());
            let Some(settle) = &seat.policy.settle else { continue };
            let tier = self.policies.tier(seat.shared);
            match settle(answer) {
                Settle::Keep => {}
                Settle::Refund(units) => tier.refund(claim, units.min(claim.cost), by, now()),
                Settle::Charge(units) => {
                    // What is beyond an allowance is let off: a key is never locked out for longer than that.
                    let _beyond = tier.charge(claim, units, by, now());
                }
            }
        }
    }
}
