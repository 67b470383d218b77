use std::sync::Arc;

use buttress_core::{Mode, Refused};

use super::summon::Fetches;
use super::{Policies, Seat};
use crate::epoch::now;
use crate::policy::weaker;
use crate::settling::After;
use crate::terms::{Term, Terms};
use crate::trial::{Step, Trial};
use crate::{Claim, KeyHash, Pending, Position, Ruling, Subject};

/// What becomes of a request.
pub(crate) enum Decision<W: Subject> {
    Passes,
    /// It passes, and something is done with the response.
    Followed(After<W>),
    Refused(Refused, W::Mark),
    Waits(Box<Docket>),
}

/// A trial that waits for somebody.
pub(crate) struct Docket {
    pub(crate) trial: Trial,
    pub(crate) fetches: Fetches,
    pub(crate) pending: Option<Pending>,
}

/// What a look at a request says.
pub(crate) enum Look {
    /// It passes, and nobody wants to hear of it.
    Passes,
    /// The only policy of the layer has decided.
    Decided(Alone),
    /// What has not been decided yet.
    Open(Mode),
}

/// How the only policy of a layer has decided.
pub(crate) struct Alone {
    mode: Mode,
    key: KeyHash,
    cost: u64,
    ruling: Ruling,
    ticks: u64,
}

impl<W: Subject> Policies<W> {
    /// Looks at a request: enough for most of those that pass.
    ///
    /// What it says lies in registers. A whole [`Decision`] would be written to memory first, and then read.
    #[expect(
        clippy::inline_always,
        reason = "there is one caller, and a call of it costs 60 instructions of 800"
    )]
    #[inline(always)]
    pub(crate) fn look(&self, terms: &Terms, head: &W::Head<'_>) -> Look {
        let mode = self.mode.get();
        if mode == Mode::Off || self.exempt.holds_for(head) {
            return Look::Passes;
        }
        match (&*self.seats, &*terms.of) {
            ([seat], [term]) if seat.is_decided_at_once => self.look_at_one(mode, seat, term, head),
            _ => Look::Open(mode),
        }
    }

    /// Decides by the only policy of the layer, which is the usual case: what it admits needs no trial, unless somebody
    /// wants to hear of it. A request without a key stays open.
    #[expect(
        clippy::inline_always,
        reason = "it has one caller, and being called costs a twentieth of a request"
    )]
    #[inline(always)]
    fn look_at_one(&self, layer: Mode, seat: &Seat<W>, term: &Term, head: &W::Head<'_>) -> Look {
        let own = seat.policy.mode.get();
        if own == Mode::Off {
            return Look::Passes;
        }
        let Ok(key) = seat.key(head) else { return Look::Open(layer) };
        let (cost, ticks) = (seat.cost(head), self.local.ticks_now());
        let ruling = self.local.table().decide(key, ticks, term.rate, cost);
        if matches!(ruling, Ruling::Admit { .. }) && !self.is_followed {
            return Look::Passes;
        }
        Look::Decided(Alone { mode: weaker(layer, own), key, cost, ruling, ticks })
    }

    /// Decides what becomes of a request that was looked at, or begins to.
    #[inline(never)]
    pub(crate) fn decide(self: &Arc<Self>, look: Look, terms: &Terms, head: &W::Head<'_>) -> Decision<W> {
        match (look, &*self.seats, &*terms.of) {
            (Look::Passes, ..) => Decision::Passes,
            (Look::Decided(alone), [seat], [term]) => self.follow(&alone, seat, term, terms),
            (Look::Decided(Alone { mode, .. }) | Look::Open(mode), ..) => self.decide_all(mode, terms, head),
        }
    }

    /// Goes on where a policy that was decided alone refuses, or somebody wants to hear of it.
    fn follow(self: &Arc<Self>, alone: &Alone, seat: &Seat<W>, term: &Term, terms: &Terms) -> Decision<W> {
        let &Alone { mode, key, cost, ruling, ticks } = alone;
        let claim = Claim::new(key, term.quota, term.rate, cost);
        let mut trial = Trial::default();
        trial.begin(0, seat.round(mode), claim);
        if let Some(refused) = trial.hear_one(self, Position::after(ruling, &claim, ticks), now) {
            return Decision::Refused(refused, self.refused(terms, &trial));
        }
        match self.passed(terms, &trial) {
            Some(after) => Decision::Followed(after),
            None => Decision::Passes,
        }
    }

    #[inline(never)]
    fn decide_all(self: &Arc<Self>, mode: Mode, terms: &Terms, head: &W::Head<'_>) -> Decision<W> {
        let now = now();
        let mut trial = Trial::default();
        let mut fetches = Fetches::default();
        if let Err(refused) = self.summon(mode, terms, head, now, &mut trial, &mut fetches) {
            return Decision::Refused(refused, W::Mark::default());
        }
        if trial.is_empty() {
            return Decision::Passes;
        }
        if !fetches.is_empty() {
            return Decision::Waits(Box::new(Docket { trial, fetches, pending: None }));
        }
        match trial.go_on(self, now) {
            Step::Passed => self.passed(terms, &trial).map_or(Decision::Passes, Decision::Followed),
            Step::Refused(refused) => Decision::Refused(refused, self.refused(terms, &trial)),
            Step::Later(pending) => {
                Decision::Waits(Box::new(Docket { trial, fetches, pending: Some(pending) }))
            }
        }
    }
}
