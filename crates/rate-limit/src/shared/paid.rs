use std::sync::Arc;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use tokio::time::timeout;

use crate::shared::core::Core;
use crate::shared::decision::{Draft, Drafts, Look, Sure, verdicts};
use crate::shared::flights::{Landing, Wait};
use crate::{Ask, Claims, Fate, MAX_POLICIES, Reply, Store, Unavailable, Verdicts};

/// How often a request waits for others: once for what they hear, and once more for those who set off on that.
const WAITS: u32 = 2;

/// A request whose leases have paid and whose answer is on its way. If it is dropped, or refused in the end, what they
/// paid goes back to them, and others ask in its place.
pub(super) struct Paid<S: Store> {
    core: Arc<Core<S>>,
    drafts: Drafts,
    /// Nothing is to go back.
    settled: bool,
    flight: Flight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flight {
    None,
    Aloft,
}

impl<S: Store> Paid<S> {
    pub(super) fn new(core: Arc<Core<S>>, drafts: Drafts) -> Self {
        Self { core, drafts, settled: false, flight: Flight::None }
    }

    /// The stand-in's answer.
    pub(super) fn without_the_store(
        &mut self,
        claims: &Claims,
        now: Instant,
    ) -> Result<Verdicts, Unavailable> {
        let decided = self.core.stand_in_for(claims, &self.drafts, now);
        self.settled = decided.as_ref().is_ok_and(Verdicts::admitted);
        decided
    }

    /// The store's answer, or the stand-in's if there is none in time.
    pub(super) async fn finish(mut self, claims: Claims, now: Instant) -> Result<Verdicts, Unavailable> {
        match self.answer(&claims).await {
            Some(verdicts) => Ok(verdicts),
            // Some time has passed since.
            None => self.without_the_store(&claims, tokio::time::Instant::now().into_std().max(now)),
        }
    }

    /// What leases, memory or the store say; nothing if the store does not within the time budget.
    async fn answer(&mut self, claims: &Claims) -> Option<Verdicts> {
        let Err(wait) = self.take_off() else { return self.ask().await };
        // A call that is cut off here began late, and does not count as a failure of the store.
        timeout(self.core.time_budget, self.answer_after(wait, claims)).await.ok().flatten()
    }

    async fn answer_after(&mut self, mut wait: Wait, claims: &Claims) -> Option<Verdicts> {
        for _ in 0..WAITS {
            if wait.landed().await == Landing::Failed || self.core.is_down() {
                return None;
            }
            if self.look_again(claims) == Sure::Yes {
                return Some(verdicts(&self.drafts));
            }
            match self.take_off() {
                Ok(()) => return self.ask().await,
                Err(next) => wait = next,
            }
        }
        if let Some(refused) = self.crowded_out() {
            return Some(refused);
        }
        self.set_off();
        self.ask().await
    }

    /// Sets off for all keys, or waits for one of them.
    fn take_off(&mut self) -> Result<(), Wait> {
        let now = self.core.ticks_now();
        for (place, Draft { terms, .. }) in open(&self.drafts) {
            let left = self.core.book.with(terms.key, |spot| spot.take_off(terms, &self.core.rules, now));
            if let Some(Err(wait)) = left {
                self.core.land(open(&self.drafts).take_while(|(before, _)| *before < place), Landing::Done);
                return Err(wait);
            }
        }
        self.flight = Flight::Aloft;
        Ok(())
    }

    /// The refusal, if others are on their way for all that the store has, as far as that is remembered.
    fn crowded_out(&self) -> Option<Verdicts> {
        let now = self.core.ticks_now();
        let crowded = |(place, Draft { terms, .. }): (usize, &Draft)| {
            let position =
                self.core.book.with_known(terms.key, |spot| spot.crowd(terms, &self.core.rules, now))??;
            Some((place, position))
        };
        let (place, position) = open(&self.drafts).find_map(crowded)?;
        let mut verdicts = verdicts(&self.drafts);
        verdicts.positions[place] = position;
        Some(verdicts)
    }

    /// Sets off for all keys, whoever else does.
    fn set_off(&mut self) {
        for (_, Draft { terms, .. }) in open(&self.drafts) {
            self.core.book.with_known(terms.key, |spot| spot.set_off(terms));
        }
        self.flight = Flight::Aloft;
    }

    fn look_again(&mut self, claims: &Claims) -> Sure {
        self.core.put_back(&self.drafts);
        let now = tokio::time::Instant::now().into_std();
        let (drafts, sure) = self.core.draft(claims, Look::Again, now);
        self.drafts = drafts;
        // What is refused by now has been put back already.
        self.settled = sure == Sure::Yes;
        sure
    }

    async fn ask(&mut self) -> Option<Verdicts> {
        let asks: ArrayVec<Ask, MAX_POLICIES> = open(&self.drafts).map(|(_, draft)| draft.ask()).collect();
        let asked = self.core.ticks_now();
        let replies =
            self.core.call(&asks).await.ok().filter(|replies| !replies.iter().any(|reply| reply.spoilt));
        let Some(replies) = replies else {
            self.land(Landing::Failed);
            return None;
        };
        let verdicts = self.conclude(&replies, asked);
        self.settled = verdicts.admitted();
        Some(verdicts)
    }

    fn conclude(&self, replies: &[Reply], asked: u64) -> Verdicts {
        let asked_for = || open(&self.drafts).zip(replies);
        let charged = asked_for().all(|((_, draft), reply)| reply.granted == draft.terms.cost);
        let mut verdicts = verdicts(&self.drafts);
        for ((place, Draft { terms, .. }), reply) in asked_for() {
            self.core.book.with_known(terms.key, |spot| spot.learn(asked, reply.debt));
            let debt = reply.debt;
            verdicts.positions[place] =
                if charged { terms.at(Fate::Admitted, debt) } else { terms.position(debt) };
        }
        if !charged && verdicts.admitted() {
            // Claims of one key, for each of which there is room, and not for all of them.
            self.refuse_last(&mut verdicts);
        }
        verdicts
    }

    fn refuse_last(&self, verdicts: &mut Verdicts) {
        if let Some((place, Draft { terms, .. })) = open(&self.drafts).last() {
            let wait = Duration::from_micros(terms.rate.interval());
            verdicts.positions[place].fate = Fate::Denied { wait };
        }
    }

    fn land(&mut self, how: Landing) {
        if std::mem::replace(&mut self.flight, Flight::None) == Flight::Aloft {
            self.core.land(open(&self.drafts), how);
        }
    }
}

/// The drafts that the store must decide, each with its place.
fn open(drafts: &Drafts) -> impl Iterator<Item = (usize, &Draft)> {
    drafts.iter().enumerate().filter(|(_, draft)| draft.is_open())
}

impl<S: Store> Core<S> {
    /// Ends flights, and tells those who wait for them.
    fn land<'a>(&self, flown: impl Iterator<Item = (usize, &'a Draft)>, how: Landing) {
        for (_, Draft { terms, .. }) in flown {
            drop(self.book.with_known(terms.key, |spot| spot.land(terms, how)));
        }
    }
}

impl<S: Store> Drop for Paid<S> {
    fn drop(&mut self) {
        self.land(Landing::Done);
        if !self.settled {
            self.core.put_back(&self.drafts);
        }
    }
}
