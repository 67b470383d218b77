use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::shared::SharedTierBuilder;
use crate::shared::core::Core;
use crate::shared::decision::{Look, Sure, verdicts};
use crate::shared::keeper::Keeper;
use crate::shared::paid::Paid;
use crate::shared::stats::SharedStats;
use crate::shared::terms::Terms;
use crate::{Answer, ChargedBy, Claim, Claims, HashKey, Pending, Store, Take, Tier};

/// Decides together with all other processes that ask the same [`Store`].
///
/// ```
/// use std::time::Duration;
/// use buttress_rate_limit::{SharedTier, WhenGone};
/// # use buttress_rate_limit::{Ask, Reply, Store, StoreError};
/// # #[derive(Debug)] struct Nowhere;
/// # impl Store for Nowhere {
/// #     async fn decide(&self, _: &[Ask]) -> Result<Vec<Reply>, StoreError> { std::future::pending().await }
/// # }
/// # let store = Nowhere;
///
/// let tier = SharedTier::builder(store)
///     .hash_secret("0f3b9c51e2a64d7788c0d1e2f3a4b5c6")
///     .nodes(3)
///     .time_budget(Duration::from_millis(50))
///     .when_gone(WhenGone::LocalShare)
///     .build()?;
/// assert!(!tier.stats().down);
/// # Ok::<(), buttress_core::ConfigError>(())
/// ```
///
/// # Leases
///
/// A key that this node is asked for more often than 20 times a second gets a lease: units that the store charges in
/// one call and this node spends by itself, as many as a tenth of a second needs. They are refilled in the background
/// when a quarter is left, and given back when nobody has spent from them for a quarter of a second. Units are charged
/// before they are spent, so all nodes together never admit more than one exact limiter would have since the key was
/// first seen. What moves is time: all nodes together hold at most half a burst, for less than a second, and that much
/// more than the quota may be admitted in some window of time.
///
/// # What is remembered
///
/// What the store said last about a key is a bound for what it would say now. A request that it would refuse by that
/// is refused here, so a caller who is over his limit costs the store one call per wait, or one per
/// [`remember_for`](SharedTierBuilder::remember_for) of a longer wait. A key with a lease that is at its limit is
/// asked for once units for 20 ms have come in, and not for each one.
///
/// # Many at once
///
/// Requests for one key set off to the store together as long as it has units for all of them, by what it said last.
/// The others wait, within their own time budget, for an answer, which pays or refuses most of them. For a key of which
/// nothing is known, the first request asks and the others wait for what it hears. If it leaves, another one asks; if
/// the store fails it, the stand-in decides for all. With [`remember_for`](SharedTierBuilder::remember_for) at zero
/// nobody waits for another.
///
/// # When the store is gone
///
/// No request waits for the store longer than the time budget; one that gets no answer in time is decided by the
/// stand-in ([`WhenGone`](crate::WhenGone)). After five failures in a row nobody waits any more: the stand-in decides
/// at once, and a task asks the store every second, give or take a quarter, whether it is back. Both changes are
/// logged once, counted, and told to the observer. What was charged and spent meanwhile is not carried over.
///
/// # Tasks
///
/// One task, started with the first request that needs the store, in the runtime of that request. It ends by itself
/// when the tier is dropped; [`shutdown`](Self::shutdown) waits for that.
pub struct SharedTier<S: Store> {
    core: Arc<Core<S>>,
    keeper: Keeper,
}

impl<S: Store> SharedTier<S> {
    /// The settings of a tier over a store.
    pub fn builder(store: S) -> SharedTierBuilder<S> {
        SharedTierBuilder::new(store)
    }

    pub(super) fn new(core: Core<S>) -> Self {
        Self { core: Arc::new(core), keeper: Keeper::default() }
    }

    /// What it has done so far.
    pub fn stats(&self) -> SharedStats {
        self.core.counters.stats(self.core.is_down(), self.core.book.parked(self.core.ticks_now()))
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.core.store
    }

    /// Gives back what is held, takes no more leases, and waits until that is done: a few time budgets at most.
    ///
    /// The tier goes on deciding, with a call to the store for each request. A store that is lost after this is not
    /// probed for any more: the stand-in decides to the end.
    pub async fn shutdown(&self) {
        self.core.errands.close();
        self.keeper.finished().await;
    }

    #[expect(clippy::disallowed_methods, reason = "only a request that must wait for the store pays for it")]
    fn later(paid: Paid<S>, claims: Claims, now: Instant) -> Pending {
        Box::pin(paid.finish(claims, now))
    }
}

impl<S: Store> Tier for SharedTier<S> {
    fn hash_key(&self) -> &HashKey {
        &self.core.hash_key
    }

    fn decide(&self, claims: &Claims, now: Instant) -> Answer {
        let (drafts, sure) = self.core.draft(claims, Look::First, now);
        if sure == Sure::Yes {
            return Answer::Now(Ok(verdicts(&drafts)));
        }
        self.keeper.ensure(&self.core);
        let mut paid = Paid::new(Arc::clone(&self.core), drafts);
        if self.core.is_down() {
            return Answer::Now(paid.without_the_store(claims, now));
        }
        Answer::Later(Self::later(paid, claims.clone(), now))
    }

    fn refund(&self, claim: &Claim, units: u64, by: ChargedBy, now: Instant) {
        if by == ChargedBy::StandIn {
            return self.core.stand_in.refund(claim, units, now);
        }
        let ask = Terms::of(claim, self.core.nodes).ask(Take::Back(units));
        self.core.errand(ask);
        self.keeper.ensure(&self.core);
    }

    fn charge(&self, claim: &Claim, units: u64, by: ChargedBy, now: Instant) -> u64 {
        if by == ChargedBy::StandIn {
            return self.core.stand_in.charge(claim, units, now);
        }
        let taken = self.core.errand(Terms::of(claim, self.core.nodes).ask(Take::Charge(units)));
        self.keeper.ensure(&self.core);
        if taken { 0 } else { units }
    }
}

impl<S: Store> Drop for SharedTier<S> {
    fn drop(&mut self) {
        self.core.errands.close();
    }
}

impl<S: Store> fmt::Debug for SharedTier<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Core { store, name, nodes, time_budget, .. } = &*self.core;
        f.debug_struct("SharedTier")
            .field("name", name)
            .field("store", store)
            .field("nodes", nodes)
            .field("time_budget", time_budget)
            .finish_non_exhaustive()
    }
}
