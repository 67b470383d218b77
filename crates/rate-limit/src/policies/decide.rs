use std::sync::Arc;
use std::time::Instant;

use buttress_core::{Mode, Refused};

use super::summon::Fetches;
use super::{Policies, Seat};
use crate::epoch::now;
use crate::policy::weaker;
use crate::settling::After;
use crate::terms::{Term, Terms};
use crate::trial::{Round, Step, Trial};
use crate::{Claim, Pending, Position, Ruling, Subject};

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

impl<W: Subject> Policies<W> {
    /// Decides what becomes of a request, or begins to.
    #[expect(
        clippy::inline_always,
        reason = "there is one caller, and a call of it costs 60 instructions of 800"
    )]
    #[inline(always)]
    pub(crate) fn decide(self: &Arc<Self>, terms: &Terms, head: &W::Head<'_>) -> Decision<W> {
        let mode = self.mode.get();
        if mode == Mode::Off || self.exempt.holds_for(head) {
            return Decision::Passes;
        }
        match (&*self.seats, &*terms.of) {
            ([seat], [term]) if seat.is_decided_at_once => self.decide_one(mode, seat, term, terms, head),
            _ => self.decide_all(mode, terms, head),
        }
    }

    /// Decides by the only policy of the layer, which is the usual case: what it admits needs no trial, unless somebody
    /// wants to hear of it.
    #[expect(
        clippy::inline_always,
        reason = "it has one caller, and being called costs a twentieth of a request"
    )]
    #[inline(always)]
    fn decide_one(
        self: &Arc<Self>,
        mode: Mode,
        seat: &Seat<W>,
        term: &Term,
        terms: &Terms,
        head: &W::Head<'_>,
    ) -> Decision<W> {
        let mode = weaker(mode, seat.policy.mode.get());
        let key = match self.key(mode, seat, head) {
            Ok(Some(key)) => key,
            Ok(None) => return Decision::Passes,
            Err(refused) => return Decision::Refused(refused, W::Mark::default()),
        };
        let (rate, cost, now) = (term.rate, seat.cost(head), now());
        let ticks = self.local.ticks(now);
        let ruling = self.local.table().decide(key, ticks, rate, cost);
        if matches!(ruling, Ruling::Admit { .. }) && !self.is_followed {
            return Decision::Passes;
        }
        let claim = Claim::new(key, term.quota, rate, cost);
        let position = Position::after(ruling, &claim, ticks);
        self.follow(&claim, seat.round(mode), position, terms, now)
    }

    /// Goes on where a policy that was decided alone refuses, or somebody wants to hear of it.
    #[inline(never)]
    fn follow(
        self: &Arc<Self>,
        claim: &Claim,
        round: Round,
        position: Position,
        terms: &Terms,
        now: Instant,
    ) -> Decision<W> {
        let mut trial = Trial::default();
        trial.begin(0, round, *claim);
        match trial.hear_one(self, position, now) {
            None => self.passed(terms, &trial).map_or(Decision::Passes, Decision::Followed),
            Some(refused) => Decision::Refused(refused, self.refused(terms, &trial)),
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
