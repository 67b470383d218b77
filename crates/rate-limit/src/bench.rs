use std::sync::Arc;
use std::time::Instant;

use arrayvec::ArrayVec;
use buttress_core::{Mode, ModeSwitch, Refused};

use crate::key::{KeyWriter, Presence};
use crate::policy::{Cost, weaker};
use crate::rejection::KeyMissing;
use crate::reporter::Reporter;
use crate::settling::{After, Settling};
use crate::terms::{Notice, Term, Terms};
use crate::told::Told;
use crate::trial::{Round, Step, Trial};
use crate::{
    Claim, Exempt, FetchFuture, KeyHash, KeyHasher, LocalTier, Lookup, MAX_POLICIES, Missing, Occupancy,
    Pending, Policy, Position, Quota, Ruling, Subject, Tier,
};

/// What one layer value shares with all services made by it: its policies, and who decides.
#[derive(Debug)]
pub(crate) struct Bench<W: Subject> {
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

/// What a bench is made of.
pub(crate) struct Parts<W: Subject> {
    pub(crate) subject: W,
    pub(crate) policies: Vec<Policy<W>>,
    pub(crate) exempt: Exempt<W>,
    pub(crate) mode: ModeSwitch,
    pub(crate) reporter: Reporter,
    pub(crate) local: LocalTier,
    pub(crate) shared: Option<Arc<dyn Tier>>,
}

/// A policy, and the beginnings of its keys.
#[derive(Debug)]
pub(crate) struct Seat<W: Subject> {
    pub(crate) policy: Policy<W>,
    pub(crate) shared: bool,
    /// Whether this process counts by quotas that it knows, so that nobody is ever waited for.
    is_decided_at_once: bool,
    hasher: KeyHasher,
    fallback: Option<KeyHash>,
}

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

impl<W: Subject> Seat<W> {
    pub(crate) fn new(policy: Policy<W>, shared: Option<&dyn Tier>, local: &dyn Tier) -> Self {
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
        Self { policy, shared: shared.is_some(), is_decided_at_once, hasher, fallback }
    }

    /// Writes the key of a request, if it has one.
    #[inline]
    fn write_key(&self, head: &W::Head<'_>, into: &mut KeyWriter<'_>) -> Presence {
        self.policy.key.as_ref().map_or(Presence::Missing, |write| write(head, into))
    }

    /// The key of a request that has none, or why it is refused; nothing if the policy does not apply to it.
    fn key_of_nobody(&self, presence: Presence) -> Result<Option<KeyHash>, KeyMissing> {
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
    fn cost(&self, head: &W::Head<'_>) -> u64 {
        match &self.policy.cost {
            Cost::Units(units) => *units,
            Cost::By(cost) => cost(head),
        }
    }

    fn round(&self, mode: Mode) -> Round {
        Round { observed: mode == Mode::Observe, shared: self.shared }
    }

    /// The quota of this key, if it has one of its own, or the wait for it.
    fn override_of(&self, key: KeyHash, head: &W::Head<'_>, now: Instant) -> Option<Lookup> {
        let overrides = self.policy.overrides.as_ref()?;
        // Nobody is named by a fallback, so nobody has a quota of his own there.
        if Some(key) == self.fallback {
            return None;
        }
        let spell = || {
            let mut text = String::new();
            self.write_key(head, &mut KeyWriter::spelling(&mut text));
            text.into_boxed_str()
        };
        Some(overrides.lookup(key, spell, now))
    }
}

impl<W: Subject> Bench<W> {
    pub(crate) fn new(parts: Parts<W>, terms: ArrayVec<Term, MAX_POLICIES>) -> Self {
        let Parts { subject, policies, exempt, mode, reporter, local, shared } = parts;
        let is_followed = subject.marks() || policies.iter().any(|policy| policy.settle.is_some());
        let seats = policies.into_iter().take(MAX_POLICIES);
        let seats = seats.map(|policy| Seat::new(policy, shared.as_deref(), &local)).collect();
        let notice = Notice::new(Arc::new(Terms::new(0, terms)));
        Self { subject, seats, notice, exempt, mode, reporter, local, shared, is_followed }
    }

    /// The same bench with counts and mode switches of its own.
    pub(crate) fn fresh(&self) -> Self {
        let parts = Parts {
            subject: self.subject.clone(),
            policies: self.seats.iter().map(|seat| seat.policy.fresh()).collect(),
            exempt: self.exempt.clone(),
            mode: ModeSwitch::new(self.mode.get()),
            reporter: self.reporter.clone(),
            local: LocalTier::new(self.local.table().slots()),
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

    /// Finds the policies that apply to a request, with key, cost and quota of each.
    #[inline]
    fn summon(
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
            trial.push(policy, seat.round(mode), claim);
            if let Some(lookup) = seat.override_of(key, head, now) {
                take_override(lookup, trial, fetches);
            }
        }
        Ok(())
    }

    /// The key of a request, if a policy in this mode applies to it.
    #[inline]
    fn key(&self, mode: Mode, seat: &Seat<W>, head: &W::Head<'_>) -> Result<Option<KeyHash>, Refused> {
        if mode == Mode::Off {
            return Ok(None);
        }
        let mut hasher = seat.hasher.clone();
        match seat.write_key(head, &mut KeyWriter::hashing(&mut hasher)) {
            Presence::Present => Ok(Some(hasher.finish())),
            presence => self.key_of_nobody(mode, seat, presence),
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
}

/// Overrides that are being fetched, each with the place of its claim.
pub(crate) type Fetches = Vec<(usize, FetchFuture)>;

#[cold]
fn take_override(lookup: Lookup, trial: &mut Trial, fetches: &mut Fetches) {
    let Some(place) = trial.len().checked_sub(1) else { return };
    match lookup {
        Lookup::Known(quota) => put_in_force(trial, place, quota),
        Lookup::Fetch(quota) => fetches.push((place, quota)),
    }
}

/// Replaces the quota of a claim, unless it could not be enforced.
pub(crate) fn put_in_force(trial: &mut Trial, place: usize, quota: Option<Quota>) {
    if let Some(quota) = quota
        && let Ok(rate) = quota.rate()
        && let Some(claim) = trial.claim_mut(place)
    {
        (claim.quota, claim.rate) = (quota, rate);
    }
}

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
