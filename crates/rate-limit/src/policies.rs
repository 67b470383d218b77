mod decide;
mod seat;
mod summon;

use std::sync::Arc;

use arrayvec::ArrayVec;
use buttress_core::ModeSwitch;

use crate::epoch::now;
use crate::reporter::Reporter;
use crate::settling::{After, Settling};
use crate::terms::{Notice, Term, Terms};
use crate::told::Told;
use crate::trial::Trial;
use crate::{Exempt, LocalTier, MAX_POLICIES, Occupancy, Policy, Subject, Tier};

pub(crate) use decide::{Decision, Docket, Look};
pub(crate) use seat::Seat;

/// What one layer value shares with all services made by it: its policies, and who decides.
#[derive(Debug)]
pub(crate) struct Policies<W: Subject> {
    pub(crate) subject: W,
    pub(crate) seats: ArrayVec<Seat<W>, MAX_POLICIES>,
    pub(crate) notice: Notice,
    pub(crate) exempt: Exempt<W>,
    pub(crate) mode: ModeSwitch,
    pub(crate) reporter: Reporter,
    pub(crate) local: LocalTier,
    shared: Option<Arc<dyn Tier>>,
    /// Whether anything may follow once the response is there: what it is told, or settling.
    is_followed: bool,
}

/// What they are made of.
pub(crate) struct Parts<W: Subject> {
    pub(crate) subject: W,
    pub(crate) policies: Vec<Policy<W>>,
    pub(crate) exempt: Exempt<W>,
    pub(crate) mode: ModeSwitch,
    pub(crate) reporter: Reporter,
    pub(crate) local: LocalTier,
    pub(crate) shared: Option<Arc<dyn Tier>>,
}

impl<W: Subject> Policies<W> {
    pub(crate) fn new(parts: Parts<W>, terms: ArrayVec<Term, MAX_POLICIES>) -> Self {
        let Parts { subject, policies, exempt, mode, reporter, local, shared } = parts;
        let is_followed = subject.marks() || policies.iter().any(|policy| policy.settle.is_some());
        let seats = policies.into_iter().take(MAX_POLICIES);
        let seats = seats.map(|policy| Seat::new(policy, shared.as_deref(), &local)).collect();
        let notice = Notice::new(Arc::new(Terms::new(0, terms)));
        Self { subject, seats, notice, exempt, mode, reporter, local, shared, is_followed }
    }

    /// The same policies with counts and mode switches of its own.
    pub(crate) fn fresh(&self) -> Self {
        let parts = Parts {
            subject: self.subject.clone(),
            policies: self.seats.iter().map(|seat| seat.policy.fresh()).collect(),
            exempt: self.exempt.clone(),
            mode: ModeSwitch::new(self.mode.get()),
            reporter: self.reporter.clone(),
            local: LocalTier::with_slots(self.local.table().slots()),
            shared: self.shared.clone(),
        };
        Self::new(parts, self.notice.latest().of.clone())
    }

    pub(crate) fn occupancy(&self) -> Occupancy {
        self.local.occupancy(now())
    }

    /// The tier that counts what is shared, if there is one and this is.
    #[inline]
    pub(crate) fn sharing(&self, shared: bool) -> Option<&dyn Tier> {
        if shared { self.shared.as_deref() } else { None }
    }

    /// Who counts what is shared, or what is not.
    pub(crate) fn tier(&self, shared: bool) -> &dyn Tier {
        self.sharing(shared).unwrap_or(&self.local)
    }

    pub(crate) fn name(&self, policy: usize) -> &Arc<str> {
        &self.seats[policy].policy.name
    }

    /// What is left to do once the response is there.
    #[inline]
    pub(crate) fn passed(self: &Arc<Self>, terms: &Terms, trial: &Trial) -> Option<After<W>> {
        if !self.is_followed {
            return None;
        }
        let mark = self.subject.mark(&Told { terms, trial, refused: false });
        Some(After { mark, settling: Settling::of(self, trial) })
    }

    /// What the response to a refused request is to be told.
    pub(crate) fn refused(&self, terms: &Terms, trial: &Trial) -> W::Mark {
        self.subject.mark(&Told { terms, trial, refused: true })
    }
}
