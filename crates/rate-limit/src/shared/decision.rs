use std::sync::Arc;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use crate::shared::core::Core;
use crate::shared::keeper;
use crate::shared::spot::{Judged, Part};
use crate::shared::terms::Terms;
use crate::{Ask, Claims, Fate, MAX_POLICIES, Position, Reply, Store, Take, Unavailable, Verdicts};

/// What is known of a claim before the store is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft {
    terms: Terms,
    judged: Judged,
}

/// The drafts of one request.
pub(super) type Drafts = ArrayVec<Draft, MAX_POLICIES>;

/// A request whose leases have paid and whose answer is on its way. If it is dropped, or refused in the end, what they
/// paid goes back to them.
pub(super) struct Paid<S: Store> {
    core: Arc<Core<S>>,
    drafts: Drafts,
    admitted: bool,
}

/// Whether the store must still be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sure {
    /// No: leases pay for everything, or one claim would be refused.
    Yes,
    No,
}

impl<S: Store> Core<S> {
    /// Lets leases pay, and memory refuse.
    pub(super) fn draft(&self, claims: &Claims, now: Instant) -> (Drafts, Sure) {
        let now = self.ticks(now);
        let (mut drafts, mut refused, mut unsure) = (Drafts::new(), false, false);
        for claim in claims {
            let terms = Terms::of(claim, self.nodes);
            let judged = self.judge(&terms, refused, now);
            refused |= judged.part == Part::Refused;
            unsure |= judged.part == Part::Ask;
            drafts.push(Draft { terms, judged });
        }
        if refused {
            self.put_back(&drafts);
        }
        (drafts, if unsure && !refused { Sure::No } else { Sure::Yes })
    }

    fn judge(&self, terms: &Terms, refused: bool, now: u64) -> Judged {
        let impossible = terms.cost > terms.rate.burst();
        let judged = if refused || impossible {
            self.book.with_known(terms.key, |spot| spot.look(terms, &self.rules, now))
        } else {
            self.book.with(terms.key, |spot| spot.judge(terms, &self.rules, now))
        };
        let judged = judged.unwrap_or_else(|| Judged::unknown(terms));
        if judged.refill > 0 {
            self.errand(terms.ask(Take::UpTo(judged.refill)));
        }
        if !impossible {
            return judged;
        }
        let position = Position { fate: Fate::Never, ..judged.position };
        Judged { part: Part::Refused, position, refill: 0 }
    }

    /// Has something done in the background.
    pub(super) fn errand(&self, ask: Ask) -> bool {
        let taken = self.errands.push(ask);
        if !taken {
            keeper::gave_up(self, &ask);
        }
        taken
    }

    fn put_back(&self, drafts: &Drafts) {
        for Draft { terms, judged } in drafts {
            if let Part::Spent(spending) = &judged.part {
                self.book.with_known(terms.key, |spot| spot.put_back(spending));
            }
        }
    }

    /// Lets the stand-in decide what leases have not paid.
    fn stand_in_for(&self, claims: &Claims, drafts: &Drafts, now: Instant) -> Result<Verdicts, Unavailable> {
        self.counters.degraded.add(1);
        let open = claims.iter().zip(drafts).filter(|(_, draft)| draft.is_open());
        let decided = self.stand_in.decide(&open.map(|(claim, _)| *claim).collect(), now)?;
        let mut decided = decided.positions.into_iter();
        let mut verdicts = verdicts(drafts);
        verdicts.degraded = true;
        for (position, _) in verdicts.positions.iter_mut().zip(drafts).filter(|(_, draft)| draft.is_open()) {
            *position = decided.next().unwrap_or(*position);
        }
        Ok(verdicts)
    }
}

impl<S: Store> Paid<S> {
    pub(super) fn new(core: Arc<Core<S>>, drafts: Drafts) -> Self {
        Self { core, drafts, admitted: false }
    }

    /// The stand-in's answer.
    pub(super) fn without_the_store(
        mut self,
        claims: &Claims,
        now: Instant,
    ) -> Result<Verdicts, Unavailable> {
        let decided = self.core.stand_in_for(claims, &self.drafts, now);
        self.admitted = decided.as_ref().is_ok_and(Verdicts::admitted);
        decided
    }

    /// The store's answer, or the stand-in's if it gives none in time.
    pub(super) async fn finish(mut self, claims: Claims, now: Instant) -> Result<Verdicts, Unavailable> {
        let open = self.drafts.iter().filter(|draft| draft.is_open());
        let asks: ArrayVec<Ask, MAX_POLICIES> =
            open.map(|draft| draft.terms.ask(Take::All(draft.terms.cost))).collect();
        let asked = self.core.ticks_now();
        match self.core.call(&asks).await {
            Ok(replies) => {
                let verdicts = self.conclude(&replies, asked);
                self.admitted = verdicts.admitted();
                Ok(verdicts)
            }
            // Some time has passed since.
            Err(_) => self.without_the_store(&claims, tokio::time::Instant::now().into_std().max(now)),
        }
    }

    fn conclude(&self, replies: &[Reply], asked: u64) -> Verdicts {
        let asked_for = || self.drafts.iter().filter(|draft| draft.is_open()).zip(replies);
        let charged = asked_for().all(|(draft, reply)| reply.granted == draft.terms.cost);
        let mut verdicts = verdicts(&self.drafts);
        let open = verdicts.positions.iter_mut().zip(&self.drafts).filter(|(_, draft)| draft.is_open());
        for ((position, _), (Draft { terms, .. }, reply)) in open.zip(asked_for()) {
            self.core.book.with_known(terms.key, |spot| spot.learn(asked, reply.debt));
            let debt = reply.debt;
            *position = if charged { terms.at(Fate::Admitted, debt) } else { terms.position(debt) };
        }
        if !charged && verdicts.admitted() {
            // Claims of one key, for each of which there is room, and not for all of them.
            self.refuse_last(&mut verdicts);
        }
        verdicts
    }

    fn refuse_last(&self, verdicts: &mut Verdicts) {
        let open = verdicts.positions.iter_mut().zip(&self.drafts).filter(|(_, draft)| draft.is_open());
        if let Some((position, Draft { terms, .. })) = open.last() {
            position.fate = Fate::Denied { wait: Duration::from_micros(terms.rate.interval()) };
        }
    }
}

impl<S: Store> Drop for Paid<S> {
    fn drop(&mut self) {
        if !self.admitted {
            self.core.put_back(&self.drafts);
        }
    }
}

impl Draft {
    fn is_open(&self) -> bool {
        self.judged.part == Part::Ask
    }
}

/// Where the claims stand as far as this node knows.
pub(super) fn verdicts(drafts: &Drafts) -> Verdicts {
    let positions = drafts.iter().map(|draft| draft.judged.position).collect();
    Verdicts { positions, degraded: false }
}
