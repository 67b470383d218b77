use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use buttress_core::{BoxError, Entropy, Observer, Signal, Verdict};
use parking_lot::Mutex;

use crate::epoch::Epoch;
use crate::shared::book::Book;
use crate::shared::errands::Errands;
use crate::shared::gone::StandIn;
use crate::shared::outage::{Change, Outage};
use crate::shared::spot::Rules;
use crate::shared::stats::Counters;
use crate::{Ask, HashKey, Reply, Store, StoreError};

/// What requests, and the task in the background, have in common.
pub(super) struct Core<S> {
    pub(super) store: S,
    pub(super) name: Arc<str>,
    pub(super) hash_key: HashKey,
    pub(super) epoch: Epoch,
    pub(super) nodes: u32,
    pub(super) rules: Rules,
    pub(super) time_budget: Duration,
    pub(super) book: Book,
    pub(super) errands: Errands,
    pub(super) stand_in: StandIn,
    pub(super) outage: Mutex<Outage>,
    /// The outage in one bit, for those who pass by.
    pub(super) down: AtomicBool,
    pub(super) counters: Counters,
    pub(super) garbage_told: AtomicBool,
    pub(super) entropy: Entropy,
    pub(super) observer: Option<Arc<dyn Observer>>,
}

/// The store was not of use; counted and told already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed;

impl<S: Store> Core<S> {
    pub(super) fn ticks(&self, now: Instant) -> u64 {
        self.epoch.ticks(now)
    }

    pub(super) fn ticks_now(&self) -> u64 {
        self.ticks(tokio::time::Instant::now().into_std())
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// Asks the store within the time budget, and draws conclusions about it.
    pub(super) async fn call(&self, asks: &[Ask]) -> Result<Vec<Reply>, Failed> {
        let answer = self.try_call(asks).await;
        match &answer {
            Ok(replies) => self.answered(replies),
            Err(error) => self.failed(error),
        }
        answer.map_err(|_| Failed)
    }

    /// Asks the store whether it is back.
    pub(super) async fn probe(&self) {
        let answer = self.try_call(&[]).await;
        let (now, chance) = (self.ticks_now(), self.entropy.draw());
        match self.conclude(|outage| outage.probed(answer.is_ok(), now, chance)) {
            Change::Back => self.came_back(),
            Change::None | Change::Lost => self.counters.failures.add(1),
        }
    }

    async fn try_call(&self, asks: &[Ask]) -> Result<Vec<Reply>, StoreError> {
        self.counters.round_trips.add(1);
        let answer = tokio::time::timeout(self.time_budget, self.store.decide(asks)).await;
        let replies = answer.unwrap_or_else(|late| Err(StoreError::unreachable(late)))?;
        if replies.len() == asks.len() {
            return Ok(replies);
        }
        let complaint = format!("{} replies to {} asks", replies.len(), asks.len());
        Err(StoreError::unreachable(BoxError::from(complaint)))
    }

    /// Keys may be spoilt; the store itself is well.
    fn answered(&self, replies: &[Reply]) {
        self.outage.lock().answered();
        let spoilt = replies.iter().filter(|reply| reply.spoilt).count() as u64;
        if spoilt > 0 {
            self.met_garbage(spoilt);
        }
    }

    fn failed(&self, error: &StoreError) {
        self.counters.failures.add(1);
        let (now, chance) = (self.ticks_now(), self.entropy.draw());
        if self.conclude(|outage| outage.failed(now, chance)) == Change::Lost {
            self.went_away(error);
        }
    }

    /// The bit follows the outage under its lock, so that no change between the two is ever overwritten by an older.
    fn conclude(&self, draw: impl FnOnce(&mut Outage) -> Change) -> Change {
        let mut outage = self.outage.lock();
        let change = draw(&mut outage);
        match change {
            Change::None => {}
            Change::Lost => self.down.store(true, Ordering::Relaxed),
            Change::Back => self.down.store(false, Ordering::Relaxed),
        }
        change
    }

    fn went_away(&self, error: &StoreError) {
        self.counters.outages.add(1);
        let cause = std::error::Error::source(error).map(tracing::field::display);
        tracing::warn!(tier = &*self.name, %error, cause, "the store of the rate limits is gone; a stand-in decides");
        self.tell("rate_limit_store_gone");
        // There is a probe to be sent.
        self.errands.wake();
    }

    fn came_back(&self) {
        self.counters.recoveries.add(1);
        tracing::info!(tier = &*self.name, "the store of the rate limits is back");
        self.tell("rate_limit_store_back");
    }

    fn met_garbage(&self, spoilt: u64) {
        self.counters.garbage.add(spoilt);
        if !self.garbage_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                tier = &*self.name,
                "a key of the rate limits holds something else; told once, the next ones are only counted"
            );
        }
    }

    fn tell(&self, code: &'static str) {
        Signal::new("rate-limit", &self.name, Verdict::Changed, code).report(self.observer.as_deref());
    }
}
